//! Calls over HTTP/1.1: each has a connection to itself while it is under way.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use http::Version;
use http::header::{HOST, HeaderValue};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use polywire_core::{Body, CallKind, MessageCompression, Reply, Request, Status};
use polywire_wire::Limits;
use polywire_wire::connect::Protocol;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::body::Arguments;
use super::call::{Exchange, bare, gone};
use super::failure::{ArgumentFailure, from_http1, unprocessed};
use super::head;
use super::incoming::Incoming;
use super::manner::Manner;
use super::message::Encoder;
use super::micro;
use crate::ClientError;
use crate::error::Sent;

/// Connections of HTTP/1.1 to one address.
#[derive(Clone)]
pub(crate) struct HttpPool(Arc<Pool>);

/// A connected stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A stream being connected.
pub(crate) type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Io>, ClientError>> + Send>>;

/// `Open -> Broken`, when the address cannot be reached, or `-> Closed`, by whoever has it.
pub(super) struct Pool {
    dial: Box<dyn Fn() -> Opening + Send + Sync>,
    pub(super) manner: Manner,
    pub(super) limits: Limits,
    /// For how many connections there is room.
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    /// They read and write the connections.
    tasks: Mutex<JoinSet<()>>,
    /// How many calls there have been; go-micro wants them told apart.
    calls: AtomicU64,
    open: AtomicBool,
    closed: AtomicBool,
    /// Ends the streams of go-micro's, which have connections that are nobody else's.
    pub(super) closing: CancellationToken,
}

/// A connection; its task ends with it.
struct Connection {
    sender: http1::SendRequest<Arguments>,
    task: AbortHandle,
}

/// A connection that a call has to itself. Dropping it closes the connection, which is how a call is
/// withdrawn.
pub(super) struct Lease {
    pool: Arc<Pool>,
    connection: Connection,
    /// Whether all of the request has left.
    sent: Arc<AtomicBool>,
    argument: ArgumentFailure,
    _permit: OwnedSemaphorePermit,
}

impl HttpPool {
    /// Takes over a connected stream; `dial` makes further ones, as many as there are calls at once,
    /// up to a bound.
    pub(crate) async fn open(
        first: Box<dyn Io>,
        dial: impl Fn() -> Opening + Send + Sync + 'static,
        manner: Manner,
        limits: &Limits,
        max_connections: usize,
    ) -> io::Result<Self> {
        let pool = Pool {
            dial: Box::new(dial),
            manner,
            limits: limits.clone(),
            closing: CancellationToken::new(),
            room: Arc::new(Semaphore::new(max_connections.clamp(1, Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
            tasks: Mutex::default(),
            calls: AtomicU64::new(0),
            open: AtomicBool::new(true),
            closed: AtomicBool::new(false),
        };
        let connection = pool.start(first).await.map_err(io::Error::other)?;
        pool.idle().push(connection);
        Ok(Self(Arc::new(pool)))
    }

    /// Sends a call once there is room for it, and waits for its reply; of a stream, for its head.
    /// A stream of arguments is taken out of the request, which cannot be sent again then.
    ///
    /// **Cancel safe**: dropping the future closes the connection that the call has.
    pub(crate) async fn call(&self, request: &Request) -> Reply {
        call(&self.0, request).await
    }

    /// Whether calls can still be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Whether a connection is there that no call has.
    pub(crate) fn has_idle(&self) -> bool {
        self.0.idle().iter().any(|connection| !connection.sender.is_closed())
    }

    /// Closes all connections; calls under way end with [`ClientError::Shutdown`].
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.open.store(false, Ordering::Relaxed);
        self.0.room.close();
        self.0.closing.cancel();
        self.0.idle().clear();
        self.0.tasks().abort_all();
    }
}

impl Pool {
    /// Waits for room for one more connection.
    pub(super) async fn room(&self) -> Result<OwnedSemaphorePermit, Status> {
        let permit = Arc::clone(&self.room).acquire_owned().await;
        permit.map_err(|_closed| ClientError::Shutdown.into_status(Sent::No))
    }

    /// The number of one more call.
    pub(super) fn number(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Opens one more stream to the address.
    pub(super) async fn dial(&self) -> Result<Box<dyn Io>, ClientError> {
        let made = (self.dial)().await;
        if made.is_err() {
            // Whoever has this pool finds out when the address can be reached again.
            self.open.store(false, Ordering::Relaxed);
        } else if self.closed.load(Ordering::SeqCst) {
            return Err(ClientError::Shutdown);
        }
        made
    }

    /// Opens one more stream to the address, only to see whether somebody is there.
    pub(super) fn redial(&self) -> Opening {
        (self.dial)()
    }

    /// Makes a connection of a stream.
    async fn start(&self, io: Box<dyn Io>) -> Result<Connection, hyper::Error> {
        let (sender, connection) =
            http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(TokioIo::new(io)).await?;
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        let task = tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        Ok(Connection { sender, task })
    }

    /// A connection that takes a request: one that is idle, or a new one. Says whether it is new.
    async fn connection(&self) -> Result<(Connection, bool), Status> {
        loop {
            let Some(mut idle) = self.idle().pop() else { break };
            // The peer may have closed it in the meantime.
            if idle.sender.ready().await.is_ok() {
                return Ok((idle, false));
            }
        }
        let io = self.dial().await.map_err(|error| error.into_status(Sent::No))?;
        match self.start(io).await {
            Ok(connection) if !self.closed.load(Ordering::SeqCst) => Ok((connection, true)),
            Ok(_late) => Err(ClientError::Shutdown.into_status(Sent::No)),
            Err(error) => {
                self.open.store(false, Ordering::Relaxed);
                Err(from_http1(&error).into_status(Sent::No))
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Lease {
    /// Leaves the connection to the next call, once all of the reply has come.
    pub(super) fn give_back(self) {
        let Self { pool, connection, sent, .. } = self;
        if sent.load(Ordering::Relaxed) && !pool.closed.load(Ordering::SeqCst) {
            pool.idle().push(connection);
        }
    }

    /// The status of a call whose connection failed.
    pub(super) fn status(&self, error: &hyper::Error) -> Status {
        if let Some(status) = self.argument.take() {
            return status;
        }
        let error = match self.pool.closed.load(Ordering::SeqCst) {
            true => ClientError::Shutdown,
            false => from_http1(error),
        };
        error.into_status(Sent::Perhaps)
    }
}

/// Makes one call.
async fn call(pool: &Arc<Pool>, request: &Request) -> Reply {
    if pool.manner.dialect.is_micro() && request.hints.kind != CallKind::Unary {
        return micro::stream(pool, request).await;
    }
    let permit = pool.room().await?;
    let argument = ArgumentFailure::default();
    let (connection, is_new) = pool.connection().await?;
    // Not before there is somebody to send it to: a stream of arguments is taken out for good.
    let mut message = match message(pool, request, &argument) {
        Ok(message) => message,
        Err(status) => {
            if !pool.closed.load(Ordering::SeqCst) {
                pool.idle().push(connection);
            }
            return Err(status);
        }
    };
    let sent = message.body().taken();
    let pool = Arc::clone(pool);
    let mut lease = Lease { pool, connection, sent, argument, _permit: permit };
    let response = match lease.connection.sender.try_send_request(message).await {
        Ok(response) => response,
        Err(mut error) => match error.take_message() {
            None => return Err(lease.status(error.error())),
            Some(_) if is_new => return Err(unprocessed("the connection takes no calls")),
            // It was closed while it was idle, and has not begun with this call.
            Some(back) => {
                message = back;
                lease.connection = lease.pool.connection().await?.0;
                let again = lease.connection.sender.send_request(message).await;
                again.map_err(|error| lease.status(&error))?
            }
        },
    };
    let exchange = Exchange {
        content: lease.pool.manner.content(request.hints.kind),
        kind: request.hints.kind,
        deadline: request.deadline,
        choice: request.extensions.get::<MessageCompression>().cloned(),
        guard: None,
    };
    let (head, body) = response.into_parts();
    let pool = Arc::clone(&lease.pool);
    let body = Incoming::of_http1(body, pool.manner.max_message_bytes, lease);
    if pool.manner.dialect.is_micro() {
        return micro::finish(&pool.manner, &head, body).await;
    }
    exchange.finish(&pool.manner, &head, body).await
}

/// The request of a call.
fn message(
    pool: &Pool,
    request: &Request,
    failure: &ArgumentFailure,
) -> Result<http::Request<Arguments>, Status> {
    let manner = &pool.manner;
    if manner.dialect.is_micro() {
        let (head, body) = micro::message(manner, request, pool.number())?.into_parts();
        let head = http::Request::from_parts(head, ());
        return Ok(in_http1(manner, head).map(|()| body));
    }
    let content = manner.content(request.hints.kind);
    let (head, body) = if content.protocol == Protocol::ConnectUnary {
        let (message, compression) = bare(manner, request)?;
        match head::get_if_meant(manner, request, &message, compression)? {
            Some(head) => (head, Arguments::whole(Bytes::new())),
            None => (head::post(manner, request, compression)?, Arguments::whole(message)),
        }
    } else {
        enveloped(manner, request, failure)?
    };
    Ok(in_http1(manner, head).map(|()| body))
}

/// A call with prefixes before its messages.
fn enveloped(
    manner: &Manner,
    request: &Request,
    failure: &ArgumentFailure,
) -> Result<(http::Request<()>, Arguments), Status> {
    let encoder = Encoder::new(manner, request);
    let mut whole = BytesMut::new();
    let compression = match &request.body {
        Body::Unary(payload) => {
            let (message, prefix, compression) = encoder.parts(payload)?;
            whole.reserve(prefix.len().saturating_add(message.len()));
            whole.extend_from_slice(&prefix);
            whole.extend_from_slice(&message);
            compression
        }
        Body::Stream(values) => {
            let head = head::post(manner, request, encoder.compression())?;
            let values = values.take().ok_or_else(gone)?;
            return Ok((head, Arguments::stream(values, encoder, failure.clone())));
        }
        _ => encoder.compression(),
    };
    Ok((head::post(manner, request, compression)?, Arguments::whole(whole.freeze())))
}

/// A head as HTTP/1.1 has it: the path alone, and the host as a header.
fn in_http1(manner: &Manner, mut head: http::Request<()>) -> http::Request<()> {
    *head.version_mut() = Version::HTTP_11;
    if let Some(path) = head.uri().path_and_query().cloned() {
        *head.uri_mut() = path.into();
    }
    if let Ok(host) = HeaderValue::try_from(manner.authority.as_str()) {
        head.headers_mut().insert(HOST, host);
    }
    head
}

impl fmt::Debug for HttpPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPool").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

/// Of one head or one trailer, and of what is read ahead of them.
const MAX_HEAD_BYTES: usize = 64 * 1024;
