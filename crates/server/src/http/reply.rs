//! Messages of a reply, as they come, in the frames of a protocol.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::HeaderMap;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_core::Stream as _;
use http_body::Frame;
use polywire_codec::compression::Compression;
use polywire_core::{
    Body, Code, Deadline, Encoding, MessageCompression, Metadata, Payload, PayloadStream, Response,
    Status,
};
use polywire_wire::connect::{END_STREAM, EndStream};
use polywire_wire::grpc::{self, COMPRESSED, envelope};
use polywire_wire::http::metadata_to_headers;
use tokio::time::{Instant, Sleep, sleep_until};

use super::compressing::Compressing;

/// How the messages of a reply are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    pub(super) codec: Encoding,
    pub(super) compressing: Compressing,
    pub(super) ending: Ending,
}

/// How a reply of messages with prefixes ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// In HTTP's trailers.
    Trailers,
    /// In a message of gRPC-Web.
    Web {
        /// Whether the body is base64.
        text: bool,
    },
    /// In a message of Connect.
    Connect,
}

impl Writing {
    /// Appends a message behind its prefix.
    ///
    /// # Errors
    /// When it is in another encoding than promised, or larger than a prefix can say.
    pub(super) fn put(
        self,
        payload: &Payload,
        choice: Option<&MessageCompression>,
        out: &mut BytesMut,
    ) -> Result<(), Status> {
        self.check(payload)?;
        match self.compressing.of_next(choice) {
            Compression::Identity => put_behind_prefix(0, &payload.bytes, out),
            compression => {
                put_behind_prefix(COMPRESSED, &compression.compress(&payload.bytes), out)
            }
        }
    }

    /// A message as it goes out, and its flags.
    pub(super) fn message(
        self,
        payload: &Payload,
        choice: Option<&MessageCompression>,
    ) -> Result<(u8, Bytes), Status> {
        self.check(payload)?;
        Ok(match self.compressing.of_next(choice) {
            Compression::Identity => (0, payload.bytes.clone()),
            compression => (COMPRESSED, compression.compress(&payload.bytes)),
        })
    }

    fn check(self, payload: &Payload) -> Result<(), Status> {
        if payload.encoding == self.codec {
            return Ok(());
        }
        let text = format!("a reply in {} where {} was asked for", payload.encoding, self.codec);
        Err(Status::new(Code::Internal, text))
    }

    /// The end of a reply: data to follow the messages, and trailers.
    pub(super) fn end(
        self,
        status: Result<(), &Status>,
        metadata: &Metadata,
    ) -> (Bytes, Option<HeaderMap>) {
        match self.ending {
            Ending::Trailers => (Bytes::new(), Some(trailers(status, metadata))),
            Ending::Web { .. } => {
                // A block of trailers over 4 GiB is the only thing that has no frame.
                let frame = grpc::web::trailer_frame(&trailers(status, metadata));
                (frame.unwrap_or_default(), None)
            }
            Ending::Connect => {
                let message = EndStream::encode(status, metadata);
                let mut out = BytesMut::with_capacity(message.len().saturating_add(grpc::PREFIX));
                if let Ok(prefix) = envelope(END_STREAM, &message) {
                    out.put_slice(&prefix);
                    out.put_slice(&message);
                }
                (out.freeze(), None)
            }
        }
    }

    /// Base64 around what goes out, where the body is that.
    pub(super) fn dress(self, data: Bytes) -> Bytes {
        match self.ending {
            Ending::Web { text: true } => grpc::web::encode_text(&data),
            _ => data,
        }
    }
}

fn put_behind_prefix(flags: u8, message: &[u8], out: &mut BytesMut) -> Result<(), Status> {
    let prefix = envelope(flags, message)?;
    out.reserve(prefix.len().saturating_add(message.len()));
    out.put_slice(&prefix);
    out.put_slice(message);
    Ok(())
}

/// The trailers of a reply.
pub(super) fn trailers(status: Result<(), &Status>, metadata: &Metadata) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    for left_out in grpc::status_to_trailers(status, &mut trailers)
        .into_iter()
        .chain(metadata_to_headers(metadata, &mut trailers))
    {
        tracing::debug!(%left_out, "metadata was left out");
    }
    trailers
}

/// Messages of a reply, as they come.
pub(crate) struct ReplyStream {
    values: PayloadStream,
    /// Keeps what must live as long as the reply, and has its trailers.
    response: Response,
    writing: Writing,
    deadline: Option<Pin<Box<Sleep>>>,
    stage: Stage,
    /// How large the last frame was, and the next one is expected to be.
    last: usize,
}

#[derive(Debug)]
enum Stage {
    Messages,
    /// What goes out after the data already handed out.
    Trailers(HeaderMap),
    Ended,
}

/// Ready messages go out in one frame up to this size.
const FRAME_BYTES: usize = 16 * 1024;

impl ReplyStream {
    pub(super) fn new(
        mut response: Response,
        writing: Writing,
        deadline: Option<Deadline>,
    ) -> Option<Self> {
        let Body::Stream(values) = std::mem::take(&mut response.body) else { return None };
        let deadline =
            deadline.map(|deadline| Box::pin(sleep_until(Instant::from_std(deadline.instant()))));
        Some(Self { values, response, writing, deadline, stage: Stage::Messages, last: 0 })
    }

    pub(super) const fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Messages => {}
            Stage::Trailers(trailers) => return Poll::Ready(Some(Frame::trailers(trailers))),
            Stage::Ended => return Poll::Ready(None),
        }
        let mut out = BytesMut::with_capacity(self.last);
        let late = self.is_late(cx);
        let status = loop {
            if late {
                break Err(Status::new(Code::DeadlineExceeded, "the deadline has passed"));
            }
            match self.poll_value(cx) {
                Poll::Ready(Some(Ok(payload))) => {
                    if let Err(status) = self.put(&payload, &mut out) {
                        break Err(status);
                    }
                    if out.len() < FRAME_BYTES {
                        continue;
                    }
                }
                Poll::Ready(Some(Err(status))) => break Err(status),
                Poll::Ready(None) => break Ok(()),
                Poll::Pending if out.is_empty() => {
                    self.stage = Stage::Messages;
                    return Poll::Pending;
                }
                Poll::Pending => {}
            }
            self.stage = Stage::Messages;
            self.last = out.len();
            return Poll::Ready(Some(Frame::data(self.writing.dress(out.freeze()))));
        };
        // The stream is done with; what it holds is let go before its end is told.
        self.values = PayloadStream::new(self.writing.codec, futures_util::stream::empty());
        let metadata = self.response.trailers.as_ref().map(polywire_core::Trailers::snapshot);
        let (data, trailers) =
            self.writing.end(status.as_ref().copied(), &metadata.unwrap_or_default());
        out.extend_from_slice(&data);
        let data = self.writing.dress(out.freeze());
        match trailers {
            Some(trailers) if data.is_empty() => Poll::Ready(Some(Frame::trailers(trailers))),
            Some(trailers) => {
                self.stage = Stage::Trailers(trailers);
                Poll::Ready(Some(Frame::data(data)))
            }
            None => Poll::Ready(Some(Frame::data(data))),
        }
    }

    fn put(&self, payload: &Payload, out: &mut BytesMut) -> Result<(), Status> {
        self.writing.put(payload, self.response.compression.as_ref(), out)
    }

    fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Payload, Status>>> {
        // A panic in the user's stream is the end of this reply, not of the connection.
        let values = Pin::new(&mut self.values);
        let polled = catch_unwind(AssertUnwindSafe(|| values.poll_next(cx)));
        polled.unwrap_or_else(|_panic| {
            Poll::Ready(Some(Err(Status::new(Code::Internal, "the handler panicked"))))
        })
    }

    /// Whether the deadline has passed; if not, this task is woken then.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }
}

impl fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").field("stage", &self.stage).finish_non_exhaustive()
    }
}
