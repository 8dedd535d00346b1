//! What calls go through: nodes that come and go, connections that break, retries.

mod attempt;
mod balance;
mod connect;
mod discovery;
mod link;
mod node;
mod nodes;
mod url;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::future::Either;
use polywire_core::{CallKind, Deadline, Encoding, Registry, Reply, Request, Service};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::connect::Halves;

use self::connect::Connector;
use self::nodes::NodeSet;
use self::url::Endpoint;
use crate::error::Sent;
use crate::retry::Budget;
use crate::{ChannelOptions, ClientError};

/// What calls go through: a URL's peer, or the instances of a service that a registry knows.
///
/// Connections are made when they are needed, once for all calls that need them at the same time,
/// and again when they break. A node that cannot be reached is tried again after a pause that
/// grows; calls within the pause fail at once, as not sent, unless another node takes them.
///
/// Clones share everything.
#[derive(Clone)]
pub struct Channel(Arc<Inner>);

struct Inner {
    nodes: Arc<NodeSet>,
    connector: Connector,
    options: ChannelOptions,
    budget: Budget,
    encoding: Encoding,
    /// Follows the registry.
    _discovery: JoinSet<()>,
}

impl Channel {
    /// Connects to the peer at a URL.
    ///
    /// | URL | what |
    /// |---|---|
    /// | `netrpc://host:port`, `host:port` | Go's net/rpc: gob over TCP |
    /// | `netrpc+http://host:port/path` | the same behind HTTP `CONNECT`; without a path, Go's |
    /// | `netrpc+tls://host:port` | inside TLS |
    /// | `jsonrpc://host:port` | JSON-RPC 1.0, as Go's net/rpc/jsonrpc |
    /// | `jsonrpc2://host:port` | JSON-RPC 2.0 |
    /// | `grpc://host:port` | gRPC over HTTP/2 |
    /// | `grpc-web://host:port` | gRPC-Web over HTTP/2; over HTTP/1.1 with `?http=1.1` |
    /// | `connect://host:port` | Connect, in the same way |
    /// | `micro://host:port` | go-micro's services, over HTTP/1.1 in JSON; or `?codec=proto` |
    /// | `memory:name`, `unix:/path` | net/rpc within the process, or over a Unix socket |
    ///
    /// `+tls` goes with each of them. Behind `grpc`, `grpc-web` and `connect` there may be
    /// `?codec=json` or `?codec=proto`, `compression=gzip`, `zstd` or `identity`, and `http=2` or
    /// `http=1.1`; see [`HttpOptions`](crate::HttpOptions).
    ///
    /// **Cancel safe.**
    ///
    /// # Errors
    /// [`ClientError::Address`] if the URL is malformed, [`ClientError::Connect`] if nobody is
    /// there or this build has no such streams.
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        let channel = Self::lazy(url, ChannelOptions::default())?;
        channel.ready().await?;
        Ok(channel)
    }

    /// A channel to the peer at a URL, which is not connected before its first call. The forms are
    /// those of [`connect`](Self::connect).
    ///
    /// # Errors
    /// [`ClientError::Address`] if the URL is malformed.
    pub fn lazy(url: &str, options: ChannelOptions) -> Result<Self, ClientError> {
        let endpoint = Endpoint::parse(url)?;
        let encoding = endpoint.wire.encoding(&options);
        let nodes = NodeSet::fixed(url, endpoint);
        Ok(Self::new(Arc::new(nodes), options, encoding, JoinSet::new()))
    }

    /// A channel to the instances of a service, as a registry knows them.
    ///
    /// The last nodes known stay in use while the registry cannot be reached. Calls made before
    /// it has answered for the first time wait for that.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn discover(registry: Arc<dyn Registry>, service: &str) -> Self {
        Self::discover_with(registry, service, ChannelOptions::default())
    }

    /// As [`discover`](Self::discover), with options.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn discover_with(
        registry: Arc<dyn Registry>,
        service: &str,
        options: ChannelOptions,
    ) -> Self {
        let nodes = Arc::new(NodeSet::unknown(service));
        let mut task = JoinSet::new();
        task.spawn(discovery::follow(registry, Arc::clone(&nodes), options.empty_grace));
        Self::new(nodes, options, Encoding::Gob, task)
    }

    fn new(
        nodes: Arc<NodeSet>,
        options: ChannelOptions,
        encoding: Encoding,
        discovery: JoinSet<()>,
    ) -> Self {
        Self(Arc::new(Inner {
            nodes,
            connector: Connector::new(&options),
            options,
            budget: Budget::new(Instant::now()),
            encoding,
            _discovery: discovery,
        }))
    }

    /// Waits until a node is connected.
    ///
    /// **Cancel safe.**
    ///
    /// # Errors
    /// When there is no node, or the one tried cannot be reached.
    pub async fn ready(&self) -> Result<(), ClientError> {
        let node = self.0.nodes.pick(&[]).await?;
        node.connection(&self.0.connector).await.map(drop)
    }

    /// Closes the channel and every clone of it: calls that wait, and all later ones, end with
    /// [`ClientError::Shutdown`].
    pub fn close(&self) {
        self.0.nodes.close();
    }
}

impl Service for Channel {
    /// Sends a call and waits for its reply, within its deadline or the channel's timeout.
    ///
    /// **Cancel safe**: dropping the future withdraws the call.
    fn call(&self, mut request: Request) -> impl Future<Output = Reply> + Send {
        let options = &self.0.options;
        // A stream may go on for days; it ends by a deadline only if its caller sets one.
        if request.deadline.is_none()
            && request.hints.kind == CallKind::Unary
            && let Some(timeout) = options.timeout
        {
            request.deadline = Deadline::after(Instant::now().into_std(), timeout);
        }
        match request.deadline {
            None => Either::Left(async move { self.0.attempts(&request, None).await }),
            // The timer is large; calls without one do not carry its room.
            Some(deadline) => Either::Right(Box::pin(self.0.within(request, deadline))),
        }
    }

    fn encoding(&self) -> Encoding {
        self.0.encoding
    }
}

impl Inner {
    async fn within(&self, request: Request, deadline: Deadline) -> Reply {
        if deadline.has_passed(Instant::now().into_std()) {
            return Err(ClientError::Timeout.into_status(Sent::No));
        }
        let sent = AtomicBool::new(false);
        let deadline = Instant::from_std(deadline.instant());
        match timeout_at(deadline, self.attempts(&request, Some(&sent))).await {
            Ok(reply) => reply,
            Err(_elapsed) => {
                let sent = if sent.into_inner() { Sent::Perhaps } else { Sent::No };
                Err(ClientError::Timeout.into_status(sent))
            }
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("target", &self.0.nodes.target()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
