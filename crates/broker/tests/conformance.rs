//! Every backend keeps the promises of the seam.

use std::sync::Arc;

use polywire_broker::{HttpBroker, MemoryBroker};
use polywire_registry::MemoryRegistry;
use polywire_testkit::broker::conformance;

#[tokio::test]
async fn the_memory_broker_conforms() {
    conformance("memory", MemoryBroker::new).await;
}

#[tokio::test]
async fn the_http_broker_conforms() {
    conformance("http", || HttpBroker::new(Arc::new(MemoryRegistry::new()))).await;
}
