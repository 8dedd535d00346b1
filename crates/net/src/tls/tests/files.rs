//! Files that are renewed, and files that cannot be used.

use std::fs;
use std::path::Path;

use polywire_testkit::directory::Directory;

use super::*;
use crate::TlsError;

fn server_in(directory: &Directory) -> TlsServer {
    TlsServer::from_pem_files(directory.path("cert.pem"), directory.path("key.pem")).unwrap()
}

async fn is_trusted(server: &TlsServer, client: &TlsClient) -> bool {
    let (accepted, connected) = shake(server, client).await;
    assert_eq!(accepted.is_ok(), connected.is_ok());
    connected.is_ok()
}

#[tokio::test]
async fn new_handshakes_use_the_renewed_certificate() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let directory = Directory::new("renewed");
    old.sign(&["localhost"]).put_into(&directory);
    let server = server_in(&directory);
    let (of_old, of_new) = (trusting(&old), trusting(&new));
    assert!(is_trusted(&server, &of_old).await);
    assert!(!server.reload_if_changed().unwrap());

    new.sign(&["localhost"]).put_into(&directory);
    assert!(is_trusted(&server, &of_old).await, "not read again yet");
    assert!(server.clone().reload_if_changed().unwrap());
    assert!(is_trusted(&server, &of_new).await);
    assert!(!is_trusted(&server, &of_old).await);
    assert!(!server.reload_if_changed().unwrap());

    old.sign(&["localhost"]).put_into(&directory);
    server.reload().unwrap();
    assert!(!server.reload_if_changed().unwrap());
    assert!(is_trusted(&server, &of_old).await);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_once_and_leave_the_former_in_use() {
    let authority = Authority::new("ours");
    let directory = Directory::new("broken");
    let (one, other) = (authority.sign(&["localhost"]), authority.sign(&["localhost"]));
    one.put_into(&directory);
    let (server, client) = (server_in(&directory), trusting(&authority));
    let certificate = directory.path("cert.pem").display().to_string();
    let key = directory.path("key.pem").display().to_string();

    // Half of a renewal: the key of one, the certificate of the other.
    directory.write("cert.pem", &other.pem);
    let error = server.reload_if_changed().unwrap_err();
    assert!(matches!(error, TlsError::Certificate { .. }), "{error:?}");
    let text = format!("cannot use the certificate in {certificate} with the key in {key}");
    assert_eq!(error.to_string(), text);
    assert!(!server.reload_if_changed().unwrap(), "said twice");
    assert!(is_trusted(&server, &client).await);

    directory.write("cert.pem", "-----BEGIN CERTIFICATE-----\n");
    let error = server.reload_if_changed().unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {certificate}"));
    fs::remove_file(directory.path("cert.pem")).unwrap();
    let error = server.reload_if_changed().unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {certificate}"));
    assert!(is_trusted(&server, &client).await);

    other.put_into(&directory);
    assert!(server.reload_if_changed().unwrap());
    assert!(is_trusted(&server, &client).await);
}

#[tokio::test]
async fn a_list_of_revocations_that_grows_locks_out_whom_it_names_sessions_and_all() {
    let authority = Authority::new("ours");
    let directory = Directory::new("revocations");
    authority.sign(&["localhost"]).put_into(&directory);
    directory.write("ca.pem", authority.pem());
    directory.write("revoked.pem", authority.revoke(&[]));
    let auth = ClientAuth::required(directory.path("ca.pem"));
    let auth = auth.revocations(directory.path("revoked.pem"));
    let server = server_in(&directory).client_auth(auth).unwrap();

    let shown = authority.sign(&["a.example"]);
    let client = showing(&shown, trusting(&authority));
    let (accepted, connected) = shake(&server, &client).await;
    let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
    // From now on the client has a session that it could resume.
    accepted.stream.write_all(b"a").await.unwrap();
    connected.read_exact(&mut [0]).await.unwrap();

    directory.write("revoked.pem", authority.revoke(&[&shown]));
    assert!(server.reload_if_changed().unwrap());
    let (accepted_anew, _) = shake(&server, &client).await;
    let error = accepted_anew.unwrap_err();
    assert_eq!(error.to_string(), "the certificate of the client is revoked");

    // Who is in stays in.
    connected.write_all(b"b").await.unwrap();
    accepted.stream.read_exact(&mut [0]).await.unwrap();
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = TlsClient::from_ca_pem(b"nothing here").unwrap_err();
    assert_eq!(chain(&error), "cannot read PEM in memory: it holds no certificates");
    let error = TlsClient::from_ca_file("Cargo.toml").unwrap_err();
    assert_eq!(chain(&error), "cannot read Cargo.toml: it holds no certificates");
    let error = TlsServer::from_pem_files("/nowhere/cert.pem", "/nowhere/key.pem").unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nowhere/cert.pem");

    let authority = Authority::new("ours");
    let server = localhost(&authority);
    let nowhere = ClientAuth::required(Path::new("/nowhere/ca.pem"));
    let error = server.clone().client_auth(nowhere).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nowhere/ca.pem");
    let no_list = ClientAuth::required(Pem::text(authority.pem())).revocations("Cargo.toml");
    let error = server.client_auth(no_list).unwrap_err();
    assert_eq!(chain(&error), "cannot read Cargo.toml: it holds no list of revocations");
    let (one, other) = (authority.sign(&["a.example"]), authority.sign(&["a.example"]));
    let error = trusting(&authority).with_certificate(Pem::text(one.pem), Pem::text(other.key));
    assert!(matches!(error, Err(TlsError::Certificate { .. })), "{error:?}");
}

#[test]
fn keys_are_not_shown() {
    let shown = Authority::new("ours").sign(&["localhost"]);
    let text = format!("{:?}", server_of(&shown));
    assert!(text.contains("PEM in memory") && !text.contains("KEY"), "{text}");
}
