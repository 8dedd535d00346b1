//! One connection of HTTP/2: take every request there is, poll each once, write what is answered.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use ::http::{HeaderMap, Request};
use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http_body::{Body, Frame};
use polywire_core::ConnectionInfo;
use polywire_net::ByteStream;
use tokio::task::JoinSet;
use tokio::time;

use super::age::its_time_has_come;
use super::body::ReplyBody;
use super::cork::{Cork, Corked};
use super::police::RESETS;
use crate::connection::Shared;

/// How many requests are polled at most before what was answered is written; as for the native
/// wire, few enough that both sides work at the same time.
const BATCH_CALLS: usize = 16;

/// What one stream may send before somebody reads it, and what all streams of a connection may.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// How large a head may at least become before HTTP/2 gives the connection up rather than the call:
/// one that is over `head_bytes` by less is answered.
const HEARD_BYTES: usize = 64 * 1024;

/// Serves one connection until it ends.
pub(crate) async fn serve(
    io: impl ByteStream,
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
) -> io::Result<()> {
    let cork = Cork::default();
    let handshake = builder(shared).handshake(Corked::new(io, cork.clone(), &shared.limits));
    let late = |_elapsed| {
        let text = "the peer has not begun to speak HTTP/2 (`first_bytes`)";
        io::Error::new(io::ErrorKind::TimedOut, text)
    };
    let connection = time::timeout(shared.limits.first_bytes, handshake)
        .await
        .map_err(late)?
        .map_err(into_io)?;
    let driver =
        Driver { connection, cork, shared: Arc::clone(shared), info, tasks: JoinSet::new() };
    driver.run().await
}

fn builder(shared: &Shared) -> h2::server::Builder {
    let limits = &shared.limits;
    let mut builder = h2::server::Builder::new();
    let clamp = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(clamp(limits.calls_in_flight))
        // Who cancels many calls at once does no harm: streams that are reset are the police's to
        // count, and those that had to be are counted alike.
        .max_pending_accept_reset_streams(limits.calls_in_flight)
        .max_local_error_reset_streams(usize::try_from(RESETS).ok())
        .max_header_list_size(clamp(limits.wire.max_head_bytes().max(HEARD_BYTES)))
        .max_send_buffer_size(limits.wire.max_message_bytes());
    builder
}

struct Driver<S> {
    connection: Connection<Corked<S>, Bytes>,
    cork: Cork,
    shared: Arc<Shared>,
    info: Arc<ConnectionInfo>,
    /// Calls that wait for something; dropping the driver ends them.
    tasks: JoinSet<()>,
}

impl<S: ByteStream> Driver<S> {
    async fn run(mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut last_call = pin!(its_time_has_come(&shared));
        let mut last_word = None;
        let mut sent_away = false;
        poll_fn(|cx| {
            if last_word.is_none() && last_call.as_mut().poll(cx).is_ready() {
                // The peer hears it twice: first that it shall open no more, then, once its answer
                // shows that it knows, which of its calls were the last.
                self.connection.graceful_shutdown();
                last_word = Some(Box::pin(time::sleep(shared.limits.grace)));
            }
            if last_word.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready()) {
                return Poll::Ready(Ok(()));
            }
            if let Some(offence) = self.cork.offence()
                && !sent_away
            {
                sent_away = true;
                tracing::warn!(peer = %self.info.peer, "sent away for {}", offence.text());
                self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            }
            // Calls that have ended give their tasks back.
            while let Poll::Ready(Some(_ended)) = self.tasks.poll_join_next(cx) {}
            self.poll(cx)
        })
        .await
    }

    /// Takes requests until there are no more; ready when the connection has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.cork.is_stalled() {
                ready!(self.poll_stalled(cx))?;
            }
            self.cork.put();
            let mut taken = 0;
            // A call whose reply would wait for the peer is taken when its turn comes.
            while taken < BATCH_CALLS && !self.cork.is_stalled() {
                match self.connection.poll_accept(cx) {
                    Poll::Ready(Some(Ok((request, respond)))) => self.start(request, respond),
                    Poll::Ready(Some(Err(error))) => {
                        self.cork.pull();
                        return Poll::Ready(ended(error));
                    }
                    Poll::Ready(None) => {
                        self.cork.pull();
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Pending => break,
                }
                taken += 1;
            }
            self.cork.pull();
            // Writes what was answered; what came meanwhile is the next batch's first.
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.start(request, respond),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(ended(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Replies that wait for the peer take memory: no more are made until it has taken some. A slow
    /// peer takes some again and again, and new calls beside a long stream get their turn.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.connection.poll_closed(cx) {
            Poll::Pending if self.cork.is_stalled() && !self.cork.has_moved() => Poll::Pending,
            Poll::Pending => Poll::Ready(Ok(())),
            // The next question for a request says the same.
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(ended(error)),
        }
    }

    /// Polls a call once; one that waits goes to a task of its own.
    fn start(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let (shared, info) = (Arc::clone(&self.shared), Arc::clone(&self.info));
        let exchange = exchange(shared, info, request, respond, self.cork.clone());
        let mut exchange: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(exchange);
        // A task is polled anew when it begins, so nobody need be woken by this.
        let mut cx = Context::from_waker(Waker::noop());
        if exchange.as_mut().poll(&mut cx).is_pending() {
            self.tasks.spawn(exchange);
        }
    }
}

/// Carries out one call, unless the peer withdraws it.
async fn exchange(
    shared: Arc<Shared>,
    info: Arc<ConnectionInfo>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    cork: Cork,
) {
    let request = request.map(Incoming::new);
    let mut answer = pin!(super::answer(shared, info, request));
    let answered = poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(response) => Poll::Ready(Some(response)),
        Poll::Pending => respond.poll_reset(cx).map(|_reset| None),
    });
    let Some(response) = answered.await else { return };
    match send(&mut respond, response).await {
        Ok(()) => cork.answered(),
        Err(error) => tracing::debug!(%error, "a reply was not taken"),
    }
}

async fn send(
    respond: &mut SendResponse<Bytes>,
    response: ::http::Response<ReplyBody>,
) -> Result<(), h2::Error> {
    let (head, mut body) = response.into_parts();
    let head = ::http::Response::from_parts(head, ());
    if body.is_end_stream() {
        respond.send_response(head, true)?;
        return Ok(());
    }
    let mut stream = respond.send_response(head, false)?;
    match &mut body {
        // It is in memory as a whole already; HTTP/2 keeps it until the peer has room.
        ReplyBody::Whole { data, more, trailers } => {
            let (data, more) = (std::mem::take(data), std::mem::take(more));
            let ends = trailers.is_none();
            if more.is_empty() {
                stream.send_data(data, ends)?;
            } else {
                stream.send_data(data, false)?;
                stream.send_data(more, ends)?;
            }
            if let Some(trailers) = trailers.take() {
                stream.send_trailers(trailers)?;
            }
            Ok(())
        }
        ReplyBody::Stream(_) | ReplyBody::Mounted(_) => pump(body, stream).await,
    }
}

/// How much of one body is made ready before it is another task's turn.
const AHEAD_BYTES: usize = 64 * 1024;

/// Sends the frames of a body as the peer has room for them.
async fn pump(mut body: ReplyBody, mut stream: SendStream<Bytes>) -> Result<(), h2::Error> {
    let mut ahead = 0_usize;
    loop {
        if ahead >= AHEAD_BYTES {
            // The connection's task writes what there is, and the peer works on it meanwhile.
            tokio::task::yield_now().await;
            ahead = 0;
        }
        let next = poll_fn(|cx| {
            if let Poll::Ready(reset) = stream.poll_reset(cx) {
                return Poll::Ready(Err(reset));
            }
            Pin::new(&mut body).poll_frame(cx).map(Ok)
        });
        let Ok(frame) = next.await else { return Ok(()) };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                tracing::warn!(%error, "the body of a mounted service broke off");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            None => return stream.send_data(Bytes::new(), true),
        };
        match frame.into_data() {
            Ok(data) => {
                let ends = body.is_end_stream();
                ahead = ahead.saturating_add(data.len());
                send_with_room(&mut stream, data, ends).await?;
                if ends {
                    return Ok(());
                }
            }
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_else(|_other| HeaderMap::new());
                return stream.send_trailers(trailers);
            }
        }
    }
}

/// Sends data as the windows of stream and connection allow.
async fn send_with_room(
    stream: &mut SendStream<Bytes>,
    mut data: Bytes,
    ends: bool,
) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = poll_fn(|cx| {
            loop {
                if stream.capacity() > 0 {
                    return Poll::Ready(Ok(stream.capacity()));
                }
                match ready!(stream.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                    None => return Poll::Ready(Err(Reason::CANCEL.into())),
                }
            }
        });
        let room = room.await?;
        let piece = data.split_to(room.min(data.len()));
        let last = ends && data.is_empty();
        stream.send_data(piece, last)?;
    }
    Ok(())
}

/// A request's body as HTTP's crates know it; room is given back as frames are taken.
struct Incoming {
    stream: RecvStream,
    data_ended: bool,
}

impl Incoming {
    const fn new(stream: RecvStream) -> Self {
        Self { stream, data_ended: false }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let this = self.get_mut();
        if !this.data_ended {
            match ready!(this.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // A stream that ended meanwhile has no window to widen.
                    drop(this.stream.flow_control().release_capacity(data.len()));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => this.data_ended = true,
            }
        }
        let trailers = ready!(this.stream.poll_trailers(cx))?;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

fn ended(error: h2::Error) -> io::Result<()> {
    // What the peer itself says in its farewell is no fault of its own.
    if error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR) {
        return Ok(());
    }
    Err(into_io(error))
}

fn into_io(error: h2::Error) -> io::Error {
    let broke_a_rule = !error.is_io() && !error.is_remote();
    if broke_a_rule {
        return io::Error::new(io::ErrorKind::InvalidData, error);
    }
    error.into_io().unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into())
}
