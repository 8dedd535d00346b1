//! A stream of arguments on its way out.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use h2::{Reason, SendStream};
use polywire_core::{Deadline, PayloadStream, Status};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::failure::ArgumentFailure;
use super::message::Encoder;
use crate::ClientError;
use crate::error::Sent;

/// Sends a stream of arguments by a task, which ends with the call. What fails on the way is noted
/// and resets the call.
pub(super) fn send(
    values: PayloadStream,
    stream: SendStream<Bytes>,
    encoder: Encoder,
    deadline: Option<Deadline>,
    failure: ArgumentFailure,
) -> JoinSet<()> {
    let mut pump = Pump {
        stream,
        values: Some(values),
        encoder,
        gathered: BytesMut::new(),
        chunk: Bytes::new(),
    };
    let mut task = JoinSet::new();
    task.spawn(async move {
        let sent = std::future::poll_fn(|cx| pump.poll(cx));
        let result = match deadline {
            None => sent.await,
            Some(end) => match timeout_at(Instant::from_std(end.instant()), sent).await {
                Ok(result) => result,
                Err(_elapsed) => Err(ClientError::Timeout.into_status(Sent::Perhaps)),
            },
        };
        if let Err(status) = result {
            failure.set(status);
            pump.stream.send_reset(Reason::CANCEL);
        }
    });
    task
}

/// `values -> gathered -> chunk -> stream`; holds no more than [`PACK`] and one message, besides
/// what the peer's window has taken.
struct Pump {
    stream: SendStream<Bytes>,
    /// Gone once the last one was taken.
    values: Option<PayloadStream>,
    encoder: Encoder,
    gathered: BytesMut,
    chunk: Bytes,
}

impl Pump {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        loop {
            if !self.chunk.is_empty() {
                match self.poll_send(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Taken::Some) => continue,
                    // If nobody reads on, the reply says why.
                    Poll::Ready(Taken::Last | Taken::Closed) => return Poll::Ready(Ok(())),
                }
            }
            let idle = self.gather(cx)?.is_pending();
            if !self.gathered.is_empty() {
                self.chunk = self.gathered.split().freeze();
                continue;
            }
            if self.values.is_none() {
                // The stream may be over already, which its reply says.
                drop(self.stream.send_data(Bytes::new(), true));
                return Poll::Ready(Ok(()));
            }
            // Who sends the values is to know when nobody reads on.
            if idle && self.stream.poll_reset(cx).is_pending() {
                return Poll::Pending;
            }
            return Poll::Ready(Ok(()));
        }
    }

    /// Encodes values that are there, many small ones for one frame. Pending if the next one is to be
    /// waited for.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Status> {
        while self.gathered.len() < PACK {
            let Some(values) = &mut self.values else { break };
            match Pin::new(values).poll_next(cx) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Some(value)) => self.encoder.put(&value?, &mut self.gathered)?,
                Poll::Ready(None) => self.values = None,
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Sends as much of the chunk as the peer's window takes.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Taken> {
        self.stream.reserve_capacity(self.chunk.len());
        let mut capacity = self.stream.capacity();
        if capacity == 0 {
            capacity = match self.stream.poll_capacity(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(capacity))) => capacity,
                Poll::Ready(_) => return Poll::Ready(Taken::Closed),
            };
        }
        let part = self.chunk.split_to(capacity.min(self.chunk.len()));
        let last = self.chunk.is_empty() && self.values.is_none();
        Poll::Ready(match self.stream.send_data(part, last) {
            Err(_over) => Taken::Closed,
            Ok(()) if last => Taken::Last,
            Ok(()) => Taken::Some,
        })
    }
}

/// What became of a chunk.
enum Taken {
    /// Some of it left.
    Some,
    /// All of it left, and there is nothing behind it.
    Last,
    /// The stream is over.
    Closed,
}

/// How much is gathered for one chunk, if it is there: a frame of the usual size.
const PACK: usize = 16 * 1024;
