//! Who a peer has proved to be.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// Who a peer has proved to be, by a certificate of TLS that an authority trusted here has signed.
///
/// What the names mean is between that authority and you.
///
/// Clones share everything.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerIdentity(Arc<Shown>);

/// What the certificate shows; behind a pointer, since most connections have none.
#[derive(PartialEq, Eq)]
struct Shown {
    certificate: Bytes,
    dns_names: Vec<String>,
    uris: Vec<String>,
}

impl PeerIdentity {
    /// The identity that a certificate stands for: its DER, and the names among its subject
    /// alternative names. Whoever makes one vouches for it.
    #[must_use]
    pub fn new(certificate: impl Into<Bytes>, dns_names: Vec<String>, uris: Vec<String>) -> Self {
        Self(Arc::new(Shown { certificate: certificate.into(), dns_names, uris }))
    }

    /// The peer's own certificate, in DER, for whatever is not said here.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.0.certificate
    }

    /// The names of hosts among its subject alternative names.
    #[must_use]
    pub fn dns_names(&self) -> &[String] {
        &self.0.dns_names
    }

    /// The URIs among its subject alternative names.
    #[must_use]
    pub fn uris(&self) -> &[String] {
        &self.0.uris
    }

    /// Its SPIFFE ID, `spiffe://domain/path`. A certificate with several URIs has none, since
    /// SPIFFE's rules forbid to believe any of them.
    #[must_use]
    pub fn spiffe_id(&self) -> Option<&str> {
        let [uri] = &*self.0.uris else { return None };
        let (scheme, rest) = uri.split_once("://")?;
        // Schemes are written in any case.
        (scheme.eq_ignore_ascii_case("spiffe") && !rest.is_empty() && !rest.starts_with('/'))
            .then_some(uri)
    }
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerIdentity")
            .field("dns_names", &self.0.dns_names)
            .field("uris", &self.0.uris)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uris: &[&str]) -> PeerIdentity {
        let uris: Vec<String> = uris.iter().map(|uri| (*uri).to_owned()).collect();
        PeerIdentity::new(vec![0x30], Vec::new(), uris)
    }

    #[test]
    fn a_spiffe_id_is_the_only_uri_or_none() {
        assert_eq!(of(&["spiffe://a.example/b"]).spiffe_id(), Some("spiffe://a.example/b"));
        for uris in [
            &[][..],
            &["https://a.example/b"],
            &["spiffe://"],
            &["spiffe:///b"],
            &["spiffe:a"],
            &["spiffe://a.example/b", "spiffe://a.example/c"],
        ] {
            assert_eq!(of(uris).spiffe_id(), None, "{uris:?}");
        }
    }
}
