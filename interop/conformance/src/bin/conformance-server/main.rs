//! Offers the runner's service as the runner asks for it, and ends when it is told to.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a command line tool reports so")]

mod service;

use std::error::Error;
use std::process::ExitCode;

use polywire::server::Limits;
use polywire::{App, TlsServer};
use polywire_conformance::proto::{
    ConformanceServiceServer, ServerCompatRequest, ServerCompatResponse,
};
use polywire_conformance::stdio;
use polywire_net::{ClientAuth, Pem};
use tokio::io::{stdin, stdout};

use self::service::Conformance;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let wanted: ServerCompatRequest =
        stdio::read(&mut stdin()).await?.ok_or("nothing on standard input")?;
    let mut app = App::new("conformance").serve(ConformanceServiceServer::new(Conformance));
    if wanted.message_receive_limit != 0 {
        let bytes = usize::try_from(wanted.message_receive_limit)?;
        app = app
            .limits(Limits::default().wire(polywire_wire::Limits::default().message_bytes(bytes)));
    }
    let mut certificate = Vec::new();
    if wanted.use_tls {
        let own = wanted.server_creds.ok_or("TLS without a certificate")?;
        app = app.tls(tls(&own.cert, &own.key, &wanted.client_tls_cert)?);
        certificate = own.cert;
    }
    let running = app.without_reflection().private().listen("127.0.0.1:0").start().await?;
    let (host, port) = running.address().as_str().rsplit_once(':').ok_or("no port")?;
    let answer =
        ServerCompatResponse { host: host.to_owned(), port: port.parse()?, pem_cert: certificate };
    stdio::write(&mut stdout(), &answer).await?;
    polywire::asked_to_end().await;
    running.shutdown().await;
    Ok(())
}

fn tls(certificate: &[u8], key: &[u8], clients: &[u8]) -> Result<TlsServer, Box<dyn Error>> {
    let server = TlsServer::from_pem(certificate, key)?;
    if clients.is_empty() {
        return Ok(server);
    }
    Ok(server.client_auth(ClientAuth::required(Pem::text(clients)))?)
}
