//! The half of a stream that is written.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use polywire_wire::Outgoing;
use tokio::io::AsyncWrite;

/// The stream and the batch that is on its way into it.
pub(super) struct WriteSide {
    /// `None` once the connection has ended: whoever still holds the connection holds no socket.
    io: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    batch: Outgoing,
    /// Bytes the stream has ever taken.
    written: u64,
}

impl WriteSide {
    pub(super) fn new(io: Box<dyn AsyncWrite + Send + Unpin>) -> Self {
        Self { io: Some(io), batch: Outgoing::default(), written: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Takes over what callers have appended; they get the emptied buffer in exchange.
    pub(super) fn take(&mut self, out: &mut Outgoing) {
        if self.batch.tail().capacity() > KEEP_BYTES {
            self.batch.reset();
        }
        std::mem::swap(&mut self.batch, out);
    }

    /// Writes the batch; ready once the stream has all of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(io) = &mut self.io else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let mut io = Pin::new(io);
        while self.batch.has_remaining() {
            let whole = self.batch.chunk().len() == self.batch.remaining();
            let count = if !whole && io.is_write_vectored() {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let filled = self.batch.chunks_vectored(&mut slices);
                let slices = slices.get(..filled).unwrap_or_default();
                ready!(io.as_mut().poll_write_vectored(cx, slices))?
            } else {
                ready!(io.as_mut().poll_write(cx, self.batch.chunk()))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.batch.advance(count);
            self.written += count as u64;
        }
        // TLS keeps what it has encrypted until it is told to send it.
        io.poll_flush(cx)
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().map_or(Poll::Ready(Ok(())), |io| Pin::new(io).poll_shutdown(cx))
    }

    /// Closes the stream for good.
    pub(super) fn release(&mut self) {
        self.io = None;
    }
}

/// Parts of one vectored write.
const MAX_SLICES: usize = 64;

/// A larger buffer is given back once it has been written.
const KEEP_BYTES: usize = 16 * 1024;
