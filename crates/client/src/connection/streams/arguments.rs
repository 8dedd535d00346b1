//! The arguments of a stream, from their sender to the outgoing buffer.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::{FutureExt as _, Stream as _};
use polywire_core::{Code, Payload, PayloadStream, Status};
use polywire_wire::{CallFrame, window_cost};

use super::Tag;
use crate::connection::mux::{Shared, State};

/// How many values are taken from their sender before they are appended.
const BATCH: usize = 64;

/// How a sender's stream has ended.
type End = Result<(), Status>;

/// Sends arguments as far as the peer allows, until there are no more or the call is over.
///
/// Dropping the future leaves whole frames behind.
pub(super) async fn send(shared: Arc<Shared>, tag: Tag, mut values: PayloadStream) {
    let sending = AssertUnwindSafe(send_all(&shared, tag, &mut values)).catch_unwind();
    let end = sending.await.unwrap_or_else(|_panic| {
        Err(Status::new(Code::Internal, "the stream of arguments panicked"))
    });
    if let Err(status) = end {
        shared.fail(tag, status);
    }
}

async fn send_all(shared: &Shared, tag: Tag, values: &mut PayloadStream) -> End {
    let mut batch = Vec::new();
    loop {
        let Some(room) = poll_fn(|cx| shared.poll_room(tag, cx)).await else { return Ok(()) };
        let end = poll_fn(|cx| gather(values, room, &mut batch, cx)).await;
        let is_last = matches!(end, Some(Ok(())));
        shared.append(tag, &mut batch, is_last)?;
        match end {
            None => {}
            Some(end) => return end,
        }
    }
}

/// Takes what is ready, once anything is, as far as there is room.
fn gather(
    values: &mut PayloadStream,
    mut room: i64,
    batch: &mut Vec<Payload>,
    cx: &mut Context<'_>,
) -> Poll<Option<End>> {
    while batch.len() < BATCH && room > 0 {
        match Pin::new(&mut *values).poll_next(cx) {
            Poll::Ready(Some(Ok(value))) => {
                room = room.saturating_sub(cost(&value));
                batch.push(value);
            }
            Poll::Ready(Some(Err(status))) => return Poll::Ready(Some(Err(status))),
            Poll::Ready(None) => return Poll::Ready(Some(Ok(()))),
            Poll::Pending if batch.is_empty() => return Poll::Pending,
            Poll::Pending => break,
        }
    }
    Poll::Ready(None)
}

fn cost(value: &Payload) -> i64 {
    i64::try_from(window_cost(value.bytes.len())).unwrap_or(i64::MAX)
}

impl Shared {
    /// How many bytes may be sent, once any may; `None` if the call is over.
    fn poll_room(&self, tag: Tag, cx: &Context<'_>) -> Poll<Option<i64>> {
        let mut state = self.state();
        let Some(open) = state.streams.get(tag) else { return Poll::Ready(None) };
        if open.window > 0 {
            return Poll::Ready(Some(open.window));
        }
        open.waits = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Appends arguments, and their end behind the last.
    fn append(&self, tag: Tag, batch: &mut Vec<Payload>, is_last: bool) -> End {
        let (task, appended) = {
            let mut guard = self.state();
            let state = &mut *guard;
            let before = state.out.len();
            let appended = state.append(tag, batch, is_last);
            (state.appended_for_task(state.out.len().saturating_sub(before)), appended)
        };
        task.into_iter().for_each(Waker::wake);
        batch.clear();
        appended
    }

    /// Ends a call whose arguments cannot be sent.
    fn fail(&self, tag: Tag, status: Status) {
        let wakers = {
            let mut state = self.state();
            if state.streams.get(tag).is_none() {
                return;
            }
            let caller = state.fail_stream(tag.id, status);
            let mut wakers = state.freed();
            wakers.extend(caller);
            wakers.extend(state.flush_by_task());
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn append(&mut self, tag: Tag, batch: &[Payload], is_last: bool) -> End {
        let Some(open) = self.streams.get(tag) else { return Ok(()) };
        for value in batch {
            open.window = open.window.saturating_sub(cost(value));
            self.wire.frame(tag.id, CallFrame::Message(value), &mut self.out)?;
        }
        if is_last {
            open.sender = None;
            self.wire.frame(tag.id, CallFrame::End, &mut self.out)?;
        }
        Ok(())
    }
}
