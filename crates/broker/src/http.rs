//! go-micro's broker over HTTP: subscribers are found in a registry, and publishers POST to them.

mod endpoint;
mod nodes;
mod outbox;
mod post;
mod query;
mod subscription;
mod whole;

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use polywire_core::{Address, Broker, BrokerError, Event, Instance, Registry, Subscription};
use polywire_net::{TlsClient, TlsServer};
use tokio::task::JoinSet;

use self::endpoint::Endpoint;
use self::nodes::Nodes;
use self::outbox::Outbox;
use self::subscription::HttpSubscription;
use crate::{BrokerFuture, message, subscribing, unique};

/// go-micro's broker over HTTP, which needs a registry and no daemon.
///
/// A subscription is an instance of the service `micro.http.broker` and is posted to at a port that
/// the broker opens for its first subscription. [`publish`](Broker::publish) hands an event to the
/// background and returns; there it is posted to every subscription of its topic and to one of each
/// queue. Programs of go-micro (v2 to v6) take part unchanged, as publishers and as subscribers.
///
/// # Delivery
///
/// As good as the registry knows who subscribes: nobody else gets an event, and no order is kept. A
/// node that cannot be reached is tried again, with growing pauses, for a minute, and another of the
/// same queue before it; a queue without any node is waited for as long. When a connection breaks
/// between an event and its answer, the event is sent again: a subscription here knows its last 1024
/// events by their ids and takes none twice, one of go-micro's may. What waits when the program ends is
/// lost, unless it [flushes](Broker::flush) first.
///
/// At most 1024 events wait to be delivered; a publisher waits for room for 5 seconds, then its event
/// is [refused as unavailable](polywire_core::BrokerErrorKind::Unavailable). An event is 4 MiB at
/// most. Each subscription holds 256 events that have not been taken; while it is full, publishers
/// hold theirs.
#[derive(Clone)]
pub struct HttpBroker(Arc<Inner>);

struct Inner {
    registry: Arc<dyn Registry>,
    options: HttpBrokerOptions,
    /// Where subscriptions are posted to, as long as there are any.
    endpoint: tokio::sync::Mutex<Weak<Endpoint>>,
    nodes: Arc<Nodes>,
    outbox: Outbox,
    /// Everything that goes on in the background ends with the broker.
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// How an [`HttpBroker`] is reached, and reaches others.
#[derive(Debug, Clone)]
pub struct HttpBrokerOptions {
    listen: Address,
    advertise: Option<Address>,
    tls: Option<TlsServer>,
    trust: Option<TlsClient>,
}

impl Default for HttpBrokerOptions {
    fn default() -> Self {
        Self { listen: "127.0.0.1:0".into(), advertise: None, tls: None, trust: None }
    }
}

impl HttpBrokerOptions {
    /// Where to be posted to: `host:port`. Default: `127.0.0.1:0`, any free port, of this machine
    /// alone, as go-micro has it.
    #[must_use]
    pub fn listen(mut self, address: impl Into<Address>) -> Self {
        self.listen = address.into();
        self
    }

    /// The address publishers are told, where it is not the one listened on. Default: that one;
    /// `127.0.0.1` in place of `0.0.0.0`.
    #[must_use]
    pub fn advertise(mut self, address: impl Into<Address>) -> Self {
        self.advertise = Some(address.into());
        self
    }

    /// Is posted to over TLS; needs the feature `tls`. Default: in the clear.
    #[must_use]
    pub fn tls(mut self, tls: TlsServer) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Whom to trust where a subscription is posted to over TLS. Default: those the system trusts.
    #[must_use]
    pub fn trust(mut self, tls: TlsClient) -> Self {
        self.trust = Some(tls);
        self
    }
}

impl HttpBroker {
    /// A broker whose subscriptions are found in this registry. Nothing is opened yet.
    #[must_use]
    pub fn new(registry: Arc<dyn Registry>) -> Self {
        Self::with_options(registry, HttpBrokerOptions::default())
    }

    /// As [`new`](Self::new), reached and reaching as the options say.
    #[must_use]
    pub fn with_options(registry: Arc<dyn Registry>, options: HttpBrokerOptions) -> Self {
        let tasks = Arc::default();
        let nodes = Arc::new(Nodes::new(Arc::clone(&registry)));
        let outbox = Outbox::new(Arc::clone(&nodes), options.trust.clone(), Arc::clone(&tasks));
        let endpoint = tokio::sync::Mutex::default();
        Self(Arc::new(Inner { registry, options, endpoint, nodes, outbox, tasks }))
    }
}

impl Inner {
    /// Where subscriptions are posted to; the first one opens it.
    async fn endpoint(&self) -> Result<Arc<Endpoint>, BrokerError> {
        let mut held = self.endpoint.lock().await;
        if let Some(endpoint) = held.upgrade() {
            return Ok(endpoint);
        }
        let HttpBrokerOptions { listen, tls, .. } = &self.options;
        let bound = Endpoint::bind(listen, tls.clone()).await.map_err(|error| {
            BrokerError::refused(format!("cannot listen on {listen}")).with_source(error)
        })?;
        let (endpoint, serving) = bound;
        spawn(&self.tasks, serving);
        *held = Arc::downgrade(&endpoint);
        Ok(endpoint)
    }

    async fn subscribe(
        self: Arc<Self>,
        topic: String,
        queue: Option<String>,
    ) -> Result<Box<dyn Subscription>, BrokerError> {
        let endpoint = self.endpoint().await?;
        let id = format!("{topic}-{}", unique::uuid());
        let advertised = self.options.advertise.clone();
        let address = advertised.unwrap_or_else(|| reachable(endpoint.address()));
        let secure = if self.options.tls.is_some() { "true" } else { "false" };
        let instance = Instance::new(SERVICE, id.clone(), address)
            .with_version(queue.as_deref().unwrap_or(BROADCAST))
            .with_metadata("broker", "http")
            .with_metadata("topic", topic.clone())
            .with_metadata("secure", secure);
        // Whoever finds it in the registry may post at once.
        let mut subscription = HttpSubscription::new(endpoint, id, topic, Arc::clone(&self.tasks));
        let lease = self.registry.register(instance).await.map_err(|error| {
            let text = format!("cannot register a subscription to `{}`", subscription.topic());
            BrokerError::unavailable(text).with_source(error)
        })?;
        subscription.hold(lease);
        Ok(Box::new(subscription))
    }
}

impl Broker for HttpBroker {
    fn publish(&self, mut event: Event) -> BrokerFuture<()> {
        if event.topic.is_empty() {
            return Box::pin(ready(Err(BrokerError::refused("an event needs a topic"))));
        }
        if event.id.is_empty() {
            event.id = unique::uuid();
        }
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            inner.nodes.follow(&inner.tasks).await?;
            let body = message::encode(&event);
            if body.len() > MAX_MESSAGE_BYTES {
                let text = format!(
                    "an event of topic `{}` takes {} bytes, over the limit of {MAX_MESSAGE_BYTES}",
                    event.topic,
                    body.len()
                );
                return Err(BrokerError::refused(text));
            }
            inner.outbox.send(&event.topic, body).await
        })
    }

    fn subscribe(&self, topic: &str, queue: Option<&str>) -> BrokerFuture<Box<dyn Subscription>> {
        if let Err(refused) = subscribing::check(topic, queue) {
            return Box::pin(ready(Err(refused)));
        }
        if queue == Some(BROADCAST) {
            let text = format!("`{BROADCAST}` means no queue, so it cannot be the name of one");
            return Box::pin(ready(Err(BrokerError::refused(text))));
        }
        let inner = Arc::clone(&self.0);
        Box::pin(inner.subscribe(topic.to_owned(), queue.map(str::to_owned)))
    }

    fn flush(&self) -> BrokerFuture<()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            inner.outbox.flush().await;
            Ok(())
        })
    }
}

impl fmt::Debug for HttpBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBroker").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// Starts a task that ends with the broker, and forgets those that have ended.
fn spawn(tasks: &Mutex<JoinSet<()>>, task: impl Future<Output = ()> + Send + 'static) {
    let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
    while tasks.try_join_next().is_some() {}
    tasks.spawn(task);
}

/// An address that somebody on this machine can connect to.
fn reachable(address: &Address) -> Address {
    let text = address.as_str();
    match text.strip_prefix("0.0.0.0:").or_else(|| text.strip_prefix("[::]:")) {
        Some(port) => format!("127.0.0.1:{port}").into(),
        None => address.clone(),
    }
}

/// The service that every subscription is an instance of.
const SERVICE: &str = "micro.http.broker";

/// The version of the instances that belong to no queue.
const BROADCAST: &str = "ff.http.broadcast";

/// What an event may take as it travels.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
