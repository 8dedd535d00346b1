//! The streams of one connection.
//!
//! Arguments are put into an inbox for the handler. Replies are polled by the connection's own
//! task, many values at a time, and go straight to the outgoing buffer: no task and no channel is
//! between a handler's stream and the wire. Only streams that were woken are polled, each for a
//! while, in turn.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_core::Stream;
use polywire_core::{
    Body, Code, Deadline, EncodedRun, Encoding, MethodName, Payload, PayloadStream, Reply, Request,
    Response, RunBudget, RunEnd, Status,
};
use polywire_wire::{Inbox, Outgoing, ReplyFrame, ServerWire, Values, inbox, window_cost};
use tokio::time::{Instant, Sleep, sleep_until};

use super::bell::{Bell, Note, Ringer, Tag};
use super::{BATCH_BYTES, panicked};

/// The streams of one connection, by the keys of their calls.
#[derive(Default)]
pub(super) struct Streams {
    bell: Arc<Bell>,
    open: HashMap<u64, Call, foldhash::fast::FixedState>,
    /// How many of them have a stream for a reply.
    replying: usize,
    last_serial: u64,
}

/// A call that was opened: `Called -> Replying`, unless its reply is one value or a status.
struct Call {
    tag: Tag,
    method: MethodName,
    deadline: Option<Deadline>,
    /// Until the last argument has come, or nobody reads them any longer.
    arguments: Option<Inbox>,
    /// How many bytes of replies may still be sent; one value may take it below zero.
    window: i64,
    reply: Option<Box<Replying>>,
}

/// A reply that is a stream.
struct Replying {
    values: PayloadStream,
    /// Whether values are encoded where the wire copies them from, unless they are large.
    in_runs: bool,
    /// Whether the last one was.
    is_large: bool,
    /// The rest of it: trailers, and what it holds on to.
    response: Response,
    deadline: Option<Pin<Box<Sleep>>>,
    ringer: Arc<Ringer>,
    waker: Waker,
}

thread_local! {
    /// Where values are encoded, one after another; taken while in use.
    static SCRATCH: Cell<Option<EncodedRun>> = const { Cell::new(None) };
}

/// What came of polling a reply.
enum Turn {
    /// It waits for a value or for its window.
    Waits,
    /// There may be more.
    More,
    Ended(Result<(), Status>),
}

/// The arguments of a call, as its handler takes them.
struct Arguments {
    values: Values,
    tag: Tag,
    bell: Arc<Bell>,
}

/// How many values of one stream are sent before it is another's turn.
const TURN: usize = 128;

/// How much is written at once where streams have more ready.
const FULL_BYTES: usize = 32 * 1024;

/// How long values are gathered for one write.
const GATHERING: Duration = Duration::from_micros(500);

/// Up to which length a value is encoded in a buffer and copied from there. One behind a longer one
/// is likely to be as long, and gets bytes of its own.
const COPIED: usize = 4 * 1024;

/// How much is encoded there at once: little enough to be in the processor's cache when it is
/// copied.
const RUN_BYTES: u64 = 16 * 1024;

/// Up to which size the buffer is kept.
const MAX_SCRATCH: usize = 32 * 1024;

impl Streams {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many are calls whose handler has not answered.
    pub(super) fn called(&self) -> usize {
        self.open.len().saturating_sub(self.replying)
    }

    /// Takes note of a call whose deadline is set, and gives it its arguments.
    ///
    /// # Errors
    /// When there is a stream under this key.
    pub(super) fn open(
        &mut self,
        key: u64,
        request: &mut Request,
        window: u64,
        arguments: Option<(Encoding, u64)>,
    ) -> Result<(), Status> {
        if self.open.contains_key(&key) {
            let text = format!("call {key} is open already");
            return Err(Status::new(Code::InvalidArgument, text));
        }
        self.last_serial += 1;
        let tag = Tag { key, serial: self.last_serial };
        let mut call = Call {
            tag,
            method: request.method.clone(),
            deadline: request.deadline,
            arguments: None,
            window: i64::try_from(window).unwrap_or(i64::MAX),
            reply: None,
        };
        if let Some((encoding, window)) = arguments {
            let (inbox, values) = inbox(encoding, window);
            call.arguments = Some(inbox);
            let bell = Arc::clone(&self.bell);
            let arguments = Arguments { values, tag, bell };
            request.body = Body::Stream(PayloadStream::new(encoding, arguments));
        }
        self.open.insert(key, call);
        Ok(())
    }

    /// Takes an argument. Whoever sends more than it may gets an error, and so does the handler.
    pub(super) fn message(&self, key: u64, value: Result<Payload, Status>) -> Result<(), Status> {
        let inbox = self.open.get(&key).and_then(|call| call.arguments.as_ref());
        // What is said of a call that has ended is late, not wrong.
        let Some(inbox) = inbox else { return Ok(()) };
        let woken = match value {
            Ok(value) => inbox.push(&value)?,
            Err(status) => inbox.end(Err(status)),
        };
        woken.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// There are no more arguments.
    pub(super) fn end_of_arguments(&mut self, key: u64) {
        let inbox = self.open.get_mut(&key).and_then(|call| call.arguments.take());
        if let Some(inbox) = inbox {
            inbox.end(Ok(())).into_iter().for_each(Waker::wake);
        }
    }

    /// The caller takes more.
    pub(super) fn grant(&mut self, key: u64, bytes: u64) {
        let Some(call) = self.open.get_mut(&key) else { return };
        let waited = call.window <= 0;
        call.window = call.window.saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX));
        if let Some(reply) = call.reply.as_ref().filter(|_| waited) {
            reply.ringer.ring();
        }
    }

    /// Gives a call up. `why` is for a handler that still reads.
    pub(super) fn remove(&mut self, key: u64, why: Status) {
        let Some(mut call) = self.open.remove(&key) else { return };
        self.replying -= usize::from(call.reply.is_some());
        if let Some(inbox) = call.arguments.take() {
            inbox.end(Err(why)).into_iter().for_each(Waker::wake);
        }
        if self.open.is_empty() {
            // A connection that had many streams once does not keep their room.
            self.open = HashMap::default();
        }
    }

    pub(super) fn keys(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// Takes the reply of a call over if it is a stream; gives back what is one value or a status.
    pub(super) fn reply<W: ServerWire>(
        &mut self,
        key: u64,
        reply: Reply,
        wire: &mut W,
        out: &mut Outgoing,
    ) -> Option<Reply> {
        let Some(call) = self.open.get_mut(&key) else { return Some(reply) };
        let mut response = match reply {
            Ok(response) if matches!(response.body, Body::Stream(_)) => response,
            reply => {
                self.remove(key, ended());
                return Some(reply);
            }
        };
        let Body::Stream(mut values) = mem::take(&mut response.body) else {
            return Some(Ok(response));
        };
        let head = ReplyFrame::Head(&response.metadata, values.encoding());
        if let Err(status) = wire.frame(key, head, out) {
            self.remove(key, ended());
            return Some(Err(status));
        }
        let deadline =
            call.deadline.map(|at| Box::pin(sleep_until(Instant::from_std(at.instant()))));
        let ringer = Arc::new(Ringer::new(call.tag, Arc::clone(&self.bell)));
        ringer.ring();
        let waker = Waker::from(Arc::clone(&ringer));
        let in_runs = W::TAKES_RUNS && values.is_appending();
        let is_large = false;
        let reply = Replying { values, in_runs, is_large, response, deadline, ringer, waker };
        call.reply = Some(Box::new(reply));
        self.replying += 1;
        None
    }

    /// Ready when something is to be done by [`pump`](Self::pump).
    ///
    /// **Cancel safe.**
    pub(super) async fn ready(&mut self) {
        poll_fn(|cx| self.bell.poll(cx)).await;
        // A stream that wakes itself must not keep this thread from everybody else.
        tokio::task::coop::consume_budget().await;
    }

    /// Sends what streams have to say, as far as one write and their windows go.
    pub(super) fn pump(&mut self, wire: &mut impl ServerWire, out: &mut Outgoing) {
        for note in self.bell.take_notes() {
            self.noted(&note, wire, out);
        }
        if !self.turns(wire, out) {
            return;
        }
        // Values that are ready fill a write, as long as it takes no time to make them.
        let began = Instant::now();
        while out.len() < FULL_BYTES && began.elapsed() < GATHERING && self.turns(wire, out) {}
    }

    /// Gives each stream that may have a value a turn. Whether one may have another.
    fn turns(&mut self, wire: &mut impl ServerWire, out: &mut Outgoing) -> bool {
        let mut scratch = SCRATCH.take().unwrap_or_else(|| EncodedRun::new(Encoding::Gob));
        let mut more = false;
        for _ in 0..self.bell.count() {
            if out.len() >= BATCH_BYTES {
                break;
            }
            let Some(tag) = self.bell.next() else { break };
            let Some(call) = self.open.get_mut(&tag.key).filter(|call| call.tag == tag) else {
                continue;
            };
            match call.send(wire, &mut scratch, out) {
                Turn::Waits => {}
                Turn::More => {
                    more = true;
                    call.reply.iter().for_each(|reply| reply.ringer.ring());
                }
                Turn::Ended(end) => self.ended(tag.key, end, wire, out),
            }
        }
        // One that failed half-way may have been large.
        if scratch.capacity() <= MAX_SCRATCH {
            SCRATCH.set(Some(scratch));
        }
        more
    }

    fn noted(&mut self, note: &Note, wire: &mut impl ServerWire, out: &mut Outgoing) {
        let (Note::Taken(tag, _) | Note::Gone(tag)) = *note;
        let Some(call) = self.open.get_mut(&tag.key).filter(|call| call.tag == tag) else { return };
        let Some(inbox) = &call.arguments else { return };
        let frame = match *note {
            Note::Taken(_, bytes) => {
                inbox.grant(bytes);
                ReplyFrame::Window(bytes)
            }
            Note::Gone(_) => {
                call.arguments = None;
                ReplyFrame::Stop
            }
        };
        say(tag.key, frame, wire, out);
    }

    /// Lets the caller send arguments of so many more bytes.
    pub(super) fn allow(
        &self,
        key: u64,
        bytes: u64,
        wire: &mut impl ServerWire,
        out: &mut Outgoing,
    ) {
        if let Some(inbox) = self.open.get(&key).and_then(|call| call.arguments.as_ref()) {
            inbox.grant(bytes);
            say(key, ReplyFrame::Window(bytes), wire, out);
        }
    }

    /// Ends a call by an error that its caller is told.
    pub(super) fn fail(
        &mut self,
        key: u64,
        status: Status,
        wire: &mut impl ServerWire,
        out: &mut Outgoing,
    ) {
        say(key, ReplyFrame::Failed(&status), wire, out);
        self.remove(key, status);
    }

    fn ended(
        &mut self,
        key: u64,
        end: Result<(), Status>,
        wire: &mut impl ServerWire,
        out: &mut Outgoing,
    ) {
        let reply = self.open.get_mut(&key).and_then(|call| call.reply.as_ref());
        let trailers = reply.and_then(|reply| reply.response.trailers.as_ref());
        let trailers = trailers.map(polywire_core::Trailers::snapshot).unwrap_or_default();
        match end {
            Ok(()) => say(key, ReplyFrame::End(&trailers), wire, out),
            Err(mut status) => {
                if !trailers.is_empty() {
                    let mut metadata = status.metadata().clone();
                    metadata.extend(trailers);
                    status = status.with_metadata(metadata);
                }
                say(key, ReplyFrame::Failed(&status), wire, out);
            }
        }
        self.remove(key, ended());
    }
}

impl Call {
    /// Sends values until none is ready, the window is full or it is another's turn.
    fn send(
        &mut self,
        wire: &mut impl ServerWire,
        scratch: &mut EncodedRun,
        out: &mut Outgoing,
    ) -> Turn {
        let Some(mut reply) = self.reply.take() else { return Turn::Waits };
        let turn = self.send_of(&mut reply, wire, scratch, out);
        self.reply = Some(reply);
        turn
    }

    fn send_of(
        &mut self,
        reply: &mut Replying,
        wire: &mut impl ServerWire,
        scratch: &mut EncodedRun,
        out: &mut Outgoing,
    ) -> Turn {
        reply.ringer.answered();
        let waker = reply.waker.clone();
        let mut cx = Context::from_waker(&waker);
        if reply.deadline.as_mut().is_some_and(|at| at.as_mut().poll(&mut cx).is_ready()) {
            let status = Status::new(Code::DeadlineExceeded, "the deadline has passed");
            return Turn::Ended(Err(status));
        }
        let mut left = TURN;
        while left > 0 && out.len() < BATCH_BYTES {
            if self.window <= 0 {
                return Turn::Waits;
            }
            let (sent, end) = match reply.in_runs && !reply.is_large {
                true => self.send_run(reply, left, &mut cx, wire, scratch, out),
                false => self.send_one(reply, &mut cx, wire, out),
            };
            match end {
                RunEnd::Budget => left = left.saturating_sub(sent),
                RunEnd::Pending => return Turn::Waits,
                RunEnd::Ended(end) => return Turn::Ended(end),
            }
        }
        Turn::More
    }

    /// Sends values that are encoded in one buffer and copied from there. How many.
    fn send_run(
        &mut self,
        reply: &mut Replying,
        most: usize,
        cx: &mut Context<'_>,
        wire: &mut impl ServerWire,
        scratch: &mut EncodedRun,
        out: &mut Outgoing,
    ) -> (usize, RunEnd) {
        let values = &mut reply.values;
        let encoding = values.encoding();
        scratch.clear(encoding);
        let budget = RunBudget {
            values: most,
            bytes: u64::try_from(self.window).unwrap_or(0).min(RUN_BYTES),
            per_value: window_cost(0),
            large: COPIED,
        };
        let filled = catch_unwind(AssertUnwindSafe(|| values.poll_append_run(cx, scratch, budget)));
        let end = filled.unwrap_or_else(|_panic| RunEnd::Ended(Err(panicked(&self.method))));
        let large = scratch.pop_large(COPIED);
        reply.is_large = large.is_some();
        let small = scratch.len();
        let mut sent = Ok(());
        if small > 0 {
            sent = wire.frame(self.tag.key, ReplyFrame::Run(scratch), out);
            self.pay(scratch.bytes().len(), small);
        }
        let Some((bytes, context)) = large else { return (small, ended_by(sent, end)) };
        let mut payload = Payload::new(encoding, bytes.into());
        payload.context = context;
        let sent = sent.and_then(|()| wire.frame(self.tag.key, ReplyFrame::Message(&payload), out));
        self.pay(payload.bytes.len(), 1);
        (small.saturating_add(1), ended_by(sent, end))
    }

    /// Sends a value in bytes of its own.
    fn send_one(
        &mut self,
        reply: &mut Replying,
        cx: &mut Context<'_>,
        wire: &mut impl ServerWire,
        out: &mut Outgoing,
    ) -> (usize, RunEnd) {
        let values = Pin::new(&mut reply.values);
        let value = match catch_unwind(AssertUnwindSafe(|| values.poll_next(cx))) {
            Ok(Poll::Pending) => return (0, RunEnd::Pending),
            Ok(Poll::Ready(None)) => return (0, RunEnd::Ended(Ok(()))),
            Ok(Poll::Ready(Some(Err(status)))) => return (0, RunEnd::Ended(Err(status))),
            Ok(Poll::Ready(Some(Ok(value)))) => value,
            Err(_panic) => return (0, RunEnd::Ended(Err(panicked(&self.method)))),
        };
        reply.is_large = value.bytes.len() >= COPIED;
        let sent = wire.frame(self.tag.key, ReplyFrame::Message(&value), out);
        self.pay(value.bytes.len(), 1);
        (1, ended_by(sent, RunEnd::Budget))
    }

    /// Takes what values cost off the window.
    fn pay(&mut self, bytes: usize, values: usize) {
        let values = u64::try_from(values).unwrap_or(u64::MAX);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let cost = bytes.saturating_add(values.saturating_mul(window_cost(0)));
        self.window = self.window.saturating_sub(i64::try_from(cost).unwrap_or(i64::MAX));
    }
}

/// What the wire cannot carry ends a stream before anything else does.
fn ended_by(sent: Result<(), Status>, end: RunEnd) -> RunEnd {
    match sent {
        Ok(()) => end,
        Err(status) => RunEnd::Ended(Err(status)),
    }
}

/// Appends a frame that carries no value, which every wire with streams can.
fn say(key: u64, frame: ReplyFrame<'_>, wire: &mut impl ServerWire, out: &mut Outgoing) {
    if let Err(status) = wire.frame(key, frame, out) {
        tracing::error!(key, %status, "a stream's frame cannot be written");
    }
}

/// What a handler's reader gets that goes on when the call is over.
fn ended() -> Status {
    Status::new(Code::Cancelled, "the call has ended")
}

impl Stream for Arguments {
    type Item = Result<Payload, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.values.poll_next(cx));
        if let Some(bytes) = self.values.take_grant() {
            self.bell.note(Note::Taken(self.tag, bytes));
        }
        Poll::Ready(next)
    }
}

impl Drop for Arguments {
    fn drop(&mut self) {
        if !self.values.is_ended() {
            self.bell.note(Note::Gone(self.tag));
        }
    }
}
