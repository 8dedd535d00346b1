//! The body of a reply: bytes, and messages with prefixes.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;
use polywire_core::{Code, Status};
use polywire_wire::grpc::{Envelope, Envelopes};

use super::failure::{Diagnosis, Stage};

/// The body of a reply, taken from its stream as its reader asks for it: what is not asked for
/// stays within the window the peer was given.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: RecvStream,
    envelopes: Envelopes,
    diagnosis: Diagnosis,
    /// Bytes that were taken and not given back to the window.
    held: usize,
}

impl Incoming {
    pub(super) fn new(stream: RecvStream, max_message_bytes: usize, diagnosis: Diagnosis) -> Self {
        Self { stream, envelopes: Envelopes::new(max_message_bytes), diagnosis, held: 0 }
    }

    /// Whether the reply has a body or trailers.
    pub(super) fn is_empty(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// The next message; `None` at the end of the body.
    pub(super) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Envelope>, Status>> {
        loop {
            if let Some(envelope) = self.envelopes.next()? {
                return Poll::Ready(Ok(Some(envelope)));
            }
            match ready!(self.poll_chunk(cx))? {
                Some(chunk) => self.envelopes.push(chunk),
                None => return Poll::Ready(self.envelopes.finish().map(|()| None)),
            }
        }
    }

    /// All of the body, if it is within a limit.
    pub(super) async fn whole(&mut self, max: usize) -> Result<Bytes, Status> {
        let mut first = Bytes::new();
        let mut gathered = BytesMut::new();
        while let Some(chunk) = std::future::poll_fn(|cx| self.poll_chunk(cx)).await? {
            let len = first.len().max(gathered.len()).saturating_add(chunk.len());
            if len > max {
                let text = format!("message is over the limit of {max} bytes (max_message_bytes)");
                return Err(Status::new(Code::ResourceExhausted, text));
            }
            if first.is_empty() && gathered.is_empty() {
                first = chunk;
                continue;
            }
            if gathered.is_empty() {
                gathered.extend_from_slice(&first);
            }
            gathered.extend_from_slice(&chunk);
        }
        Ok(if gathered.is_empty() { first } else { gathered.freeze() })
    }

    /// The trailers, once the body has ended; empty if there are none.
    pub(super) fn poll_trailers(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<HeaderMap, Status>> {
        let trailers = ready!(self.stream.poll_trailers(cx));
        Poll::Ready(match trailers {
            Ok(trailers) => Ok(trailers.unwrap_or_default()),
            Err(error) => Err(self.diagnosis.status(&error, Stage::Replying)),
        })
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Status>> {
        if self.held >= RELEASE {
            self.release();
        }
        let Poll::Ready(next) = self.stream.poll_data(cx) else {
            // All of the window is needed by whoever waits.
            self.release();
            return Poll::Pending;
        };
        Poll::Ready(match next.transpose() {
            Ok(chunk) => {
                self.held = self.held.saturating_add(chunk.as_ref().map_or(0, Bytes::len));
                Ok(chunk)
            }
            Err(error) => Err(self.diagnosis.status(&error, Stage::Replying)),
        })
    }

    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        if held > 0 {
            // It fails only if more is released than came.
            drop(self.stream.flow_control().release_capacity(held));
        }
    }
}

/// How much is given back to the window at once while chunks keep coming.
const RELEASE: usize = 32 * 1024;
