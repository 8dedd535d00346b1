//! One connection of HTTP/2 and its task.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use polywire_core::{Reply, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::call;
use super::failure::from_connection;
use super::manner::Manner;
use crate::{ClientError, HttpOptions};

/// A connection that many calls share; its task ends with it and with the streams it carries.
#[derive(Clone)]
pub(crate) struct HttpConnection(Arc<Shared>);

/// What a call needs of its connection, and what keeps the connection going.
pub(super) struct Shared {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) manner: Manner,
    pub(super) state: Arc<State>,
    abort: AbortHandle,
    _task: JoinSet<()>,
}

/// `Open -> Draining -> Ended`, or at once to the last; what the task and the calls tell each other.
#[derive(Debug)]
pub(super) struct State {
    /// Whether calls can be sent.
    open: AtomicBool,
    ended: Mutex<Option<ClientError>>,
    room: Arc<Semaphore>,
    /// Calls there is room for at once: what the peer allows, within our own bound. A stream that h2
    /// keeps back itself would still be opened for a caller who has left, and reset.
    size: AtomicUsize,
    max_calls: usize,
}

/// When to ask whether the peer is there.
#[derive(Debug, Clone, Copy)]
struct Pings {
    interval: Option<Duration>,
    timeout: Duration,
}

impl HttpConnection {
    /// Takes over a connected stream and starts the task that reads and writes it. The settings of
    /// both sides may still be on their way; calls need not wait for them.
    pub(crate) async fn open(
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        manner: Manner,
        options: &HttpOptions,
        max_calls: usize,
    ) -> io::Result<Self> {
        polywire_net::keep_large_blocks();
        let (sender, connection) =
            builder(options).handshake(io).await.map_err(|error| match error.into_io() {
                Some(io) => io,
                None => io::ErrorKind::InvalidData.into(),
            })?;
        // The semaphore counts no further than that.
        let max_calls = max_calls.clamp(1, Semaphore::MAX_PERMITS);
        let state = Arc::new(State {
            open: AtomicBool::new(true),
            ended: Mutex::default(),
            room: Arc::new(Semaphore::new(0)),
            size: AtomicUsize::new(0),
            max_calls,
        });
        state.allow(sender.current_max_send_streams());
        let pings = Pings { interval: options.ping_interval, timeout: options.ping_timeout };
        let mut task = JoinSet::new();
        let abort = task.spawn(drive(connection, sender.clone(), Arc::clone(&state), pings));
        Ok(Self(Arc::new(Shared { sender, manner, state, abort, _task: task })))
    }

    /// Sends a call once there is room for it, and waits for its reply; of a stream, for its head.
    /// A stream of arguments is taken out of the request, which cannot be sent again then.
    ///
    /// **Cancel safe**: dropping the future resets the call's stream.
    pub(crate) async fn call(&self, request: &Request) -> Reply {
        call::call(&self.0, request).await
    }

    /// Whether calls can still be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.0.state.open.load(Ordering::Relaxed)
    }

    /// Closes the connection; calls under way end with [`ClientError::Shutdown`].
    pub(crate) fn close(&self) {
        self.0.state.end(ClientError::Shutdown);
        self.0.abort.abort();
    }
}

impl State {
    /// Waits for room for one more call.
    pub(super) async fn room(&self) -> Result<OwnedSemaphorePermit, ClientError> {
        match Arc::clone(&self.room).try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_full) => {
                let permit = Arc::clone(&self.room).acquire_owned().await;
                permit.map_err(|_closed| self.ended().unwrap_or(ClientError::Shutdown))
            }
        }
    }

    /// No calls can be sent from now on; those under way go on.
    pub(super) fn drain(&self) {
        self.open.store(false, Ordering::Relaxed);
    }

    /// Why the connection ended, if it has.
    pub(super) fn ended(&self) -> Option<ClientError> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first reason stays.
    fn end(&self, error: ClientError) {
        self.drain();
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.room.close();
    }

    /// Makes room for as many calls as the peer allows. Room that calls under way have is taken
    /// back when they are over. For the connection's task alone.
    fn allow(&self, streams: usize) {
        let (size, wanted) = (self.size.load(Ordering::Relaxed), streams.min(self.max_calls));
        let now = if wanted < size {
            let excess = size.saturating_sub(wanted);
            size.saturating_sub(self.room.forget_permits(excess))
        } else {
            self.room.add_permits(wanted.saturating_sub(size));
            wanted
        };
        self.size.store(now, Ordering::Relaxed);
    }

    fn is_idle(&self) -> bool {
        self.room.available_permits() >= self.size.load(Ordering::Relaxed)
    }
}

fn builder(options: &HttpOptions) -> Builder {
    let mut builder = Builder::new();
    // A slow reader may let a whole window of small messages gather; h2 would end the connection
    // over that if it is not told that eight times their bytes are fine.
    let frames = usize::try_from(options.connection_window).unwrap_or(usize::MAX).saturating_mul(8);
    builder
        .initial_window_size(options.stream_window.min(MAX_WINDOW))
        .initial_connection_window_size(options.connection_window.min(MAX_WINDOW))
        .data_frame_budget(frames)
        .max_header_list_size(MAX_HEAD_BYTES)
        .enable_push(false)
        // Replies still come to calls that were withdrawn. As long as their streams are remembered
        // they are skipped; what comes to others counts as the peer's error.
        .max_concurrent_reset_streams(REMEMBERED_RESETS)
        .max_local_error_reset_streams(None);
    builder
}

/// Reads and writes until the connection ends.
async fn drive<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    mut connection: Connection<T, Bytes>,
    mut probe: SendRequest<Bytes>,
    state: Arc<State>,
    pings: Pings,
) {
    let mut alive = pin!(keep_alive(connection.ping_pong(), &state, pings));
    let error = std::future::poll_fn(|cx| {
        match Pin::new(&mut connection).poll(cx) {
            Poll::Ready(Ok(())) => return Poll::Ready(ClientError::UnexpectedEof),
            Poll::Ready(Err(error)) => return Poll::Ready(from_connection(&error)),
            Poll::Pending => {}
        }
        state.allow(probe.current_max_send_streams());
        // A GOAWAY shows only in that no more calls are taken.
        if state.open.load(Ordering::Relaxed) && matches!(probe.poll_ready(cx), Poll::Ready(Err(_)))
        {
            state.drain();
        }
        alive.as_mut().poll(cx)
    })
    .await;
    tracing::debug!(%error, "connection ended");
    // Before the connection is dropped, which ends its calls: they ask for the reason.
    state.end(error);
}

/// Asks from time to time whether the peer is there, while calls are under way; returns when it
/// does not answer.
async fn keep_alive(ping_pong: Option<PingPong>, state: &State, pings: Pings) -> ClientError {
    let (Some(mut ping_pong), Some(interval)) = (ping_pong, pings.interval) else {
        return std::future::pending().await;
    };
    loop {
        sleep(interval).await;
        if state.is_idle() {
            continue;
        }
        if timeout(pings.timeout, ping_pong.ping(Ping::opaque())).await.is_err() {
            let silent = io::Error::new(io::ErrorKind::TimedOut, "the peer does not answer pings");
            return ClientError::Io(Arc::new(silent));
        }
    }
}

impl fmt::Debug for HttpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnection").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

/// The largest window of HTTP/2.
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// Of one head or one trailer, as HTTP/2 counts them.
const MAX_HEAD_BYTES: u32 = 64 * 1024;

const REMEMBERED_RESETS: usize = 1024;
