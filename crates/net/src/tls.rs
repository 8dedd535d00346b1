//! TLS by rustls, with ring for its cryptography.

use std::env;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::{BoxStream, ByteStream, TlsError};

/// Takes TLS off connections. TLS 1.2 and 1.3, no client certificates. Cheap to clone.
#[derive(Clone)]
pub struct TlsServer(TlsAcceptor);

impl TlsServer {
    /// A server that shows a certificate chain, its own certificate first.
    ///
    /// # Errors
    /// When a file cannot be read, holds no PEM, or key and certificate do not go together.
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        let chain = certificates_in(certificates.as_ref())?;
        let key = PrivateKeyDer::from_pem_file(key.as_ref())
            .map_err(|error| pem(&key.as_ref().display().to_string(), &error))?;
        Self::new(chain, key)
    }

    /// As [`from_pem_files`](Self::from_pem_files), of PEM that is in memory.
    ///
    /// # Errors
    /// When it is no PEM, or key and certificate do not go together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Result<_, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| pem("the key", &error))?;
        Self::new(chain.map_err(|error| pem("the certificates", &error))?, key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let unusable = |error| TlsError::Certificate { source: Box::new(error) };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        // For clients that insist on an answer. What is spoken is told by its first bytes, as
        // without TLS; wires that are not HTTP have no name here, and their clients ask for none.
        config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands with a client. The caller sets the time it may take.
    ///
    /// # Errors
    /// When the peer speaks no TLS, or breaks the connection off.
    pub async fn accept(&self, stream: impl ByteStream + 'static) -> io::Result<BoxStream> {
        Ok(Box::new(self.0.accept(stream).await?))
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsServer")
    }
}

/// Puts TLS on connections. Cheap to clone.
#[derive(Clone)]
pub struct TlsClient(TlsConnector);

impl TlsClient {
    /// Trusts the authorities in the file that `SSL_CERT_FILE` names, or else in the bundle the
    /// system keeps.
    ///
    /// # Errors
    /// When there is no such file, or it holds no certificates.
    pub fn system() -> Result<Self, TlsError> {
        if let Some(file) = env::var_os("SSL_CERT_FILE") {
            return Self::from_ca_file(file);
        }
        let bundle = BUNDLES.iter().map(Path::new).find(|bundle| bundle.exists());
        Self::from_ca_file(bundle.ok_or(TlsError::NoAuthorities)?)
    }

    /// Trusts the authorities in a PEM file, and no others.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificates.
    pub fn from_ca_file(authorities: impl AsRef<Path>) -> Result<Self, TlsError> {
        let named = |error| match error {
            TlsError::NoAuthorities => TlsError::Pem {
                what: authorities.as_ref().display().to_string(),
                source: "it holds no certificates".into(),
            },
            other => other,
        };
        Self::new(certificates_in(authorities.as_ref())?).map_err(named)
    }

    /// As [`from_ca_file`](Self::from_ca_file), of PEM that is in memory.
    ///
    /// # Errors
    /// When it holds no certificates.
    pub fn from_ca_pem(authorities: &[u8]) -> Result<Self, TlsError> {
        let authorities: Result<_, _> = CertificateDer::pem_slice_iter(authorities).collect();
        Self::new(authorities.map_err(|error| pem("the authorities", &error))?)
    }

    fn new(authorities: Vec<CertificateDer<'static>>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let (added, _unusable) = roots.add_parsable_certificates(authorities);
        if added == 0 {
            return Err(TlsError::NoAuthorities);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Certificate { source: Box::new(error) })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Offers protocols by ALPN, the preferred one first: `h2`. Default: none.
    #[must_use]
    pub fn offering(&self, protocols: &[&str]) -> Self {
        let mut config = ClientConfig::clone(self.0.config());
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// Shakes hands with a server that must show a certificate for `host`, a name or an IP
    /// address. The caller sets the time it may take.
    ///
    /// # Errors
    /// When the certificate is not trusted or not for this host, or the peer speaks no TLS.
    pub async fn connect(
        &self,
        host: &str,
        stream: impl ByteStream + 'static,
    ) -> io::Result<BoxStream> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Box::new(self.0.connect(name, stream).await?))
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsClient")
    }
}

fn certificates_in(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let named = |error| pem(&file.display().to_string(), &error);
    CertificateDer::pem_file_iter(file).map_err(named)?.collect::<Result<_, _>>().map_err(named)
}

fn pem(what: &str, error: &rustls::pki_types::pem::Error) -> TlsError {
    TlsError::Pem { what: what.to_owned(), source: error.to_string().into() }
}

/// What a server offers by ALPN, the preferred one first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where systems keep the authorities they trust: Debian, Red Hat, Alpine and macOS.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// A server for `localhost`, and the certificate to trust.
    fn localhost() -> (TlsServer, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        (TlsServer::from_pem(cert.as_bytes(), key.as_bytes()).unwrap(), cert)
    }

    #[tokio::test]
    async fn a_client_that_trusts_the_authority_gets_through() {
        let (server, ca) = localhost();
        let client = TlsClient::from_ca_pem(ca.as_bytes()).unwrap();
        let (ours, theirs) = duplex(1 << 16);
        let (accepted, connected) =
            tokio::join!(server.accept(theirs), client.connect("localhost", ours));
        let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
        connected.write_all(b"hello").await.unwrap();
        connected.shutdown().await.unwrap();
        let mut read = String::new();
        accepted.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "hello");
    }

    #[tokio::test]
    async fn a_client_that_asks_for_http_2_is_told_that_it_gets_it() {
        let (server, ca) = localhost();
        let TlsClient(client) = TlsClient::from_ca_pem(ca.as_bytes()).unwrap();
        let mut config = ClientConfig::clone(client.config());
        for (asked, answered) in [(&["http/1.1", "h2"][..], "h2"), (&["http/1.1"], "http/1.1")] {
            config.alpn_protocols = asked.iter().map(|name| name.as_bytes().to_vec()).collect();
            let client = TlsConnector::from(Arc::new(config.clone()));
            let (ours, theirs) = duplex(1 << 16);
            let host = ServerName::try_from("localhost").unwrap();
            let (accepted, connected) =
                tokio::join!(server.accept(theirs), client.connect(host, ours));
            drop(accepted.unwrap());
            let connected = connected.unwrap();
            assert_eq!(connected.get_ref().1.alpn_protocol(), Some(answered.as_bytes()));
        }
    }

    #[tokio::test]
    async fn a_certificate_of_another_host_or_authority_is_refused() {
        let (server, ca) = localhost();
        let (_, other_ca) = localhost();
        for (trusted, host) in [(&ca, "example.com"), (&other_ca, "localhost")] {
            let client = TlsClient::from_ca_pem(trusted.as_bytes()).unwrap();
            let (ours, theirs) = duplex(1 << 16);
            let (accepted, connected) =
                tokio::join!(server.accept(theirs), client.connect(host, ours));
            assert!(connected.err().unwrap().to_string().contains("certificate"));
            assert!(accepted.is_err());
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let error = TlsClient::from_ca_pem(b"nothing here").unwrap_err();
        assert!(matches!(error, TlsError::NoAuthorities), "{error}");
        let error = TlsClient::from_ca_file("Cargo.toml").unwrap_err();
        assert_eq!(error.to_string(), "cannot read Cargo.toml");
        let error = TlsServer::from_pem_files("/nowhere/cert.pem", "/nowhere/key.pem").unwrap_err();
        assert!(error.to_string().contains("/nowhere/cert.pem"), "{error}");
    }
}
