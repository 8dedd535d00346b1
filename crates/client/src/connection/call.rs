//! One call on a connection, from its caller's side.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use polywire_core::{Body, CallKind, Code, Origin, Reply, Request, Status};
use tokio::time::Instant;

use super::Connection;
use super::mux::{Next, Shared, State};
use super::slots::Found;
use super::streams::response;
use crate::error::Sent;

/// A call on its way; made by [`Connection::call`](super::Connection::call).
#[must_use = "a call is sent when it is awaited"]
pub struct PendingCall<'a> {
    connection: &'a Connection,
    request: &'a Request,
    stage: Stage,
}

/// `Fresh -> Queued -> Sent -> Over`; what is left to undo when the caller goes away.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Fresh,
    Queued { ticket: u64 },
    Sent { id: u64 },
    Over,
}

impl<'a> PendingCall<'a> {
    pub(super) const fn new(connection: &'a Connection, request: &'a Request) -> Self {
        Self { connection, request, stage: Stage::Fresh }
    }

    fn shared(&self) -> &'a Arc<Shared> {
        &self.connection.shared
    }

    /// Sends the call if there is room for it, else queues.
    fn send(&mut self, ticket: Option<u64>, waker: &Waker) -> Poll<Reply> {
        let mut guard = self.shared().state();
        let state = &mut *guard;
        if let Some(error) = &state.ended {
            self.stage = Stage::Over;
            return Poll::Ready(Err(error.clone().into_status(Sent::No)));
        }
        let id = state.slots.next_id().filter(|_| state.has_room());
        let Some(id) = id.filter(|_| ticket.is_some() || state.waiters.is_empty()) else {
            let ticket = state.waiters.push(ticket, waker);
            self.stage = Stage::Queued { ticket };
            return Poll::Pending;
        };
        if let Some(ticket) = ticket {
            state.waiters.remove(ticket);
        }
        let before = state.out.len();
        if let Err(status) = self.append(id, state) {
            self.stage = Stage::Over;
            let next = state.waiters.pop(1);
            drop(guard);
            next.into_iter().for_each(Waker::wake);
            return Poll::Ready(Err(status));
        }
        state.slots.insert(waker.clone(), state.position());
        self.stage = Stage::Sent { id };
        let next = state.appended(state.out.len().saturating_sub(before));
        drop(guard);
        match next {
            Next::Wait => {}
            Next::Wake(task) => task.into_iter().for_each(Waker::wake),
            Next::Write => self.shared().write_now(),
        }
        Poll::Pending
    }

    /// Appends the call, or the start of a stream.
    fn append(&self, id: u64, state: &mut State) -> Result<(), Status> {
        let request = self.request;
        let remaining =
            request.deadline.map(|deadline| deadline.remaining(Instant::now().into_std()));
        if request.hints.kind == CallKind::Unary {
            return state.wire.write(id, request, remaining, &mut state.out);
        }
        if matches!(&request.body, Body::Stream(values) if values.is_taken()) {
            let text = "the arguments were sent before, and cannot be sent again";
            return Err(Status::new(Code::Aborted, text).with_origin(Origin::Lost));
        }
        let window = state.streams.window();
        let room = state.wire.open(id, request, remaining, window, &mut state.out)?;
        state.streams.insert(id, request, room, self.shared());
        Ok(())
    }

    /// Takes the reply if it is there.
    fn receive(&mut self, id: u64, waker: &Waker) -> Poll<Reply> {
        let (reply, next) = {
            let mut state = self.shared().state();
            match state.slots.poll(id, waker) {
                Found::Waiting => return Poll::Pending,
                Found::Done(reply) => (Ok(reply), state.freed()),
                Found::Open => match state.take_head(id) {
                    Some(head) => (Err(head), state.freed()),
                    None => return Poll::Pending,
                },
            }
        };
        self.stage = Stage::Over;
        next.into_iter().for_each(Waker::wake);
        Poll::Ready(reply.unwrap_or_else(|head| {
            let Connection { shared, task, .. } = self.connection;
            Ok(response(head, self.request.deadline, shared, task))
        }))
    }
}

impl Future for PendingCall<'_> {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        match self.stage {
            Stage::Fresh => self.send(None, cx.waker()),
            Stage::Queued { ticket } => self.send(Some(ticket), cx.waker()),
            Stage::Sent { id } => self.receive(id, cx.waker()),
            Stage::Over => Poll::Pending,
        }
    }
}

impl Drop for PendingCall<'_> {
    fn drop(&mut self) {
        let mut wakers = Vec::new();
        match self.stage {
            Stage::Fresh | Stage::Over => return,
            Stage::Queued { ticket } => {
                let mut state = self.shared().state();
                if !state.waiters.remove(ticket) {
                    // It was called up and goes without using its turn.
                    wakers = state.freed();
                }
            }
            Stage::Sent { id } => {
                let mut guard = self.shared().state();
                let state = &mut *guard;
                drop(state.streams.remove(id));
                if state.slots.cancel(id) && state.ended.is_none() {
                    let before = state.out.len();
                    state.wire.cancel(id, &mut state.out);
                    wakers.extend(state.appended_for_task(state.out.len().saturating_sub(before)));
                }
                wakers.extend(state.freed());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for PendingCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCall").field("stage", &self.stage).finish_non_exhaustive()
    }
}
