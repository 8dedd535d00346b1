//! TLS on the same port.

use polywire_net::{BoxStream, ClientAuth, Pem, TlsClient, TlsServer};
use polywire_testkit::authority::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::limits::{TLS_HANDSHAKE, hung_up_at, limits};
use crate::peer::{Peer, Probe, Running, start, text_of};

/// Both ends of `localhost`.
fn localhost() -> (TlsServer, TlsClient) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = TlsServer::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
    (server, TlsClient::from_ca_pem(cert.as_bytes()).unwrap())
}

pub(crate) async fn encrypted(server: &Running, client: &TlsClient) -> BoxStream {
    client.connect("localhost", server.dial().await).await.unwrap()
}

#[tokio::test]
async fn plain_and_encrypted_peers_share_a_port() {
    let (tls, client) = localhost();
    let server = start("tls and plain", &Probe::new(), |server| server.tls(tls)).await;
    let mut plain = Peer::new(Box::new(server.dial().await));
    let mut secret = Peer::new(encrypted(&server, &client).await);
    for _ in 0..2 {
        assert!(!plain.call::<bool>("Probe.Encrypted", 0).await);
        assert!(secret.call::<bool>("Probe.Encrypted", 0).await);
    }
}

#[tokio::test]
async fn a_server_without_a_certificate_hangs_up_on_tls_and_serves_the_others() {
    let (_, client) = localhost();
    let server = start("no certificate", &Probe::new(), |server| server).await;
    let mut plain = Peer::new(Box::new(server.dial().await));
    assert!(!plain.call::<bool>("Probe.Encrypted", 0).await);
    let error = client.connect("localhost", server.dial().await).await.err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
    assert!(!plain.call::<bool>("Probe.Encrypted", 0).await);
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_server_leaves_the_others_alone() {
    let ((tls, client), (_, stranger)) = (localhost(), localhost());
    let server = start("not trusted", &Probe::new(), |server| server.tls(tls)).await;
    let mut secret = Peer::new(encrypted(&server, &client).await);
    let error = stranger.connect("localhost", server.dial().await).await.err().unwrap();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(secret.call::<bool>("Probe.Encrypted", 0).await);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_stops_half_way_is_hung_up_on() {
    let (tls, _) = localhost();
    let limits = limits();
    let server =
        start("half a handshake", &Probe::new(), |server| server.tls(tls).limits(limits)).await;
    // The head of a record that holds a client's first message, of which nothing follows.
    let half = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    hung_up_at(TLS_HANDSHAKE, &server, half).await;
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_peer_that_says_nothing_after_the_handshake_is_hung_up_on() {
    let (tls, client) = localhost();
    let server = start("silent", &Probe::new(), |server| server.tls(tls).limits(limits())).await;
    let mut stream = encrypted(&server, &client).await;
    stream.write_all(b"CONNECT /_goRPC_ HT").await.unwrap();
    stream.flush().await.unwrap();
    // It goes without saying good-bye, which TLS calls an error.
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
}

#[tokio::test]
async fn a_slow_reader_gets_every_byte() {
    const SIZE: i64 = 1 << 20;
    let (tls, client) = localhost();
    let server = start("slow reader", &Probe::new(), |server| server.tls(tls)).await;
    let mut peer = Peer::new(encrypted(&server, &client).await).slow(1000);
    // Twice, for what is left of the first would be in the way of the second.
    for size in [SIZE, SIZE + 1] {
        assert_eq!(peer.call::<String>("Probe.Text", size).await, text_of(size));
    }
}

/// A server that takes certificates of an authority, and a client that shows one for this name.
fn mutual(name: &str) -> (TlsServer, TlsClient) {
    let authority = Authority::new("ours");
    let (ours, theirs) = (authority.sign(&["localhost"]), authority.sign(&[name]));
    let server = TlsServer::from_pem(ours.pem.as_bytes(), ours.key.as_bytes()).unwrap();
    let auth = ClientAuth::optional(Pem::text(authority.pem()));
    let client = TlsClient::from_ca_pem(authority.pem().as_bytes()).unwrap();
    let client = client.with_certificate(Pem::text(theirs.pem), Pem::text(theirs.key));
    (server.client_auth(auth).unwrap(), client.unwrap())
}

#[tokio::test]
async fn a_handler_knows_who_calls() {
    let (tls, client) = mutual("billing.example");
    let server = start("who calls", &Probe::new(), |server| server.tls(tls)).await;
    let mut plain = Peer::new(Box::new(server.dial().await));
    let mut known = Peer::new(encrypted(&server, &client).await);
    assert_eq!(plain.call::<String>("Probe.Who", 0).await, "nobody");
    assert_eq!(known.call::<String>("Probe.Who", 0).await, "billing.example");
}

#[cfg(feature = "http")]
#[tokio::test]
async fn grpc_by_alpn_and_net_rpc_without_share_a_port() {
    let (tls, client) = mutual("billing.example");
    let server = start("grpc and net/rpc", &Probe::new(), |server| server.tls(tls)).await;
    let mut secret = Peer::new(encrypted(&server, &client).await);
    let stream = encrypted(&server, &client.offering(&["h2"])).await;
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    let called = async {
        let request = http::Request::post("https://localhost/Probe/Who")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let (response, mut body) = send.send_request(request.body(()).unwrap(), false).unwrap();
        // An empty message: the number 0.
        body.send_data(bytes::Bytes::from_static(&[0; 5]), true).unwrap();
        let mut stream = response.await.unwrap().into_body();
        let mut message = Vec::new();
        while let Some(data) = stream.data().await {
            message.extend_from_slice(&data.unwrap());
        }
        message
    };
    let message = tokio::select! {
        message = called => message,
        ended = connection => panic!("{ended:?}"),
    };
    // The prefix, and a text as the first field of a message.
    assert_eq!(message, b"\x00\x00\x00\x00\x11\x0a\x0fbilling.example");
    assert_eq!(secret.call::<String>("Probe.Who", 0).await, "billing.example");
}

#[tokio::test]
async fn who_agrees_on_http_2_and_speaks_something_else_is_hung_up_on() {
    let (tls, client) = localhost();
    let server = start("not what was agreed", &Probe::new(), |server| server.tls(tls)).await;
    for said in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"{\"method\":\"Probe.Who\",\"params\":[0],\"id\":1}"]
    {
        let mut stream = encrypted(&server, &client.offering(&["h2"])).await;
        stream.write_all(said).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = Vec::new();
        // It goes without saying good-bye, which TLS calls an error.
        let error = stream.read_to_end(&mut answer).await.unwrap_err();
        assert_eq!((error.kind(), answer), (std::io::ErrorKind::UnexpectedEof, vec![]));
    }
    // With HTTP/1.1 agreed on, or nothing, whatever is served without TLS is served with it.
    for offered in [&["http/1.1"][..], &[]] {
        let stream = encrypted(&server, &client.offering(offered)).await;
        assert!(Peer::new(stream).call::<bool>("Probe.Encrypted", 0).await);
    }
}

#[tokio::test]
async fn a_client_without_the_certificate_that_is_required_never_gets_to_a_handler() {
    let authority = Authority::new("ours");
    let ours = authority.sign(&["localhost"]);
    let tls = TlsServer::from_pem(ours.pem.as_bytes(), ours.key.as_bytes()).unwrap();
    let tls = tls.client_auth(ClientAuth::required(Pem::text(authority.pem()))).unwrap();
    let server = start("required", &Probe::new(), |server| server.tls(tls)).await;
    let client = TlsClient::from_ca_pem(authority.pem().as_bytes()).unwrap();
    let mut stream = encrypted(&server, &client).await;
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.to_string(), "localhost does not accept a client without a certificate");
}
