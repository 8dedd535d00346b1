//! A body that is there as a whole, and reading one.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

/// A body in one piece.
pub(super) struct Whole(Bytes);

impl Whole {
    pub(super) fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.0)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.remaining().try_into().unwrap_or(u64::MAX))
    }
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("body is over the limit of {0} bytes")]
    TooLarge(usize),
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// Reads a body of at most `max` bytes.
pub(super) async fn read(body: hyper::body::Incoming, max: usize) -> Result<Bytes, ReadError> {
    let mut body = pin!(body);
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(ReadError::TooLarge(max));
    }
    let mut gathered = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(data) = frame?.into_data() else { continue };
        if data.len() > max.saturating_sub(gathered.len()) {
            return Err(ReadError::TooLarge(max));
        }
        gathered.extend_from_slice(&data);
    }
    Ok(gathered.freeze())
}
