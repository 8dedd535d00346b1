//! What PEM holds, as rustls wants it.

use std::error::Error;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::{Pem, TlsError};

/// Certificates, the key of the first one, and where they are.
#[derive(Debug, Clone)]
pub(super) struct KeyPair {
    pub(super) certificates: Pem,
    pub(super) key: Pem,
}

impl KeyPair {
    pub(super) fn chain(&self, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        certificates(&self.certificates, pem)
    }

    pub(super) fn private(&self, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(pem).map_err(|error| unreadable(&self.key, error.to_string()))
    }

    /// That the two are of no use.
    pub(super) fn unusable(&self, source: impl Error + Send + Sync + 'static) -> TlsError {
        TlsError::Certificate {
            certificates: self.certificates.to_string(),
            key: self.key.to_string(),
            source: Box::new(source),
        }
    }
}

/// Reads a file, if it is one.
pub(super) fn read(pem: &Pem) -> Result<Vec<u8>, TlsError> {
    pem.read().map_err(|error| unreadable(pem, error))
}

/// The certificates in a text, at least one.
pub(super) fn certificates(
    origin: &Pem,
    text: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| unreadable(origin, error.to_string()))?;
    if found.is_empty() { Err(unreadable(origin, "it holds no certificates")) } else { Ok(found) }
}

/// The authorities in a text, at least one.
pub(super) fn authorities(
    origin: &Pem,
    text: &[u8],
    roots: &mut RootCertStore,
) -> Result<(), TlsError> {
    // The bundles of systems hold some that no longer follow the rules.
    let (added, _unusable) = roots.add_parsable_certificates(certificates(origin, text)?);
    if added == 0 { Err(unreadable(origin, "it holds no usable authority")) } else { Ok(()) }
}

/// The lists of revoked certificates in a text, at least one.
pub(super) fn revocations(
    origin: &Pem,
    text: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| unreadable(origin, error.to_string()))?;
    if found.is_empty() {
        Err(unreadable(origin, "it holds no list of revocations"))
    } else {
        Ok(found)
    }
}

fn unreadable(what: &Pem, source: impl Into<Box<dyn Error + Send + Sync>>) -> TlsError {
    TlsError::Pem { what: what.to_string(), source: source.into() }
}

/// That authorities or revocations are of no use.
pub(super) fn no_authority(
    what: &impl ToString,
    source: impl Error + Send + Sync + 'static,
) -> TlsError {
    TlsError::Authorities { what: what.to_string(), source: Box::new(source) }
}
