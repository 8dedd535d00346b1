//! Taking TLS off connections.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::mem;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use polywire_core::PeerIdentity;
use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio_rustls::TlsAcceptor;

use super::client_auth::{ClientAuth, ClientAuthText};
use super::explain::Sides;
use super::identity::identity;
use super::material::{KeyPair, read};
use crate::tls_accepted::{Accepted, Alpn};
use crate::{BoxStream, ByteStream, Pem, TlsError};

/// Takes TLS 1.3 and 1.2 off connections. Data ahead of the handshake (0-RTT), which could be
/// replayed, is not accepted; there is no renegotiation. Clones share everything.
///
/// Certificate, key, authorities and revocations that are files are looked at again every 10 s by
/// the server this is given to, see [`check_every`](Self::check_every): new handshakes use what
/// they hold, connections go on as they are.
#[derive(Clone)]
pub struct TlsServer {
    inner: Arc<Inner>,
    check: Option<Duration>,
}

struct Inner {
    files: Files,
    current: ArcSwap<Current>,
    /// What the files held when they were last looked at, usable or not.
    seen: Mutex<u64>,
}

/// Where everything is.
#[derive(Clone)]
struct Files {
    own: KeyPair,
    clients: Option<ClientAuth>,
}

/// What new handshakes use.
struct Current {
    config: Arc<ServerConfig>,
    sides: Sides,
}

/// What the files hold.
#[derive(Hash)]
struct Texts {
    certificates: Vec<u8>,
    key: Vec<u8>,
    clients: Option<ClientAuthText>,
}

impl TlsServer {
    /// A server that shows a certificate chain, its own certificate first.
    ///
    /// # Errors
    /// When a file cannot be read, holds no PEM, or key and certificate do not go together.
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        Self::new(KeyPair { certificates: Pem::file(certificates), key: Pem::file(key) })
    }

    /// As [`from_pem_files`](Self::from_pem_files), of PEM that is in memory.
    ///
    /// # Errors
    /// When it is no PEM, or key and certificate do not go together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::new(KeyPair { certificates: Pem::text(certificates), key: Pem::text(key) })
    }

    fn new(own: KeyPair) -> Result<Self, TlsError> {
        Ok(Self { inner: Inner::of(Files { own, clients: None })?, check: Some(CHECK) })
    }

    /// Has clients show certificates, or lets them. Default: none are asked for.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn client_auth(self, clients: ClientAuth) -> Result<Self, TlsError> {
        let files = Files { clients: Some(clients), ..self.inner.files.clone() };
        Ok(Self { inner: Inner::of(files)?, ..self })
    }

    /// How often the files are looked at by the server this is given to. One that cannot be used
    /// leaves the former in use, and the log names it. Default: 10 s.
    #[must_use]
    pub const fn check_every(mut self, interval: Duration) -> Self {
        self.check = Some(interval);
        self
    }

    /// Leaves the files alone until [`reload`](Self::reload) is called.
    #[must_use]
    pub const fn check_never(mut self) -> Self {
        self.check = None;
        self
    }

    /// How often whoever serves connections is to call
    /// [`reload_if_changed`](Self::reload_if_changed).
    #[must_use]
    pub const fn check_interval(&self) -> Option<Duration> {
        self.check
    }

    /// Reads all files again, blocking; new handshakes use what they hold, and no session of
    /// before is resumed.
    ///
    /// # Errors
    /// When a file cannot be read or used; everything stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let texts = self.inner.files.read();
        *self.inner.seen() = fingerprint(&texts);
        self.inner.use_from_now_on(&texts?)
    }

    /// As [`reload`](Self::reload), if a file holds something else than when they were last looked
    /// at; says whether that is so.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), once for each change.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let texts = self.inner.files.read();
        let now = fingerprint(&texts);
        if mem::replace(&mut *self.inner.seen(), now) == now {
            return Ok(false);
        }
        self.inner.use_from_now_on(&texts?)?;
        Ok(true)
    }

    /// Shakes hands with a client, and forgets what came of it but the stream. The caller sets the
    /// time it may take.
    ///
    /// # Errors
    /// As [`handshake`](Self::handshake).
    pub async fn accept(&self, stream: impl ByteStream + 'static) -> io::Result<BoxStream> {
        Ok(self.handshake(stream).await?.stream)
    }

    /// Shakes hands with a client. The caller sets the time it may take.
    ///
    /// # Errors
    /// When the peer speaks no TLS, shows a certificate that is not trusted, or breaks the
    /// connection off. The error's inner one is a [`HandshakeError`](crate::HandshakeError).
    pub async fn handshake(&self, stream: impl ByteStream + 'static) -> io::Result<Accepted> {
        let current = self.inner.current.load_full();
        let acceptor = TlsAcceptor::from(Arc::clone(&current.config));
        let stream = acceptor.accept(stream).await.map_err(|error| current.sides.explain(error))?;
        let connection = stream.get_ref().1;
        let alpn = connection.alpn_protocol().and_then(Alpn::of);
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        let identity: Option<PeerIdentity> = shown.map(identity);
        Ok(Accepted { stream: Box::new(stream), alpn, identity })
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Files { own, clients } = &self.inner.files;
        f.debug_struct("TlsServer").field("own", own).field("clients", clients).finish()
    }
}

impl Inner {
    fn of(files: Files) -> Result<Arc<Self>, TlsError> {
        let texts = files.read()?;
        let current = ArcSwap::from_pointee(files.current(&texts)?);
        Ok(Arc::new(Self { files, current, seen: Mutex::new(fingerprint(&Ok(texts))) }))
    }

    fn use_from_now_on(&self, texts: &Texts) -> Result<(), TlsError> {
        self.current.store(Arc::new(self.files.current(texts)?));
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, u64> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn read(&self) -> Result<Texts, TlsError> {
        Ok(Texts {
            certificates: read(&self.own.certificates)?,
            key: read(&self.own.key)?,
            clients: self.clients.as_ref().map(ClientAuth::read).transpose()?,
        })
    }

    fn current(&self, texts: &Texts) -> Result<Current, TlsError> {
        let Self { own, clients } = self;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| own.unusable(error))?;
        let builder = match (clients, &texts.clients) {
            (Some(clients), Some(text)) => {
                builder.with_client_cert_verifier(clients.verifier(text, provider)?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(own.chain(&texts.certificates)?, own.private(&texts.key)?)
            .map_err(|error| own.unusable(error))?;
        // What is spoken over TCP has no name here, and its clients ask for none.
        config.alpn_protocols = Alpn::ALL.iter().map(|alpn| alpn.name().to_vec()).collect();
        Ok(Current { config: Arc::new(config), sides: self.sides() })
    }

    fn sides(&self) -> Sides {
        let trusted = self.clients.as_ref().map(|clients| clients.authorities().to_string());
        Sides {
            peer: "the client".to_owned(),
            trusted: trusted.unwrap_or_default(),
            shown: format!("the certificate in {}", self.own.certificates),
            protocols: "h2 or http/1.1".to_owned(),
        }
    }
}

/// Tells texts apart without keeping them, for one of them is a key.
fn fingerprint(texts: &Result<Texts, TlsError>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match texts {
        Ok(texts) => texts.hash(&mut hasher),
        Err(error) => error.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

/// How often files are looked at unless somebody says otherwise.
const CHECK: Duration = Duration::from_secs(10);
