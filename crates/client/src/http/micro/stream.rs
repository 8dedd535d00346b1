//! go-micro's streams: each has a connection of its own, on which messages go both ways at once.
//!
//! Replies are read as their reader asks for them, so that what is not asked for stays with the peer;
//! arguments are sent by a task, which ends with the stream.

mod outgoing;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use futures_util::Stream;
use polywire_core::{
    Body, CallKind, Deadline, Metadata, Payload, PayloadStream, Reply, Request, Response, Status,
    Trailers,
};
use polywire_wire::micro::{StreamEvent, StreamReader, StreamWriter};
use tokio::io::{AsyncWriteExt as _, ReadHalf, split};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::WaitForCancellationFutureOwned;

use self::outgoing::{Outgoing, Sending};
use super::{content, head, refused};
use crate::ClientError;
use crate::error::Sent;
use crate::http::call::gone;
use crate::http::h1::{Io, Opening, Pool};
use crate::http::head::AGENT;
use crate::http::reply::no_message;

/// Makes one call with a stream in it. A stream of replies is handed out once the call is on its way:
/// nothing answers that before the first reply.
///
/// Cancel safe: dropping the future closes the connection.
pub(in crate::http) async fn call(pool: &Arc<Pool>, request: &Request) -> Reply {
    let permit = pool.room().await?;
    let head = head(&pool.manner, request, pool.number());
    let host = pool.manner.authority.as_str();
    let (writer, left_out) = StreamWriter::new(&head, host, AGENT).map_err(refused)?;
    for left_out in left_out {
        tracing::debug!(%left_out, "metadata was left out");
    }
    let mut first = BytesMut::new();
    writer.open(&mut first).map_err(refused)?;
    let kind = request.hints.kind;
    match &request.body {
        Body::Unary(argument) => writer.put(argument, &mut first).map_err(refused)?,
        Body::Stream(values) if values.encoding() == writer.codec() => {}
        Body::Stream(values) => {
            let (found, carried) = (values.encoding(), writer.codec());
            let why = format!("the arguments are in {found}, the wire carries {carried}");
            return Err(ClientError::Encode { why }.into_status(Sent::No));
        }
        // Where the method takes one argument, what opens the stream is none.
        _ if !kind.client_streams() => writer.open(&mut first).map_err(refused)?,
        _ => {}
    }
    let io = pool.dial().await.map_err(|error| error.into_status(Sent::No))?;
    let (read, mut write) = split(io);
    let lost = |error: io::Error| ClientError::Io(Arc::new(error)).into_status(Sent::Perhaps);
    let values = match &request.body {
        Body::Stream(values) => Some(values.take().ok_or_else(gone)?),
        _ => None,
    };
    write.write_all(&first).await.map_err(lost)?;
    write.flush().await.map_err(lost)?;
    let outgoing = Outgoing::new(write, writer);
    let ends_arguments = kind.client_streams() && values.is_none();
    let live = Live {
        read,
        src: BytesMut::new(),
        reader: StreamReader::new(&pool.limits, content(&pool.manner)),
        sending: outgoing.send(values, ends_arguments),
        quiet: None,
        after: None,
        deadline: request.deadline.map(timer),
        closing: Box::pin(pool.closing.clone().cancelled_owned()),
        _permit: permit,
        pool: Arc::clone(pool),
    };
    if kind == CallKind::ClientStreaming {
        live.only().await
    } else {
        Ok(live.many(content(&pool.manner).codec))
    }
}

/// A stream that is not over. Dropping it tells the peer so and closes the connection.
struct Live {
    read: ReadHalf<Box<dyn Io>>,
    src: BytesMut,
    reader: StreamReader,
    sending: Sending,
    /// Runs while nothing is heard of the peer after the end of the arguments.
    quiet: Option<Quiet>,
    /// Asks whether the peer, which has closed the connection, is still there.
    after: Option<Opening>,
    deadline: Option<Pin<Box<Sleep>>>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    _permit: OwnedSemaphorePermit,
    pool: Arc<Pool>,
}

/// A handler of go-micro's that has been told of the end of the arguments ends without a word. Told
/// once more, its server (from v5.1 on) closes the connection if the handler has ended, and passes
/// it over if not.
struct Quiet {
    timer: Pin<Box<Sleep>>,
    /// How often the peer was asked.
    asked: u32,
}

impl Live {
    /// The reply of one message.
    async fn only(mut self) -> Reply {
        let (message, metadata) = match self.next().await? {
            StreamEvent::Message { message, metadata } => (message, metadata),
            StreamEvent::Failed(status) => return Err(status),
            _ => return Err(no_message()),
        };
        let mut response = Response::unary(message);
        response.metadata = metadata;
        // The end says nothing new, unless it has come along and has trailers.
        if let Ok(Some(StreamEvent::End(metadata))) = self.reader.read(&mut self.src) {
            let trailers = Trailers::default();
            trailers.extend(metadata);
            response.trailers = Some(trailers);
            self.sending.is_over();
        }
        Ok(response)
    }

    /// The reply of many messages. What their heads say, which comes with the first and with the last
    /// one, are its trailers.
    fn many(self, codec: polywire_core::Encoding) -> Response {
        let trailers = Trailers::default();
        let replies = Replies { live: Some(self), trailers: trailers.clone() };
        let mut response = Response::new(Body::Stream(PayloadStream::new(codec, replies)));
        response.trailers = Some(trailers);
        response
    }

    async fn next(&mut self) -> Result<StreamEvent, Status> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What has come, or why nothing more will.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamEvent, Status>> {
        // Before what has come: a peer that always has more to say outlives neither.
        if self.closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(ClientError::Shutdown.into_status(Sent::Perhaps)));
        }
        if self.deadline.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Err(ClientError::Timeout.into_status(Sent::Perhaps)));
        }
        if let Poll::Ready(event) = self.poll_read(cx) {
            self.quiet = None;
            if !matches!(event, Ok(StreamEvent::Message { .. })) {
                self.sending.is_over();
            }
            return Poll::Ready(event);
        }
        if self.sending.poll_sent(cx)? {
            self.poll_quiet(cx);
        }
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamEvent, Status>> {
        if let Some(after) = &mut self.after {
            // A server that is there has closed the connection on purpose.
            return Poll::Ready(match ready!(after.as_mut().poll(cx)) {
                Ok(_there) => Ok(StreamEvent::End(Metadata::new())),
                Err(_gone) => Err(ClientError::UnexpectedEof.into_status(Sent::Perhaps)),
            });
        }
        loop {
            let read = self.reader.read(&mut self.src);
            if let Some(event) = read.map_err(|error| lost(ClientError::Wire(Arc::new(error))))? {
                return Poll::Ready(Ok(event));
            }
            self.src.reserve(READ_BYTES);
            match ready!(poll_read_buf(Pin::new(&mut self.read), cx, &mut self.src)) {
                Ok(0) if self.src.is_empty() && self.sending.has_asked() => {
                    self.after = Some(self.pool.redial());
                    return self.poll_read(cx);
                }
                Ok(0) => return Poll::Ready(Err(lost(ClientError::UnexpectedEof))),
                Ok(_some) => {}
                Err(error) => return Poll::Ready(Err(lost(ClientError::Io(Arc::new(error))))),
            }
        }
    }

    /// Asks whether the handler has ended, after some silence and then ever less often.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) {
        loop {
            let quiet = self
                .quiet
                .get_or_insert_with(|| Quiet { timer: Box::pin(sleep(FIRST_ASKED)), asked: 0 });
            if quiet.asked >= MOST_ASKED || quiet.timer.as_mut().poll(cx).is_pending() {
                return;
            }
            quiet.asked += 1;
            let pause = FIRST_ASKED.saturating_mul(1 << quiet.asked.min(5));
            quiet.timer = Box::pin(sleep(pause));
            self.sending.ask(cx);
        }
    }
}

/// The messages of a reply as they come.
struct Replies {
    /// Gone once the stream is over.
    live: Option<Live>,
    trailers: Trailers,
}

impl Stream for Replies {
    type Item = Result<Payload, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(live) = &mut self.live else { return Poll::Ready(None) };
        let next = match ready!(live.poll_next(cx)) {
            Ok(StreamEvent::Message { message, metadata }) => {
                self.note(&metadata);
                return Poll::Ready(Some(Ok(message)));
            }
            Ok(StreamEvent::End(metadata)) => {
                self.note(&metadata);
                None
            }
            Ok(StreamEvent::Failed(status)) | Err(status) => Some(Err(status)),
            Ok(_other) => None,
        };
        self.live = None;
        Poll::Ready(next)
    }
}

impl Replies {
    /// Go's servers repeat themselves.
    fn note(&self, metadata: &Metadata) {
        if metadata.is_empty() {
            return;
        }
        let known = self.trailers.snapshot();
        let is_new = |(name, value): &(&str, &str)| known.get_all(name).all(|old| old != *value);
        self.trailers.extend(metadata.iter().filter(is_new).collect());
    }
}

fn lost(error: ClientError) -> Status {
    error.into_status(Sent::Perhaps)
}

fn timer(deadline: Deadline) -> Pin<Box<Sleep>> {
    Box::pin(sleep_until(Instant::from_std(deadline.instant())))
}

/// How much is read at once, at least.
const READ_BYTES: usize = 8 * 1024;

/// How long the peer may say nothing after the end of the arguments before it is asked whether its
/// handler has ended.
const FIRST_ASKED: std::time::Duration = std::time::Duration::from_millis(100);

/// A server keeps so many messages for a handler that takes none, twice over.
const MOST_ASKED: u32 = 64;
