//! Where certificates, keys and lists come from.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Certificates, keys or lists of revoked certificates in PEM: a file, or what is in memory.
///
/// A path becomes one by itself: `TlsClient::system()?.with_authorities("ca.pem")`.
#[derive(Clone)]
pub struct Pem(Source);

#[derive(Clone)]
enum Source {
    File(Arc<Path>),
    Memory(Arc<[u8]>),
}

impl Pem {
    /// What a file holds whenever it is read.
    #[must_use]
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self(Source::File(path.as_ref().into()))
    }

    /// What is in memory.
    #[must_use]
    pub fn text(pem: impl AsRef<[u8]>) -> Self {
        Self(Source::Memory(pem.as_ref().into()))
    }

    /// Reads it, blocking.
    ///
    /// # Errors
    /// When it is a file that cannot be read.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match &self.0 {
            Source::File(path) => fs::read(path),
            Source::Memory(pem) => Ok(pem.to_vec()),
        }
    }
}

impl<P: AsRef<Path>> From<P> for Pem {
    fn from(path: P) -> Self {
        Self::file(path)
    }
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::File(path) => path.display().fmt(f),
            Source::Memory(_) => f.write_str("PEM in memory"),
        }
    }
}

impl fmt::Debug for Pem {
    /// The file's name; never the text, which may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({self})")
    }
}
