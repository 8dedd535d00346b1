//! Calls inside TLS, and what is agreed on to make them.

use std::error::Error as _;
use std::sync::Arc;

use h2::server::handshake;
use polywire_client::{Channel, ChannelOptions};
use polywire_core::Service as _;
use polywire_net::{Listener, TlsClient, TlsServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::peer::*;

/// A server for `127.0.0.1`, and who trusts it.
fn localhost() -> (TlsServer, TlsClient) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = TlsServer::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
    (server, TlsClient::from_ca_pem(cert.as_bytes()).unwrap())
}

#[tokio::test]
async fn a_call_inside_tls_says_https_and_the_address_it_goes_to() {
    let (server, client) = localhost();
    let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
    let address = listener.local_address().to_string();
    let url = format!("grpc+tls://{address}");
    let channel = Channel::lazy(&url, ChannelOptions::default().tls(client)).unwrap();
    let serving = async {
        let (socket, _from) = listener.accept().await.unwrap();
        let connection = handshake(server.accept(socket).await.unwrap()).await.unwrap();
        serve(connection, move |call: Incoming, respond| {
            assert_eq!(call.uri().scheme_str(), Some("https"));
            assert_eq!(call.uri().authority().unwrap().as_str(), address);
            echo(call, respond)
        })
        .await;
    };
    tokio::select! {
        reply = ask(&channel, b"ping") => assert_eq!(bytes(&reply), b"ping"),
        () = serving => panic!("the connection ended"),
    }
}

/// What comes first on a connection to here: the client's hello.
async fn hello(listener: &Listener) -> Vec<u8> {
    let (mut socket, _from) = listener.accept().await.unwrap();
    let mut hello = vec![0; 5];
    socket.read_exact(&mut hello).await.unwrap();
    hello.resize(usize::from(u16::from_be_bytes([hello[3], hello[4]])), 0);
    socket.read_exact(&mut hello).await.unwrap();
    hello
}

#[tokio::test]
async fn http_2_is_asked_for_where_it_is_spoken_and_http_1_where_it_may_be() {
    /// The extension of RFC 7301, up to the names: two bytes each for itself, its length and theirs.
    const H2: &[u8] = b"\x00\x10\x00\x05\x00\x03\x02h2";
    const EITHER: &[u8] = b"\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1";
    for (scheme, query, asked) in [
        ("grpc+tls", "", Some(H2)),
        ("connect+tls", "", Some(EITHER)),
        ("grpc-web+tls", "", Some(EITHER)),
        ("connect+tls", "?http=2", Some(H2)),
        ("connect+tls", "?http=1.1", None),
        ("netrpc+tls", "", None),
    ] {
        let (_server, client) = localhost();
        let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
        let url = format!("{scheme}://{}{query}", listener.local_address());
        let channel = Channel::lazy(&url, ChannelOptions::default().tls(client)).unwrap();
        let (hello, connected) = tokio::join!(hello(&listener), channel.ready());
        assert!(connected.is_err());
        let offers = |wanted: &[u8]| hello.windows(wanted.len()).any(|part| part == wanted);
        let found = [H2, EITHER].into_iter().find(|wanted| offers(wanted));
        assert_eq!(found, asked, "{scheme}{query}");
    }
}

/// A server that agrees to these protocols only, and who trusts it.
fn agreeing_to(protocols: &[&str]) -> (TlsAcceptor, TlsClient) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let client = TlsClient::from_ca_pem(made.cert.pem().as_bytes()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), client)
}

#[tokio::test]
async fn a_server_that_has_only_http_1_is_spoken_to_in_http_1() {
    // The latter knows no ALPN.
    for protocols in [&["http/1.1"][..], &[]] {
        let (server, client) = agreeing_to(protocols);
        let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
        let url = format!("connect+tls://{}", listener.local_address());
        let channel = Channel::lazy(&url, ChannelOptions::default().tls(client)).unwrap();
        let serving = async {
            loop {
                let (socket, _from) = listener.accept().await.unwrap();
                let mut stream = server.accept(socket).await.unwrap();
                let mut read = [0; 32];
                let length = stream.read(&mut read).await.unwrap();
                assert!(read[..length].starts_with(b"POST /test.Echo/Say HTTP/1.1\r\n"));
                let pong = b"HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\n\
                             connection: close\r\ncontent-length: 4\r\n\r\npong";
                stream.write_all(pong).await.unwrap();
            }
        };
        // The second call needs another connection, on which the same is spoken.
        let calling = async {
            for _ in 0..2 {
                assert_eq!(bytes(&channel.call(call(b"ping")).await), b"pong");
            }
        };
        tokio::select! {
            () = calling => {}
            () = serving => {}
        }
    }
}

#[tokio::test]
async fn a_server_without_http_2_is_refused_where_nothing_else_will_do() {
    for url in ["grpc+tls://ADDRESS", "connect+tls://ADDRESS?http=2"] {
        let (server, client) = agreeing_to(&["http/1.1"]);
        let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
        let url = url.replace("ADDRESS", listener.local_address().as_str());
        let channel = Channel::lazy(&url, ChannelOptions::default().tls(client)).unwrap();
        let serving = async {
            let (socket, _from) = listener.accept().await.unwrap();
            assert!(server.accept(socket).await.is_err());
        };
        let ((), connected) = tokio::join!(serving, channel.ready());
        let error = connected.unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert_eq!(cause, "127.0.0.1 has not agreed to speak h2 (ALPN)", "{url}");
    }
}
