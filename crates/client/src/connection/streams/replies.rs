//! The values of a reply, as its caller takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use polywire_core::{Body, Deadline, Payload, PayloadStream, Response, Status};
use polywire_wire::Values;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Head, Tag};
use crate::ClientError;
use crate::connection::mux::Shared;
use crate::error::Sent;

/// The values of a reply. Dropping it before the end withdraws the call.
struct Replies {
    values: Values,
    tag: Tag,
    deadline: Option<Pin<Box<Sleep>>>,
    shared: Arc<Shared>,
    /// The connection goes on for as long as somebody reads.
    _task: Arc<JoinSet<()>>,
    ended: bool,
}

/// A response whose body is a stream.
pub(in crate::connection) fn response(
    head: Head,
    deadline: Option<Deadline>,
    shared: &Arc<Shared>,
    task: &Arc<JoinSet<()>>,
) -> Response {
    let Head { tag, metadata, values, trailers } = head;
    let encoding = values.encoding();
    let deadline = deadline.map(|at| Box::pin(sleep_until(Instant::from_std(at.instant()))));
    let (shared, task) = (Arc::clone(shared), Arc::clone(task));
    let replies = Replies { values, tag, deadline, shared, _task: task, ended: false };
    let mut response = Response::new(Body::Stream(PayloadStream::new(encoding, replies)));
    response.metadata = metadata;
    response.trailers = Some(trailers);
    response
}

impl Replies {
    /// Whether the time is up, if there is a limit to it.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }

    fn give_up(&mut self) {
        if !self.ended {
            self.ended = true;
            self.shared.give_up(self.tag);
        }
    }
}

impl Stream for Replies {
    type Item = Result<Payload, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        // The clock is looked at when there is nothing else to do, and now and then.
        let next = this.values.poll_next(cx);
        let granted = this.values.take_grant();
        if let Some(bytes) = granted {
            this.shared.grant(this.tag, bytes);
        }
        if (next.is_pending() || granted.is_some()) && this.is_late(cx) {
            this.give_up();
            return Poll::Ready(Some(Err(ClientError::Timeout.into_status(Sent::Perhaps))));
        }
        if let Poll::Ready(None | Some(Err(_))) = next {
            this.ended = true;
        }
        next
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.give_up();
    }
}
