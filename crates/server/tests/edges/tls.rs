//! TLS on the same port.

use polywire_net::{BoxStream, TlsClient, TlsServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::limits::{hung_up_at_the_limit, limits};
use crate::peer::{Peer, Probe, Running, start, text_of};

/// Both ends of `localhost`.
fn localhost() -> (TlsServer, TlsClient) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = TlsServer::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
    (server, TlsClient::from_ca_pem(cert.as_bytes()).unwrap())
}

async fn encrypted(server: &Running, client: &TlsClient) -> BoxStream {
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
    hung_up_at_the_limit(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
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
