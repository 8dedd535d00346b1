//! What stands in for TLS in a build without it: types that nobody can make.

use std::io;
use std::path::Path;

use crate::{BoxStream, ByteStream, TlsError};

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

    /// Shakes hands; never called in this build.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "the same signature as with TLS")]
    pub async fn accept(&self, _stream: impl ByteStream + 'static) -> io::Result<BoxStream> {
        match *self {}
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
}
