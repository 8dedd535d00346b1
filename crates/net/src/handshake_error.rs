//! Why a handshake of TLS failed.

use std::error::Error;

/// Why a handshake of TLS failed: the inner error of the [`io::Error`](std::io::Error) it ends
/// with. Trying again does not help, except where the connection broke off.
///
/// `peer` is the name of the host that was to be reached or, on a server, `the client`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The peer's certificate is too old; it must be renewed, unless this machine's clock is wrong.
    #[error("the certificate of {peer} has expired")]
    Expired {
        /// Whose it is.
        peer: String,
        /// Since when.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer's certificate is for later, or this machine's clock is wrong.
    #[error("the certificate of {peer} is not valid yet")]
    NotYetValid {
        /// Whose it is.
        peer: String,
        /// From when on.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer's certificate is for other hosts; [`TlsClient::server_name`](crate::TlsClient::server_name)
    /// may say which one is meant.
    #[error("the certificate of {peer} is for another host")]
    WrongHost {
        /// What was to be reached.
        peer: String,
        /// For which hosts it is.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No authority that is trusted has signed the peer's certificate.
    #[error("the certificate of {peer} is signed by no authority in {trusted}")]
    UnknownIssuer {
        /// Whose it is.
        peer: String,
        /// Where the trusted authorities are.
        trusted: String,
        /// What TLS said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer's certificate has been revoked.
    #[error("the certificate of {peer} is revoked")]
    Revoked {
        /// Whose it is.
        peer: String,
        /// What TLS said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There are lists of revoked certificates, and none is of the authority that signed this one.
    #[error("no list of revocations is of the authority that signed the certificate of {peer}")]
    RevocationUnknown {
        /// Whose it is.
        peer: String,
        /// What TLS said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer's certificate is of no use for another reason.
    #[error("the certificate of {peer} cannot be accepted")]
    Certificate {
        /// Whose it is.
        peer: String,
        /// The reason.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer was to show a certificate and has not.
    #[error("{peer} shows no certificate, and one signed by an authority in {trusted} is required")]
    NoCertificate {
        /// Who.
        peer: String,
        /// Where the trusted authorities are.
        trusted: String,
        /// What TLS said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer does not accept this side's certificate, or that it has none.
    #[error("{peer} does not accept {shown}")]
    Refused {
        /// Who.
        peer: String,
        /// What it was shown.
        shown: String,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer speaks only versions of TLS that are no longer safe.
    #[error("{peer} speaks neither TLS 1.3 nor TLS 1.2")]
    Version {
        /// Who.
        peer: String,
        /// What TLS said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer speaks none of the protocols offered by ALPN.
    #[error("{peer} has not agreed to speak {offered} (ALPN)")]
    Protocol {
        /// Who.
        peer: String,
        /// What was offered.
        offered: String,
    },
    /// What the peer sends is no TLS.
    #[error("{peer} does not speak TLS")]
    NotTls {
        /// Who.
        peer: String,
        /// What TLS said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The peer closed the connection; perhaps it does not speak TLS, or has no certificate.
    #[error("{peer} closed the connection during the TLS handshake")]
    Closed {
        /// Who.
        peer: String,
        /// How.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The handshake failed for a reason that has nothing to do with certificates.
    #[error("the TLS handshake with {peer} failed")]
    Failed {
        /// With whom.
        peer: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}
