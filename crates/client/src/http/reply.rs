//! From the reply's head and messages to a reply.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use polywire_codec::compression::Compression;
use polywire_core::{Code, EncodedValue, Metadata, Payload, Status, Trailers};
use polywire_wire::connect::{ContentType, END_STREAM, EndStream, Protocol};
use polywire_wire::grpc::{COMPRESSED, Envelope, has_status, status_from_trailers, web};
use polywire_wire::http::{code_from_http, metadata_from_headers};
use polywire_wire::micro::read_grpc_status;

use super::incoming::Incoming;
use super::manner::Dialect;
use super::message::Decoder;

/// What the head of a reply says.
#[derive(Debug)]
pub(super) enum Head {
    /// Messages follow, in this compression.
    Messages(Compression),
    /// Nothing follows: the call is over.
    Over(Result<(), Status>),
}

/// Judges the head of a reply to a call with prefixed messages. `bare` says that nothing follows.
pub(super) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    expected: ContentType,
    bare: bool,
) -> Result<Head, Status> {
    let content_type = text(headers, CONTENT_TYPE.as_str());
    let speaks = Protocol::of(content_type) == Some(expected.protocol);
    let grpc = expected.protocol != Protocol::ConnectStream;
    if grpc && speaks && bare && has_status(headers) {
        return Ok(Head::Over(status_from_trailers(headers)));
    }
    if !speaks || status != StatusCode::OK {
        return Err(foreign(status, headers));
    }
    if ContentType::parse(content_type).is_none_or(|found| found.codec != expected.codec) {
        return Err(other_codec(content_type, headers));
    }
    let encoding = if grpc { "grpc-encoding" } else { "connect-content-encoding" };
    compression(headers, encoding).map(Head::Messages)
}

/// An answer that is none of the protocol's: a proxy's, or of a server that does not speak it.
pub(super) fn foreign(status: StatusCode, headers: &HeaderMap) -> Status {
    let content_type = text(headers, CONTENT_TYPE.as_str());
    let text = format!("the answer is HTTP {} of type `{content_type}`", status.as_u16());
    Status::new(code_from_http(status), text).with_metadata(metadata_from_headers(headers))
}

pub(super) fn other_codec(content_type: &str, headers: &HeaderMap) -> Status {
    let text = format!("the reply is of type `{content_type}`, which was not asked for");
    Status::new(Code::Internal, text).with_metadata(metadata_from_headers(headers))
}

/// The compression that a reply's head names.
pub(super) fn compression(headers: &HeaderMap, name: &str) -> Result<Compression, Status> {
    let found = text(headers, name);
    if found.is_empty() {
        return Ok(Compression::Identity);
    }
    Compression::from_name(found).ok_or_else(|| {
        let text = format!("the reply is compressed by `{found}`, which was not offered");
        Status::new(Code::Internal, text)
    })
}

/// The compression of a Connect unary reply.
pub(super) fn content_encoding(headers: &HeaderMap) -> Result<Compression, Status> {
    compression(headers, CONTENT_ENCODING.as_str())
}

/// A header's text; empty if it is missing or no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The messages of a reply, and what the call came to behind the last one.
pub(super) struct Messages {
    body: Incoming,
    decoder: Decoder,
    dialect: Dialect,
    protocol: Protocol,
    /// The head's metadata, which a failure shows too.
    leading: Metadata,
    trailers: Trailers,
    /// What the last message said, while the body has yet to end.
    said: Option<Result<(), Status>>,
    over: bool,
}

impl Messages {
    pub(super) const fn new(
        body: Incoming,
        decoder: Decoder,
        (dialect, protocol): (Dialect, Protocol),
        leading: Metadata,
        trailers: Trailers,
    ) -> Self {
        Self { body, decoder, dialect, protocol, leading, trailers, said: None, over: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Payload>, Status>> {
        if self.said.is_some() {
            return self.poll_said(cx);
        }
        let Some(Envelope { flags, bytes }) = ready!(self.body.poll_message(cx))? else {
            return self.poll_end(cx);
        };
        let compressed = flags & COMPRESSED != 0;
        match (self.protocol, flags & !COMPRESSED) {
            (_, 0) => Poll::Ready(self.decoder.payload(compressed, bytes).map(Some)),
            (Protocol::GrpcWeb, web::TRAILERS) => {
                let lines = self.decoder.bytes(compressed, bytes)?;
                let trailers = web::parse_trailers(&lines)?;
                self.said = Some(self.end(&trailers));
                self.poll_said(cx)
            }
            (Protocol::ConnectStream, END_STREAM) => {
                let end = EndStream::parse(&self.decoder.bytes(compressed, bytes)?)?;
                self.trailers.extend(end.metadata);
                self.said = Some(end.status);
                self.poll_said(cx)
            }
            _ => {
                let text = format!("a message has unknown flags {flags:#04x}");
                Poll::Ready(Err(Status::new(Code::Internal, text)))
            }
        }
    }

    /// The last message has come, and the body ends. Over HTTP/1.1 the connection is free by that.
    fn poll_said(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Payload>, Status>> {
        if let Ok(Some(_more)) = ready!(self.body.poll_message(cx)) {
            let text = "the reply goes on behind its last message";
            return Poll::Ready(Err(Status::new(Code::Internal, text)));
        }
        Poll::Ready(self.said.take().unwrap_or(Ok(())).map(|()| None))
    }

    /// The body has ended: trailers follow, or should have been in it.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Payload>, Status>> {
        if self.protocol == Protocol::ConnectStream {
            let text = "the reply ended without its last message";
            return Poll::Ready(Err(Status::new(Code::Internal, text)));
        }
        let trailers = ready!(self.body.poll_trailers(cx))?;
        Poll::Ready(self.end(&trailers).map(|()| None))
    }

    fn end(&self, trailers: &HeaderMap) -> Result<(), Status> {
        self.trailers.extend(metadata_from_headers(trailers));
        told(self.dialect, status_from_trailers(trailers))
    }

    /// The only message of a reply.
    pub(super) async fn only(mut self) -> Result<Payload, Status> {
        let mut next = async || std::future::poll_fn(|cx| self.poll_next_message(cx)).await;
        let Some(message) = next().await.transpose()? else { return Err(no_message()) };
        match next().await.transpose()? {
            None => Ok(message),
            Some(_second) => {
                let text = "the reply has more than one message";
                Err(Status::new(Code::Unimplemented, text))
            }
        }
    }

    /// The next message, if there is nothing to be waited for or undone: nearly all of a long reply.
    #[inline]
    fn next_plain(&mut self) -> Option<Payload> {
        if self.over || self.said.is_some() {
            return None;
        }
        let bytes = self.body.next_plain()?;
        if let Some(choice) = &self.decoder.choice {
            choice.received(false);
        }
        Some(Payload::new(self.decoder.codec, bytes))
    }

    /// As [`next_plain`](Self::next_plain), but [`lent`](Self::lent) is the message.
    #[inline]
    pub(super) fn lend_plain(&mut self) -> bool {
        let lends = !self.over && self.said.is_none() && self.body.lend_plain();
        if lends && let Some(choice) = &self.decoder.choice {
            choice.received(false);
        }
        lends
    }

    /// The message that is lent, until another is asked for.
    #[inline]
    pub(super) fn lent(&self) -> EncodedValue<'_> {
        EncodedValue { encoding: self.decoder.codec, bytes: self.body.lent(), context: None }
    }

    /// The next message; an error is the last item.
    #[inline]
    pub(super) fn poll_next_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Payload, Status>>> {
        if let Some(payload) = self.next_plain() {
            return Poll::Ready(Some(Ok(payload)));
        }
        if self.over {
            return Poll::Ready(None);
        }
        let next = ready!(self.poll(cx));
        self.over = !matches!(next, Ok(Some(_)));
        Poll::Ready(next.map_err(|status| led_by(&mut self.leading, status)).transpose())
    }
}

impl Stream for Messages {
    type Item = Result<Payload, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next_message(cx)
    }
}

/// What gRPC says that a call came to, with go-micro's error in it where there is one.
pub(super) fn told(dialect: Dialect, status: Result<(), Status>) -> Result<(), Status> {
    status.map_err(|status| read_grpc_status(status, dialect == Dialect::MicroGrpc))
}

/// A reply that succeeded and holds nothing, where one message was expected.
pub(super) fn no_message() -> Status {
    Status::new(Code::Unimplemented, "the reply has no message")
}

/// The status with the head's metadata before its own.
fn led_by(leading: &mut Metadata, status: Status) -> Status {
    if leading.is_empty() {
        return status;
    }
    let mut metadata = std::mem::take(leading);
    metadata.extend(status.metadata().clone());
    status.with_metadata(metadata)
}
