//! What callers and the task of a connection share, and the task.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use polywire_wire::{CallWriter, ClientEvent, Outgoing};
use tokio::io::{AsyncRead, AsyncWrite};

use super::ConnectionLimits;
use super::read::Incoming;
use super::slots::{MAX_CALLS, Slots};
use super::streams::Streams;
use super::write::WriteSide;
use crate::ClientError;
use crate::error::Sent;

/// What callers and the task share.
///
/// Lock order: state, then write. Nothing waits for a peer while it holds either.
pub(super) struct Shared {
    state: Mutex<State>,
    write: Mutex<WriteSide>,
    open: AtomicBool,
}

/// Guarded by the short lock.
pub(super) struct State {
    pub(super) wire: Box<dyn CallWriter>,
    /// Whole messages that nobody writes yet.
    pub(super) out: Outgoing,
    pub(super) slots: Slots,
    pub(super) streams: Streams,
    pub(super) waiters: Waiters,
    pub(super) ended: Option<ClientError>,
    /// Why a caller could not write; the task makes the end of it.
    broken: Option<io::Error>,
    flush: Flush,
    /// Bytes ever put into `out`, and how many of them the system has taken.
    appended: u64,
    written: u64,
    /// The connection's task, if it sleeps.
    task: Option<Waker>,
    limits: ConnectionLimits,
}

/// Who writes: `Idle -> Writing -> Idle` by a caller that is alone, `Idle -> Scheduled -> Writing`
/// by the task when several calls gather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    Idle,
    /// The task will write; callers only append.
    Scheduled,
    Writing,
}

/// What a caller does after it has appended its call and let go of the lock.
pub(super) enum Next {
    /// Somebody else will write.
    Wait,
    /// Wake the task, which will write.
    Wake(Option<Waker>),
    /// Write, now: nobody else is under way.
    Write,
}

impl State {
    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < self.limits.calls.min(MAX_CALLS)
            && self.appended.saturating_sub(self.written) < self.limits.unsent_bytes
    }

    /// Bytes ever appended: where the next message begins in the stream.
    pub(super) const fn position(&self) -> u64 {
        self.appended
    }

    /// Takes note that `bytes` were appended, and says who writes them. A call that is alone is
    /// written by its caller at once; where several are under way more will follow, and the task
    /// collects them.
    pub(super) fn appended(&mut self, bytes: usize) -> Next {
        self.appended += bytes as u64;
        match self.flush {
            Flush::Idle if self.slots.len() == 1 => {
                self.flush = Flush::Writing;
                Next::Write
            }
            Flush::Idle => {
                self.flush = Flush::Scheduled;
                Next::Wake(self.task.take())
            }
            Flush::Scheduled | Flush::Writing => Next::Wait,
        }
    }

    /// As [`appended`](Self::appended), for those who must not write themselves.
    pub(super) fn appended_for_task(&mut self, bytes: usize) -> Option<Waker> {
        self.appended += bytes as u64;
        if bytes == 0 || self.flush != Flush::Idle {
            return None;
        }
        self.flush = Flush::Scheduled;
        self.task.take()
    }

    /// Takes note of what was appended behind `before`, for the task to write in its next turn.
    pub(super) fn note_appended(&mut self, before: usize) {
        let bytes = self.out.len().saturating_sub(before);
        self.appended += bytes as u64;
        if bytes > 0 && self.flush == Flush::Idle {
            self.flush = Flush::Scheduled;
        }
    }

    /// The task, if it is to write and sleeps.
    pub(super) fn flush_by_task(&mut self) -> Option<Waker> {
        if self.flush == Flush::Scheduled { self.task.take() } else { None }
    }

    /// Whom a slot that became free is for.
    pub(super) fn freed(&mut self) -> Vec<Waker> {
        if self.waiters.is_empty() || !self.has_room() {
            return Vec::new();
        }
        self.waiters.pop(1)
    }

    /// The callers that may try again now.
    fn admit(&mut self) -> Vec<Waker> {
        if self.waiters.is_empty() || !self.has_room() {
            return Vec::new();
        }
        let room = self.limits.calls.min(MAX_CALLS) - self.slots.len();
        self.waiters.pop(room)
    }
}

/// Callers that wait for room, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    queue: VecDeque<(u64, Waker)>,
    last_ticket: u64,
}

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues a caller; one that was called up in vain goes back to the front.
    pub(super) fn push(&mut self, ticket: Option<u64>, waker: &Waker) -> u64 {
        match ticket {
            Some(ticket) => {
                match self.queue.iter_mut().find(|(queued, _)| *queued == ticket) {
                    Some((_, kept)) => kept.clone_from(waker),
                    None => self.queue.push_front((ticket, waker.clone())),
                }
                ticket
            }
            None => {
                self.last_ticket += 1;
                self.queue.push_back((self.last_ticket, waker.clone()));
                self.last_ticket
            }
        }
    }

    /// True if the caller was still queued; false if it had been called up.
    pub(super) fn remove(&mut self, ticket: u64) -> bool {
        let at = self.queue.iter().position(|(queued, _)| *queued == ticket);
        at.is_some_and(|at| self.queue.remove(at).is_some())
    }

    pub(super) fn pop(&mut self, count: usize) -> Vec<Waker> {
        let count = count.min(self.queue.len());
        self.queue.drain(..count).map(|(_, waker)| waker).collect()
    }
}

impl Shared {
    pub(super) fn new(
        wire: Box<dyn CallWriter>,
        io: Box<dyn AsyncWrite + Send + Unpin>,
        limits: ConnectionLimits,
    ) -> Self {
        let state = State {
            wire,
            out: Outgoing::default(),
            slots: Slots::default(),
            streams: Streams::new(limits.stream_window),
            waiters: Waiters::default(),
            ended: None,
            broken: None,
            flush: Flush::Idle,
            appended: 0,
            written: 0,
            task: None,
            limits,
        };
        Self {
            state: Mutex::new(state),
            write: Mutex::new(WriteSide::new(io)),
            open: AtomicBool::new(true),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        // Only a hint: whoever calls finds out under the lock.
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A wire that panics has broken the stream, which its peer will notice; the slots are whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> MutexGuard<'_, WriteSide> {
        self.write.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what one caller has appended, as far as the system takes it at once; the task does
    /// the rest. To be called by whoever got [`Next::Write`].
    pub(super) fn write_now(&self) {
        let progress = {
            let mut state = self.state();
            let mut write = self.write();
            write.take(&mut state.out);
            drop(state);
            let result = write.poll(&mut Context::from_waker(Waker::noop()));
            (write.written(), result)
        };
        match progress {
            (_, Poll::Ready(Err(error))) => {
                let task = {
                    let mut state = self.state();
                    state.broken = Some(error);
                    state.task.take()
                };
                task.into_iter().for_each(Waker::wake);
            }
            (written, result) => {
                let (task, admitted) = {
                    let mut state = self.state();
                    state.written = written;
                    let done = result.is_ready() && state.out.is_empty();
                    state.flush = if done { Flush::Idle } else { Flush::Scheduled };
                    (if done { None } else { state.task.take() }, state.admit())
                };
                task.into_iter().chain(admitted).for_each(Waker::wake);
            }
        }
    }

    /// Writes everything in one go. Called by the task while the flush is its own.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (written, result) = {
            let mut state = self.state();
            let mut write = self.write();
            if write.is_empty() {
                write.take(&mut state.out);
            }
            state.flush = Flush::Writing;
            drop(state);
            let result = write.poll(cx);
            (write.written(), result)
        };
        let admitted = {
            let mut state = self.state();
            state.written = written;
            if result.is_ready() {
                state.flush = if state.out.is_empty() { Flush::Idle } else { Flush::Scheduled };
            }
            state.admit()
        };
        admitted.into_iter().for_each(Waker::wake);
        result
    }

    /// Ends the connection for everybody, once: calls of which no byte has left are told so.
    #[expect(clippy::needless_pass_by_value, reason = "callers have just made the error")]
    pub(super) fn end(&self, error: ClientError) {
        self.open.store(false, Ordering::Relaxed);
        let (mut wakers, task) = {
            let mut state = self.state();
            if state.ended.is_some() {
                return;
            }
            let written = self.write().written();
            state.ended = Some(error.clone());
            let mut wakers = state.slots.complete_all(|start| {
                let sent = if start < written { Sent::Perhaps } else { Sent::No };
                Err(error.clone().into_status(sent))
            });
            wakers.append(&mut state.streams.end(&error));
            wakers.append(&mut state.waiters.pop(usize::MAX));
            (wakers, state.task.take())
        };
        wakers.extend(task);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// What the task has to do next.
enum Turn {
    /// Bytes have come; zero is the end.
    Received(usize),
    /// Callers gather; give them a turn and write.
    Gather,
    /// Writing failed.
    Broken(io::Error),
    /// Somebody has ended the connection.
    Ended,
}

/// Reads, delivers, and writes what has gathered, until the connection ends.
pub(super) async fn run<R: AsyncRead + Unpin>(shared: Arc<Shared>, mut incoming: Incoming<R>) {
    // The runtime may end before the connection does; nobody would answer the callers then.
    let ending = Ending(&shared);
    let mut flushing = false;
    loop {
        let turn = poll_fn(|cx| poll_turn(&shared, &mut incoming, &mut flushing, cx)).await;
        let gather = match turn {
            Ok(Turn::Received(0)) => {
                shared.end(incoming.finish());
                break;
            }
            Ok(Turn::Received(_)) => match incoming.deliver(&shared) {
                Ok(gather) => gather,
                Err(error) => {
                    shared.end(error);
                    break;
                }
            },
            Ok(Turn::Gather) => true,
            Ok(Turn::Broken(error)) => {
                // A peer that has closed may have answered before it did.
                shared.open.store(false, Ordering::Relaxed);
                drop(tokio::time::timeout(CLOSE, incoming.deliver_rest(&shared)).await);
                shared.end(ClientError::Io(Arc::new(error)));
                break;
            }
            Err(error) => {
                shared.end(ClientError::Io(Arc::new(error)));
                break;
            }
            Ok(Turn::Ended) => break,
        };
        if gather && !flushing {
            // Those just woken run first and append their next calls. Without the yield this task
            // would run between any two of them: tokio runs whoever was woken last next.
            tokio::task::yield_now().await;
            flushing = true;
        }
    }
    drop(ending);
    let close = poll_fn(|cx| shared.write().poll_shutdown(cx));
    // The peer may be gone, and closing the socket says the same.
    drop(tokio::time::timeout(CLOSE, close).await);
    shared.write().release();
}

fn poll_turn<R: AsyncRead + Unpin>(
    shared: &Shared,
    incoming: &mut Incoming<R>,
    flushing: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Turn>> {
    if *flushing {
        match shared.poll_flush(cx) {
            Poll::Ready(Ok(())) => *flushing = false,
            Poll::Ready(Err(error)) => return Poll::Ready(Ok(Turn::Broken(error))),
            Poll::Pending => {}
        }
    }
    {
        let mut state = shared.state();
        if state.ended.is_some() {
            return Poll::Ready(Ok(Turn::Ended));
        }
        if let Some(error) = state.broken.take() {
            return Poll::Ready(Ok(Turn::Broken(error)));
        }
        if state.flush == Flush::Scheduled && !*flushing {
            return Poll::Ready(Ok(Turn::Gather));
        }
        if !state.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
    }
    let count = ready!(incoming.poll_read(cx))?;
    Poll::Ready(Ok(Turn::Received(count)))
}

impl Shared {
    /// Hands out what came with one read. True if several callers will go on, so that it pays to
    /// wait for what they send next.
    pub(super) fn deliver(&self, events: &mut Vec<ClientEvent>, wakers: &mut Vec<Waker>) -> bool {
        let gather = {
            let mut state = self.state();
            let streams = !state.streams.is_empty();
            for event in events.drain(..) {
                wakers.extend(state.event(event));
            }
            if streams {
                // Those that have ended leave room.
                wakers.extend(state.admit());
            }
            if wakers.len() > 1 && state.flush == Flush::Idle {
                state.flush = Flush::Scheduled;
            }
            state.flush == Flush::Scheduled
        };
        wakers.drain(..).for_each(Waker::wake);
        gather
    }
}

/// Ends the connection when the task goes away, whatever the reason.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end(ClientError::Shutdown);
    }
}

/// How long a peer may take to hear that the connection is closed.
const CLOSE: Duration = Duration::from_secs(1);
