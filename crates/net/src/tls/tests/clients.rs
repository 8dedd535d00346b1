//! Clients that show certificates, and those that had better.

use super::*;

fn required(server: TlsServer, authority: &Authority) -> TlsServer {
    server.client_auth(ClientAuth::required(Pem::text(authority.pem()))).unwrap()
}

/// What both sides say when the server refuses the client.
async fn refused(server: &TlsServer, client: &TlsClient) -> (io::Error, io::Error) {
    let (accepted, connected) = shake(server, client).await;
    // By TLS 1.3 the client hears of it when it reads.
    let heard = connected.unwrap().read(&mut [0]).await.unwrap_err();
    (accepted.unwrap_err(), heard)
}

#[tokio::test]
async fn a_client_is_known_by_the_names_in_its_certificate() {
    let (hosts, people) = (Authority::new("hosts"), Authority::new("people"));
    let server = required(localhost(&hosts), &people);
    let names = ["billing.example", "spiffe://example/billing"];
    let shown = people.sign(&names);
    let client = showing(&shown, trusting(&hosts));
    // The second one resumes the session of the first.
    for _ in 0..2 {
        let (accepted, connected) = shake(&server, &client).await;
        let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
        let identity = accepted.identity.unwrap();
        assert_eq!(identity.dns_names(), ["billing.example"]);
        assert_eq!(identity.uris(), ["spiffe://example/billing"]);
        assert_eq!(identity.spiffe_id(), Some("spiffe://example/billing"));
        assert!(shown.pem.contains(&first_line_of_base64(identity.certificate())));
        // The client learns of the session with the first bytes that it reads.
        accepted.stream.write_all(b"a").await.unwrap();
        connected.read_exact(&mut [0]).await.unwrap();
    }
}

/// The first 48 bytes, as PEM shows them.
fn first_line_of_base64(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = der[..48].iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let bits: Vec<u8> = bits.collect();
    let digit = |six: &[u8]| six.iter().fold(0, |digit, bit| digit * 2 + usize::from(*bit));
    bits.chunks(6).map(|six| char::from(DIGITS[digit(six)])).collect()
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_required() {
    let authority = Authority::new("ours");
    let server = required(localhost(&authority), &authority);
    let (said, heard) = refused(&server, &trusting(&authority)).await;
    assert!(matches!(why(&said), HandshakeError::NoCertificate { .. }), "{said:?}");
    let text = "the client shows no certificate, and one signed by an authority in PEM in memory \
                is required";
    assert_eq!(said.to_string(), text);
    assert!(matches!(why(&heard), HandshakeError::Refused { .. }), "{heard:?}");
    assert_eq!(heard.to_string(), "localhost does not accept a client without a certificate");
}

#[tokio::test]
async fn a_refusal_is_heard_by_who_writes_first_to_a_connection_that_is_closed_by_then() {
    let authority = Authority::new("ours");
    let server = required(localhost(&authority), &authority);
    let (accepted, connected) = shake(&server, &trusting(&authority)).await;
    drop(accepted.unwrap_err());
    let mut connected = connected.unwrap();
    connected.write_all(b"request").await.unwrap();
    connected.flush().await.unwrap();
    let heard = connected.read(&mut [0]).await.unwrap_err();
    assert_eq!(heard.to_string(), "localhost does not accept a client without a certificate");
    connected.write_all(b"another").await.unwrap_err();
}

#[tokio::test]
async fn a_client_without_a_certificate_is_let_in_where_none_is_required() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let auth = ClientAuth::optional(Pem::text(ours.pem()));
    let server = localhost(&ours).client_auth(auth).unwrap();
    let (accepted, connected) = shake(&server, &trusting(&ours)).await;
    connected.unwrap();
    assert_eq!(accepted.unwrap().identity, None);

    let client = showing(&ours.sign(&["a.example"]), trusting(&ours));
    let (accepted, _connected) = shake(&server, &client).await;
    assert_eq!(accepted.unwrap().identity.unwrap().dns_names(), ["a.example"]);

    // A wrong one is worse than none.
    let client = showing(&theirs.sign(&["a.example"]), trusting(&ours));
    refused(&server, &client).await;
}

#[tokio::test]
async fn certificates_that_have_expired_or_are_a_strangers_are_refused() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let server = required(localhost(&ours), &ours);
    for (shown, text) in [
        (ours.sign_expired(&["a.example"]), "the certificate of the client has expired"),
        (
            theirs.sign(&["a.example"]),
            "the certificate of the client is signed by no authority in PEM in memory",
        ),
    ] {
        let (said, heard) = refused(&server, &showing(&shown, trusting(&ours))).await;
        assert_eq!(said.to_string(), text);
        let text = "localhost does not accept the certificate in PEM in memory";
        assert_eq!(heard.to_string(), text);
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_both_sides_say_why() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (good, bad) = (ours.sign(&["good.example"]), ours.sign(&["bad.example"]));
    let trusted = Pem::text(format!("{}{}", ours.pem(), theirs.pem()));
    let auth = ClientAuth::required(trusted).revocations(Pem::text(ours.revoke(&[&bad])));
    let server = localhost(&ours).client_auth(auth).unwrap();

    let (accepted, _connected) = shake(&server, &showing(&good, trusting(&ours))).await;
    assert_eq!(accepted.unwrap().identity.unwrap().dns_names(), ["good.example"]);

    let (said, heard) = refused(&server, &showing(&bad, trusting(&ours))).await;
    assert_eq!(said.to_string(), "the certificate of the client is revoked");
    assert!(chain(&heard).ends_with("CertificateRevoked"), "{}", chain(&heard));

    // Of this authority there is no list.
    let unknown = theirs.sign(&["a.example"]);
    let (said, _) = refused(&server, &showing(&unknown, trusting(&ours))).await;
    assert!(matches!(why(&said), HandshakeError::RevocationUnknown { .. }), "{said:?}");
}
