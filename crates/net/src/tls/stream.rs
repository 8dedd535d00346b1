//! A connection that a client has shaken hands on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::explain::Sides;

/// The stream of a client. In TLS 1.3 a server looks at the client's certificate when the client
/// has finished already, so that the first read may bring the refusal. Before that one a write to a
/// connection that has ended does not fail: the refusal is what its writer is to hear of.
pub(super) struct ClientStream<S> {
    stream: TlsStream<S>,
    sides: Box<Sides>,
    /// Whether anything was read.
    heard: bool,
}

impl<S> ClientStream<S> {
    pub(super) fn new(stream: TlsStream<S>, sides: Sides) -> Self {
        Self { stream, sides: Box::new(sides), heard: false }
    }

    /// Passes on what came of writing so much, unless reading will tell more of it.
    fn written<T>(&self, polled: Poll<io::Result<T>>, all: T) -> Poll<io::Result<T>> {
        polled.map(|written| match written {
            Err(error) if !self.heard && is_end(error.kind()) => Ok(all),
            written => written,
        })
    }
}

/// Whether it is what writing to a connection brings that the peer has closed.
const fn is_end(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(kind, BrokenPipe | ConnectionReset | ConnectionAborted)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = ready!(Pin::new(&mut this.stream).poll_read(cx, buf));
        this.heard = true;
        Poll::Ready(read.map_err(|error| this.sides.explain_later(error)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.written(written, buf.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.written(written, bufs.iter().map(|buf| buf.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.written(flushed, ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.written(shut, ())
    }
}
