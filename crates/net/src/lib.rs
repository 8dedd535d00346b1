//! Byte streams: TCP, Unix sockets and pipes within the process; bytes put back, TLS.
//!
//! A [`Listener`] accepts [`Socket`]s at an address of any of the three kinds, and
//! [`Socket::connect`] opens one.
//! A server looks at the first bytes of a connection and puts them back ([`Prefixed`]) before TLS
//! is unwrapped ([`TlsServer`]); what comes out is a [`ByteStream`] like any other.
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | TLS by rustls with ring; without it nobody can make a [`TlsServer`] or [`TlsClient`] |
#![forbid(unsafe_code)]

mod busy_poll;
mod handshake_error;
mod heap;
mod listener;
mod memory;
mod pem;
mod prefixed;
mod socket;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
mod tls_absent;
mod tls_accepted;
mod tls_error;
#[cfg(unix)]
mod unix;

pub use self::busy_poll::BusyPoll;
pub use self::handshake_error::HandshakeError;
pub use self::heap::keep_large_blocks;
pub use self::listener::Listener;
pub use self::pem::Pem;
pub use self::prefixed::Prefixed;
pub use self::socket::Socket;
pub use self::stream::{BoxStream, ByteStream};
#[cfg(feature = "tls")]
pub use self::tls::{ClientAuth, TlsClient, TlsServer};
#[cfg(not(feature = "tls"))]
pub use self::tls_absent::{ClientAuth, TlsClient, TlsServer};
pub use self::tls_accepted::{Accepted, Alpn, Connected};
pub use self::tls_error::TlsError;
