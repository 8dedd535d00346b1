//! Listening, accepting, draining.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use polywire_core::{Address, BoxService, Service};
use polywire_net::{BusyPoll, Listener, Socket, TlsServer};
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_layer::Layer;

use crate::connection::{self, Room, Shared};
use crate::detached::Counting;
#[cfg(feature = "http")]
use crate::http::{HttpBody, HttpService};
use crate::{Limits, Router, renewal};

/// How long to wait after an accept failed: for want of descriptors it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that is put together: what answers, and within which limits.
pub struct Server {
    router: Router,
    /// The layers around the router, if there are any.
    service: Option<BoxService>,
    /// Calls that may go on without their connection.
    detached: TaskTracker,
    limits: Limits,
    tls: Option<TlsServer>,
    rpc_path: Option<String>,
    #[cfg(feature = "http")]
    cors: crate::Cors,
    #[cfg(feature = "http")]
    fallback: Option<crate::http::Fallback>,
    #[cfg(feature = "http")]
    metrics: Vec<crate::metrics::Source>,
}

/// Nobody can listen at the address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address.
    pub address: Address,
    /// What the operating system said.
    pub source: io::Error,
}

impl Server {
    /// Answers with a router.
    #[must_use]
    pub fn new(router: Router) -> Self {
        let detached = TaskTracker::new();
        let service = Counting::is_needed(&router)
            .then(|| BoxService::new(Counting { router: router.clone(), count: detached.clone() }));
        Self {
            router,
            service,
            detached,
            limits: Limits::default(),
            tls: None,
            rpc_path: None,
            #[cfg(feature = "http")]
            cors: crate::Cors::default(),
            #[cfg(feature = "http")]
            fallback: None,
            #[cfg(feature = "http")]
            metrics: Vec::new(),
        }
    }

    /// Wraps what answers in a layer; the one added last meets a request first.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<BoxService>,
        L::Service: Service,
    {
        let inner = self.service.unwrap_or_else(|| BoxService::new(self.router.clone()));
        self.service = Some(BoxService::new(layer.layer(inner)));
        self
    }

    /// What answers, with its layers, for what reaches it by other ways than a connection: the events
    /// of a broker.
    #[must_use]
    pub fn service(&self) -> BoxService {
        self.service.clone().unwrap_or_else(|| BoxService::new(self.router.clone()))
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long calls under way may take to end when the server drains, and no other limit.
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Self {
        self.limits = self.limits.grace(time);
        self
    }

    /// Takes TLS off the connections that begin with it; all others are served as before. Its files
    /// are looked at while the server runs, see [`TlsServer::check_every`].
    #[must_use]
    pub fn tls(mut self, tls: TlsServer) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Answers `CONNECT` at this path as well as at Go's `/_goRPC_`.
    #[must_use]
    pub fn rpc_path(mut self, path: impl Into<String>) -> Self {
        self.rpc_path = Some(path.into());
        self
    }

    /// Lets pages of other hosts call from a browser. Default: none of them.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn cors(mut self, cors: crate::Cors) -> Self {
        self.cors = cors;
        self
    }

    /// Answers requests of HTTP that are no calls by another service, such as an axum router with
    /// pages and a REST interface. Default: 404.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn fallback<S, B>(mut self, service: S) -> Self
    where
        S: tower_service::Service<http::Request<HttpBody>, Response = http::Response<B>>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        S::Future: Send,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.fallback = Some(crate::http::Fallback::new(service));
        self
    }

    /// Adds figures to the page at `/debug/metrics`, which Prometheus reads; what the closure says is
    /// asked for whenever somebody fetches the page. Default: how often each method was called.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn metrics(
        mut self,
        source: impl Fn() -> Vec<crate::Metric> + Send + Sync + 'static,
    ) -> Self {
        self.metrics.push(Arc::new(source));
        self
    }

    /// Answers calls inside another HTTP server, such as axum's: mount it as a fallback service or
    /// under a route, without listening. The router, layers, and limits of messages are this
    /// server's own.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn into_http_service(self) -> HttpService {
        let Self { router, service, limits, cors, fallback, metrics, .. } = self;
        HttpService::new(Shared {
            room: Room::new(&limits),
            router,
            service,
            limits,
            tls: None,
            rpc_path: None,
            cors,
            fallback,
            metrics,
            local: Address::from("http"),
            drain: CancellationToken::new(),
        })
    }

    /// Listens on TCP (`host:port`), on a Unix socket (`unix:/path`), or within the process
    /// (`memory:name`); nothing is accepted before [`Listening::serve`]. What a socket's file is
    /// at the beginning and at the end is said at [`Listener`].
    ///
    /// # Errors
    /// When the address is none, or taken.
    pub async fn bind(self, address: &Address) -> Result<Listening, BindError> {
        polywire_net::keep_large_blocks();
        let failed = |source| BindError { address: address.clone(), source };
        let listener = Listener::bind(address).await.map_err(failed)?;
        Ok(Listening { server: self, listener })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("router", &self.router).finish_non_exhaustive()
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Listening {
    server: Server,
    listener: Listener,
}

impl Listening {
    /// Where it listens, with the port it was given, and the whole path of a Unix socket.
    #[must_use]
    pub const fn local_address(&self) -> &Address {
        self.listener.local_address()
    }

    /// How long calls under way may take to end when the server drains.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        self.server.limits.grace
    }

    /// Serves until `drain` is cancelled; then refuses newcomers and waits until the calls under
    /// way have ended, detached ones whose callers have gone included, or the grace period has
    /// passed.
    ///
    /// **Cancel safe**: dropping the future closes every connection.
    pub async fn serve(self, drain: CancellationToken) {
        let Self { server, listener } = self;
        let Server {
            router,
            service,
            detached,
            limits,
            tls,
            rpc_path,
            #[cfg(feature = "http")]
            cors,
            #[cfg(feature = "http")]
            fallback,
            #[cfg(feature = "http")]
            metrics,
        } = server;
        // Ends with this future.
        let mut following = JoinSet::new();
        if let Some(tls) = &tls {
            following.spawn(renewal::follow(tls.clone()));
        }
        let local = listener.local_address().clone();
        let shared = Shared {
            room: Room::new(&limits),
            router,
            service,
            limits,
            tls,
            rpc_path,
            #[cfg(feature = "http")]
            cors,
            #[cfg(feature = "http")]
            fallback,
            #[cfg(feature = "http")]
            metrics,
            local,
            drain: drain.clone(),
        };
        let shared = Arc::new(shared);
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                let slot = Arc::clone(&shared.room.slots).acquire_owned().await;
                (slot, listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                next = next => next,
                Some(_ended) = connections.join_next() => continue,
                () = drain.cancelled() => break,
            };
            match accepted {
                Ok((socket, peer)) => {
                    shared.room.starved.store(false, Ordering::Relaxed);
                    let shared = Arc::clone(&shared);
                    connections.spawn(async move {
                        accept(socket, peer, shared).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    shared.room.starved.store(true, Ordering::Relaxed);
                    tracing::warn!(%error, "cannot accept");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Newcomers are refused at once, instead of waiting in the kernel's queue.
        drop(listener);
        detached.close();
        let ended = async {
            while connections.join_next().await.is_some() {}
            detached.wait().await;
        };
        if time::timeout(shared.limits.grace, ended).await.is_err() {
            let (connections, detached) = (connections.len(), detached.len());
            tracing::warn!(connections, detached, "the grace period has passed");
        }
        connections.shutdown().await;
    }
}

async fn accept(socket: Socket, peer: Address, shared: Arc<Shared>) {
    let watched = shared.limits.keepalive.map_or(Ok(()), |silence| socket.watch_peer(silence));
    if let Err(error) = socket.send_at_once().and(watched) {
        tracing::debug!(%peer, %error, "cannot set the socket up");
    }
    match connection::serve(BusyPoll::new(socket), peer.clone(), &shared).await {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let error: &(dyn Error + 'static) = &error;
            tracing::warn!(%peer, error, "the peer broke a rule");
        }
        Err(error) => tracing::debug!(%peer, %error, "connection ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Router};

    /// Of the 6 KiB that an idle connection may take, tokio, the allocator and the router's share
    /// are most.
    #[test]
    fn the_task_of_a_connection_is_small() {
        let shared = Shared::for_test(Router::new(), Limits::default(), CancellationToken::new());
        let socket = Socket::Memory(tokio::io::duplex(64).0);
        let task = accept(socket, "memory:peer".into(), Arc::new(shared));
        let size = size_of_val(&task);
        assert!(size <= 2304, "{size} bytes");
    }
}
