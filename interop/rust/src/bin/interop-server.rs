//! Offers the services of an interop run on one port, prints the addresses as one line of JSON, and
//! drains when its standard input ends.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports so")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use polywire::{App, TlsServer};
use polywire_interop::grpc::{TestService, TestServiceServer};
use polywire_interop::{Arith, ArithServer, Builtin, BuiltinServer, Types, TypesServer};
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
    let (listen, certificates) = options();
    let mut app = App::new("interop").server(|server| server.rpc_path("/custom/rpc"));
    if let Some(folder) = certificates {
        app = app.tls(TlsServer::from_pem_files(folder.join("cert.pem"), folder.join("key.pem"))?);
    }
    let running = app
        .serve(ArithServer::new(Arith))
        .serve_as("net.rpc.Arith", ArithServer::new(Arith))
        .serve_as("newServer.Arith", ArithServer::new(Arith))
        .serve(BuiltinServer::new(Builtin))
        .serve(TypesServer::new(Types))
        .serve(TestServiceServer::new(TestService))
        .without_reflection()
        .private()
        .listen(listen)
        .start()
        .await?;
    let address = running.address().as_str();
    println!("{}", json!({ "tcp": address, "http": address, "jsonrpc": address, "tls": address }));
    // Nothing is ever written there; what counts is its end.
    stdin().read_to_end(&mut Vec::new()).await?;
    running.shutdown().await;
    Ok(())
}

fn options() -> (String, Option<PathBuf>) {
    let mut words = std::env::args().skip(1);
    let (mut listen, mut certificates) = ("127.0.0.1:0".to_owned(), None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--listen" => listen = words.next().unwrap_or(listen),
            "--certificates" => certificates = words.next().map(PathBuf::from),
            _ => {}
        }
    }
    (listen, certificates)
}
