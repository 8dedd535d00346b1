//! Messages of a reply, as they come, in the frames of a protocol.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::HeaderMap;
use bytes::{BufMut, Bytes, BytesMut};
use http_body::Frame;
use polywire_codec::compression::Compression;
use polywire_core::{
    Body, Code, Deadline, Encoding, MessageCompression, Metadata, Payload, PayloadStream, Response,
    Status,
};
use polywire_wire::connect::{END_STREAM, EndStream};
use polywire_wire::grpc::{self, COMPRESSED, envelope};
use polywire_wire::http::metadata_to_headers;
use polywire_wire::micro::{to_grpc_status, with_grpc_detail};
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

/// Who is told that a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Audience {
    Connect,
    /// Any caller of gRPC but go-micro's.
    Grpc,
    /// A caller of gRPC that is go-micro's, which has found the service by this name.
    Micro {
        service: Arc<str>,
    },
}

impl Audience {
    /// The status as it goes out.
    pub(super) fn told<'a>(&self, status: &'a Status) -> Cow<'a, Status> {
        match self {
            Self::Connect => Cow::Borrowed(status),
            Self::Grpc => with_grpc_detail(status).map_or(Cow::Borrowed(status), Cow::Owned),
            Self::Micro { service } => Cow::Owned(to_grpc_status(status, service)),
        }
    }
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
        self.check(payload.encoding)?;
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
        self.check(payload.encoding)?;
        Ok(match self.compressing.of_next(choice) {
            Compression::Identity => (0, payload.bytes.clone()),
            compression => (COMPRESSED, compression.compress(&payload.bytes)),
        })
    }

    fn check(self, found: Encoding) -> Result<(), Status> {
        if found == self.codec {
            return Ok(());
        }
        let text = format!("a reply in {found} where {} was asked for", self.codec);
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

fn put_behind_prefix(flags: u8, message: &[u8], out: &mut impl BufMut) -> Result<(), Status> {
    let prefix = envelope(flags, message)?;
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
    audience: Audience,
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
        audience: Audience,
    ) -> Option<Self> {
        let Body::Stream(values) = std::mem::take(&mut response.body) else { return None };
        let deadline =
            deadline.map(|deadline| Box::pin(sleep_until(Instant::from_std(deadline.instant()))));
        let stage = Stage::Messages;
        Some(Self { values, response, writing, audience, deadline, stage, last: 0 })
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
        let mut out = Vec::with_capacity(self.last);
        let Some(status) = self.gather(cx, &mut out) else {
            self.stage = Stage::Messages;
            if out.is_empty() {
                return Poll::Pending;
            }
            self.last = out.len();
            return Poll::Ready(Some(Frame::data(self.writing.dress(out.into()))));
        };
        // The stream is done with; what it holds is let go before its end is told.
        self.values = PayloadStream::new(self.writing.codec, futures_util::stream::empty());
        let metadata = self.response.trailers.as_ref().map(polywire_core::Trailers::snapshot);
        let told = status.as_ref().err().map(|status| self.audience.told(status));
        let told = told.as_deref().map_or(Ok(()), Err);
        let (data, trailers) = self.writing.end(told, &metadata.unwrap_or_default());
        out.extend_from_slice(&data);
        let data = self.writing.dress(out.into());
        match trailers {
            Some(trailers) if data.is_empty() => Poll::Ready(Some(Frame::trailers(trailers))),
            Some(trailers) => {
                self.stage = Stage::Trailers(trailers);
                Poll::Ready(Some(Frame::data(data)))
            }
            None => Poll::Ready(Some(Frame::data(data))),
        }
    }

    /// Appends the messages that are ready, as many as go into one frame; if none is, this task is
    /// woken for the next. Gives the status that the reply ends with, once it does.
    fn gather(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Option<Result<(), Status>> {
        if self.is_late(cx) {
            let text = "the deadline has passed";
            return Some(Err(Status::new(Code::DeadlineExceeded, text)));
        }
        if let Err(status) = self.writing.check(self.values.encoding()) {
            return Some(Err(status));
        }
        loop {
            let start = out.len();
            match self.poll_message(cx, out) {
                Poll::Ready(Some(Ok(()))) => {}
                Poll::Ready(Some(Err(status))) => return Some(Err(status)),
                Poll::Ready(None) => return Some(Ok(())),
                Poll::Pending => return None,
            }
            let len = out.len().saturating_sub(start);
            // Another of the same size would not fit.
            if out.len().saturating_add(len) > FRAME_BYTES {
                return None;
            }
        }
    }

    /// Appends the next message behind its prefix; whatever else comes of it appends nothing.
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Option<Result<(), Status>>> {
        let start = out.len();
        out.extend_from_slice(&[0; grpc::PREFIX]);
        // A panic in the user's stream is the end of this reply, not of the connection.
        let values = &mut self.values;
        let polled = catch_unwind(AssertUnwindSafe(|| values.poll_append(cx, out)));
        let sealed = match polled {
            Ok(Poll::Ready(Some(Ok(_)))) => Poll::Ready(Some(self.seal(start, out))),
            Ok(Poll::Ready(Some(Err(status)))) => Poll::Ready(Some(Err(status))),
            Ok(Poll::Ready(None)) => Poll::Ready(None),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_panic) => {
                let status = Status::new(Code::Internal, "the handler panicked");
                Poll::Ready(Some(Err(status)))
            }
        };
        if !matches!(sealed, Poll::Ready(Some(Ok(())))) {
            out.truncate(start);
        }
        sealed
    }

    /// Writes the prefix of the message that begins at `start`, and compresses it if that is due.
    fn seal(&self, start: usize, out: &mut Vec<u8>) -> Result<(), Status> {
        let choice = self.response.compression.as_ref();
        let Some(whole) = out.get_mut(start..) else { return Ok(()) };
        let Some((prefix, message)) = whole.split_first_chunk_mut() else { return Ok(()) };
        match self.writing.compressing.of_next(choice) {
            Compression::Identity => *prefix = envelope(0, message)?,
            compression => {
                let message = compression.compress(message);
                out.truncate(start);
                put_behind_prefix(COMPRESSED, &message, out)?;
            }
        }
        Ok(())
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
