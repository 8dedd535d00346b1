//! What stands in for TLS in a build without it: types that nobody can make.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::{Accepted, BoxStream, ByteStream, Connected, Pem, TlsError};

/// Takes TLS off connections; cannot be made without the feature `tls`.
#[derive(Debug, Clone)]
pub enum TlsServer {}

impl TlsServer {
    /// Always fails in this build.
    ///
    /// # Errors
    /// [`TlsError::Absent`].
    pub fn from_pem_files(
        _certificates: impl AsRef<Path>,
        _key: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        Err(TlsError::Absent)
    }

    /// Always fails in this build.
    ///
    /// # Errors
    /// [`TlsError::Absent`].
    pub const fn from_pem(_certificates: &[u8], _key: &[u8]) -> Result<Self, TlsError> {
        Err(TlsError::Absent)
    }

    /// Has clients show certificates; never called in this build.
    ///
    /// # Errors
    /// None.
    pub fn client_auth(self, _clients: ClientAuth) -> Result<Self, TlsError> {
        match self {}
    }

    /// How often files are looked at; never called in this build.
    #[must_use]
    pub const fn check_every(self, _interval: Duration) -> Self {
        match self {}
    }

    /// Leaves files alone; never called in this build.
    #[must_use]
    pub const fn check_never(self) -> Self {
        match self {}
    }

    /// How often files are looked at; never called in this build.
    #[must_use]
    pub const fn check_interval(&self) -> Option<Duration> {
        match *self {}
    }

    /// Reads files again; never called in this build.
    ///
    /// # Errors
    /// None.
    pub const fn reload(&self) -> Result<(), TlsError> {
        match *self {}
    }

    /// Reads files again; never called in this build.
    ///
    /// # Errors
    /// None.
    pub const fn reload_if_changed(&self) -> Result<bool, TlsError> {
        match *self {}
    }

    /// Shakes hands; never called in this build.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "the same signature as with TLS")]
    pub async fn accept(&self, _stream: impl ByteStream + 'static) -> io::Result<BoxStream> {
        match *self {}
    }

    /// Shakes hands; never called in this build.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "the same signature as with TLS")]
    pub async fn handshake(&self, _stream: impl ByteStream + 'static) -> io::Result<Accepted> {
        match *self {}
    }
}

/// Which certificates clients must show; of no use without the feature `tls`.
#[derive(Debug, Clone)]
pub struct ClientAuth(());

impl ClientAuth {
    /// Every client must show a certificate.
    #[must_use]
    pub fn required(_authorities: impl Into<Pem>) -> Self {
        Self(())
    }

    /// Clients may show a certificate.
    #[must_use]
    pub fn optional(_authorities: impl Into<Pem>) -> Self {
        Self(())
    }

    /// Refuses certificates that are in these lists.
    #[must_use]
    pub fn revocations(self, _lists: impl Into<Pem>) -> Self {
        self
    }
}

/// Puts TLS on connections; cannot be made without the feature `tls`.
#[derive(Debug, Clone)]
pub enum TlsClient {}

impl TlsClient {
    /// Always fails in this build.
    ///
    /// # Errors
    /// [`TlsError::Absent`].
    pub const fn system() -> Result<Self, TlsError> {
        Err(TlsError::Absent)
    }

    /// Always fails in this build.
    ///
    /// # Errors
    /// [`TlsError::Absent`].
    pub fn from_ca_file(_authorities: impl AsRef<Path>) -> Result<Self, TlsError> {
        Err(TlsError::Absent)
    }

    /// Always fails in this build.
    ///
    /// # Errors
    /// [`TlsError::Absent`].
    pub const fn from_ca_pem(_authorities: &[u8]) -> Result<Self, TlsError> {
        Err(TlsError::Absent)
    }

    /// Always fails in this build.
    ///
    /// # Errors
    /// [`TlsError::Absent`].
    pub const fn without_verification() -> Result<Self, TlsError> {
        Err(TlsError::Absent)
    }

    /// Trusts more authorities; never called in this build.
    ///
    /// # Errors
    /// None.
    pub fn with_authorities(self, _more: impl Into<Pem>) -> Result<Self, TlsError> {
        match self {}
    }

    /// Shows a certificate; never called in this build.
    ///
    /// # Errors
    /// None.
    pub fn with_certificate(
        self,
        _certificates: impl Into<Pem>,
        _key: impl Into<Pem>,
    ) -> Result<Self, TlsError> {
        match self {}
    }

    /// Refuses revoked certificates; never called in this build.
    ///
    /// # Errors
    /// None.
    pub fn with_revocations(self, _lists: impl Into<Pem>) -> Result<Self, TlsError> {
        match self {}
    }

    /// Asks for a certificate for another name; never called in this build.
    ///
    /// # Errors
    /// None.
    pub const fn server_name(self, _name: &str) -> Result<Self, TlsError> {
        match self {}
    }

    /// Offers protocols by ALPN; never called in this build.
    #[must_use]
    pub const fn offering(&self, _protocols: &[&str]) -> Self {
        match *self {}
    }

    /// Shakes hands; never called in this build.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "the same signature as with TLS")]
    pub async fn connect(
        &self,
        _host: &str,
        _stream: impl ByteStream + 'static,
    ) -> io::Result<BoxStream> {
        match *self {}
    }

    /// Shakes hands; never called in this build.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "the same signature as with TLS")]
    pub async fn handshake(
        &self,
        _host: &str,
        _stream: impl ByteStream + 'static,
    ) -> io::Result<Connected> {
        match *self {}
    }
}
