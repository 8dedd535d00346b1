//! Values that come one after another.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::{Encoding, Payload, Status};

type Erased = Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>;

/// Encoded values, one after another, all in one encoding.
///
/// `None` is the orderly end: the sender has no more. An `Err` is the last item, whether the sender
/// failed, was cut off or ran out of time. Dropping the stream tells the sender that nobody reads
/// on.
pub struct PayloadStream {
    encoding: Encoding,
    // Locked by `take` only: `get_mut` needs none. It lets a request be shared between threads by
    // reference, which a bare trait object would forbid.
    inner: Mutex<Option<Erased>>,
}

impl PayloadStream {
    /// A stream of values in `encoding`.
    pub fn new(
        encoding: Encoding,
        stream: impl Stream<Item = Result<Payload, Status>> + Send + 'static,
    ) -> Self {
        Self { encoding, inner: Mutex::new(Some(Box::pin(stream))) }
    }

    /// Takes the values out of a stream that is held by reference, once; `None` afterwards, when
    /// the stream itself is empty.
    #[must_use]
    pub fn take(&self) -> Option<Self> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Self { encoding: self.encoding, inner: Mutex::new(Some(inner)) })
    }

    /// Whether the values were taken out: they cannot be sent again.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// How its values are encoded, known before the first one comes.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }
}

impl Stream for PayloadStream {
    type Item = Result<Payload, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let inner = self.get_mut().inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.as_mut().map_or(Poll::Ready(None), |inner| inner.as_mut().poll_next(cx))
    }
}

impl fmt::Debug for PayloadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadStream").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}
