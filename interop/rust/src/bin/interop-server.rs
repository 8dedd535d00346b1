//! Offers the services of an interop run on one port, prints the addresses as one line of JSON, and
//! drains when its standard input ends.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports so")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use polywire::server::Cors;
use polywire::{App, TlsServer};
use polywire_interop::grpc::{TestService, TestServiceServer};
use polywire_interop::trouble::{Trouble, TroubleServer};
use polywire_interop::witness::{NotesSubscriber, Witness, WitnessServer};
use polywire_interop::{Arith, ArithServer, Builtin, BuiltinServer, Settings, Types, TypesServer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, stdin};

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interop-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let Options { listen, certificates, origins, settings } = Options::read();
    let name = if settings.service.is_empty() { "interop" } else { &settings.service };
    let witness = Witness::default();
    let notes = NotesSubscriber::new(witness.notes());
    let mut app =
        App::new(name).server(|server| server.rpc_path("/custom/rpc").cors(Cors::origins(origins)));
    if let Some(folder) = certificates {
        app = app.tls(TlsServer::from_pem_files(folder.join("cert.pem"), folder.join("key.pem"))?);
    }
    let app = app
        .serve(ArithServer::new(Arith))
        .serve_as("net.rpc.Arith", ArithServer::new(Arith))
        .serve_as("newServer.Arith", ArithServer::new(Arith))
        .serve(BuiltinServer::new(Builtin))
        .serve(TypesServer::new(Types))
        .serve(TestServiceServer::new(TestService))
        .serve(TroubleServer::new(Trouble))
        .serve(WitnessServer::new(witness));
    let registry = match settings.registry.as_str() {
        "" => None,
        url => Some(polywire::registry::from_url(url)?),
    };
    let app = match &registry {
        None => app.private(),
        Some(registry) => app.registry(Arc::clone(registry)),
    };
    let app = match settings.broker.as_str() {
        "" => app,
        url => app.broker(polywire::broker::from_url(url, registry)?).subscribe(notes),
    };
    let running = app.listen(listen).start().await?;
    let address = running.address().as_str();
    println!("{}", json!({ "tcp": address, "http": address, "jsonrpc": address, "tls": address }));
    // Nothing is ever written there; what counts is its end.
    stdin().read_to_end(&mut Vec::new()).await?;
    running.shutdown().await;
    Ok(())
}

struct Options {
    listen: String,
    certificates: Option<PathBuf>,
    /// Whose pages may call.
    origins: Vec<String>,
    /// Where it is registered.
    settings: Settings,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            listen: "127.0.0.1:0".to_owned(),
            certificates: None,
            origins: Vec::new(),
            settings: Settings::default(),
        };
        let mut words = std::env::args().skip(1);
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            match name.as_str() {
                "--listen" => options.listen = value,
                "--certificates" => options.certificates = Some(value.into()),
                "--origin" => options.origins.push(value),
                name => {
                    // What is for other servers alone is passed over.
                    options.settings.take(name, &value);
                }
            }
        }
        options
    }
}
