//! Putting TLS on connections.

use std::env;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::explain::Sides;
use super::material::{KeyPair, authorities, no_authority, read, revocations};
use super::stream::ClientStream;
use super::unchecked::AnyCertificate;
use crate::{Alpn, BoxStream, ByteStream, Connected, Pem, TlsError};

/// Puts TLS 1.3 or 1.2 on connections. Cheap to clone.
///
/// Files are read when it is made, not again: whoever renews a client's certificate makes a new
/// one.
#[derive(Clone)]
pub struct TlsClient {
    settings: Arc<Settings>,
    config: Arc<ClientConfig>,
}

#[derive(Debug, Clone)]
struct Settings {
    trust: Trust,
    revocations: Option<Pem>,
    own: Option<KeyPair>,
    server_name: Option<ServerName<'static>>,
}

/// Whose certificates are taken.
#[derive(Debug, Clone)]
enum Trust {
    Anyone,
    /// Those that one of these has signed; there is at least one.
    Authorities(Vec<Pem>),
}

impl Trust {
    fn authorities(&self) -> &[Pem] {
        match self {
            Self::Anyone => &[],
            Self::Authorities(authorities) => authorities,
        }
    }

    fn add(&mut self, authority: Pem) {
        match self {
            Self::Anyone => *self = Self::Authorities(vec![authority]),
            Self::Authorities(authorities) => authorities.push(authority),
        }
    }
}

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
        Self::trusting(Trust::Authorities(vec![Pem::file(authorities)]))
    }

    /// As [`from_ca_file`](Self::from_ca_file), of PEM that is in memory.
    ///
    /// # Errors
    /// When it holds no certificates.
    pub fn from_ca_pem(authorities: &[u8]) -> Result<Self, TlsError> {
        Self::trusting(Trust::Authorities(vec![Pem::text(authorities)]))
    }

    /// Takes every certificate, for whatever host: to look at a server whose certificate is known to
    /// be wrong. Whoever is on the way to it can read and change everything. Authorities that are
    /// added end that.
    ///
    /// # Errors
    /// None at present.
    pub fn without_verification() -> Result<Self, TlsError> {
        Self::trusting(Trust::Anyone)
    }

    fn trusting(trust: Trust) -> Result<Self, TlsError> {
        let settings = Settings { trust, revocations: None, own: None, server_name: None };
        Ok(Self { config: Arc::new(settings.config()?), settings: Arc::new(settings) })
    }

    /// Makes one with other settings, that offers the same protocols.
    fn with(self, change: impl FnOnce(&mut Settings)) -> Result<Self, TlsError> {
        let mut settings = Arc::unwrap_or_clone(self.settings);
        change(&mut settings);
        let mut config = settings.config()?;
        config.alpn_protocols.clone_from(&self.config.alpn_protocols);
        Ok(Self { settings: Arc::new(settings), config: Arc::new(config) })
    }

    /// Trusts these authorities as well.
    ///
    /// # Errors
    /// When they cannot be read, or there are none.
    pub fn with_authorities(self, more: impl Into<Pem>) -> Result<Self, TlsError> {
        self.with(|settings| settings.trust.add(more.into()))
    }

    /// Shows this certificate, the first of a chain, to servers that ask for one.
    ///
    /// # Errors
    /// When a file cannot be read, or key and certificate do not go together.
    pub fn with_certificate(
        self,
        certificates: impl Into<Pem>,
        key: impl Into<Pem>,
    ) -> Result<Self, TlsError> {
        let own = KeyPair { certificates: certificates.into(), key: key.into() };
        self.with(|settings| settings.own = Some(own))
    }

    /// Refuses servers whose certificates are in these lists, or of whose issuer there is no list.
    ///
    /// # Errors
    /// When they cannot be read, there are none, or there is no authority to vouch for them.
    pub fn with_revocations(self, lists: impl Into<Pem>) -> Result<Self, TlsError> {
        self.with(|settings| settings.revocations = Some(lists.into()))
    }

    /// Asks for a certificate for this name or IP address, whatever the address says: for servers
    /// behind tunnels and for those that are reached by number. Default: the host of the address.
    ///
    /// # Errors
    /// When it is neither a name nor an IP address.
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        let parsed = ServerName::try_from(name.to_owned());
        let parsed = parsed.map_err(|_invalid| TlsError::Name { name: name.to_owned() })?;
        Arc::make_mut(&mut self.settings).server_name = Some(parsed);
        Ok(self)
    }

    /// Offers protocols by ALPN, the preferred one first: `h2`. A server that chooses none of them
    /// is refused, unless `http/1.1` is among them: that is what servers speak that know no ALPN.
    /// Default: none.
    #[must_use]
    pub fn offering(&self, protocols: &[&str]) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { settings: Arc::clone(&self.settings), config: Arc::new(config) }
    }

    /// Shakes hands with a server that must show a certificate for `host`, a name or an IP
    /// address, unless [`server_name`](Self::server_name) says otherwise. The caller sets the time
    /// it may take.
    ///
    /// A server that does not accept this side's certificate says so by TLS 1.2 here, and by TLS
    /// 1.3 when the stream is read from first.
    ///
    /// # Errors
    /// When the certificate is not trusted or not for this host, nothing that was offered is
    /// spoken, or the peer speaks no TLS. The error's inner one is a
    /// [`HandshakeError`](crate::HandshakeError).
    pub async fn connect(
        &self,
        host: &str,
        stream: impl ByteStream + 'static,
    ) -> io::Result<BoxStream> {
        Ok(self.handshake(host, stream).await?.stream)
    }

    /// As [`connect`](Self::connect), and says what the server chose to speak.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn handshake(
        &self,
        host: &str,
        stream: impl ByteStream + 'static,
    ) -> io::Result<Connected> {
        let name = match &self.settings.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned())
                .map_err(|_invalid| TlsError::Name { name: host.to_owned() })
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        let sides = self.sides(&name);
        let connecting = TlsConnector::from(Arc::clone(&self.config)).connect(name, stream);
        let stream = connecting.await.map_err(|error| sides.explain(error))?;
        let agreed = stream.get_ref().1.alpn_protocol();
        if agreed.is_none() && !self.takes_silence() {
            return Err(sides.no_protocol());
        }
        let alpn = agreed.and_then(Alpn::of);
        Ok(Connected { stream: Box::new(ClientStream::new(stream, sides)), alpn })
    }

    /// A server that knows no ALPN says nothing. It speaks HTTP/1.1 if it speaks HTTP at all; whether
    /// it speaks anything else would have to be tried.
    fn takes_silence(&self) -> bool {
        let offered = &self.config.alpn_protocols;
        offered.is_empty() || offered.iter().any(|name| name == Alpn::Http1.name())
    }

    fn sides(&self, name: &ServerName<'_>) -> Sides {
        let Settings { trust, own, .. } = &*self.settings;
        let trusted: Vec<String> = trust.authorities().iter().map(Pem::to_string).collect();
        let protocols = self.config.alpn_protocols.iter();
        let protocols: Vec<_> = protocols.map(|name| String::from_utf8_lossy(name)).collect();
        let shown = match own {
            Some(own) => format!("the certificate in {}", own.certificates),
            None => "a client without a certificate".to_owned(),
        };
        Sides {
            peer: name.to_str().into_owned(),
            trusted: trusted.join(" or "),
            shown,
            protocols: protocols.join(" or "),
        }
    }
}

impl Settings {
    fn config(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = self.verifier(&provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| no_authority(&self.blamed(), error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let Some(own) = &self.own else { return Ok(builder.with_no_client_auth()) };
        let chain = own.chain(&read(&own.certificates)?)?;
        let key = own.private(&read(&own.key)?)?;
        builder.with_client_auth_cert(chain, key).map_err(|error| own.unusable(error))
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        if matches!(self.trust, Trust::Anyone) && self.revocations.is_none() {
            return Ok(Arc::new(AnyCertificate(Arc::clone(provider))));
        }
        let mut roots = RootCertStore::empty();
        for origin in self.trust.authorities() {
            authorities(origin, &read(origin)?, &mut roots)?;
        }
        let mut verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        if let Some(lists) = &self.revocations {
            let found = revocations(lists, &read(lists)?)?;
            verifier = verifier.with_crls(found).only_check_end_entity_revocation();
        }
        let verifier = verifier.build().map_err(|error| no_authority(&self.blamed(), error))?;
        Ok(verifier)
    }

    /// What is named when nobody can be trusted by it.
    fn blamed(&self) -> String {
        let blamed = self.revocations.as_ref().or(self.trust.authorities().first());
        blamed.map(Pem::to_string).unwrap_or_default()
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Where systems keep the authorities they trust: Debian, Red Hat, Alpine and macOS.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
