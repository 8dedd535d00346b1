//! What a client says of a server whose TLS is not what it should be.
#![cfg(feature = "tls")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::error::Error;

use polywire_client::{Channel, ChannelOptions, ClientError};
use polywire_net::{Listener, TlsClient, TlsServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server that shows a certificate for this host, and who trusts it.
fn certificate(host: &str) -> (TlsServer, TlsClient) {
    let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = TlsServer::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
    (server, TlsClient::from_ca_pem(cert.as_bytes()).unwrap())
}

/// What the client has to say, cause by cause, when it connects to a server that shows this
/// certificate, or hangs up if there is none.
async fn refusal(server: Option<TlsServer>, client: TlsClient) -> String {
    let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
    let url = format!("netrpc+tls://{}", listener.local_address());
    let channel = Channel::lazy(&url, ChannelOptions::default().tls(client)).unwrap();
    let served = async {
        let (mut socket, _peer) = listener.accept().await.unwrap();
        match server {
            Some(server) => assert!(server.accept(socket).await.is_err(), "{url} got through"),
            None => {
                // A server that knows no TLS reads a little and closes.
                socket.read_exact(&mut [0; 5]).await.unwrap();
                socket.shutdown().await.unwrap();
                socket.read_to_end(&mut Vec::new()).await.unwrap();
            }
        }
    };
    let ((), connected) = tokio::join!(served, channel.ready());
    let error = connected.unwrap_err();
    assert!(matches!(error, ClientError::Connect { .. }), "{error}");
    chain(&error)
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_called_so() {
    let ((server, _), (_, client)) = (certificate("127.0.0.1"), certificate("127.0.0.1"));
    let text = refusal(Some(server), client).await;
    assert!(text.contains("cannot connect to 127.0.0.1:"), "{text}");
    assert!(text.contains("invalid peer certificate: "), "{text}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_called_so() {
    let (server, client) = certificate("example.com");
    let text = refusal(Some(server), client).await;
    assert!(text.contains("certificate not valid for name \"127.0.0.1\""), "{text}");
}

#[tokio::test]
async fn a_server_without_tls_is_called_so() {
    let (_, client) = certificate("127.0.0.1");
    let text = refusal(None, client).await;
    assert!(text.contains("tls handshake eof"), "{text}");
}
