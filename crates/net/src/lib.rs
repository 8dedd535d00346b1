//! Byte streams: bytes put back, TLS, and how large buffers are kept.
//!
//! A server looks at the first bytes of a connection and puts them back ([`Prefixed`]) before TLS
//! is unwrapped ([`TlsServer`]); what comes out is a [`ByteStream`] like any other.
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | TLS by rustls with ring; without it nobody can make a [`TlsServer`] or [`TlsClient`] |
#![forbid(unsafe_code)]

mod heap;
mod prefixed;
mod stream;
#[cfg_attr(not(feature = "tls"), path = "tls_absent.rs")]
mod tls;
mod tls_error;

pub use self::heap::keep_large_blocks;
pub use self::prefixed::Prefixed;
pub use self::stream::{BoxStream, ByteStream};
pub use self::tls::{TlsClient, TlsServer};
pub use self::tls_error::TlsError;
