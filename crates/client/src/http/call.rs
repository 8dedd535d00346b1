//! One call: out with the arguments, in with the reply.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use h2::SendStream;
use h2::client::ResponseFuture;
use polywire_codec::compression::Compression;
use polywire_core::{
    Body, CallKind, Deadline, EncodedValue, LendStream, MessageCompression, Payload, PayloadStream,
    Reply, Request, Response, Status, Trailers,
};
use polywire_wire::connect::{ContentType, Protocol, parse_error};
use polywire_wire::grpc::{PREFIX, has_status};
use polywire_wire::http::{metadata_from_headers, split_trailers};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::Shared;
use super::failure::{ArgumentFailure, Diagnosis, Stage, unprocessed};
use super::incoming::Incoming;
use super::manner::Manner;
use super::message::{Decoder, Encoder};
use super::reply::{self, Head, Messages};
use super::{head, outgoing};
use crate::ClientError;
use crate::error::Sent;

/// Makes one call.
pub(super) async fn call(shared: &Arc<Shared>, request: &Request) -> Reply {
    let permit = shared.state.room().await.map_err(|error| error.into_status(Sent::No))?;
    let content = shared.manner.content(request.hints.kind);
    let argument = ArgumentFailure::default();
    let diagnosis = Diagnosis::new(Arc::clone(&shared.state), request.deadline, argument.clone());
    let sent = if content.protocol == Protocol::ConnectUnary {
        send_bare(shared, request)?
    } else {
        send(shared, request, argument)?
    };
    let response = match sent.response.await {
        Ok(response) => response,
        Err(error) => return Err(diagnosis.status(&error, Stage::Waiting)),
    };
    let guard = Guard { _shared: Arc::clone(shared), _permit: permit, _arguments: sent.arguments };
    let exchange = Exchange {
        content,
        kind: request.hints.kind,
        deadline: request.deadline,
        choice: request.extensions.get::<MessageCompression>().cloned(),
        guard: Some(guard),
    };
    let (head, stream) = response.into_parts();
    let body = Incoming::of_http2(stream, shared.manner.max_message_bytes, diagnosis);
    exchange.finish(&shared.manner, &head, body).await
}

/// What is left of a call once it is on its way.
struct OnItsWay {
    response: ResponseFuture,
    /// Sends a stream of arguments.
    arguments: Option<JoinSet<()>>,
}

/// Sends a call with prefixes before its messages.
fn send(shared: &Shared, request: &Request, failure: ArgumentFailure) -> Result<OnItsWay, Status> {
    let encoder = Encoder::new(&shared.manner, request);
    let (message, prefix, compression) = match &request.body {
        Body::Unary(payload) => encoder.parts(payload)?,
        Body::Stream(values) => {
            let head = head::post(&shared.manner, request, encoder.compression())?;
            let (response, stream) = open(shared, head, false)?;
            let Some(values) = values.take() else { return Err(gone()) };
            let sending = outgoing::send(values, stream, encoder, request.deadline, failure);
            return Ok(OnItsWay { response, arguments: Some(sending) });
        }
        _ => (Bytes::new(), [0; PREFIX], Compression::Identity),
    };
    // Servers answer as they are asked: a head that names a compression asks for it.
    let head = head::post(&shared.manner, request, compression)?;
    let (response, mut stream) = open(shared, head, false)?;
    if message.len() <= COPIED {
        let mut whole = BytesMut::with_capacity(PREFIX.saturating_add(message.len()));
        whole.extend_from_slice(&prefix);
        whole.extend_from_slice(&message);
        send_last(&mut stream, whole.freeze());
    } else {
        // If the stream is over already, its reply says so.
        drop(stream.send_data(Bytes::copy_from_slice(&prefix), false));
        send_last(&mut stream, message);
    }
    Ok(OnItsWay { response, arguments: None })
}

/// A stream of arguments that was sent before.
pub(super) fn gone() -> Status {
    let why = "the stream of arguments was taken already".to_owned();
    ClientError::Encode { why }.into_status(Sent::No)
}

/// Sends a call whose body is the message.
fn send_bare(shared: &Shared, request: &Request) -> Result<OnItsWay, Status> {
    let manner = &shared.manner;
    let (message, compression) = bare(manner, request)?;
    if let Some(head) = head::get_if_meant(manner, request, &message, compression)? {
        let (response, _stream) = open(shared, head, true)?;
        return Ok(OnItsWay { response, arguments: None });
    }
    let (response, mut stream) = open(shared, head::post(manner, request, compression)?, false)?;
    send_last(&mut stream, message);
    Ok(OnItsWay { response, arguments: None })
}

/// The message of a call whose body is the message, and how it is compressed.
pub(super) fn bare(manner: &Manner, request: &Request) -> Result<(Bytes, Compression), Status> {
    match &request.body {
        Body::Unary(payload) => Encoder::new(manner, request).bare(payload),
        Body::Stream(_) => {
            let why = "a stream, where the method takes one value".to_owned();
            Err(ClientError::Encode { why }.into_status(Sent::No))
        }
        _ => Ok((Bytes::new(), Compression::Identity)),
    }
}

/// Opens the call's stream.
fn open(
    shared: &Shared,
    head: http::Request<()>,
    end: bool,
) -> Result<(ResponseFuture, SendStream<Bytes>), Status> {
    // A clone of its own does not know of other calls that wait, so it is always ready, unless the
    // connection is ending or has no more numbers for streams.
    let mut sender = shared.sender.clone();
    sender.send_request(head, end).map_err(|error| {
        let mut unseen = Context::from_waker(Waker::noop());
        if matches!(sender.poll_ready(&mut unseen), Poll::Ready(Ok(()))) {
            return ClientError::Encode { why: error.to_string() }.into_status(Sent::No);
        }
        shared.state.drain();
        match shared.state.ended() {
            Some(ended) => ended.into_status(Sent::No),
            None => unprocessed("the connection takes no more calls"),
        }
    })
}

fn send_last(stream: &mut SendStream<Bytes>, data: Bytes) {
    // If the stream is over already, its reply says so.
    drop(stream.send_data(data, true));
}

/// A call whose reply has begun.
pub(super) struct Exchange {
    pub(super) content: ContentType,
    pub(super) kind: CallKind,
    pub(super) deadline: Option<Deadline>,
    pub(super) choice: Option<MessageCompression>,
    /// What a call over HTTP/2 holds; over HTTP/1.1 the body of the reply holds it all.
    pub(super) guard: Option<Guard>,
}

/// What a call holds until it is over: its connection, its place in it, and the task that sends its
/// arguments.
pub(super) struct Guard {
    _shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
    _arguments: Option<JoinSet<()>>,
}

impl Exchange {
    /// Reads the reply; of a stream, its head.
    pub(super) async fn finish(
        self,
        manner: &Manner,
        head: &http::response::Parts,
        mut body: Incoming,
    ) -> Reply {
        if self.content.protocol == Protocol::ConnectUnary {
            return self.bare(manner, head, body).await;
        }
        let mut bare = body.is_empty();
        if self.content.protocol == Protocol::GrpcWeb && has_status(&head.headers) {
            // The status may be in the head if no message follows.
            bare = body.ends_at_once().await?;
        }
        let dialect = manner.dialect;
        let judged = reply::judge(head.status, &head.headers, self.content, bare)?;
        let leading = metadata_from_headers(&head.headers);
        let compression = match judged {
            Head::Messages(compression) => compression,
            Head::Over(status) => {
                reply::told(dialect, status)?;
                if !self.kind.server_streams() {
                    return Err(reply::no_message());
                }
                let trailers = Trailers::default();
                trailers.extend(leading);
                let mut response = Response::new(Body::Stream(PayloadStream::new(
                    self.content.codec,
                    futures_util::stream::empty(),
                )));
                response.trailers = Some(trailers);
                return Ok(response);
            }
        };
        let decoder = self.decoder(manner, compression);
        let trailers = Trailers::default();
        let messages = Messages::new(
            body,
            decoder,
            (dialect, self.content.protocol),
            leading.clone(),
            trailers.clone(),
        );
        let body = if self.kind.server_streams() {
            Body::Stream(self.stream(messages))
        } else {
            Body::Unary(messages.only().await?)
        };
        let mut response = Response::new(body);
        response.metadata = leading;
        response.trailers = Some(trailers);
        Ok(response)
    }

    /// The reply of one message without a prefix.
    async fn bare(
        self,
        manner: &Manner,
        head: &http::response::Parts,
        mut body: Incoming,
    ) -> Reply {
        let content_type = reply::text(&head.headers, http::header::CONTENT_TYPE.as_str());
        let found = ContentType::parse(content_type);
        let succeeded = head.status == http::StatusCode::OK;
        if succeeded && found.is_none_or(|found| found.protocol != Protocol::ConnectUnary) {
            return Err(reply::foreign(head.status, &head.headers));
        }
        if succeeded && found != Some(self.content) {
            return Err(reply::other_codec(content_type, &head.headers));
        }
        let (leading, trailing) = split_trailers(&head.headers);
        let compression = reply::content_encoding(&head.headers)?;
        let decoder = self.decoder(manner, compression);
        let bytes = body.whole(manner.max_message_bytes).await?;
        let compressed = compression != Compression::Identity;
        if !succeeded {
            let mut metadata = leading;
            metadata.extend(trailing);
            // The body of a proxy's answer is nothing to go by.
            let is_json = content_type.split(';').next().unwrap_or_default().trim();
            let bytes = if is_json.eq_ignore_ascii_case("application/json") {
                decoder.bytes(compressed, bytes)?
            } else {
                Bytes::new()
            };
            return Err(parse_error(head.status, &bytes).with_metadata(metadata));
        }
        let mut response = Response::unary(decoder.payload(compressed, bytes)?);
        response.metadata = leading;
        let trailers = Trailers::default();
        trailers.extend(trailing);
        response.trailers = Some(trailers);
        Ok(response)
    }

    fn decoder(&self, manner: &Manner, compression: Compression) -> Decoder {
        Decoder {
            codec: self.content.codec,
            compression,
            max_message_bytes: manner.max_message_bytes,
            choice: self.choice.clone(),
        }
    }

    fn stream(self, messages: Messages) -> PayloadStream {
        let deadline =
            self.deadline.map(|end| Box::pin(sleep_until(Instant::from_std(end.instant()))));
        let live = Live { messages, deadline, _guard: self.guard };
        PayloadStream::lending(self.content.codec, ReplyStream { live: Some(live), lent: None })
    }
}

/// The messages of a reply as they come. Once it is over, or dropped, nothing is held any longer:
/// the call's stream is reset if it is not over itself.
struct ReplyStream {
    live: Option<Live>,
    /// The message that was lent last, unless it lies where it came.
    lent: Option<Payload>,
}

struct Live {
    messages: Messages,
    deadline: Option<Pin<Box<Sleep>>>,
    _guard: Option<Guard>,
}

impl Stream for ReplyStream {
    type Item = Result<Payload, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(live) = &mut self.live else { return Poll::Ready(None) };
        let next = match live.messages.poll_next_message(cx) {
            Poll::Ready(next) => next,
            Poll::Pending => {
                let late =
                    live.deadline.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready());
                if !late {
                    return Poll::Pending;
                }
                Some(Err(ClientError::Timeout.into_status(Sent::Perhaps)))
            }
        };
        if !matches!(next, Some(Ok(_))) {
            self.live = None;
        }
        Poll::Ready(next)
    }
}

impl LendStream for ReplyStream {
    fn poll_lend<'a>(
        mut self: Pin<&'a mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<EncodedValue<'a>, Status>>> {
        let plain = self.live.as_mut().is_some_and(|live| live.messages.lend_plain());
        let next = if plain { None } else { ready!(self.as_mut().poll_next(cx)) };
        let this = self.get_mut();
        if plain && let Some(live) = &this.live {
            return Poll::Ready(Some(Ok(live.messages.lent())));
        }
        let lent = &mut this.lent;
        Poll::Ready(next.map(|next| next.map(|payload| lent.insert(payload).lend())))
    }
}

/// Up to how many bytes a message is copied behind its prefix, rather than sent as a frame of its
/// own.
const COPIED: usize = 16 * 1024;
