//! The loop of one connection: read a batch, call, write a batch.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use futures_util::FutureExt as _;
use polywire_core::{Code, ConnectionInfo, Deadline, Reply, Request, Status};
use polywire_wire::{Outgoing, ServerEvent, ServerWire, WireError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

use crate::connection::Shared;

/// How many replies may gather before they are written, however many calls have been read.
const BATCH_BYTES: usize = 64 * 1024;

/// Speaks one wire on one connection.
pub(crate) struct Driver<'s, W: ServerWire> {
    wire: W,
    shared: &'s Shared,
    info: Arc<ConnectionInfo>,
    out: Outgoing,
    /// Calls that wait for something; dropping the driver ends them.
    tasks: JoinSet<(W::Ticket, u64, Reply)>,
    cancels: HashMap<u64, AbortHandle>,
}

type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;

impl<'s, W: ServerWire> Driver<'s, W> {
    pub(crate) fn new(wire: W, shared: &'s Shared, info: Arc<ConnectionInfo>) -> Self {
        let (out, tasks) = (Outgoing::default(), JoinSet::new());
        Self { wire, shared, info, out, tasks, cancels: HashMap::new() }
    }

    /// Reads, calls and writes until the peer sends no more, or the server drains, and every call
    /// under way is answered.
    pub(crate) async fn run(
        mut self,
        mut io: impl AsyncRead + AsyncWrite + Send + Unpin,
        mut src: BytesMut,
    ) -> io::Result<()> {
        let mut failure = None;
        let mut reading = true;
        loop {
            let full = self.tasks.len() >= self.shared.limits.calls_in_flight;
            if reading && !full {
                match self.batch(&mut src, &mut io).await? {
                    Ok(()) => {}
                    Err(error) => {
                        failure = Some(error);
                        reading = false;
                    }
                }
            }
            self.flush(&mut io).await?;
            if !reading && self.tasks.is_empty() {
                break;
            }
            let full = self.tasks.len() >= self.shared.limits.calls_in_flight;
            tokio::select! {
                read = io.read_buf(&mut src), if reading && !full => {
                    if read? == 0 {
                        reading = false;
                        failure = self.finish(&mut src).await.err();
                    }
                }
                Some(done) = self.tasks.join_next_with_id() => {
                    let mut next = Some(done);
                    while let Some(done) = next {
                        self.answered(done.map(|(_, answer)| answer));
                        next = self.tasks.try_join_next_with_id();
                    }
                }
                () = self.shared.drain.cancelled(), if reading => reading = false,
            }
        }
        io.shutdown().await?;
        failure.map_or(Ok(()), |error| Err(io::Error::new(io::ErrorKind::InvalidData, error)))
    }

    /// Takes every whole call out of the buffer.
    async fn batch(
        &mut self,
        src: &mut BytesMut,
        io: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<Result<(), WireError>> {
        loop {
            match self.wire.read(src) {
                Ok(Some(event)) => self.event(event).await,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
            if self.out.len() >= BATCH_BYTES {
                self.flush(io).await?;
            }
            if self.tasks.len() >= self.shared.limits.calls_in_flight {
                return Ok(Ok(()));
            }
        }
    }

    /// Takes what is left when the peer sends no more.
    async fn finish(&mut self, src: &mut BytesMut) -> Result<(), WireError> {
        while let Some(event) = self.wire.finish(src)? {
            self.event(event).await;
        }
        Ok(())
    }

    async fn event(&mut self, event: ServerEvent<W::Ticket>) {
        match event {
            ServerEvent::Call { ticket, key, request, timeout } => {
                self.call(ticket, key, request, timeout).await;
            }
            ServerEvent::Reject { ticket, status } => {
                self.wire.write(ticket, Err(status), &mut self.out);
            }
            ServerEvent::Cancel { key } => {
                if let Some(task) = self.cancels.remove(&key) {
                    task.abort();
                }
            }
            _ => {}
        }
    }

    /// Polls a call once; one that waits goes to a task of its own.
    async fn call(
        &mut self,
        ticket: W::Ticket,
        key: u64,
        mut request: Request,
        timeout: Option<Duration>,
    ) {
        request.connection = Some(Arc::clone(&self.info));
        request.deadline =
            timeout.and_then(|timeout| Deadline::after(Instant::now().into_std(), timeout));
        let deadline = request.deadline;
        let mut answer = contained(&self.shared.service, request);
        let first = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await;
        if let Poll::Ready(reply) = first {
            self.wire.write(ticket, reply, &mut self.out);
            return;
        }
        let task = self.tasks.spawn(async move {
            let reply = match deadline {
                None => answer.await,
                Some(deadline) => {
                    let deadline = Instant::from_std(deadline.instant());
                    timeout_at(deadline, answer).await.unwrap_or_else(|_elapsed| {
                        Err(Status::new(Code::DeadlineExceeded, "the deadline has passed"))
                    })
                }
            };
            (ticket, key, reply)
        });
        self.cancels.insert(key, task);
    }

    fn answered(&mut self, done: Result<(W::Ticket, u64, Reply), tokio::task::JoinError>) {
        // A task that was aborted belonged to a caller who has lost interest.
        let Ok((ticket, key, reply)) = done else { return };
        self.cancels.remove(&key);
        self.wire.write(ticket, reply, &mut self.out);
    }

    async fn flush(&mut self, io: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while self.out.has_remaining() {
            io.write_all_buf(&mut self.out).await?;
        }
        self.out.reset();
        Ok(())
    }
}

/// A call whose panics are errors of its own.
fn contained(service: &polywire_core::BoxService, request: Request) -> Answer {
    let method = request.method.clone();
    let answer = AssertUnwindSafe(service.call_owned(request)).catch_unwind();
    Box::pin(async move {
        answer.await.unwrap_or_else(|_panic| {
            tracing::error!(%method, "the handler panicked");
            Err(Status::new(Code::Internal, "the handler panicked"))
        })
    })
}
