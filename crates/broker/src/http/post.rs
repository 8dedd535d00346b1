//! Posting an event to one node.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use polywire_core::{Address, Instance};
use polywire_net::{BoxStream, Socket, TlsClient};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time;

use super::query;
use super::whole::{self, Whole};

/// Connections to nodes, and what is said on them.
pub(super) struct Poster {
    trust: OnceLock<TlsClient>,
    idle: Mutex<HashMap<Target, Vec<Connection>>>,
    /// They read and write the connections.
    tasks: Mutex<JoinSet<()>>,
}

/// Where a node is, and whether inside TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Target {
    address: Address,
    secure: bool,
}

/// A connection; its task ends with it.
struct Connection {
    sender: SendRequest<Whole>,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What became of an event.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The node has it, or has had it for so long that its handler must be at it.
    Taken,
    /// The node has it and cannot use it.
    Refused(StatusCode),
    /// The node does not have it, as far as one can tell.
    Failed(io::Error),
}

impl Poster {
    pub(super) fn new(trust: Option<TlsClient>) -> Self {
        let trust = trust.map_or_else(OnceLock::new, OnceLock::from);
        Self { trust, idle: Mutex::default(), tasks: Mutex::default() }
    }

    pub(super) async fn post(&self, node: &Instance, body: &Bytes) -> Outcome {
        let secure = node.metadata.get("secure").is_some_and(|secure| secure == "true");
        let target = Target { address: node.address.clone(), secure };
        let request = || {
            Request::post(query::path(&node.id))
                .header(header::HOST, node.address.as_str())
                .header(header::CONTENT_TYPE, "application/json")
                .body(Whole::new(body.clone()))
                .map_err(io::Error::other)
        };
        while let Some(mut idle) = self.take_idle(&target) {
            // The node may have closed it in the meantime.
            if idle.sender.ready().await.is_err() {
                continue;
            }
            let sent = match request() {
                Ok(request) => idle.sender.try_send_request(request),
                Err(error) => return Outcome::Failed(error),
            };
            match time::timeout(ANSWER, sent).await {
                Ok(Err(error)) if error.message().is_some() => {}
                Ok(sent) => {
                    return self.outcome(sent.map_err(|e| e.into_error()), target, idle).await;
                }
                Err(_elapsed) => return Outcome::Taken,
            }
        }
        let (mut connection, request) = match (self.connect(&target).await, request()) {
            (Ok(connection), Ok(request)) => (connection, request),
            (Err(error), _) | (_, Err(error)) => return Outcome::Failed(error),
        };
        // Servers of go-micro answer when the handler is done.
        match time::timeout(ANSWER, connection.sender.send_request(request)).await {
            Ok(sent) => self.outcome(sent, target, connection).await,
            Err(_elapsed) => Outcome::Taken,
        }
    }

    async fn outcome(
        &self,
        sent: Result<Response<Incoming>, hyper::Error>,
        target: Target,
        connection: Connection,
    ) -> Outcome {
        let response = match sent {
            Ok(response) => response,
            Err(error) => return Outcome::Failed(io::Error::other(error)),
        };
        let status = response.status();
        let rest = whole::read(response.into_body(), MAX_ANSWER_BYTES);
        if let Ok(Ok(_)) = time::timeout(ANSWER, rest).await {
            self.put_idle(target, connection);
        }
        if status.is_success() { Outcome::Taken } else { Outcome::Refused(status) }
    }

    async fn connect(&self, target: &Target) -> io::Result<Connection> {
        let connected = async {
            let socket = Socket::connect(&target.address).await?;
            socket.send_at_once()?;
            // Handlers may be slow; this tells one at work from a node that is gone.
            socket.watch_peer(PEER_SILENCE)?;
            if !target.secure {
                let io: BoxStream = Box::new(socket);
                return Ok(io);
            }
            self.trust()?.connect(host(&target.address), socket).await
        };
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let io = time::timeout(CONNECT, connected).await.map_err(late)??;
        let shaken =
            http1::Builder::new().max_buf_size(MAX_ANSWER_BYTES).handshake(TokioIo::new(io));
        let (sender, connection) = shaken.await.map_err(io::Error::other)?;
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        let task = tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a subscriber ended");
            }
        });
        Ok(Connection { sender, task })
    }

    /// Whom to trust: what the system trusts is read once.
    fn trust(&self) -> io::Result<&TlsClient> {
        if let Some(trust) = self.trust.get() {
            return Ok(trust);
        }
        let system = TlsClient::system().map_err(io::Error::other)?;
        Ok(self.trust.get_or_init(|| system))
    }

    fn take_idle(&self, target: &Target) -> Option<Connection> {
        self.idle().get_mut(target)?.pop()
    }

    fn put_idle(&self, target: Target, connection: Connection) {
        let mut idle = self.idle();
        // Nodes come and go; what is left of them is dropped with those that have closed.
        idle.retain(|_, connections| {
            connections.retain(|connection| !connection.sender.is_closed());
            !connections.is_empty()
        });
        let of_target = idle.entry(target).or_default();
        if of_target.len() < MAX_IDLE {
            of_target.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Target, Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The host of `HOST:PORT`, an IPv6 address without its brackets.
fn host(address: &Address) -> &str {
    let text = address.as_str();
    let host = text.rsplit_once(':').map_or(text, |(host, _port)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// How long connecting to a node may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a node may be silent before TCP asks whether it is there: much less than [`ANSWER`], after
/// which a silent node is taken for one at work.
const PEER_SILENCE: Duration = Duration::from_secs(10);

/// How long a node may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// What an answer may take, of which nothing but its status is of use.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Connections kept for the next event, per node.
const MAX_IDLE: usize = 8;
