//! Values that come one after another.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::{Code, Encoding, Payload, Status};

enum Source {
    Payloads(Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>),
    Appending(Pin<Box<dyn AppendStream + Send>>),
}

/// A stream of values that can be encoded where they are to go.
pub trait AppendStream: Stream<Item = Result<Payload, Status>> {
    /// Appends the next value to `out`, in place of a [`Payload`] of its own. Gives what
    /// [`Payload::context`] would be. Unless there is a value, `out` stays as it was.
    fn poll_append(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Option<Result<Appended, Status>>>;
}

/// What the encoding of a value needs beside the bytes that were appended.
pub type Appended = Option<Arc<dyn Any + Send + Sync>>;

/// Encoded values, one after another, all in one encoding.
///
/// `None` is the orderly end: the sender has no more. An `Err` is the last item, whether the sender
/// failed, was cut off or ran out of time. Dropping the stream tells the sender that nobody reads
/// on.
pub struct PayloadStream {
    encoding: Encoding,
    // Locked by `take` only: `get_mut` needs none. It lets a request be shared between threads by
    // reference, which a bare trait object would forbid.
    inner: Mutex<Option<Source>>,
}

impl PayloadStream {
    /// A stream of values in `encoding`.
    pub fn new(
        encoding: Encoding,
        stream: impl Stream<Item = Result<Payload, Status>> + Send + 'static,
    ) -> Self {
        Self::from_source(encoding, Source::Payloads(Box::pin(stream)))
    }

    /// A stream of values in `encoding` that can be encoded where they are to go.
    pub fn appending(encoding: Encoding, stream: impl AppendStream + Send + 'static) -> Self {
        Self::from_source(encoding, Source::Appending(Box::pin(stream)))
    }

    const fn from_source(encoding: Encoding, source: Source) -> Self {
        Self { encoding, inner: Mutex::new(Some(source)) }
    }

    /// Takes the values out of a stream that is held by reference, once; `None` afterwards, when
    /// the stream itself is empty.
    #[must_use]
    pub fn take(&self) -> Option<Self> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Self::from_source(self.encoding, inner))
    }

    /// Whether the values were taken out: they cannot be sent again.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Whether its values are encoded as they are taken: [`poll_append`](Self::poll_append) saves
    /// a copy then, where otherwise it makes one.
    #[must_use]
    pub fn is_appending(&mut self) -> bool {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        matches!(inner, Some(Source::Appending(_)))
    }

    /// How its values are encoded, known before the first one comes.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }
}

impl PayloadStream {
    /// Appends the next value to `out`, in place of a [`Payload`] of its own. Gives what
    /// [`Payload::context`] would be. Unless there is a value, `out` stays as it was.
    pub fn poll_append(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Option<Result<Appended, Status>>> {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let payloads = match inner {
            None => return Poll::Ready(None),
            Some(Source::Appending(source)) => return source.as_mut().poll_append(cx, out),
            Some(Source::Payloads(payloads)) => payloads,
        };
        let next = ready!(payloads.as_mut().poll_next(cx));
        Poll::Ready(next.map(|value| {
            let payload = value?;
            if payload.encoding != self.encoding {
                return Err(mixed(payload.encoding, self.encoding));
            }
            out.extend_from_slice(&payload.bytes);
            Ok(payload.context)
        }))
    }
}

impl Stream for PayloadStream {
    type Item = Result<Payload, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.get_mut().inner.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Some(Source::Payloads(payloads)) => payloads.as_mut().poll_next(cx),
            Some(Source::Appending(source)) => source.as_mut().poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

fn mixed(found: Encoding, promised: Encoding) -> Status {
    Status::new(Code::Internal, format!("a value in {found} in a stream of {promised}"))
}

impl fmt::Debug for PayloadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadStream").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}
