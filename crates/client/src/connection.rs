//! One connection that many calls share.
//!
//! Callers encode into one buffer under a short lock; whoever finds nothing being written writes.
//! One task reads, hands replies to the callers they belong to, and writes what gathers while
//! several calls are under way: one write for all of them.

mod call;
mod mux;
mod read;
mod slots;
mod streams;
mod write;

use std::fmt;
use std::sync::Arc;

use polywire_core::{Encoding, Request};
use polywire_wire::{CallReader, CallWriter};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

pub use self::call::PendingCall;
use self::mux::Shared;
use self::read::Incoming;
use crate::ClientError;

/// A connection that many calls share; its task ends with it.
pub struct Connection {
    shared: Arc<Shared>,
    encoding: Encoding,
    /// Shared with the streams that are being read.
    task: Arc<JoinSet<()>>,
}

/// What one connection holds at most.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    calls: usize,
    unsent_bytes: u64,
    stream_window: u64,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        let unsent_bytes = 16 * 1024 * 1024;
        Self { calls: 16 * 1024, unsent_bytes, stream_window: 1024 * 1024 }
    }
}

impl ConnectionLimits {
    /// Calls without a reply at once; more wait for one to end, in the order they came. At most
    /// 65,536. Default: 16,384.
    #[must_use]
    pub const fn calls(mut self, calls: usize) -> Self {
        self.calls = calls;
        self
    }

    pub(crate) const fn max_calls(self) -> usize {
        self.calls
    }

    /// Bytes that wait to be taken by the peer. Once there are as many, further calls wait for
    /// less, in the order they came; one call may go over it. Default: 16 MiB.
    #[must_use]
    pub const fn unsent_bytes(mut self, bytes: u64) -> Self {
        self.unsent_bytes = bytes;
        self
    }

    /// Bytes of one stream of replies that may wait for their reader; each value counts 32 more
    /// than it has, and one value may go over it. Default: 1 MiB.
    #[must_use]
    pub const fn stream_window(mut self, bytes: u64) -> Self {
        self.stream_window = bytes;
        self
    }
}

impl Connection {
    /// Takes over a connected stream, in two halves, and starts the task that reads it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(
        read: impl AsyncRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
        wire: (impl CallWriter, impl CallReader),
        limits: ConnectionLimits,
    ) -> Self {
        polywire_net::keep_large_blocks();
        let (writer, reader) = wire;
        let encoding = writer.encoding();
        let shared = Arc::new(Shared::new(Box::new(writer), Box::new(write), limits));
        let mut task = JoinSet::new();
        task.spawn(mux::run(Arc::clone(&shared), Incoming::new(read, reader)));
        Self { shared, encoding, task: Arc::new(task) }
    }

    /// Sends a call once there is room for it, and waits for its reply.
    ///
    /// **Cancel safe**: a call that was not sent yet is not sent; of one that was, the peer is
    /// told if it understands, and the reply is thrown away. Other calls are unharmed.
    pub fn call<'a>(&'a self, request: &'a Request) -> PendingCall<'a> {
        PendingCall::new(self, request)
    }

    /// The encoding arguments should have.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whether calls can still be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// Closes the connection; calls that wait end with [`ClientError::Shutdown`].
    pub fn close(&self) {
        self.shared.end(ClientError::Shutdown);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
