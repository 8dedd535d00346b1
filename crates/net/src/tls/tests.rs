use std::error::Error;
use std::io;

use polywire_testkit::authority::{Authority, Certificate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::*;
use crate::{Accepted, BoxStream, HandshakeError, Pem};

mod clients;
mod files;
mod openssl;
mod refusals;
mod versions;

/// A server that shows this certificate.
fn server_of(certificate: &Certificate) -> TlsServer {
    TlsServer::from_pem(certificate.pem.as_bytes(), certificate.key.as_bytes()).unwrap()
}

/// A server for `localhost`.
fn localhost(authority: &Authority) -> TlsServer {
    server_of(&authority.sign(&["localhost"]))
}

/// A client that trusts this authority.
fn trusting(authority: &Authority) -> TlsClient {
    TlsClient::from_ca_pem(authority.pem().as_bytes()).unwrap()
}

/// A client that shows this certificate as well.
fn showing(certificate: &Certificate, client: TlsClient) -> TlsClient {
    let (certificate, key) = (Pem::text(&certificate.pem), Pem::text(&certificate.key));
    client.with_certificate(certificate, key).unwrap()
}

/// What both sides make of a handshake.
async fn shake(
    server: &TlsServer,
    client: &TlsClient,
) -> (io::Result<Accepted>, io::Result<BoxStream>) {
    shake_for("localhost", server, client).await
}

async fn shake_for(
    host: &str,
    server: &TlsServer,
    client: &TlsClient,
) -> (io::Result<Accepted>, io::Result<BoxStream>) {
    let (ours, theirs) = duplex(1 << 16);
    tokio::join!(server.handshake(theirs), client.connect(host, ours))
}

/// What failed, and its text.
fn why(error: &io::Error) -> &HandshakeError {
    error.get_ref().and_then(|inner| inner.downcast_ref()).unwrap_or_else(|| panic!("{error:?}"))
}

fn chain(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}

#[tokio::test]
async fn what_is_written_on_one_side_is_read_on_the_other() {
    let authority = Authority::new("ours");
    let (accepted, connected) = shake(&localhost(&authority), &trusting(&authority)).await;
    let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
    connected.write_all(b"hello").await.unwrap();
    connected.shutdown().await.unwrap();
    let mut read = String::new();
    accepted.stream.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "hello");
    assert!(accepted.identity.is_none() && accepted.alpn.is_none(), "{accepted:?}");
}
