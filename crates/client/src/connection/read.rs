//! The half of a stream that is read.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use polywire_wire::{CallReader, ClientEvent, WireError};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::mux::Shared;
use crate::ClientError;

thread_local! {
    /// What a read goes into first, so that an idle connection owns no buffer.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// The stream and what has been read of an unfinished reply.
pub(super) struct Incoming<R> {
    io: R,
    wire: Box<dyn CallReader>,
    unread: BytesMut,
    events: Vec<ClientEvent>,
    wakers: Vec<Waker>,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub(super) fn new(io: R, wire: impl CallReader) -> Self {
        let (events, wakers) = (Vec::new(), Vec::new());
        Self { io, wire: Box::new(wire), unread: BytesMut::new(), events, wakers }
    }

    /// Reads what there is; zero is the end of the stream.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.unread.is_empty() {
            return SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
                self.unread.extend_from_slice(buffer.filled());
                Poll::Ready(Ok(buffer.filled().len()))
            });
        }
        // The rest of a large reply goes where it belongs at once.
        let more = self.unread.len().clamp(SCRATCH_BYTES, MAX_READ_BYTES);
        self.unread.reserve(more);
        poll_read_buf(Pin::new(&mut self.io), cx, &mut self.unread)
    }

    /// Hands every whole reply to its caller; true if it pays to wait for what they send next.
    ///
    /// # Errors
    /// When the peer has sent what is no reply; those before it were handed out.
    pub(super) fn deliver(&mut self, shared: &Shared) -> Result<bool, ClientError> {
        let broken = loop {
            match self.wire.next(&mut self.unread) {
                Ok(Some(event)) => self.events.push(event),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let gather = shared.deliver(&mut self.events, &mut self.wakers);
        if self.unread.is_empty() {
            // The replies share this buffer; they own it from here on.
            self.unread = BytesMut::new();
        }
        match broken {
            None => Ok(gather),
            Some(WireError::UnexpectedEof) => Err(ClientError::UnexpectedEof),
            Some(error) => Err(ClientError::Wire(Arc::new(error))),
        }
    }

    /// Hands out whatever still comes, until the peer closes or breaks off.
    pub(super) async fn deliver_rest(&mut self, shared: &Shared) {
        while let Ok(1..) = poll_fn(|cx| self.poll_read(cx)).await {
            if self.deliver(shared).is_err() {
                return;
            }
        }
    }

    /// Why the connection ended, when the peer sends no more.
    pub(super) fn finish(&mut self) -> ClientError {
        match self.wire.finish(&mut self.unread) {
            Ok(()) | Err(WireError::UnexpectedEof) => ClientError::UnexpectedEof,
            Err(error) => ClientError::Wire(Arc::new(error)),
        }
    }
}

/// What one read takes at most while nothing is unfinished.
const SCRATCH_BYTES: usize = 64 * 1024;

/// What one read takes at most of a large reply.
const MAX_READ_BYTES: usize = 1024 * 1024;
