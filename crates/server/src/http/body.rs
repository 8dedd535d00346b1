//! The body of a response.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::HeaderMap;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::reply::ReplyStream;

/// The body of a response.
pub(crate) enum ReplyBody {
    /// What is left of a body that was whole from the start.
    Whole {
        /// Nothing if it is empty.
        data: Bytes,
        /// More data: a large message is not copied behind its prefix.
        more: Bytes,
        trailers: Option<HeaderMap>,
    },
    /// Messages as they come.
    Stream(Box<ReplyStream>),
    /// What a mounted service answers.
    Mounted(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>),
}

type BoxError = Box<dyn Error + Send + Sync>;

impl ReplyBody {
    pub(crate) const fn empty() -> Self {
        Self::Whole { data: Bytes::new(), more: Bytes::new(), trailers: None }
    }

    pub(super) const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole { .. })
    }

    pub(crate) fn data(data: impl Into<Bytes>) -> Self {
        Self::Whole { data: data.into(), more: Bytes::new(), trailers: None }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Whole { data, more, trailers } => {
                let next = [data, more].into_iter().find(|data| !data.is_empty());
                let frame = match next {
                    Some(data) => Some(Frame::data(std::mem::take(data))),
                    None => trailers.take().map(Frame::trailers),
                };
                Poll::Ready(frame.map(Ok))
            }
            Self::Stream(stream) => stream.poll_frame(cx).map(|frame| frame.map(Ok)),
            Self::Mounted(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { data, more, trailers } => {
                data.is_empty() && more.is_empty() && trailers.is_none()
            }
            Self::Stream(stream) => stream.is_ended(),
            Self::Mounted(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { data, more, .. } => {
                SizeHint::with_exact(data.len().saturating_add(more.len()) as u64)
            }
            Self::Stream(_) => SizeHint::default(),
            Self::Mounted(body) => body.size_hint(),
        }
    }
}
