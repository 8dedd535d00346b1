//! What all connections are underneath.

use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways: TCP, a Unix socket, TLS, or a pipe within the process.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + ?Sized> ByteStream for S {}

/// A stream whose type is forgotten.
pub type BoxStream = Box<dyn ByteStream>;
