//! Values that come one after another.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::{Code, EncodedRun, EncodedValue, Encoding, Payload, RunBudget, RunEnd, Status};

enum Source {
    Payloads(Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>),
    Appending(Pin<Box<dyn AppendStream + Send>>),
    Lending(Pin<Box<dyn LendStream + Send>>),
}

/// A stream of values that can be read where they are.
pub trait LendStream: Stream<Item = Result<Payload, Status>> {
    /// Lends the next value, in place of a [`Payload`] of its own.
    fn poll_lend<'a>(
        self: Pin<&'a mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<EncodedValue<'a>, Status>>>;
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

    /// As [`poll_append`](Self::poll_append), of all the values that are ready and within the
    /// budget.
    fn poll_append_run(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        run: &mut EncodedRun,
        budget: RunBudget,
    ) -> RunEnd {
        run.fill(budget, |out| self.as_mut().poll_append(cx, out))
    }

    /// Encodes the values to come in another encoding. Says whether it can, which it does not by
    /// default.
    fn reencode(self: Pin<&mut Self>, to: Encoding) -> bool {
        let _ = to;
        false
    }
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
    /// Whether values were asked for: some may be gone.
    begun: bool,
    /// The value that was lent last, unless the source lends its own.
    lent: Option<Box<Payload>>,
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

    /// A stream of values in `encoding` that can be read where they are.
    pub fn lending(encoding: Encoding, stream: impl LendStream + Send + 'static) -> Self {
        Self::from_source(encoding, Source::Lending(Box::pin(stream)))
    }

    const fn from_source(encoding: Encoding, source: Source) -> Self {
        Self { encoding, inner: Mutex::new(Some(source)), begun: false, lent: None }
    }

    /// Takes the values out of a stream that is held by reference, once; `None` afterwards, when
    /// the stream itself is empty.
    #[must_use]
    pub fn take(&self) -> Option<Self> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Self { begun: self.begun, ..Self::from_source(self.encoding, inner) })
    }

    /// As [`take`](Self::take), with the values in another encoding. `None` if they cannot be had in
    /// it, and the stream is left as it is.
    #[must_use]
    pub fn take_as(&self, to: Encoding) -> Option<Self> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Source::Appending(source)) = &mut *inner else { return None };
        if !source.as_mut().reencode(to) {
            return None;
        }
        let source = inner.take()?;
        Some(Self { begun: self.begun, ..Self::from_source(to, source) })
    }

    /// Takes back what [`take_as`](Self::take_as) gave and nobody used, so that the values can be
    /// taken once more, in any encoding. Says whether it did: not if values were asked for, or taken
    /// out of `unused`, or are here still, or cannot be had in this stream's encoding.
    pub fn give_back(&self, unused: Self) -> bool {
        let Self { begun: false, inner: other, .. } = unused else { return false };
        let other = other.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(Source::Appending(mut source)) = other else { return false };
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = inner.is_none() && source.as_mut().reencode(self.encoding);
        if fits {
            *inner = Some(Source::Appending(source));
        }
        fits
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
        self.begun = true;
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(Source::Appending(source)) = inner {
            return source.as_mut().poll_append(cx, out);
        }
        let promised = self.encoding;
        let next = ready!(self.poll_lend(cx));
        Poll::Ready(next.map(|value| {
            let value = value?;
            if value.encoding != promised {
                return Err(mixed(value.encoding, promised));
            }
            out.extend_from_slice(value.bytes);
            Ok(value.context.cloned())
        }))
    }

    /// As [`poll_append`](Self::poll_append), of all the values that are ready and within the
    /// budget; the run must be in the encoding of the stream.
    pub fn poll_append_run(
        &mut self,
        cx: &mut Context<'_>,
        run: &mut EncodedRun,
        budget: RunBudget,
    ) -> RunEnd {
        self.begun = true;
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(Source::Appending(source)) = inner {
            return source.as_mut().poll_append_run(cx, run, budget);
        }
        run.fill(budget, |out| self.poll_append(cx, out))
    }

    /// Lends the next value, in place of a [`Payload`] of its own.
    pub fn poll_lend(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<EncodedValue<'_>, Status>>> {
        self.begun = true;
        let next = match self.inner.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Some(Source::Lending(source)) => return source.as_mut().poll_lend(cx),
            Some(source) => ready!(source.poll_next(cx)),
            None => None,
        };
        let lent = &mut self.lent;
        Poll::Ready(next.map(|value| {
            let payload = value?;
            let place = match lent {
                Some(place) => {
                    **place = payload;
                    place
                }
                None => lent.insert(Box::new(payload)),
            };
            Ok(place.lend())
        }))
    }
}

impl Stream for PayloadStream {
    type Item = Result<Payload, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.begun = true;
        match this.inner.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Some(source) => source.poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

impl Source {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Payload, Status>>> {
        match self {
            Self::Payloads(stream) => stream.as_mut().poll_next(cx),
            Self::Appending(stream) => stream.as_mut().poll_next(cx),
            Self::Lending(stream) => stream.as_mut().poll_next(cx),
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
