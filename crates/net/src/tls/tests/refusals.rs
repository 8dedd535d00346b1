//! Servers that a client refuses, and what it says of them.

use super::*;

/// What a client says of a server it refuses.
async fn refused(server: &TlsServer, client: &TlsClient) -> io::Error {
    let (accepted, connected) = shake(server, client).await;
    let noticed = accepted.unwrap_err();
    assert!(matches!(why(&noticed), HandshakeError::Refused { .. }), "{noticed:?}");
    let text = "the client does not accept the certificate in PEM in memory";
    assert_eq!(noticed.to_string(), text);
    connected.err().unwrap()
}

#[tokio::test]
async fn an_expired_certificate_is_called_expired() {
    let authority = Authority::new("ours");
    let server = server_of(&authority.sign_expired(&["localhost"]));
    let error = refused(&server, &trusting(&authority)).await;
    assert!(matches!(why(&error), HandshakeError::Expired { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the certificate of localhost has expired");
}

#[tokio::test]
async fn a_certificate_for_later_is_called_so() {
    let authority = Authority::new("ours");
    let server = server_of(&authority.sign_for_later(&["localhost"]));
    let error = refused(&server, &trusting(&authority)).await;
    assert!(matches!(why(&error), HandshakeError::NotYetValid { .. }), "{error:?}");
}

#[tokio::test]
async fn a_certificate_for_another_host_says_for_which() {
    let authority = Authority::new("ours");
    let server = server_of(&authority.sign(&["example.com"]));
    let error = refused(&server, &trusting(&authority)).await;
    assert!(matches!(why(&error), HandshakeError::WrongHost { .. }), "{error:?}");
    let text = chain(&error);
    assert!(text.starts_with("the certificate of localhost is for another host: "), "{text}");
    assert!(text.contains("example.com"), "{text}");
}

#[tokio::test]
async fn a_certificate_of_a_stranger_or_of_its_own_making_names_whom_the_client_trusts() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let own =
        TlsServer::from_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes());
    for server in [localhost(&theirs), own.unwrap()] {
        let error = refused(&server, &trusting(&ours)).await;
        assert!(matches!(why(&error), HandshakeError::UnknownIssuer { .. }), "{error:?}");
        let text = "the certificate of localhost is signed by no authority in PEM in memory";
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_called_revoked() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (good, bad) = (ours.sign(&["localhost"]), ours.sign(&["localhost"]));
    let client = trusting(&ours).with_revocations(Pem::text(ours.revoke(&[&bad]))).unwrap();
    let error = refused(&server_of(&bad), &client).await;
    assert!(matches!(why(&error), HandshakeError::Revoked { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the certificate of localhost is revoked");
    shake(&server_of(&good), &client).await.1.unwrap();

    let client = client.with_authorities(Pem::text(theirs.pem())).unwrap();
    let (_, connected) = shake(&localhost(&theirs), &client).await;
    let error = connected.err().unwrap();
    assert!(matches!(why(&error), HandshakeError::RevocationUnknown { .. }), "{error:?}");
}

#[tokio::test]
async fn further_authorities_and_another_name_can_be_trusted() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let client = trusting(&ours).with_authorities(Pem::text(theirs.pem())).unwrap();
    for authority in [&ours, &theirs] {
        shake(&localhost(authority), &client).await.1.unwrap();
    }
    let client = client.server_name("localhost").unwrap();
    shake_for("10.0.0.1", &localhost(&ours), &client).await.1.unwrap();
    let error = client.server_name("not a name").unwrap_err().to_string();
    assert_eq!(error, "`not a name` is neither the name of a host nor an IP address");
}

#[tokio::test]
async fn whoever_verifies_nothing_takes_every_certificate_until_there_are_authorities() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let client = TlsClient::without_verification().unwrap();
    for certificate in [theirs.sign(&["example.com"]), theirs.sign_expired(&["localhost"])] {
        shake(&server_of(&certificate), &client).await.1.unwrap();
    }
    let lists = Pem::text(ours.revoke(&[&ours.sign(&["localhost"])]));
    assert!(client.clone().with_revocations(lists).is_err());
    let client = client.with_authorities(Pem::text(ours.pem())).unwrap();
    shake(&localhost(&ours), &client).await.1.unwrap();
    let error = refused(&localhost(&theirs), &client).await;
    assert!(matches!(why(&error), HandshakeError::UnknownIssuer { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_closes_or_speaks_something_else_is_said_to() {
    let client = trusting(&Authority::new("ours"));
    for (answer, text) in [
        (&b""[..], "localhost closed the connection during the TLS handshake"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "localhost does not speak TLS"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "localhost speaks neither TLS 1.3 nor TLS 1.2"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "the TLS handshake with localhost failed"),
    ] {
        let (ours, mut theirs) = duplex(1 << 16);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        let error = client.connect("localhost", ours).await.err().unwrap();
        assert_eq!(why(&error).to_string(), text);
    }
}
