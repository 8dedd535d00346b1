//! What a client says of a server whose TLS is not what it should be.
#![cfg(feature = "tls")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::error::Error;

use polywire_client::{Channel, ChannelOptions, ClientError};
use polywire_codec::Message as _;
use polywire_core::{Body, Encoding, MethodName, Request, Service as _};
use polywire_net::{ClientAuth, Listener, Pem, TlsClient, TlsServer};
use polywire_testkit::authority::Authority;
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
    let said = "the certificate of 127.0.0.1 is signed by no authority in PEM in memory";
    assert!(text.contains(said), "{text}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_called_so() {
    let (server, client) = certificate("example.com");
    let text = refusal(Some(server), client).await;
    assert!(text.contains("the certificate of 127.0.0.1 is for another host"), "{text}");
    assert!(text.contains("example.com"), "{text}");
}

#[tokio::test]
async fn a_server_without_tls_is_called_so() {
    let (_, client) = certificate("127.0.0.1");
    let text = refusal(None, client).await;
    let said = "127.0.0.1 closed the connection during the TLS handshake";
    assert!(text.contains(said), "{text}");
}

/// What becomes of a call, and who the server says has made it, where certificates are required.
async fn asked_for_a_certificate(
    authority: &Authority,
    settings: impl FnOnce(&str, ChannelOptions) -> ChannelOptions,
) -> (Result<Vec<String>, std::io::Error>, String) {
    let shown = authority.sign(&["127.0.0.1"]);
    let server = TlsServer::from_pem(shown.pem.as_bytes(), shown.key.as_bytes()).unwrap();
    let required = ClientAuth::required(Pem::text(authority.pem()));
    let server = server.client_auth(required).unwrap();
    let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
    let address = listener.local_address().to_string();
    let options = settings(&address, ChannelOptions::default().retries(0));
    let channel = Channel::lazy(&format!("netrpc+tls://{address}"), options).unwrap();
    let serving = async {
        let (socket, _peer) = listener.accept().await.unwrap();
        let mut accepted = server.handshake(socket).await?;
        // It reads a little of the call and hangs up.
        accepted.stream.read_exact(&mut [0]).await.unwrap();
        Ok(accepted.identity.unwrap().dns_names().to_vec())
    };
    let name = MethodName::from_dotted("Arith.Add").unwrap();
    let call = Request::new(name, Body::Unary(7_i64.encode(Encoding::Gob).unwrap()));
    let (served, called) = tokio::join!(serving, channel.call(call));
    (served, chain(&called.unwrap_err()))
}

#[tokio::test]
async fn a_certificate_is_shown_to_the_address_it_is_meant_for() {
    let authority = Authority::new("ours");
    let shown = authority.sign(&["caller.example"]);
    let plain = TlsClient::from_ca_pem(authority.pem().as_bytes()).unwrap();
    let (certificate, key) = (Pem::text(&shown.pem), Pem::text(&shown.key));
    let showing = plain.clone().with_certificate(certificate, key).unwrap();
    let (served, _) = asked_for_a_certificate(&authority, |address, options| {
        options.tls(plain.clone()).tls_for(address, showing.clone())
    })
    .await;
    assert_eq!(served.unwrap(), ["caller.example"]);

    let (served, text) = asked_for_a_certificate(&authority, |_, options| {
        options.tls(plain).tls_for("127.0.0.2", showing)
    })
    .await;
    assert!(served.is_err());
    let said = "127.0.0.1 does not accept a client without a certificate";
    assert!(text.contains(said), "{text}");
}
