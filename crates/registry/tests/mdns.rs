//! Multicast DNS keeps the promises of the seam, over real sockets.
//!
//! Skipped, with a line that says so, unless `POLYWIRE_TEST_MDNS` is set.

#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::time::Duration;

use polywire_core::{Instance, Lease, Registry, RegistryError, SnapshotStream};
use polywire_registry::{MdnsOptions, MdnsRegistry};
use polywire_testkit::registry::{conformance, superseded};

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

/// Whether this machine is to be tried: not every one has multicast, and under load answers are late.
fn is_wanted() -> bool {
    let wanted = std::env::var_os(WANTED).is_some();
    if !wanted {
        eprintln!("SKIPPED: real multicast DNS is tried if {WANTED} is set");
    }
    wanted
}

const WANTED: &str = "POLYWIRE_TEST_MDNS";

#[tokio::test]
async fn multicast_dns_conforms() {
    if !is_wanted() {
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
    if !is_wanted() {
        return;
    }
    let mut number = 1000;
    conformance(|| {
        number += 1;
        MdnsRegistry::new(options(number))
    })
    .await;
    superseded(&MdnsRegistry::new(options(2000)), Duration::from_secs(60)).await;
}
