//! The instances of this process.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use futures_util::future::ready;
use futures_util::stream;
use polywire_core::{Instance, Lease, Registry, RegistryError, ServiceSnapshot, SnapshotStream};
use tokio::sync::watch;

use crate::RegistryFuture;

/// A registry that lives and dies with this process: for tests, and for services that share one.
///
/// Clones are the same registry. Registering an id again replaces its record; the older lease
/// then has nothing left to withdraw.
#[derive(Debug, Clone, Default)]
pub struct MemoryRegistry(Arc<Mutex<Services>>);

impl MemoryRegistry {
    /// A registry of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The registry that everyone in this process shares by its name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        static NAMED: LazyLock<Mutex<HashMap<String, MemoryRegistry>>> =
            LazyLock::new(Mutex::default);
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        named.entry(name.to_owned()).or_default().clone()
    }

    fn services(&self) -> MutexGuard<'_, Services> {
        // Nothing panics halfway through a change, so the table is whole even then.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Services {
    by_name: HashMap<String, Entry>,
    /// Tells registrations of one id apart.
    last_token: u64,
}

#[derive(Debug)]
struct Entry {
    instances: Vec<(u64, Instance)>,
    changes: watch::Sender<ServiceSnapshot>,
}

impl Default for Entry {
    fn default() -> Self {
        Self { instances: Vec::new(), changes: watch::Sender::new(ServiceSnapshot::default()) }
    }
}

impl Entry {
    fn publish(&self) {
        let instances = self.instances.iter().map(|(_, instance)| instance.clone()).collect();
        self.changes.send_replace(ServiceSnapshot::new(instances));
    }

    fn is_unused(&self) -> bool {
        self.instances.is_empty() && self.changes.receiver_count() == 0
    }
}

struct MemoryLease {
    registry: MemoryRegistry,
    service: String,
    token: u64,
}

impl Drop for MemoryLease {
    fn drop(&mut self) {
        let mut services = self.registry.services();
        let Some(entry) = services.by_name.get_mut(&self.service) else { return };
        let before = entry.instances.len();
        entry.instances.retain(|(token, _)| *token != self.token);
        if entry.instances.len() != before {
            entry.publish();
        }
        if entry.is_unused() {
            services.by_name.remove(&self.service);
        }
    }
}

impl Lease for MemoryLease {
    fn revoke(self: Box<Self>) -> RegistryFuture<()> {
        drop(self);
        Box::pin(ready(Ok(())))
    }
}

impl Registry for MemoryRegistry {
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        let registry = self.clone();
        Box::pin(async move {
            if instance.service.is_empty() || instance.id.is_empty() {
                return Err(RegistryError::new("an instance needs a service and an id"));
            }
            let service = instance.service.clone();
            let token = {
                let mut services = registry.services();
                services.last_token += 1;
                let token = services.last_token;
                let entry = services.by_name.entry(service.clone()).or_default();
                entry.instances.retain(|(_, other)| other.id != instance.id);
                entry.instances.push((token, instance));
                entry.publish();
                token
            };
            let lease: Box<dyn Lease> = Box::new(MemoryLease { registry, service, token });
            Ok(lease)
        })
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        let mut receiver = {
            let mut services = self.services();
            // Names that were only ever watched would pile up otherwise.
            services.by_name.retain(|_, entry| !entry.is_unused());
            services.by_name.entry(service.to_owned()).or_default().changes.subscribe()
        };
        receiver.mark_changed();
        let stream: SnapshotStream = Box::pin(stream::unfold(receiver, |mut receiver| async {
            receiver.changed().await.ok()?;
            let snapshot = receiver.borrow_and_update().clone();
            Some((snapshot, receiver))
        }));
        Box::pin(ready(Ok(stream)))
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        let services = Self::services(self);
        let present = services.by_name.iter().filter(|(_, entry)| !entry.instances.is_empty());
        let mut names: Vec<String> = present.map(|(name, _)| name.clone()).collect();
        names.sort();
        Box::pin(ready(Ok(names)))
    }
}
