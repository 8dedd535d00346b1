//! gRPC inside TLS.

use h2::server::handshake;
use polywire_client::{Channel, ChannelOptions};
use polywire_net::{Listener, TlsClient, TlsServer};
use tokio::io::AsyncReadExt as _;

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

#[tokio::test]
async fn http_2_is_asked_for_where_it_is_spoken() {
    /// The extension of RFC 7301 that offers `h2` and nothing else.
    const H2: &[u8] = b"\x00\x10\x00\x05\x00\x03\x02h2";
    for (scheme, asked) in [("grpc+tls", true), ("connect+tls", true), ("netrpc+tls", false)] {
        let (_server, client) = localhost();
        let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
        let url = format!("{scheme}://{}", listener.local_address());
        let channel = Channel::lazy(&url, ChannelOptions::default().tls(client)).unwrap();
        let reading = async {
            let (mut socket, _from) = listener.accept().await.unwrap();
            let mut hello = vec![0; 5];
            socket.read_exact(&mut hello).await.unwrap();
            hello.resize(usize::from(u16::from_be_bytes([hello[3], hello[4]])), 0);
            socket.read_exact(&mut hello).await.unwrap();
            hello
        };
        let (hello, connected) = tokio::join!(reading, channel.ready());
        assert!(connected.is_err());
        assert_eq!(hello.windows(H2.len()).any(|part| part == H2), asked, "{scheme}");
    }
}
