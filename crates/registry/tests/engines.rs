//! Backends with an engine behind them keep the promises of the seam, too.
//!
//! The engines are those that `POLYWIRE_TEST_REGISTRIES` names, URLs as `POLYWIRE_REGISTRY` takes
//! them with white space between; where it is not set, nothing can be tested, which is said.

use std::env;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use polywire_core::{Instance, Lease, Registry, RegistryError, ServiceSnapshot, SnapshotStream};
use polywire_registry::from_url;
use polywire_testkit::registry::{conformance, superseded};

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
        let mut make = || {
            number += 1;
            let run = format!("{run}-{number}");
            let registry = from_url(&alone(url, &run)).unwrap();
            // What has no room of its own for each test has names of its own.
            let named = if url.starts_with("consul") { format!("{run}/") } else { String::new() };
            Any { registry, named }
        };
        conformance(&mut make).await;
        superseded(&make(), Duration::from_secs(60)).await;
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

/// A registry, with this before all names.
struct Any {
    registry: Arc<dyn Registry>,
    named: String,
}

type RegistryFuture<T> = Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send>>;

impl Registry for Any {
    fn register(&self, mut instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        instance.service.insert_str(0, &self.named);
        instance.id.insert_str(0, &self.named);
        self.registry.register(instance)
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        let watching = self.registry.watch(&format!("{}{service}", self.named));
        let named = self.named.clone();
        Box::pin(async move {
            let snapshots = watching.await?.map(move |snapshot| {
                let mut instances = snapshot.instances.to_vec();
                for instance in &mut instances {
                    instance.service.drain(..named.len());
                    instance.id.drain(..named.len());
                }
                ServiceSnapshot::new(instances)
            });
            Ok(snapshots.boxed())
        })
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        let (all, named) = (self.registry.services(), self.named.clone());
        Box::pin(async move {
            let own = all.await?.into_iter();
            Ok(own.filter_map(|name| name.strip_prefix(&*named).map(str::to_owned)).collect())
        })
    }
}
