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
    /// A certificate and its key do not go together, or are of a kind that is not supported.
    #[error("cannot use the certificate in {certificates} with the key in {key}")]
    Certificate {
        /// Where the certificate is.
        certificates: String,
        /// Where the key is.
        key: String,
        /// What is wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Authorities, or the list of certificates that they revoked, cannot be used.
    #[error("cannot use the authorities or revocations in {what}")]
    Authorities {
        /// Where they are.
        what: String,
        /// What is wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// This is no name that a certificate could be for.
    #[error("`{name}` is neither the name of a host nor an IP address")]
    Name {
        /// What was given.
        name: String,
    },
    /// The system keeps no authorities where they are looked for.
    #[error("no certificate authorities: name a file in `SSL_CERT_FILE`")]
    NoAuthorities,
    /// This build was made without the feature `tls`.
    #[error("this build has no TLS: enable the feature `tls`")]
    Absent,
}
