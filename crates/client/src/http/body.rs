//! The body of a request of HTTP/1.1.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use polywire_core::{PayloadStream, Status};

use super::failure::ArgumentFailure;
use super::message::Encoder;

/// The body of a request: bytes that are there, or the values of a stream as they come.
#[derive(Debug)]
pub(super) struct Arguments {
    content: Content,
    /// Set once all of it was taken.
    taken: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Content {
    Whole(Bytes),
    Stream(Box<Values>),
}

#[derive(Debug)]
struct Values {
    /// Gone once the last one was taken.
    values: Option<PayloadStream>,
    encoder: Encoder,
    gathered: BytesMut,
    failure: ArgumentFailure,
}

/// A stream of arguments ended before its time; why is noted elsewhere.
#[derive(Debug)]
pub(super) struct Abandoned;

impl Arguments {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { content: Content::Whole(bytes), taken: Arc::default() }
    }

    /// Why the stream ended before its time is noted in `failure`.
    pub(super) fn stream(
        values: PayloadStream,
        encoder: Encoder,
        failure: ArgumentFailure,
    ) -> Self {
        let values = Values { values: Some(values), encoder, gathered: BytesMut::new(), failure };
        Self { content: Content::Stream(Box::new(values)), taken: Arc::default() }
    }

    /// Says later on whether all of it was taken.
    pub(super) fn taken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.taken)
    }
}

impl Body for Arguments {
    type Data = Bytes;
    type Error = Abandoned;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abandoned>>> {
        let next = match &mut self.content {
            Content::Whole(bytes) => Poll::Ready(Ok(std::mem::take(bytes))),
            Content::Stream(values) => values.poll_chunk(cx),
        };
        next.map(|chunk| {
            let is_end = matches!(&chunk, Ok(bytes) if bytes.is_empty());
            let chunk = (!is_end).then_some(chunk);
            let is_last = chunk.is_none() || matches!(self.content, Content::Whole(_));
            self.taken.fetch_or(is_last, Ordering::Relaxed);
            chunk.map(|chunk| chunk.map(Frame::data))
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

impl Values {
    /// Values that are there, many small ones in one chunk; empty at the end.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Abandoned>> {
        while self.gathered.len() < PACK {
            let Some(values) = &mut self.values else { break };
            match Pin::new(values).poll_next(cx) {
                Poll::Pending if self.gathered.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(None) => self.values = None,
                Poll::Ready(Some(value)) => {
                    let encoded =
                        value.and_then(|value| self.encoder.put(&value, &mut self.gathered));
                    if let Err(status) = encoded {
                        return Poll::Ready(Err(self.abandon(status)));
                    }
                }
            }
        }
        Poll::Ready(Ok(self.gathered.split().freeze()))
    }

    fn abandon(&mut self, status: Status) -> Abandoned {
        self.values = None;
        self.failure.set(status);
        Abandoned
    }
}

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream of arguments ended before its time")
    }
}

impl std::error::Error for Abandoned {}

/// How much is gathered for one chunk, if it is there.
const PACK: usize = 16 * 1024;
