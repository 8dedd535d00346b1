//! What comes of a handshake.

use std::fmt;

use polywire_core::PeerIdentity;

use crate::BoxStream;

/// What comes of a handshake: a stream without TLS, and what is known of the peer.
#[non_exhaustive]
pub struct Accepted {
    /// What the peer sends and is sent, decrypted.
    pub stream: BoxStream,
    /// What both sides agreed to speak; `None` if the client did not ask.
    pub alpn: Option<Alpn>,
    /// Who the client has proved to be, if it showed a certificate.
    pub identity: Option<PeerIdentity>,
}

/// What comes of a handshake with a server.
#[non_exhaustive]
pub struct Connected {
    /// What the server sends and is sent, decrypted.
    pub stream: BoxStream,
    /// What both sides agreed to speak; `None` if the server did not choose.
    pub alpn: Option<Alpn>,
}

/// A protocol that both sides can agree on while they shake hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alpn {
    /// HTTP/2.
    H2,
    /// HTTP/1.1.
    Http1,
}

impl Alpn {
    /// All of them, the preferred one first.
    pub const ALL: [Self; 2] = [Self::H2, Self::Http1];

    /// Its name in the handshake.
    #[must_use]
    pub const fn name(self) -> &'static [u8] {
        match self {
            Self::H2 => b"h2",
            Self::Http1 => b"http/1.1",
        }
    }

    /// The protocol of this name.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|alpn| alpn.name() == name)
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").field("alpn", &self.alpn).finish_non_exhaustive()
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("alpn", &self.alpn)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
