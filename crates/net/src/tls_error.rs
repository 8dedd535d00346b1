//! Why TLS could not be set up.

use std::error::Error;

/// Why certificates, keys or authorities are of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file or text holds no usable PEM.
    #[error("cannot read {what}")]
    Pem {
        /// The file, or what was expected.
        what: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The certificate and the key do not go together, or are of a kind that is not supported.
    #[error("cannot use the certificate with its key")]
    Certificate {
        /// What is wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No authority is known that could have signed a server's certificate.
    #[error("no certificate authorities: name a file in `SSL_CERT_FILE`")]
    NoAuthorities,
    /// This build was made without the feature `tls`.
    #[error("this build has no TLS: enable the feature `tls`")]
    Absent,
}
