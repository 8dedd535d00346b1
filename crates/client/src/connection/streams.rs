//! The streams of one connection.
//!
//! Replies are put into an inbox by the task that reads; their reader tells the peer what it has
//! taken. Arguments are sent by a small task per stream, which encodes ahead of the lock and
//! appends many at once.

mod arguments;
mod replies;

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use polywire_core::{Code, Encoding, Metadata, PayloadStream, Reply, Request, Status, Trailers};
use polywire_wire::{CallFrame, ClientEvent, Inbox, Values, inbox};
use tokio::task::{AbortHandle, JoinSet};

pub(super) use self::replies::response;

use super::mux::{Shared, State};
use crate::ClientError;
use crate::error::Sent;

/// The streams of one connection, by the ids of their calls.
pub(super) struct Streams {
    /// By numbers that this side chose.
    open: HashMap<u64, Open, foldhash::fast::FixedState>,
    senders: JoinSet<()>,
    last_serial: u64,
    /// Bytes of replies that may wait for their reader, for each stream.
    window: u64,
}

/// Which stream. An id is used again once its call has ended, a serial number never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    id: u64,
    serial: u64,
}

/// A stream: `Asked -> Answered -> Taken`, where the caller takes the reply's beginning.
struct Open {
    tag: Tag,
    /// From the beginning of the reply to its end.
    inbox: Option<Inbox>,
    /// What the caller has not taken yet.
    head: Option<Head>,
    trailers: Trailers,
    /// How many bytes of arguments may be sent; one value may take it below zero.
    window: i64,
    sender: Option<AbortHandle>,
    /// The sender, if it waits for its window.
    waits: Option<Waker>,
}

/// The beginning of a reply that is a stream.
pub(super) struct Head {
    tag: Tag,
    metadata: Metadata,
    values: Values,
    trailers: Trailers,
}

impl Streams {
    pub(super) fn new(window: u64) -> Self {
        let (open, senders) = (HashMap::default(), JoinSet::new());
        Self { open, senders, last_serial: 0, window }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Bytes of replies that the peer may send of each stream.
    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    /// Takes note of a stream that was opened, `window` bytes of whose arguments may be sent.
    pub(super) fn insert(&mut self, id: u64, request: &Request, window: u64, shared: &Arc<Shared>) {
        self.last_serial += 1;
        let tag = Tag { id, serial: self.last_serial };
        let sender = match &request.body {
            polywire_core::Body::Stream(values) => values.take(),
            _ => None,
        };
        let sender = sender.map(|values| self.start(tag, values, shared));
        let open = Open {
            tag,
            inbox: None,
            head: None,
            trailers: Trailers::default(),
            window: i64::try_from(window).unwrap_or(i64::MAX),
            sender,
            waits: None,
        };
        self.open.insert(id, open);
    }

    fn start(&mut self, tag: Tag, values: PayloadStream, shared: &Arc<Shared>) -> AbortHandle {
        while self.senders.try_join_next().is_some() {}
        self.senders.spawn(arguments::send(Arc::clone(shared), tag, values))
    }

    fn get(&mut self, tag: Tag) -> Option<&mut Open> {
        self.open.get_mut(&tag.id).filter(|open| open.tag == tag)
    }

    /// The stream of this id, which is over: no more arguments are sent.
    pub(super) fn remove(&mut self, id: u64) -> Option<Inbox> {
        let open = self.open.remove(&id)?;
        if let Some(sender) = open.sender {
            sender.abort();
        }
        open.inbox
    }

    /// Ends all streams, when the connection does; gives whom to wake.
    pub(super) fn end(&mut self, error: &ClientError) -> Vec<Waker> {
        self.senders.abort_all();
        let mut wakers = Vec::new();
        for open in self.open.values_mut() {
            if let Some(inbox) = open.inbox.take() {
                wakers.extend(inbox.end(Err(error.clone().into_status(Sent::Perhaps))));
            }
        }
        // A caller may still come for what has begun.
        self.open.retain(|_, open| open.head.is_some());
        wakers
    }
}

impl State {
    /// Takes what the peer says; gives whom to wake.
    pub(super) fn event(&mut self, event: ClientEvent) -> Option<Waker> {
        match event {
            ClientEvent::Reply { id, reply } => {
                if self.streams.is_empty() {
                    return self.slots.complete(id, reply);
                }
                self.plain_reply(id, reply)
            }
            ClientEvent::Message { id, value } => {
                let inbox = self.streams.open.get(&id).and_then(|open| open.inbox.as_ref())?;
                match value.and_then(|value| inbox.push(&value).map_err(Status::from)) {
                    Ok(waker) => waker,
                    Err(status) => self.fail_stream(id, status),
                }
            }
            ClientEvent::Messages { id, values } => {
                let inbox = self.streams.open.get(&id).and_then(|open| open.inbox.as_ref())?;
                match inbox.push_all(&values) {
                    Ok(waker) => waker,
                    Err(overrun) => self.fail_stream(id, overrun.into()),
                }
            }
            ClientEvent::Head { id, head } => self.head(id, head),
            ClientEvent::End { id, end } => self.end_stream(id, end),
            ClientEvent::Window { id, bytes } => {
                let Some(open) = self.streams.open.get_mut(&id) else { return self.unknown(id) };
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                open.window = open.window.saturating_add(bytes);
                open.waits.take()
            }
            ClientEvent::Stop { id } => {
                let open = self.streams.open.get_mut(&id)?;
                if let Some(sender) = open.sender.take() {
                    sender.abort();
                }
                None
            }
            _ => None,
        }
    }

    /// A reply that is one value or a status.
    fn plain_reply(&mut self, id: u64, reply: Reply) -> Option<Waker> {
        let Some(open) = self.streams.open.get(&id) else { return self.slots.complete(id, reply) };
        if open.inbox.is_some() || open.head.is_some() {
            return self.end_stream(id, reply.and_then(|_| Err(out_of_order())));
        }
        drop(self.streams.remove(id));
        self.slots.complete(id, self.wire.reply_to_open(reply))
    }

    /// The reply is a stream.
    fn head(&mut self, id: u64, head: Result<(Metadata, Encoding), Status>) -> Option<Waker> {
        let window = self.streams.window;
        let Some(open) = self.streams.open.get_mut(&id) else { return self.unknown(id) };
        if open.inbox.is_some() || open.head.is_some() {
            return self.fail_stream(id, out_of_order());
        }
        match head {
            Ok((metadata, encoding)) => {
                let (inbox, values) = inbox(encoding, window);
                let trailers = open.trailers.clone();
                open.inbox = Some(inbox);
                open.head = Some(Head { tag: open.tag, metadata, values, trailers });
                self.slots.open(id)
            }
            Err(status) => self.fail_stream(id, status),
        }
    }

    /// The peer has said its last word about a stream.
    fn end_stream(&mut self, id: u64, end: Result<Metadata, Status>) -> Option<Waker> {
        let open = self.streams.open.get_mut(&id)?;
        if let Some(sender) = open.sender.take() {
            sender.abort();
        }
        let Some(inbox) = open.inbox.take() else {
            drop(self.streams.remove(id));
            return self.slots.complete(id, Err(end.err().unwrap_or_else(out_of_order)));
        };
        let waker = inbox.end(end.map(|trailers| open.trailers.extend(trailers)));
        if open.head.is_none() {
            drop(self.streams.remove(id));
            self.slots.release(id);
        }
        waker
    }

    /// Gives a stream up, for a reason of this side's, and tells the peer.
    fn fail_stream(&mut self, id: u64, status: Status) -> Option<Waker> {
        let open = self.streams.open.get_mut(&id)?;
        let inbox = open.inbox.take();
        let is_taken = open.head.is_none();
        if let Some(sender) = open.sender.take() {
            sender.abort();
        }
        self.withdraw(id);
        let Some(inbox) = inbox else {
            drop(self.streams.remove(id));
            return self.slots.fail(id, status);
        };
        let waker = inbox.end(Err(status));
        if is_taken {
            drop(self.streams.remove(id));
            self.slots.cancel(id);
        }
        waker
    }

    /// Says once more that nobody waits for this call: when it was given up, it was not known
    /// whether the peer would understand.
    fn unknown(&mut self, id: u64) -> Option<Waker> {
        self.withdraw(id);
        None
    }

    fn withdraw(&mut self, id: u64) {
        let before = self.out.len();
        self.wire.cancel(id, &mut self.out);
        self.note_appended(before);
    }

    /// The beginning of a reply, for its caller.
    pub(super) fn take_head(&mut self, id: u64) -> Option<Head> {
        let open = self.streams.open.get_mut(&id)?;
        let head = open.head.take();
        if open.inbox.is_none() {
            drop(self.streams.remove(id));
            // The peer may still speak of a stream that this side has given up.
            self.slots.cancel(id);
        }
        head
    }
}

impl Shared {
    /// Lets the peer send so many more bytes of a stream.
    fn grant(&self, tag: Tag, bytes: u64) {
        let task = {
            let mut guard = self.state();
            let state = &mut *guard;
            let Some(inbox) = state.streams.get(tag).and_then(|open| open.inbox.as_ref()) else {
                return;
            };
            inbox.grant(bytes);
            let before = state.out.len();
            // A frame without a value can be written by every wire that has streams.
            drop(state.wire.frame(tag.id, CallFrame::Window(bytes), &mut state.out));
            state.appended_for_task(state.out.len().saturating_sub(before))
        };
        task.into_iter().for_each(Waker::wake);
    }

    /// Gives up a stream that its reader reads no further.
    fn give_up(&self, tag: Tag) {
        let wakers = {
            let mut guard = self.state();
            let state = &mut *guard;
            if state.streams.get(tag).is_none() {
                return;
            }
            drop(state.streams.remove(tag.id));
            state.slots.cancel(tag.id);
            let mut wakers = state.freed();
            if state.ended.is_none() {
                let before = state.out.len();
                state.wire.cancel(tag.id, &mut state.out);
                let appended = state.out.len().saturating_sub(before);
                wakers.extend(state.appended_for_task(appended));
            }
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

fn out_of_order() -> Status {
    Status::new(Code::Internal, "the peer's frames of a stream are out of order")
}
