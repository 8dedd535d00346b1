//! OpenSSL as the client, where it is installed.

use std::process::Stdio;

use polywire_testkit::directory::Directory;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::*;

/// What the server makes of OpenSSL, and what that prints; `None` where it is not installed.
///
/// The server has whoever gets in type something, and reads until that goes.
async fn s_client(
    server: &TlsServer,
    arguments: &[&str],
    typed: &[u8],
) -> Option<(io::Result<Accepted>, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let started = Command::new("openssl")
        .args(["s_client", "-connect", &address, "-servername", "localhost"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut client = match started {
        Ok(client) => client,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{error}"),
    };
    let mut keyboard = client.stdin.take().unwrap();
    let serving = async {
        let (socket, _peer) = listener.accept().await.unwrap();
        let mut accepted = server.handshake(socket).await?;
        // Typed after the handshake: before it, OpenSSL would take it for something else.
        keyboard.write_all(typed).await?;
        drop(keyboard);
        // It may go without a good-bye.
        drop(accepted.stream.read_to_end(&mut Vec::new()).await);
        Ok(accepted)
    };
    let (served, output) = tokio::join!(serving, client.wait_with_output());
    let output = output.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    Some((served, String::from_utf8_lossy(&printed).into_owned()))
}

/// A server that requires certificates, and files for a client of it.
fn mutual(name: &str) -> (TlsServer, Directory) {
    let authority = Authority::new("ours");
    let (good, bad) = (authority.sign(&["good.example"]), authority.sign(&["bad.example"]));
    let required = ClientAuth::required(Pem::text(authority.pem()));
    let required = required.revocations(Pem::text(authority.revoke(&[&bad])));
    let directory = Directory::new(name);
    good.put_into(&directory);
    directory.write("bad.pem", format!("{}{}", bad.pem, bad.key));
    (localhost(&authority).client_auth(required).unwrap(), directory)
}

#[tokio::test]
async fn openssl_shows_its_certificate_by_both_versions() {
    let (server, directory) = mutual("openssl");
    let (cert, key) = (directory.path("cert.pem"), directory.path("key.pem"));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments = [version, "-cert", cert, "-key", key, "-alpn", "h2"];
        let Some((served, printed)) = s_client(&server, &arguments, b"Q\n").await else { return };
        let accepted = served.unwrap();
        assert_eq!(accepted.identity.unwrap().dns_names(), ["good.example"]);
        assert!(printed.contains("ALPN protocol: h2"), "{printed}");
    }
}

#[tokio::test]
async fn openssl_hears_why_it_is_refused() {
    let (server, directory) = mutual("openssl-refused");
    let bad = directory.path("bad.pem");
    let bad = bad.to_str().unwrap();
    for (arguments, said, heard) in [
        (&["-cert", bad][..], "the certificate of the client is revoked", "certificate revoked"),
        (&["-cert", bad, "-tls1_2"], "the certificate of the client is revoked", "revoked"),
        (&["-tls1_3"], "the client shows no certificate, and one", "certificate required"),
        (
            &["-alpn", "spdy/3"],
            "the client has not agreed to speak h2 or http/1.1 (ALPN)",
            "no application protocol",
        ),
        (
            &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
            "the client speaks neither TLS 1.3 nor TLS 1.2",
            "handshake failure",
        ),
    ] {
        let Some((served, printed)) = s_client(&server, arguments, b"").await else { return };
        let error = served.unwrap_err();
        assert!(error.to_string().starts_with(said), "{arguments:?}: {error}");
        assert!(printed.contains(heard), "{arguments:?}: {printed}");
    }
}
