//! Versions and protocols that are spoken, and those that are not.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio_rustls::TlsConnector;

use super::*;
use crate::Alpn;

/// A client of rustls's own, to be set in ways ours cannot be.
fn raw(
    authority: &Authority,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let pem = authority.pem();
    let certificates = material::certificates(&Pem::text(&pem), pem.as_bytes()).unwrap();
    roots.add_parsable_certificates(certificates);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[tokio::test]
async fn protocols_are_agreed_on_and_told() {
    let authority = Authority::new("ours");
    let (server, client) = (localhost(&authority), trusting(&authority));
    for (asked, agreed) in
        [(&["http/1.1", "h2"][..], Some(Alpn::H2)), (&["http/1.1"], Some(Alpn::Http1)), (&[], None)]
    {
        let (accepted, connected) = shake(&server, &client.offering(asked)).await;
        connected.unwrap();
        assert_eq!(accepted.unwrap().alpn, agreed);
    }
}

#[tokio::test]
async fn a_client_that_offers_only_what_nobody_speaks_is_refused() {
    let authority = Authority::new("ours");
    let client = trusting(&authority).offering(&["spdy/3", "smtp"]);
    let (accepted, connected) = shake(&localhost(&authority), &client).await;
    let said = accepted.unwrap_err();
    assert_eq!(said.to_string(), "the client has not agreed to speak h2 or http/1.1 (ALPN)");
    let heard = connected.err().unwrap();
    assert_eq!(heard.to_string(), "localhost has not agreed to speak spdy/3 or smtp (ALPN)");
}

#[tokio::test]
async fn a_server_that_chooses_no_protocol_is_refused_by_a_client_that_offers_some() {
    let authority = Authority::new("ours");
    let shown = authority.sign(&["localhost"]);
    let chain = material::certificates(&Pem::text(&shown.pem), shown.pem.as_bytes()).unwrap();
    let pair = material::KeyPair { certificates: Pem::text(""), key: Pem::text("") };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, pair.private(shown.key.as_bytes()).unwrap())
        .unwrap();
    let server = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let client = trusting(&authority).offering(&["h2"]);
    let (ours, theirs) = duplex(1 << 16);
    let (_, connected) = tokio::join!(server.accept(theirs), client.connect("localhost", ours));
    let error = connected.err().unwrap();
    assert!(matches!(why(&error), HandshakeError::Protocol { .. }), "{error:?}");
    assert_eq!(error.to_string(), "localhost has not agreed to speak h2 (ALPN)");
}

#[tokio::test]
async fn both_versions_are_spoken() {
    let authority = Authority::new("ours");
    let server = localhost(&authority);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = TlsConnector::from(Arc::new(raw(&authority, &[version])));
        let (ours, theirs) = duplex(1 << 16);
        let host = ServerName::try_from("localhost").unwrap();
        let (accepted, connected) =
            tokio::join!(server.handshake(theirs), client.connect(host, ours));
        accepted.unwrap();
        assert_eq!(connected.unwrap().get_ref().1.protocol_version(), Some(version.version));
    }
}

/// A client's first message in TLS 1.1, with these extensions.
fn hello_of_tls_1_1(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.push(0);
    // AES with CBC, as was usual.
    body.extend(b"\x00\x04\x00\x2f\x00\x35\x01\x00");
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    let length = |more: usize| u16::try_from(body.len() + more).unwrap().to_be_bytes();
    let [high, low] = length(0);
    let head = [1, 0, high, low];
    [&[22, 3, 1], &length(4)[..], &head, &body].concat()
}

#[tokio::test]
async fn tls_1_1_is_refused() {
    // The schemes of signatures, without which a server knows as much.
    const SCHEMES: &[u8] = b"\x00\x0d\x00\x04\x00\x02\x04\x01";
    // The version once more, as TLS 1.3 would have it said: 1.1.
    const VERSIONS: &[u8] = b"\x00\x2b\x00\x03\x02\x03\x02";
    for (extensions, alert) in
        [(vec![], 40), (SCHEMES.to_vec(), 70), ([SCHEMES, VERSIONS].concat(), 70)]
    {
        let server = localhost(&Authority::new("ours"));
        let (mut ours, theirs) = duplex(1 << 16);
        ours.write_all(&hello_of_tls_1_1(&extensions)).await.unwrap();
        let error = server.handshake(theirs).await.unwrap_err();
        assert!(matches!(why(&error), HandshakeError::Version { .. }), "{error:?}");
        assert_eq!(error.to_string(), "the client speaks neither TLS 1.3 nor TLS 1.2");
        let mut answer = Vec::new();
        ours.read_to_end(&mut answer).await.unwrap();
        // A fatal alert: `protocol_version` or, to a client of long ago, `handshake_failure`.
        assert_eq!(answer.split_off(3), [0, 2, 2, alert]);
    }
}

#[tokio::test]
async fn what_is_sent_ahead_of_the_handshake_is_not_accepted() {
    let authority = Authority::new("ours");
    let server = localhost(&authority);
    let mut config = raw(&authority, &[&rustls::version::TLS13]);
    config.enable_early_data = true;
    let client = TlsConnector::from(Arc::new(config));
    // The second one resumes a session, which would say that data may be sent early.
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (ours, theirs) = duplex(1 << 16);
        let host = ServerName::try_from("localhost").unwrap();
        let (accepted, connected) =
            tokio::join!(server.handshake(theirs), client.connect(host, ours));
        let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
        assert_eq!(connected.get_ref().1.handshake_kind(), Some(kind));
        assert!(connected.get_mut().1.early_data().is_none());
        accepted.stream.write_all(b"a").await.unwrap();
        connected.read_exact(&mut [0]).await.unwrap();
    }
}
