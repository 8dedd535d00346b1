//! The loop of one connection: read a batch, call, write a batch.
//!
//! Each call's future is made where the call was read and polled once. One that is ready costs no
//! task; one that waits moves to a task of its own, so that it never holds up its neighbours. All
//! replies of a batch leave in one write. Calls that stream are opened, and what is said of them
//! goes to [`streams`].

mod bell;
mod streams;

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use futures_util::FutureExt as _;
use polywire_core::{
    Code, ConnectionInfo, Deadline, Encoding, MethodName, Origin, Payload, Reply, ReplyFuture,
    Request, Status,
};
use polywire_wire::{Appetite, Outgoing, ServerEvent, ServerWire, WireError};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{self, Instant};

use self::streams::Streams;
use crate::connection::Shared;
use crate::read::Reader;

/// How many bytes of replies gather at most before they are written.
const BATCH_BYTES: usize = 128 * 1024;
/// How many calls are polled at most before what was answered is written. Few enough that the peer
/// works on the first answers while this side works on the rest: with larger batches the two take
/// turns, and each idles half the time.
const BATCH_CALLS: u32 = 16;

/// How long a peer that was told the end may take to close as well. Until it has, whatever it still
/// sends is taken: a connection that is closed over unread bytes is reset, and replies that are on
/// their way are lost.
const LINGER: Duration = Duration::from_secs(1);

/// Speaks one wire on one connection.
pub(crate) struct Driver<'s, W: ServerWire> {
    wire: W,
    shared: &'s Shared,
    info: Arc<ConnectionInfo>,
    out: Outgoing,
    /// Calls that wait for something; dropping the driver ends them.
    waiting: Waiting<W::Ticket>,
    /// Calls that are opened, some of which wait; dropping the driver ends them.
    streams: Streams,
    /// Whether new calls are refused; those that stream are still heard.
    draining: bool,
}

/// On what terms a stream is opened.
#[derive(Clone, Copy)]
struct Terms {
    /// Bytes of replies that may be sent.
    window: u64,
    /// How arguments are encoded that follow, and how many bytes of them come unasked.
    arguments: Option<(Encoding, u64)>,
}

/// Why a batch ended.
enum Batch {
    /// There is no whole call left.
    Drained,
    /// A bound was reached; there may be more.
    Bound,
    /// The peer broke a rule of the wire; nothing more is read.
    Broken(WireError),
}

impl<'s, W: ServerWire> Driver<'s, W> {
    pub(crate) fn new(wire: W, shared: &'s Shared, info: Arc<ConnectionInfo>) -> Self {
        let (out, waiting, streams) = (Outgoing::default(), Waiting::new(), Streams::default());
        Self { wire, shared, info, out, waiting, streams, draining: false }
    }

    /// Reads, calls and writes until the peer sends no more, or the server drains, and every call
    /// under way is answered. If the wire leaves the connection ([`has_left`](Self::has_left)), it
    /// stays open.
    pub(crate) async fn run(
        &mut self,
        io: &mut (impl AsyncRead + AsyncWrite + Send + Unpin),
        src: &mut BytesMut,
    ) -> io::Result<()> {
        let shared = self.shared;
        let mut drained = pin!(shared.drain.cancelled());
        let (mut reader, mut reading, mut failure) = (Reader::default(), true, None);
        let mut ended = false;
        loop {
            while reading && !self.is_full() {
                let batch = poll_fn(|cx| Poll::Ready(self.batch(cx, src))).await;
                match batch {
                    Batch::Drained => break,
                    Batch::Bound => self.flush(io).await?,
                    Batch::Broken(error) => {
                        (reading, failure) = (false, Some(error));
                        self.give_up_streams();
                    }
                }
            }
            let waited = self.wire.appetite() == Appetite::Waits;
            if !self.streams.is_empty() {
                self.streams.pump(&mut self.wire, &mut self.out);
            }
            self.flush(io).await?;
            let appetite = self.wire.appetite();
            if waited && appetite == Appetite::Hungry {
                // What was read and left is to be taken before more is waited for.
                continue;
            }
            if src.is_empty() {
                // What calls hold of the buffer is theirs; an idle connection keeps nothing.
                *src = BytesMut::new();
            }
            // Streams go on while the server drains, and cannot do so unheard.
            reading &= !self.draining || !self.streams.is_empty();
            reading &= matches!(appetite, Appetite::Hungry | Appetite::Waits);
            if !reading && self.waiting.is_empty() && self.streams.is_empty() {
                break;
            }
            let readable = reading && appetite == Appetite::Hungry && !self.is_full();
            let patience = self.wire.is_within().then_some(shared.limits.body_stall);
            tokio::select! {
                biased;
                read = in_time(patience, reader.read(io, src)), if readable => {
                    if read? == 0 {
                        (reading, ended) = (false, true);
                        failure = poll_fn(|cx| Poll::Ready(self.finish(cx, src))).await.err();
                        self.give_up_streams();
                    }
                }
                done = self.waiting.next(), if !self.waiting.is_empty() => self.answered(done),
                () = self.streams.ready(), if !self.streams.is_empty() => {}
                () = &mut drained, if reading && !self.draining => self.draining = true,
            }
        }
        if self.has_left() {
            return Ok(());
        }
        io.shutdown().await?;
        if !ended {
            // Most connections end otherwise, and do not carry the room for it.
            Box::pin(time::timeout(LINGER, reader.skip(io))).await.ok();
        }
        failure.map_or(Ok(()), |error| Err(io::Error::new(io::ErrorKind::InvalidData, error)))
    }

    /// Whether the wire has left the connection to another protocol.
    pub(crate) fn has_left(&self) -> bool {
        self.wire.appetite() == Appetite::Leaves
    }

    /// Whether as many calls wait as one connection may have; nothing is read until one ends, and
    /// the peer's own sending comes to a stop. Calls that are opened do not count, since they may
    /// wait for what is to be read; there may be as many of them beside.
    fn is_full(&self) -> bool {
        let limit = self.shared.limits.calls_in_flight;
        self.waiting.len().saturating_sub(self.streams.called()) >= limit
    }

    /// Takes whole calls out of the buffer and polls each once.
    fn batch(&mut self, cx: &mut Context<'_>, src: &mut BytesMut) -> Batch {
        for _ in 0..BATCH_CALLS {
            match self.wire.read(src) {
                Ok(Some(event)) => self.event(cx, event),
                Ok(None) => return Batch::Drained,
                Err(error) => return Batch::Broken(error),
            }
            if self.out.len() >= BATCH_BYTES || self.is_full() {
                break;
            }
        }
        Batch::Bound
    }

    /// Takes what is left when the peer sends no more.
    fn finish(&mut self, cx: &mut Context<'_>, src: &mut BytesMut) -> Result<(), WireError> {
        while let Some(event) = self.wire.finish(src)? {
            self.event(cx, event);
        }
        Ok(())
    }

    fn event(&mut self, cx: &mut Context<'_>, event: ServerEvent<W::Ticket>) {
        match event {
            ServerEvent::Call { ticket, key, request, timeout } => {
                self.call(cx, ticket, key, request, timeout);
            }
            ServerEvent::Reject { ticket, status } => {
                self.wire.write(ticket, Err(status), &mut self.out);
            }
            ServerEvent::Cancel { key } => {
                self.waiting.cancel(key);
                self.streams.remove(key, Status::new(Code::Cancelled, "the caller has gone"));
            }
            ServerEvent::Open { ticket, key, request, timeout, window, arguments } => {
                let terms = Terms { window, arguments };
                self.open(cx, ticket, key, request, timeout, terms);
            }
            ServerEvent::Message { key, value } => self.message(key, value),
            ServerEvent::End { key } => self.streams.end_of_arguments(key),
            ServerEvent::Window { key, bytes } => self.streams.grant(key, bytes),
            _ => {}
        }
    }

    /// Polls a call once; one that waits goes to a task of its own.
    fn call(
        &mut self,
        cx: &mut Context<'_>,
        ticket: W::Ticket,
        key: u64,
        mut request: Request,
        timeout: Option<Duration>,
    ) {
        request.connection = Some(Arc::clone(&self.info));
        request.deadline =
            timeout.and_then(|timeout| Deadline::after(Instant::now().into_std(), timeout));
        let (method, deadline) = (request.method.clone(), request.deadline);
        let mut answer = match self.start(request) {
            Ok(answer) => answer,
            Err(status) => return self.wire.write(ticket, Err(status), &mut self.out),
        };
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Ready(reply)) => self.wire.write(ticket, reply, &mut self.out),
            Ok(Poll::Pending) => {
                self.waiting.spawn(ticket, key, contained(answer, method, deadline));
            }
            Err(_panic) => self.wire.write(ticket, Err(panicked(&method)), &mut self.out),
        }
    }

    /// As [`call`](Self::call), for a call that takes or gives a stream.
    fn open(
        &mut self,
        cx: &mut Context<'_>,
        ticket: W::Ticket,
        key: u64,
        mut request: Request,
        timeout: Option<Duration>,
        terms: Terms,
    ) {
        request.connection = Some(Arc::clone(&self.info));
        request.deadline =
            timeout.and_then(|timeout| Deadline::after(Instant::now().into_std(), timeout));
        let (method, deadline) = (request.method.clone(), request.deadline);
        let (wire, out) = (&mut self.wire, &mut self.out);
        let limit = self.shared.limits.calls_in_flight;
        if self.streams.len() >= limit {
            let text = format!("over the limit of {limit} open streams (calls_in_flight)");
            let status = Status::new(Code::ResourceExhausted, text);
            return wire.write(ticket, Err(status), out);
        }
        if let Err(status) = self.streams.open(key, &mut request, terms.window, terms.arguments) {
            return wire.write(ticket, Err(status), out);
        }
        if let Some((_, granted)) = terms.arguments {
            let window = self.shared.limits.wire.max_stream_window().saturating_sub(granted);
            if window > 0 {
                self.streams.allow(key, window, wire, out);
            }
        }
        let polled = self.start(request).map(|mut answer| {
            match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
                Ok(Poll::Ready(reply)) => Ok(reply),
                Ok(Poll::Pending) => Err(answer),
                Err(_panic) => Ok(Err(panicked(&method))),
            }
        });
        match polled {
            Ok(Ok(reply)) => self.reply(ticket, key, reply),
            Ok(Err(answer)) => self.waiting.spawn(ticket, key, contained(answer, method, deadline)),
            Err(status) => self.reply(ticket, key, Err(status)),
        }
    }

    /// Writes a reply, or what precedes it if it is a stream.
    fn reply(&mut self, ticket: W::Ticket, key: u64, reply: Reply) {
        if let Some(reply) = self.streams.reply(key, reply, &mut self.wire, &mut self.out) {
            self.wire.write(ticket, reply, &mut self.out);
        }
    }

    /// Takes an argument of a call that was opened; one that breaks the rules ends it.
    fn message(&mut self, key: u64, value: Result<Payload, Status>) {
        if let Err(status) = self.streams.message(key, value) {
            self.waiting.cancel(key);
            self.streams.fail(key, status, &mut self.wire, &mut self.out);
        }
    }

    /// Ends all streams of a peer that says nothing more, and so can take no more either.
    fn give_up_streams(&mut self) {
        for key in self.streams.keys() {
            self.waiting.cancel(key);
            let gone = Status::new(Code::Unavailable, "the connection ended before the stream did");
            self.streams.remove(key, gone.with_origin(Origin::Lost));
        }
    }

    /// Makes the call's future; a handler that panics before its first await is contained here.
    fn start(&self, request: Request) -> Result<ReplyFuture, Status> {
        if self.draining {
            return Err(Status::new(Code::Unavailable, "the server is shutting down"));
        }
        let method = request.method.clone();
        catch_unwind(AssertUnwindSafe(|| self.shared.start(request)))
            .map_err(|_panic| panicked(&method))
    }

    /// Writes the replies of calls that waited: this one, and all that have come since.
    fn answered(&mut self, done: Option<(W::Ticket, u64, Reply)>) {
        let mut next = done;
        while let Some((ticket, key, reply)) = next {
            if self.streams.is_empty() {
                self.wire.write(ticket, reply, &mut self.out);
            } else {
                self.reply(ticket, key, reply);
            }
            next = self.waiting.try_next();
        }
    }

    /// Writes everything; a peer that takes nothing for too long is given up.
    async fn flush(&mut self, io: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = &mut self.out;
        // A clock is read only for a peer that does not take everything at once.
        let at_once = poll_fn(|cx| Poll::Ready(poll_write_all(out, cx, Pin::new(&mut *io)))).await;
        if let Poll::Ready(written) = at_once {
            written?;
        } else {
            self.flush_slowly(io).await?;
        }
        self.out.reset();
        Ok(())
    }

    async fn flush_slowly(&mut self, io: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let stall = self.shared.limits.write_stall;
        let stalled = |_elapsed| {
            let text = format!("the peer has taken no reply for {stall:?} (`write_stall`)");
            io::Error::new(io::ErrorKind::TimedOut, text)
        };
        while !self.out.is_empty() {
            let write = io.write_buf(&mut self.out);
            if time::timeout(stall, write).await.map_err(stalled)?? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        time::timeout(stall, io.flush()).await.map_err(stalled)?
    }
}

/// Waits for more bytes no longer than the rest of a message may keep its reader waiting.
async fn in_time(
    patience: Option<Duration>,
    read: impl Future<Output = io::Result<usize>>,
) -> io::Result<usize> {
    let Some(patience) = patience else { return read.await };
    // Most connections never wait here, and do not carry the room for it.
    Box::pin(time::timeout(patience, read)).await.unwrap_or_else(|_elapsed| {
        let text = format!("nothing more of a message has come for {patience:?} (`body_stall`)");
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

fn poll_write_all(
    out: &mut Outgoing,
    cx: &mut Context<'_>,
    mut io: Pin<&mut impl AsyncWrite>,
) -> Poll<io::Result<()>> {
    let mut parts = [io::IoSlice::new(&[]); 16];
    while !out.is_empty() {
        let written = {
            let filled = out.chunks_vectored(&mut parts);
            let parts = parts.get(..filled).unwrap_or_default();
            if io.is_write_vectored() && filled > 1 {
                ready!(io.as_mut().poll_write_vectored(cx, parts))?
            } else {
                ready!(io.as_mut().poll_write(cx, out.chunk()))?
            }
        };
        parts = [io::IoSlice::new(&[]); 16];
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        out.advance(written);
    }
    // TLS may have taken bytes that the system has not.
    io.poll_flush(cx)
}

/// The rest of a call that waits: ended at its deadline, its panics an error of its own.
pub(crate) async fn contained(
    answer: ReplyFuture,
    method: MethodName,
    deadline: Option<Deadline>,
) -> Reply {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let ended = match deadline {
        None => answer.await,
        Some(deadline) => {
            let deadline = Instant::from_std(deadline.instant());
            time::timeout_at(deadline, answer).await.unwrap_or_else(|_elapsed| {
                Ok(Err(Status::new(Code::DeadlineExceeded, "the deadline has passed")))
            })
        }
    };
    ended.unwrap_or_else(|_panic| Err(panicked(&method)))
}

pub(crate) fn panicked(method: &MethodName) -> Status {
    tracing::error!(%method, "the handler panicked");
    Status::new(Code::Internal, "the handler panicked")
}

/// The calls of one connection that wait for something, each in a task of its own.
struct Waiting<T> {
    tasks: JoinSet<(T, u64, Reply)>,
    cancels: HashMap<u64, AbortHandle, foldhash::fast::FixedState>,
}

impl<T: Send + 'static> Waiting<T> {
    fn new() -> Self {
        Self { tasks: JoinSet::new(), cancels: HashMap::default() }
    }

    fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn len(&self) -> usize {
        self.tasks.len()
    }

    fn spawn(&mut self, ticket: T, key: u64, answer: impl Future<Output = Reply> + Send + 'static) {
        let task = self.tasks.spawn(async move { (ticket, key, answer.await) });
        self.cancels.insert(key, task);
    }

    /// Drops a call whose caller has lost interest.
    fn cancel(&mut self, key: u64) {
        if let Some(task) = self.cancels.remove(&key) {
            task.abort();
        }
    }

    /// The next call that has ended; `None` if it was cancelled.
    ///
    /// **Cancel safe.**
    async fn next(&mut self) -> Option<(T, u64, Reply)> {
        let done = self.tasks.join_next().await?;
        self.take(done)
    }

    /// As [`next`](Self::next), for calls that have ended already.
    fn try_next(&mut self) -> Option<(T, u64, Reply)> {
        loop {
            let done = self.tasks.try_join_next()?;
            if let Some(taken) = self.take(done) {
                return Some(taken);
            }
        }
    }

    fn take(&mut self, done: Result<(T, u64, Reply), JoinError>) -> Option<(T, u64, Reply)> {
        let (ticket, key, reply) = done.ok()?;
        self.cancels.remove(&key);
        if self.tasks.is_empty() {
            // A connection that had many slow calls once does not keep their room.
            drop(mem::take(&mut self.cancels));
        }
        Some((ticket, key, reply))
    }
}

#[cfg(test)]
mod tests;
