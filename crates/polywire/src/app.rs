//! What a user runs: a server, its registration and its end.

mod events;
mod running;
mod signals;

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "http")]
use polywire_core::LeaseHealth;
use polywire_core::{
    Address, BoxService, Broker, BrokerError, Instance, InstanceMethod, Registry, RegistryError,
    Service, ServiceDefinition, ServiceDescriptor, SubscriberDefinition,
};
use polywire_layers::Layer;
use polywire_net::TlsServer;
#[cfg(feature = "http")]
use polywire_server::Metric;
use polywire_server::{BindError, Limits, RegisterError, Router, Server};
use tokio::sync::watch;

use self::events::Events;
use self::running::Registration;
pub use self::running::Running;
pub use self::signals::asked_to_end;
use crate::builtin;
use crate::reflection::{Described, ReflectionServer};

/// A server that registers itself, speaks every wire on one port, and drains when it is told to
/// end.
///
/// ```no_run
/// # use polywire::prelude::*;
/// # struct Clock;
/// # #[polywire::service]
/// # impl Clock {
/// #     pub async fn now(&self) -> u64 { 0 }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), polywire::AppError> {
/// App::new("clock").serve(ClockServer::new(Clock)).listen("0.0.0.0:9000").run().await
/// # }
/// ```
#[must_use = "an app does nothing before `run` or `start`"]
pub struct App {
    name: String,
    version: String,
    metadata: BTreeMap<String, String>,
    listen: Option<Address>,
    advertise: Option<Address>,
    registry: Where,
    broker: Option<Arc<dyn Broker>>,
    router: Result<Router, RegisterError>,
    services: Vec<(String, &'static ServiceDescriptor)>,
    describes_itself: bool,
    tells_health: bool,
    configure: Vec<Configure>,
    lame_duck: Duration,
    grace: Option<Duration>,
}

type Configure = Box<dyn FnOnce(Server) -> Server + Send>;

/// Where the app is registered.
enum Where {
    Environment,
    Given(Arc<dyn Registry>),
    Nowhere,
}

/// Why an app did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// A service cannot be offered; the text names it.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// Nobody can listen there.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The registry cannot be reached.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The broker cannot be subscribed to.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl App {
    /// An app whose instances are found under this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: String::new(),
            metadata: BTreeMap::new(),
            listen: None,
            advertise: None,
            registry: Where::Environment,
            broker: None,
            router: Ok(Router::new()),
            services: Vec::new(),
            describes_itself: true,
            tells_health: true,
            configure: Vec::new(),
            lame_duck: Duration::ZERO,
            grace: None,
        }
    }

    /// Offers a service under its own name. An error, such as two services of one name, shows when
    /// the app starts.
    pub fn serve(self, service: impl ServiceDefinition) -> Self {
        let name = service.descriptor().name;
        self.serve_as(name, service)
    }

    /// Offers a service under another name, as Go's `RegisterName` does.
    pub fn serve_as(mut self, name: &str, service: impl ServiceDefinition) -> Self {
        self.services.push((name.to_owned(), service.descriptor()));
        self.router = self.router.and_then(|router| router.add_named(name, service));
        self
    }

    /// Handles events: those that the [broker](Self::broker) brings, and those that go-micro's peers
    /// send to the app's own port. They pass the same layers as calls. An error, such as a type that
    /// cannot travel, shows when the app starts.
    ///
    /// Each topic and queue is a subscription, whose events are handled one after another; an event
    /// whose handlers fail is logged, and comes again only if the broker promises that.
    pub fn subscribe(mut self, subscribers: impl SubscriberDefinition) -> Self {
        self.router = self.router.and_then(|router| router.subscribe(subscribers));
        self
    }

    /// Where events come from. Default: what `POLYWIRE_BROKER` names, or go-micro's `MICRO_BROKER`,
    /// else go-micro's broker over HTTP, which finds publishers and subscribers in the app's registry.
    /// Without subscribers, no broker is opened.
    pub fn broker(mut self, broker: Arc<dyn Broker>) -> Self {
        self.broker = Some(broker);
        self
    }

    /// Where to listen: on TCP (`host:port`), on a Unix socket (`unix:/path`), or within the
    /// process (`memory:name`). Default: `POLYWIRE_LISTEN`, else `127.0.0.1:0`, any free port.
    pub fn listen(mut self, address: impl Into<Address>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// The address others are told, where it is not the one listened on. Default: the one listened
    /// on; `127.0.0.1` in place of `0.0.0.0`.
    pub fn advertise(mut self, address: impl Into<Address>) -> Self {
        self.advertise = Some(address.into());
        self
    }

    /// Where to register. Default: what `POLYWIRE_REGISTRY` names, else the local registry.
    pub fn registry(mut self, registry: Arc<dyn Registry>) -> Self {
        self.registry = Where::Given(registry);
        self
    }

    /// Does not register anywhere: for tests, and for servers whose address everybody knows.
    pub fn private(mut self) -> Self {
        self.registry = Where::Nowhere;
        self
    }

    /// The version that the registry shows.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Adds an entry to what the registry shows of the instance, such as `zone`.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Does not describe itself: `polywire describe` and calls with JSON over gob lose the types,
    /// gRPC's tools such as `grpcurl` need `.proto` files.
    pub fn without_reflection(mut self) -> Self {
        self.describes_itself = false;
        self
    }

    /// Does not answer [`grpc.health.v1.Health`](crate::health).
    pub fn without_health(mut self) -> Self {
        self.tells_health = false;
        self
    }

    /// Configures the server below: layers, limits, TLS. May be called several times.
    pub fn server(mut self, configure: impl FnOnce(Server) -> Server + Send + 'static) -> Self {
        self.configure.push(Box::new(configure));
        self
    }

    /// Wraps every service in a layer; the one added last meets a call first.
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<BoxService> + Send + 'static,
        L::Service: Service,
    {
        self.server(|server| server.layer(layer))
    }

    /// Takes TLS off connections that begin with it, on the same port; needs the feature `tls`.
    pub fn tls(self, tls: TlsServer) -> Self {
        self.server(|server| server.tls(tls))
    }

    /// What the server, its connections and their peers may take, [`grace`](Self::grace) included.
    /// Default: every limit of [`Limits`] at its own default.
    pub fn limits(self, limits: Limits) -> Self {
        self.server(|server| server.limits(limits))
    }

    /// How long calls and events under way may take to end when the app drains, those of detached methods
    /// whose callers have gone included; what still runs then is dropped. Goes before what
    /// [`limits`](Self::limits) says of it. Default: 10 s.
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = Some(time);
        self
    }

    /// How long to go on serving between leaving the registry and refusing calls, for clients that
    /// hear of changes late. Default: zero.
    pub fn lame_duck(mut self, time: Duration) -> Self {
        self.lame_duck = time;
        self
    }

    /// Starts, serves until SIGTERM or Ctrl-C, then drains: unsubscribes, leaves the registry, serves on for the
    /// lame-duck time, refuses newcomers, and lets calls under way end within the grace period. A
    /// second signal ends it at once.
    ///
    /// **Cancel safe**: dropping the future ends the server without draining.
    ///
    /// # Errors
    /// When a service cannot be offered, nobody can listen at the address, or the registry or the
    /// broker cannot be reached.
    pub async fn run(self) -> Result<(), AppError> {
        let name = self.name.clone();
        let mut running = self.start().await?;
        signals::announce(&name, running.address());
        tokio::select! {
            () = asked_to_end() => {}
            () = running.ended() => return Ok(()),
        }
        tokio::select! {
            () = running.shutdown() => {}
            () = asked_to_end() => tracing::warn!(service = name, "ended at once"),
        }
        Ok(())
    }

    /// Starts and returns; dropping what it returns ends the server without draining.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn start(self) -> Result<Running, AppError> {
        let registry = match &self.registry {
            Where::Environment => Some(polywire_registry::from_env()?),
            Where::Given(registry) => Some(Arc::clone(registry)),
            Where::Nowhere => None,
        };
        let (welcome, is_welcome) = watch::channel(true);
        let mut router = self.router?;
        if self.tells_health {
            router = builtin::add_health(router, &self.services, is_welcome)?;
        }
        if self.describes_itself {
            let services = self.services.iter().map(|(name, service)| (name.as_str(), *service));
            let described = Described::of(services);
            router = router.add(ReflectionServer::new(described))?;
            router = builtin::add_grpc_reflection(router, &self.services)?;
        }
        let wanted = router.subscriptions();
        let mut subscribers: Vec<InstanceMethod> =
            router.subscribers().map(InstanceMethod::of_subscriber).collect();
        subscribers.sort_by(|a, b| b.metadata.cmp(&a.metadata).then_with(|| a.name.cmp(&b.name)));
        let server = Server::new(router);
        let registration = Registration::default();
        #[cfg(feature = "http")]
        let server = {
            let (name, health) = (self.name.clone(), registration.observe());
            server.metrics(move || figures(&name, health()))
        };
        let server = self.configure.into_iter().fold(server, |server, with| with(server));
        let server = match self.grace {
            Some(time) => server.grace(time),
            None => server,
        };
        let (listen, service) = (self.listen.unwrap_or_else(listen_by_default), server.service());
        let listening = server.bind(&listen).await?;
        let grace = listening.grace();
        let mut running = Running::new(listening, welcome, self.lame_duck, registration.clone());
        if !wanted.is_empty() {
            let broker = match self.broker {
                Some(broker) => broker,
                None => polywire_broker::from_env(registry.clone())?,
            };
            running.handle(Events::subscribe(&broker, wanted, &service, grace).await?);
        }
        if let Some(registry) = registry {
            let address = self.advertise.unwrap_or_else(|| reachable(running.address()));
            let id = format!("{}-{}", self.name, running::instance_id());
            let methods: Vec<InstanceMethod> = self
                .services
                .iter()
                .flat_map(|(name, service)| InstanceMethod::all_of(name, service))
                .chain(subscribers)
                .collect();
            let mut instance = Instance::new(self.name, id, address)
                .with_version(self.version)
                .with_methods(methods);
            instance.metadata = self.metadata;
            for (key, value) in SPOKEN {
                let entry = instance.metadata.entry(key.to_owned());
                entry.or_insert_with(|| value.to_owned());
            }
            registration.hold(registry.register(instance).await?);
        }
        Ok(running)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services: Vec<&str> = self.services.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("App")
            .field("name", &self.name)
            .field("listen", &self.listen)
            .field("services", &services)
            .finish_non_exhaustive()
    }
}

/// What the page of figures says of the app's place in the registry; nothing if it has none.
#[cfg(feature = "http")]
fn figures(name: &str, health: Option<LeaseHealth>) -> Vec<Metric> {
    let Some(health) = health else { return Vec::new() };
    let is_confirmed = u64::from(health.error.is_none());
    let help = "Whether the registry confirmed the instance when it was last asked.";
    let confirmed = Metric::gauge("polywire_registration_confirmed", help, is_confirmed);
    let help = "How often the registry was asked in vain since it last confirmed.";
    let failures =
        Metric::gauge("polywire_registration_failures", help, u64::from(health.failures));
    let help = "How often the instance was missing in the registry and was put back.";
    let recoveries =
        Metric::counter("polywire_registration_recoveries_total", help, health.recoveries);
    [confirmed, failures, recoveries].map(|one| one.with_label("service", name)).into()
}

fn listen_by_default() -> Address {
    match env::var("POLYWIRE_LISTEN") {
        Ok(address) if !address.is_empty() => address.into(),
        _ => "127.0.0.1:0".into(),
    }
}

/// What an instance says of itself unless its user does: to polywire's clients the wires that a
/// channel takes by discovery, to go-micro's that it is spoken to as one of its own servers.
#[cfg(feature = "http")]
const SPOKEN: [(&str, &str); 4] =
    [("wires", WIRES), ("protocol", "mucp"), ("server", "mucp"), ("transport", "http")];

/// What it says where go-micro's wire is not spoken.
#[cfg(not(feature = "http"))]
const SPOKEN: [(&str, &str); 1] = [("wires", WIRES)];

/// The schemes of the URLs at which a server answers.
#[cfg(feature = "http")]
const WIRES: &str = "netrpc,netrpc+http,jsonrpc,jsonrpc2,grpc,grpc-web,connect,micro";
#[cfg(not(feature = "http"))]
const WIRES: &str = "netrpc,netrpc+http,jsonrpc,jsonrpc2";

/// An address that somebody on this machine can connect to.
fn reachable(address: &Address) -> Address {
    let text = address.as_str();
    match text.strip_prefix("0.0.0.0:").or_else(|| text.strip_prefix("[::]:")) {
        Some(port) => format!("127.0.0.1:{port}").into(),
        None => address.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_any_interface_is_advertised_as_this_machine() {
        for (listen, advertised) in [
            ("0.0.0.0:9000", "127.0.0.1:9000"),
            ("[::]:9000", "127.0.0.1:9000"),
            ("10.0.0.1:9000", "10.0.0.1:9000"),
            ("memory:x", "memory:x"),
        ] {
            assert_eq!(reachable(&listen.into()).as_str(), advertised);
        }
    }
}
