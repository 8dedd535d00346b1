//! Backends with an engine behind them keep the promises of the seam, too.
//!
//! The engines are those that `POLYWIRE_TEST_REGISTRIES` names, URLs as `POLYWIRE_REGISTRY` takes
//! them with white space between; where it is not set, nothing can be tested, which is said.

use std::env;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use polywire_core::{Instance, Lease, Registry, RegistryError, SnapshotStream};
use polywire_registry::from_url;
use polywire_testkit::registry::conformance;

const ENGINES: &str = "POLYWIRE_TEST_REGISTRIES";

#[tokio::test(flavor = "multi_thread")]
async fn every_engine_given_conforms() {
    let urls = env::var(ENGINES).unwrap_or_default();
    if urls.trim().is_empty() {
        announce(&format!("skipped: {ENGINES} names no engine"));
        return;
    }
    for url in urls.split_whitespace() {
        announce(&format!("conformance of {url}"));
        let run = run();
        let mut number = 0;
        conformance(|| {
            number += 1;
            Any(from_url(&alone(url, &format!("{run}-{number}"))).unwrap())
        })
        .await;
    }
}

/// The same engine, as if nobody else were in it.
fn alone(url: &str, run: &str) -> String {
    let prefix = match url.split_once(':').unwrap_or((url, "")).0 {
        "etcd" | "etcd+tls" => format!("prefix=/polywire-test/{run}/"),
        "nats" | "nats+tls" => format!("prefix=polywire-test.{run}"),
        _ => return url.to_owned(),
    };
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{prefix}")
}

/// Tells this run from all others in an engine that outlives it.
fn run() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970");
    format!("{}-{}", std::process::id(), since.as_micros())
}

#[expect(clippy::print_stderr, reason = "what was not tested is said")]
fn announce(what: &str) {
    eprintln!("{what}");
}

struct Any(Arc<dyn Registry>);

impl Registry for Any {
    fn register(
        &self,
        instance: Instance,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Box<dyn Lease>, RegistryError>> + Send>> {
        self.0.register(instance)
    }

    fn watch(
        &self,
        service: &str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<SnapshotStream, RegistryError>> + Send>> {
        self.0.watch(service)
    }

    fn services(
        &self,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<String>, RegistryError>> + Send>> {
        self.0.services()
    }
}
