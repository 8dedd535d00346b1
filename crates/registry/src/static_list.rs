//! A list given by hand, that never changes.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::future::ready;
use futures_util::stream;
use polywire_core::{
    Address, Instance, Lease, Registry, RegistryError, ServiceSnapshot, SnapshotStream,
};

use crate::RegistryFuture;

/// Addresses given by hand, for one service or for all.
///
/// Registering succeeds and changes nothing, so that a server started with the list its callers
/// have need not know.
#[derive(Debug, Clone, Default)]
pub struct StaticRegistry {
    /// Where services are that have no entry of their own.
    any: Vec<Address>,
    named: BTreeMap<String, Vec<Address>>,
}

impl StaticRegistry {
    /// The addresses at which every service is.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = impl Into<Address>>) -> Self {
        let any = addresses.into_iter().map(Into::into).collect();
        Self { any, named: BTreeMap::new() }
    }

    /// Sets the addresses of one service.
    #[must_use]
    pub fn service(
        mut self,
        name: impl Into<String>,
        addresses: impl IntoIterator<Item = impl Into<Address>>,
    ) -> Self {
        self.named.insert(name.into(), addresses.into_iter().map(Into::into).collect());
        self
    }

    /// Reads `//a:1,b:2` (every service), `//greeter=a:1,b:2` (one) or several with `;` between.
    ///
    /// # Errors
    /// When there is no address or an empty one.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let list = text.strip_prefix("//").unwrap_or(text);
        let mut registry = Self::default();
        for group in list.split(';') {
            let (name, addresses) = match group.split_once('=') {
                Some((name, addresses)) => (Some(name.trim()), addresses),
                None => (None, group),
            };
            let addresses: Vec<Address> =
                addresses.split(',').map(|address| Address::from(address.trim())).collect();
            if name == Some("") || addresses.iter().any(|address| address.as_str().is_empty()) {
                return Err(RegistryError::new(format!(
                    "static registry `{list}` has an empty entry"
                )));
            }
            match name {
                Some(name) => registry = registry.service(name, addresses),
                None => registry.any.extend(addresses),
            }
        }
        Ok(registry)
    }

    fn snapshot(&self, service: &str) -> ServiceSnapshot {
        let addresses = self.named.get(service).unwrap_or(&self.any);
        let instance =
            |address: &Address| Instance::new(service, address.as_str(), address.clone());
        ServiceSnapshot::new(addresses.iter().map(instance).collect())
    }
}

/// The lease of a registration that changed nothing.
struct Nothing;

impl Lease for Nothing {
    fn revoke(self: Box<Self>) -> RegistryFuture<()> {
        Box::pin(ready(Ok(())))
    }
}

impl Registry for StaticRegistry {
    fn register(&self, _instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        let lease: Box<dyn Lease> = Box::new(Nothing);
        Box::pin(ready(Ok(lease)))
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        let once = stream::iter([self.snapshot(service)]);
        let stream: SnapshotStream = Box::pin(once.chain(stream::pending()));
        Box::pin(ready(Ok(stream)))
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        Box::pin(ready(Ok(self.named.keys().cloned().collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(registry: &StaticRegistry, service: &str) -> Vec<String> {
        let snapshot = registry.snapshot(service);
        snapshot.instances.iter().map(|instance| instance.address.to_string()).collect()
    }

    #[test]
    fn a_bare_list_is_good_for_every_service() {
        let registry = StaticRegistry::parse("//a:1, b:2").unwrap();
        assert_eq!(addresses(&registry, "greeter"), ["a:1", "b:2"]);
        assert_eq!(addresses(&registry, "users"), ["a:1", "b:2"]);
    }

    #[test]
    fn a_named_list_is_good_for_its_service_only() {
        let registry = StaticRegistry::parse("//greeter=a:1;users=b:2,c:3").unwrap();
        assert_eq!(addresses(&registry, "greeter"), ["a:1"]);
        assert_eq!(addresses(&registry, "users"), ["b:2", "c:3"]);
        assert!(addresses(&registry, "other").is_empty());
    }

    #[test]
    fn an_empty_entry_is_refused() {
        for text in ["", "//", "//a:1,,b:2", "//=a:1", "//a:1;"] {
            let error = StaticRegistry::parse(text).unwrap_err().to_string();
            assert!(error.contains("has an empty entry"), "{text}: {error}");
        }
    }
}
