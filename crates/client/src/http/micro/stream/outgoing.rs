//! What a stream sends: arguments as they come, their end, and word that nobody listens any longer.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, BytesMut};
use futures_util::Stream;
use polywire_core::{PayloadStream, Status};
use polywire_wire::micro::StreamWriter;
use tokio::io::{AsyncWrite, WriteHalf};
use tokio::task::JoinSet;

use crate::http::h1::Io;
use crate::http::micro::refused;

/// The way out of a stream.
pub(super) struct Outgoing {
    io: WriteHalf<Box<dyn Io>>,
    writer: StreamWriter,
    /// What was not written yet: the rest of a message, or messages.
    rest: BytesMut,
    /// Nothing is written from now on.
    closed: bool,
}

/// A stream's arguments on their way. Dropping it tells the peer that nobody listens any longer, as
/// far as that can be done at once. Where arguments were still to come it does not: the peer would
/// take it for their end. It learns by the connection's.
pub(super) struct Sending {
    outgoing: Arc<Mutex<Outgoing>>,
    /// The one task; gone once it has ended.
    task: JoinSet<Result<Sent, Status>>,
    /// Whether arguments come one after another.
    streams: bool,
    /// Whether the peer was told of the end, and can be asked whether the handler has ended, too.
    told: bool,
    asked: bool,
    /// The peer has ended the stream itself.
    over: bool,
}

/// What became of a stream of arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// All of it left, and its end.
    All,
    /// The peer takes no more; what is read says why.
    Unheard,
}

impl Outgoing {
    pub(super) fn new(io: WriteHalf<Box<dyn Io>>, writer: StreamWriter) -> Self {
        Self { io, writer, rest: BytesMut::new(), closed: false }
    }

    /// Sends arguments by a task, and behind them their end; or their end alone.
    pub(super) fn send(self, values: Option<PayloadStream>, ends: bool) -> Sending {
        let writer = self.writer.clone();
        let outgoing = Arc::new(Mutex::new(self));
        let mut task = JoinSet::new();
        let streams = values.is_some() || ends;
        if streams {
            let mut pump = Pump { outgoing: Arc::clone(&outgoing), values, writer, ended: false };
            task.spawn(std::future::poll_fn(move |cx| pump.poll(cx)));
        }
        Sending { outgoing, task, streams, told: false, asked: false, over: false }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.advance(written);
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }
}

impl Sending {
    /// Whether all has been sent, if there was anything.
    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Result<bool, Status> {
        match self.task.poll_join_next(cx) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Some(Ok(sent))) => self.told = sent? == Sent::All,
            // It was aborted, which only dropping this does, or there is none.
            Poll::Ready(_) => {}
        }
        Ok(self.told)
    }

    /// Tells the peer of the end once more.
    pub(super) fn ask(&mut self, cx: &mut Context<'_>) {
        let mut outgoing = lock(&self.outgoing);
        let Outgoing { writer, rest, .. } = &mut *outgoing;
        // A peer that does not read needs not be asked again.
        if rest.is_empty() {
            writer.end(rest);
        }
        // If it fails, what is read says why.
        drop(outgoing.poll_write(cx));
        self.asked = true;
    }

    /// Whether the peer was asked if its handler has ended.
    pub(super) const fn has_asked(&self) -> bool {
        self.asked
    }

    /// The peer has ended the stream, and needs not be told anything.
    pub(super) const fn is_over(&mut self) {
        self.over = true;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.task.abort_all();
        let mut outgoing = lock(&self.outgoing);
        outgoing.closed = true;
        if self.over || self.streams {
            return;
        }
        let Outgoing { writer, rest, .. } = &mut *outgoing;
        writer.end(rest);
        // What the socket does not take at once is as good as said by closing it.
        drop(outgoing.poll_write(&mut Context::from_waker(Waker::noop())));
    }
}

/// `values -> gathered -> rest -> io`; holds no more than [`PACK`] and one message.
struct Pump {
    outgoing: Arc<Mutex<Outgoing>>,
    /// Gone once the last one was taken.
    values: Option<PayloadStream>,
    writer: StreamWriter,
    /// Whether the end was put behind the last one.
    ended: bool,
}

impl Pump {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sent, Status>> {
        loop {
            {
                let mut outgoing = lock(&self.outgoing);
                if outgoing.closed || ready!(outgoing.poll_write(cx)).is_err() {
                    return Poll::Ready(Ok(Sent::Unheard));
                }
            }
            if self.ended {
                return Poll::Ready(Ok(Sent::All));
            }
            let mut gathered = BytesMut::new();
            let waits = self.gather(cx, &mut gathered)?.is_pending();
            if gathered.is_empty() && waits {
                return Poll::Pending;
            }
            if !waits && self.values.is_none() {
                self.writer.end(&mut gathered);
                self.ended = true;
            }
            lock(&self.outgoing).rest.unsplit(gathered);
        }
    }

    /// Writes values that are there, many small ones at once. Pending if the next one is to be waited
    /// for.
    fn gather(
        &mut self,
        cx: &mut Context<'_>,
        gathered: &mut BytesMut,
    ) -> Result<Poll<()>, Status> {
        while gathered.len() < PACK {
            let Some(values) = &mut self.values else { break };
            match Pin::new(values).poll_next(cx) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Some(value)) => {
                    self.writer.put(&value?, gathered).map_err(refused)?;
                }
                Poll::Ready(None) => self.values = None,
            }
        }
        Ok(Poll::Ready(()))
    }
}

fn lock(outgoing: &Mutex<Outgoing>) -> MutexGuard<'_, Outgoing> {
    outgoing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much is gathered for one write, if it is there.
const PACK: usize = 16 * 1024;
