//! The body of a reply: bytes, and messages with prefixes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;
use http_body::Body as _;
use polywire_core::{Code, Status};
use polywire_wire::grpc::{Envelope, Envelopes};

use super::failure::{Diagnosis, Stage};
use super::h1::Lease;

/// The body of a reply, taken from its connection as its reader asks for it: what is not asked for
/// stays with the peer, beyond a window.
#[derive(Debug)]
pub(super) struct Incoming {
    source: Source,
    envelopes: Envelopes,
}

#[derive(Debug)]
enum Source {
    Http2(Stream),
    Http1(Box<Exclusive>),
}

/// A stream of HTTP/2.
#[derive(Debug)]
struct Stream {
    stream: RecvStream,
    diagnosis: Diagnosis,
    /// Bytes that were taken and not given back to the window.
    held: usize,
}

/// What comes on a connection of HTTP/1.1.
#[derive(Debug)]
struct Exclusive {
    body: hyper::body::Incoming,
    trailers: Option<HeaderMap>,
    /// Gone once all has come.
    lease: Option<Lease>,
}

impl Incoming {
    pub(super) fn of_http2(
        stream: RecvStream,
        max_message_bytes: usize,
        diagnosis: Diagnosis,
    ) -> Self {
        Self::new(Source::Http2(Stream { stream, diagnosis, held: 0 }), max_message_bytes)
    }

    pub(super) fn of_http1(
        body: hyper::body::Incoming,
        max_message_bytes: usize,
        lease: Lease,
    ) -> Self {
        let exclusive = Exclusive { body, trailers: None, lease: Some(lease) };
        Self::new(Source::Http1(Box::new(exclusive)), max_message_bytes)
    }

    fn new(source: Source, max_message_bytes: usize) -> Self {
        Self { source, envelopes: Envelopes::new(max_message_bytes) }
    }

    /// Whether the reply has a body or trailers.
    pub(super) fn is_empty(&self) -> bool {
        match &self.source {
            Source::Http2(stream) => stream.stream.is_end_stream(),
            Source::Http1(exclusive) => exclusive.body.is_end_stream(),
        }
    }

    /// The next message, if it has come whole and has no flags; `None` says nothing.
    #[inline]
    pub(super) fn next_plain(&mut self) -> Option<Bytes> {
        self.envelopes.next_plain()
    }

    /// As [`next_plain`](Self::next_plain), but [`lent`](Self::lent) is the message.
    #[inline]
    pub(super) fn lend_plain(&mut self) -> bool {
        self.envelopes.lend_plain()
    }

    /// The message that is lent, until another is asked for.
    #[inline]
    pub(super) fn lent(&self) -> &[u8] {
        self.envelopes.lent()
    }

    /// The next message; `None` at the end of the body.
    pub(super) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Envelope>, Status>> {
        loop {
            if let Some(envelope) = self.envelopes.next()? {
                return Poll::Ready(Ok(Some(envelope)));
            }
            match ready!(self.poll_chunk(cx))? {
                Some(chunk) => self.envelopes.push(chunk),
                None => return Poll::Ready(self.envelopes.finish().map(|()| None)),
            }
        }
    }

    /// Whether the body ends without a byte, which the head does not always tell.
    pub(super) async fn ends_at_once(&mut self) -> Result<bool, Status> {
        while let Some(chunk) = std::future::poll_fn(|cx| self.poll_chunk(cx)).await? {
            if !chunk.is_empty() {
                self.envelopes.push(chunk);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All of the body, if it is within a limit.
    pub(super) async fn whole(&mut self, max: usize) -> Result<Bytes, Status> {
        let mut first = Bytes::new();
        let mut gathered = BytesMut::new();
        while let Some(chunk) = std::future::poll_fn(|cx| self.poll_chunk(cx)).await? {
            let len = first.len().max(gathered.len()).saturating_add(chunk.len());
            if len > max {
                let text = format!("message is over the limit of {max} bytes (message_bytes)");
                return Err(Status::new(Code::ResourceExhausted, text));
            }
            if first.is_empty() && gathered.is_empty() {
                first = chunk;
                continue;
            }
            if gathered.is_empty() {
                gathered.extend_from_slice(&first);
            }
            gathered.extend_from_slice(&chunk);
        }
        Ok(if gathered.is_empty() { first } else { gathered.freeze() })
    }

    /// The trailers, once the body has ended; empty if there are none.
    pub(super) fn poll_trailers(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<HeaderMap, Status>> {
        match &mut self.source {
            Source::Http2(stream) => stream.poll_trailers(cx),
            Source::Http1(exclusive) => {
                Poll::Ready(Ok(exclusive.trailers.take().unwrap_or_default()))
            }
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Status>> {
        match &mut self.source {
            Source::Http2(stream) => stream.poll_chunk(cx),
            Source::Http1(exclusive) => exclusive.poll_chunk(cx),
        }
    }
}

impl Stream {
    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<HeaderMap, Status>> {
        let trailers = ready!(self.stream.poll_trailers(cx));
        Poll::Ready(match trailers {
            Ok(trailers) => Ok(trailers.unwrap_or_default()),
            Err(error) => Err(self.diagnosis.status(&error, Stage::Replying)),
        })
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Status>> {
        if self.held >= RELEASE {
            self.release();
        }
        let Poll::Ready(next) = self.stream.poll_data(cx) else {
            // All of the window is needed by whoever waits.
            self.release();
            return Poll::Pending;
        };
        Poll::Ready(match next.transpose() {
            Ok(chunk) => {
                self.held = self.held.saturating_add(chunk.as_ref().map_or(0, Bytes::len));
                Ok(chunk)
            }
            Err(error) => Err(self.diagnosis.status(&error, Stage::Replying)),
        })
    }

    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        if held > 0 {
            // It fails only if more is released than came.
            drop(self.stream.flow_control().release_capacity(held));
        }
    }
}

impl Exclusive {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Status>> {
        let Some(lease) = &self.lease else { return Poll::Ready(Ok(None)) };
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => return Poll::Ready(Ok(Some(chunk))),
                    Err(other) => self.trailers = other.into_trailers().ok(),
                },
                Some(Err(error)) => return Poll::Ready(Err(lease.status(&error))),
                None => break,
            }
        }
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        Poll::Ready(Ok(None))
    }
}

/// How much is given back to the window at once while chunks keep coming.
const RELEASE: usize = 32 * 1024;
