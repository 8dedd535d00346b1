//! The seam between services and whatever knows where they run.

mod method;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;

pub use self::method::{InstanceMethod, ValueShape};
use crate::Address;

/// One running copy of a service, as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// The service it belongs to, such as `greeter`.
    pub service: String,
    /// Unique among the instances of its service, also over restarts.
    pub id: String,
    /// Where it listens.
    pub address: Address,
    /// The service's version; empty if it has none.
    pub version: String,
    /// What selectors look at: `zone`, `weight`, `wires` (comma-separated), user's own.
    pub metadata: BTreeMap<String, String>,
    /// Its methods, for tools and for selectors by method; empty where a registry keeps none.
    pub methods: Arc<[InstanceMethod]>,
}

impl Instance {
    /// An instance without version and metadata.
    #[must_use]
    pub fn new(service: impl Into<String>, id: impl Into<String>, address: Address) -> Self {
        Self {
            service: service.into(),
            id: id.into(),
            address,
            version: String::new(),
            metadata: BTreeMap::new(),
            methods: Arc::default(),
        }
    }

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets one entry of the metadata.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Sets the methods.
    #[must_use]
    pub fn with_methods(mut self, methods: impl Into<Arc<[InstanceMethod]>>) -> Self {
        self.methods = methods.into();
        self
    }
}

/// Every instance of one service at one moment, sorted by id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceSnapshot {
    /// The instances.
    pub instances: Arc<[Instance]>,
}

impl ServiceSnapshot {
    /// Sorts the instances by id.
    #[must_use]
    pub fn new(mut instances: Vec<Instance>) -> Self {
        instances.sort_by(|a, b| a.id.cmp(&b.id));
        Self { instances: instances.into() }
    }
}

/// Whole snapshots of one service: the present one first, then one after each change. Slow readers
/// may miss intermediate ones, never the last.
pub type SnapshotStream = Pin<Box<dyn Stream<Item = ServiceSnapshot> + Send>>;

/// A boxed future of the registry seam.
type RegistryFuture<T> = Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send>>;

/// Keeps an instance registered. Dropping it withdraws the instance as soon as possible.
pub trait Lease: Send + Sync + 'static {
    /// Withdraws the instance and waits until the registry has taken note.
    ///
    /// **Cancel safe**: dropped, the future goes on withdrawing as a dropped lease does.
    fn revoke(self: Box<Self>) -> RegistryFuture<()>;

    /// How the registration is doing. Default: well, which is true of registries that cannot fail.
    fn health(&self) -> LeaseHealth {
        LeaseHealth::default()
    }
}

/// How a registration is doing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LeaseHealth {
    /// Why the registry has not confirmed the instance when it was last asked; `None` if it has.
    pub error: Option<RegistryError>,
    /// How often it was asked in vain since it last confirmed.
    pub failures: u32,
    /// How often the instance was found missing, and put back.
    pub recoveries: u64,
}

/// Knows who runs where.
///
/// Implementations keep a registration alive by themselves until its [`Lease`] ends, through
/// outages of the engine behind them.
pub trait Registry: Send + Sync + 'static {
    /// Announces an instance.
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>>;

    /// Watches one service. A service nobody has registered is an empty snapshot, not an error.
    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream>;

    /// The names of all services with at least one instance, sorted.
    fn services(&self) -> RegistryFuture<Vec<String>>;
}

/// Why a registry did not do what it was asked.
#[derive(Debug, Clone)]
pub struct RegistryError {
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl RegistryError {
    /// Says what failed and names the thing, such as `cannot read /run/polywire/greeter`.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
