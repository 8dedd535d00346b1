//! A stream that gathers what is written until it may go out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Holds back what a [`Corked`] stream would write. Clones share it.
///
/// HTTP/2 flushes whenever it is polled, which is once for each request taken from it; the answers
/// to a batch of requests are to leave in one write.
#[derive(Debug, Clone, Default)]
pub(super) struct Cork(Arc<AtomicBool>);

impl Cork {
    pub(super) fn put(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn pull(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn is_in(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream under a [`Cork`].
#[derive(Debug)]
pub(super) struct Corked<S> {
    inner: S,
    cork: Cork,
    held: BytesMut,
}

impl<S> Corked<S> {
    pub(super) fn new(inner: S, cork: Cork) -> Self {
        Self { inner, cork, held: BytesMut::new() }
    }
}

/// What is gathered at most before it goes out all the same.
const HELD_BYTES: usize = 128 * 1024;

impl<S: AsyncWrite + Unpin> Corked<S> {
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.held))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.held.advance(written);
        }
        if self.held.capacity() > HELD_BYTES {
            self.held = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Corked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.held.len() >= HELD_BYTES {
            ready!(this.poll_held(cx))?;
        }
        this.held.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.cork.is_in() {
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}
