//! Reading on behind a reply of HTTP/1 that was ready before its request had come as a whole.
//!
//! A client that still sends when its reply comes may break both off, as Go's do, so a reply that is
//! ready waits a little for the rest of its request. And a connection that is closed while its peer
//! still sends is reset, and the peer may never see the reply. So whatever else comes is taken and
//! dropped, within bounds, before the reply ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::body::ReplyBody;

/// What a request body leaves when it is dropped: its rest, if there is one.
#[derive(Debug, Clone, Default)]
pub(super) struct Rest(Arc<Mutex<Left>>);

#[derive(Debug, Default)]
enum Left {
    /// The body is being read.
    #[default]
    Unknown,
    Some(Incoming),
    Nothing,
}

impl Rest {
    fn lock(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, left: Left) {
        *self.lock() = left;
    }

    fn take(&self) -> Option<Incoming> {
        match std::mem::replace(&mut *self.lock(), Left::Nothing) {
            Left::Some(body) => Some(body),
            Left::Unknown | Left::Nothing => None,
        }
    }

    /// Takes a little of what is left, while nothing of the reply has gone out yet.
    pub(super) async fn precede(&self) {
        // What reads it still is part of the reply.
        let is_left = matches!(*self.lock(), Left::Some(_));
        let Some(body) = is_left.then(|| self.take()).flatten() else { return };
        let mut taking = Taking::new(body, BEFORE);
        poll_fn(|cx| taking.poll(cx)).await;
        self.set(taking.body.map_or(Left::Nothing, Left::Some));
    }

    fn is_nothing(&self) -> bool {
        matches!(*self.lock(), Left::Nothing)
    }
}

/// The body of a request, which says what is left of it.
#[derive(Debug)]
pub(super) struct Watched {
    body: Option<Incoming>,
    rest: Rest,
}

impl Watched {
    /// A body, and where its rest will be.
    pub(super) fn new(body: Incoming) -> (Self, Rest) {
        let rest = Rest::default();
        if body.is_end_stream() {
            rest.set(Left::Nothing);
        }
        (Self { body: Some(body), rest: rest.clone() }, rest)
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
            self.rest.set(Left::Nothing);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_else(|| SizeHint::with_exact(0))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let left = if body.is_end_stream() { Left::Nothing } else { Left::Some(body) };
            self.rest.set(left);
        }
    }
}

/// `Replying -> Taking -> Over`: the body of a reply, which ends once nothing more of the request is
/// to come, or enough of it has.
pub(super) enum Lingering {
    Replying(ReplyBody, Rest),
    Taking(Box<Taking>),
    Over,
}

/// The rest of a request on its way to nowhere.
pub(super) struct Taking {
    /// Gone once it has ended.
    body: Option<Incoming>,
    /// How much more of it is taken.
    bytes: usize,
    end: Pin<Box<Sleep>>,
}

impl Lingering {
    /// Lets the reply be.
    pub(super) fn without(reply: ReplyBody) -> Self {
        let rest = Rest::default();
        rest.set(Left::Nothing);
        Self::Replying(reply, rest)
    }
}

impl Taking {
    fn new(body: Incoming, bound: Bound) -> Self {
        Self { body: Some(body), bytes: bound.bytes, end: Box::pin(sleep(bound.time)) }
    }

    /// Ready at the end of the body, or of what is taken of it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.bytes > 0 && self.end.as_mut().poll(cx).is_pending() {
            let Some(body) = &mut self.body else { break };
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let bytes = frame.data_ref().map_or(0, |data| data.remaining());
                    self.bytes = self.bytes.saturating_sub(bytes);
                }
                Some(Err(_)) | None => self.body = None,
            }
        }
        Poll::Ready(())
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = <ReplyBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Self::Replying(reply, rest) = &mut *self {
            if let Some(frame) = ready!(Pin::new(&mut *reply).poll_frame(cx)) {
                return Poll::Ready(Some(frame));
            }
            // What the reply is made of may hold the request's body.
            *reply = ReplyBody::empty();
            *self = match rest.take() {
                None => Self::Over,
                Some(body) => Self::Taking(Box::new(Taking::new(body, BEHIND))),
            };
        }
        if let Self::Taking(taking) = &mut *self {
            ready!(taking.poll(cx));
            *self = Self::Over;
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Replying(reply, rest) => rest.is_nothing() && reply.is_end_stream(),
            Self::Taking(_) => false,
            Self::Over => true,
        }
    }

    /// Unknown while some of the request is to come: a reply with a length ends with its last byte.
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Replying(reply, rest) if rest.is_nothing() => reply.size_hint(),
            Self::Replying(..) | Self::Taking(_) => SizeHint::default(),
            Self::Over => SizeHint::with_exact(0),
        }
    }
}

/// How much of a request is taken, and how long the peer may take to end it.
#[derive(Clone, Copy)]
struct Bound {
    bytes: usize,
    time: Duration,
}

/// Before its reply: as much as Go's net/http.
const BEFORE: Bound = Bound { bytes: 256 * 1024, time: Duration::from_secs(1) };

/// Behind its reply.
const BEHIND: Bound = Bound { bytes: 4 * 1024 * 1024, time: Duration::from_secs(5) };
