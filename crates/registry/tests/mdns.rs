//! Multicast DNS keeps the promises of the seam, over real sockets.
//!
//! Skipped, with a line that says so, where this machine has no multicast.

#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::time::Duration;

use polywire_core::{Instance, Lease, Registry, RegistryError, SnapshotStream};
use polywire_registry::{MdnsOptions, MdnsRegistry};
use polywire_testkit::registry::conformance;

/// Registers by one set of sockets and looks by another, as two processes do.
struct Two {
    registers: MdnsRegistry,
    looks: MdnsRegistry,
}

type RegistryFuture<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send>>;

impl Registry for Two {
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        self.registers.register(instance)
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        self.looks.watch(service)
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        self.looks.services()
    }
}

/// A domain of its own, so that neither others on the network nor other tests are seen. Answers
/// have more time than by default, since test machines are busy.
fn options(number: u32) -> MdnsOptions {
    let domain = format!("polywire-test-{}-{number}", std::process::id());
    MdnsOptions::default().domain(domain).gather(Duration::from_millis(500))
}

/// Whether packets come back to this machine.
async fn has_multicast() -> bool {
    let registry = MdnsRegistry::new(options(0));
    let instance = Instance::new("probe", "1", "127.0.0.1:1".into());
    let found = async {
        let _lease = registry.register(instance).await?;
        registry.services().await
    };
    match found.await {
        Ok(services) if services == ["probe"] => true,
        Ok(_) => {
            eprintln!("SKIPPED: multicast DNS does not come back to this machine");
            false
        }
        Err(error) => {
            eprintln!("SKIPPED: no multicast DNS on this machine: {error}");
            false
        }
    }
}

#[tokio::test]
async fn multicast_dns_conforms() {
    if !has_multicast().await {
        return;
    }
    let mut number = 0;
    conformance(|| {
        number += 1;
        let options = options(number);
        Two { registers: MdnsRegistry::new(options.clone()), looks: MdnsRegistry::new(options) }
    })
    .await;
}

#[tokio::test]
async fn multicast_dns_conforms_within_one_process() {
    if !has_multicast().await {
        return;
    }
    let mut number = 1000;
    conformance(|| {
        number += 1;
        MdnsRegistry::new(options(number))
    })
    .await;
}
