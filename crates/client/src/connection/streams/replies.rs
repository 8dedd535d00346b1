//! The values of a reply, as its caller takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use polywire_core::{
    Body, Deadline, EncodedValue, LendStream, Payload, PayloadStream, Response, Status,
};
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
    let mut response = Response::new(Body::Stream(PayloadStream::lending(encoding, replies)));
    response.metadata = metadata;
    response.trailers = Some(trailers);
    response
}

impl Replies {
    /// Whether the time is up, if there is a limit to it.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }

    /// Goes to the next value.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // The clock is looked at when there is nothing else to do, and now and then.
        let next = self.values.poll_step(cx);
        let granted = self.values.take_grant();
        if let Some(bytes) = granted {
            self.shared.grant(self.tag, bytes);
        }
        if (next.is_pending() || granted.is_some()) && self.is_late(cx) {
            self.give_up();
            return Poll::Ready(Some(Err(ClientError::Timeout.into_status(Sent::Perhaps))));
        }
        if let Poll::Ready(None | Some(Err(_))) = next {
            self.ended = true;
        }
        next
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
        let next = self.poll_step(cx);
        next.map(|next| next.map(|next| next.map(|()| self.values.take())))
    }
}

impl LendStream for Replies {
    fn poll_lend<'a>(
        mut self: Pin<&'a mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<EncodedValue<'a>, Status>>> {
        let next = ready!(self.poll_step(cx));
        let this = self.get_mut();
        Poll::Ready(next.map(|next| next.map(|()| this.values.value())))
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.give_up();
    }
}
