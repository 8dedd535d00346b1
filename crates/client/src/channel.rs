//! What calls go through: nodes that come and go, connections that break, retries.

mod attempt;
mod balance;
mod connect;
mod discovery;
mod given;
mod guided;
mod link;
mod node;
mod nodes;
mod speech;
mod state;
mod url;
mod wrapped;

use std::fmt;
use std::pin::pin;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use polywire_core::{CallKind, Deadline, Encoding, MethodName, Registry, Reply, Request, Service};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use self::connect::Halves;
pub use self::state::{Freshness, NodeState};
pub use self::url::WireKind;
pub use self::wrapped::{Attempt, AttemptFuture};

use self::attempt::Trail;
use self::connect::Connector;
use self::given::Given;
use self::nodes::NodeSet;
use self::speech::Speech;
use self::url::Endpoint;
use crate::options::Words;
use crate::retry::Budget;
use crate::{CallOptions, ChannelOptions, ClientError};

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
    given: Given,
    connector: Connector,
    options: ChannelOptions,
    /// Whether the short way does for calls without options of their own.
    is_plain: bool,
    /// Whether the options give addresses, where something else may be spoken.
    goes_elsewhere: bool,
    budget: Budget,
    /// What the URL says; of a service its nodes do.
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
    /// | `micro://host:port/name` | go-micro's services, over HTTP/1.1 in JSON; or `?codec=proto` |
    /// | `micro+grpc://host:port/name` | go-micro's services that speak its gRPC |
    /// | `memory:name`, `unix:/path` | net/rpc within the process, or over a Unix socket |
    ///
    /// `+tls` goes with each of them. The name is that by which the service is registered, and may be
    /// left out. Behind `grpc`, `grpc-web` and `connect` there may be
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
        let nodes = Arc::new(NodeSet::fixed(url, endpoint));
        let connector = Connector::new(&options);
        Ok(Self(Arc::new(Inner::new(nodes, connector, options, encoding, JoinSet::new()))))
    }

    /// A channel to the instances of a service, as a registry knows them.
    ///
    /// What to speak with an instance is in its metadata: `wires` has the schemes of URLs, separated
    /// by commas, of which net/rpc is taken unless [`ChannelOptions::prefer`] says otherwise;
    /// go-micro's nodes have `protocol`, which is `mucp` or `grpc`. Instances that differ may be
    /// mixed: each call is encoded for the node it goes to. One that speaks nothing known here is
    /// passed over.
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
        let speech = Speech::new(&options);
        let nodes = Arc::new(NodeSet::unknown(service).speaking(speech));
        let mut task = JoinSet::new();
        task.spawn(discovery::follow(registry, Arc::clone(&nodes), options.empty_grace));
        let connector = Connector::new(&options);
        Self(Arc::new(Inner::new(nodes, connector, options, Encoding::Gob, task)))
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
        self.0.given.close();
    }

    /// The nodes as they are at this moment, those of addresses given by hand last.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeState> {
        self.0.all_nodes().map(|node| node.state()).collect()
    }

    /// How far the list of nodes can be trusted at this moment.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.0.nodes.freshness()
    }

    /// Forgets how nodes failed: those that are passed over take calls again, and are connected to
    /// without a pause. Their latencies stay. A node is forgiven by itself when it registers
    /// something new.
    pub fn reset(&self) {
        self.0.all_nodes().for_each(|node| node.forgive());
        let options = &self.0.options;
        let all = std::iter::once(&options.calls).chain(options.calls_of.values());
        let pickers = all.filter_map(|calls| calls.balancer.as_ref()?.picker());
        pickers.for_each(|picker| picker.reset());
    }

    /// As [`reset`](Self::reset), for the nodes at one address, or of one id, only.
    pub fn reset_node(&self, address_or_id: &str) {
        let is_meant = |node: &Arc<node::Node>| {
            node.id == address_or_id || node.endpoint.address.as_str() == address_or_id
        };
        self.0.all_nodes().filter(is_meant).for_each(|node| node.forgive());
    }
}

impl Service for Channel {
    /// Sends a call and waits for its reply, within its deadline or the channel's timeout.
    ///
    /// **Cancel safe**: dropping the future withdraws the call.
    fn call(&self, mut request: Request) -> impl Future<Output = Reply> + Send {
        let own = request.extensions.get::<CallOptions>();
        let base = self.0.options_of(&request.method);
        let is_plain = self.0.is_plain && own.is_none() && ptr::eq(base, &self.0.options.calls);
        let timeout = timeout(own, base, request.hints.kind, request.deadline);
        if let Some(timeout) = timeout {
            let limit = Deadline::after(Instant::now().into_std(), timeout);
            request.deadline = request.deadline.into_iter().chain(limit).min();
        }
        match request.deadline {
            _ if !is_plain => Either::Right(Either::Right(Box::pin(self.0.guided(request)))),
            None => Either::Left(async move { self.0.attempts(&request, None).await }),
            // The timer is large; calls without one do not carry its room.
            Some(deadline) => {
                Either::Right(Either::Left(Box::pin(self.0.within(request, deadline))))
            }
        }
    }

    /// That of the URL's wire; of a service the one that most of its nodes take, which is gob as long
    /// as none is known.
    fn encoding(&self) -> Encoding {
        self.0.nodes.speech().map_or(self.0.encoding, Speech::encoding)
    }

    fn is_mixed(&self) -> bool {
        self.0.goes_elsewhere || self.0.nodes.speech().is_some_and(Speech::is_mixed)
    }
}

impl Inner {
    fn new(
        nodes: Arc<NodeSet>,
        connector: Connector,
        mut options: ChannelOptions,
        encoding: Encoding,
        discovery: JoinSet<()>,
    ) -> Self {
        options.calls_of.values_mut().for_each(|of| *of = of.over(&options.calls));
        let only = nodes.list().first().map(|node| node.endpoint.clone());
        Self {
            given: Given::new(nodes.target(), only.as_ref(), options.words),
            nodes,
            connector,
            goes_elsewhere: options.calls.has_addresses()
                || options.calls_of.values().any(CallOptions::has_addresses),
            is_plain: options.words == Words::Own && options.calls.are_plain(),
            options,
            budget: Budget::new(Instant::now()),
            encoding,
            _discovery: discovery,
        }
    }

    /// What holds for the calls of a method that say nothing else themselves.
    fn options_of(&self, method: &MethodName) -> &CallOptions {
        let options = &self.options;
        if options.calls_of.is_empty() {
            return &options.calls;
        }
        options.calls_of.get(method.as_str()).unwrap_or(&options.calls)
    }

    async fn within(&self, request: Request, deadline: Deadline) -> Reply {
        let trail = Trail::new(self, request.hints.kind);
        let attempts = pin!(self.attempts(&request, Some(&trail)));
        trail.until(deadline, attempts).await
    }

    fn all_nodes(&self) -> impl Iterator<Item = Arc<node::Node>> {
        let nodes = self.nodes.list();
        let count = nodes.len();
        let known = (0..count).filter_map(move |at| nodes.get(at).cloned());
        known.chain(self.given.list())
    }
}

/// How long a call takes at most, beside the deadline it has. What the call says itself holds in any
/// case, what is said for many only where there is nothing else. A stream may go on for days: it has
/// a time of its own.
fn timeout(
    own: Option<&CallOptions>,
    base: &CallOptions,
    kind: CallKind,
    deadline: Option<Deadline>,
) -> Option<Duration> {
    let of = |options: &CallOptions| match kind {
        CallKind::Unary => options.timeout,
        _ => options.stream_timeout,
    };
    let by_default = || if deadline.is_none() { of(base) } else { None };
    own.and_then(of).or_else(by_default)
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("target", &self.0.nodes.target()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
