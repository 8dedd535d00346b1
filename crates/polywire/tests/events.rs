//! Events from publishers to the subscribers of an app.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;

use futures_util::StreamExt as _;
use polywire::broker::{HttpBroker, MemoryBroker};
use polywire::prelude::*;
use polywire::registry::MemoryRegistry;
use polywire::{Broker, Publisher, Registry};
use tokio::sync::mpsc::{self, Receiver, Sender};

#[derive(Serialize, Deserialize, Schema)]
struct Order {
    id: u32,
    note: String,
}

/// Passes on what it handles.
struct Audit(Sender<String>);

impl Audit {
    fn subscriber() -> (AuditSubscriber, Receiver<String>) {
        let (seen, events) = mpsc::channel(100);
        (AuditSubscriber::new(Self(seen)), events)
    }

    async fn see(&self, what: &str, cx: &Context, order: &Order) {
        let trace = cx.metadata.get("traceparent").unwrap_or_default();
        let topic = cx.method.topic().unwrap_or_default();
        self.0.send(format!("{what} {topic} {} {} {trace}", order.id, order.note)).await.unwrap();
    }
}

#[polywire::subscribe(queue = "audit")]
impl Audit {
    /// Notes orders.
    #[event(topic = "orders.created")]
    async fn created(&self, cx: &Context, order: Order) -> Result<(), Status> {
        self.see("created", cx, &order).await;
        if order.id == 0 {
            panic!("on purpose");
        }
        Ok(())
    }

    #[event(topic = "orders.created", queue = "billing")]
    async fn billed(&self, cx: &Context, order: Order) {
        self.see("billed", cx, &order).await;
    }

    #[event(topic = "orders.deleted")]
    async fn deleted(&self, cx: &Context, order: Order) -> Result<(), BadOrder> {
        self.see("deleted", cx, &order).await;
        Err(BadOrder)
    }
}

struct BadOrder;

impl From<BadOrder> for Status {
    fn from(_: BadOrder) -> Self {
        Self::new(Code::InvalidArgument, "a bad order")
    }
}

/// Keeps whoever handles it busy until it is told otherwise.
#[polywire::subscribe(topic = "jobs")]
async fn work(job: u32) {
    DONE.add_permits(1);
    drop(MAY_END.acquire().await.unwrap());
    DONE.add_permits(usize::try_from(job).unwrap());
}

static MAY_END: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);
static DONE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);

fn order(id: u32) -> Order {
    Order { id, note: "n".into() }
}

#[tokio::test]
async fn every_queue_gets_each_event_once_and_goes_on_behind_failures() {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new());
    let (audit, mut seen) = Audit::subscriber();
    let app = App::new("audit").subscribe(audit).broker(Arc::clone(&broker)).private();
    let running = app.start().await.unwrap();
    let created =
        Publisher::new(Arc::clone(&broker), "orders.created").header("traceparent", "00-1");
    for id in [0, 1] {
        created.publish(&order(id)).await.unwrap();
        let mut found = [seen.recv().await.unwrap(), seen.recv().await.unwrap()];
        found.sort();
        let expected =
            ["billed", "created"].map(|what| format!("{what} orders.created {id} n 00-1"));
        assert_eq!(found, expected);
    }
    let deleted = Publisher::new(broker, "orders.deleted").protobuf();
    for id in [7, 8] {
        deleted.publish(&order(id)).await.unwrap();
        assert_eq!(seen.recv().await.unwrap(), format!("deleted orders.deleted {id} n "));
    }
    running.shutdown().await;
    assert!(seen.recv().await.is_none());
}

#[tokio::test]
async fn an_event_that_is_being_handled_ends_before_the_app_does() {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new());
    let app = App::new("worker").subscribe(WorkSubscriber).broker(Arc::clone(&broker)).private();
    let running = app.start().await.unwrap();
    let jobs = Publisher::new(Arc::clone(&broker), "jobs");
    jobs.publish(&10_u32).await.unwrap();
    jobs.publish(&100_u32).await.unwrap();
    DONE.acquire().await.unwrap().forget();
    let ending = running.shutdown();
    let watching = async {
        MAY_END.add_permits(1);
        // Both jobs have come, and are done one after another.
        DONE.acquire_many(111).await.unwrap().forget();
    };
    tokio::join!(ending, watching);
    let mut alone = broker.subscribe("jobs", None).await.unwrap();
    jobs.publish(&1_u32).await.unwrap();
    assert!(alone.next().await.is_some());
    assert_eq!(DONE.available_permits(), 0, "the app is no longer subscribed");
}

#[tokio::test]
async fn two_apps_share_a_queue_over_http() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let broker = || Arc::new(HttpBroker::new(Arc::clone(&registry)));
    let (one, mut seen_by_one) = Audit::subscriber();
    let (other, mut seen_by_other) = Audit::subscriber();
    let app = |audit| App::new("audit").subscribe(audit).broker(broker()).private().start();
    let (one, other) = (app(one).await.unwrap(), app(other).await.unwrap());
    assert_eq!(registry.services().await.unwrap(), ["micro.http.broker"]);
    let publisher = Publisher::new(broker(), "orders.deleted");
    for id in 0..50 {
        publisher.publish(&order(id)).await.unwrap();
    }
    let mut found = Vec::new();
    while found.len() < 50 {
        found.push(tokio::select! {
            seen = seen_by_one.recv() => seen.unwrap(),
            seen = seen_by_other.recv() => seen.unwrap(),
        });
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 50);
    one.shutdown().await;
    other.shutdown().await;
    assert_eq!(registry.services().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_registry_shows_subscribers_as_go_micro_does() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let (audit, _seen) = Audit::subscriber();
    let app = App::new("audit").subscribe(audit).broker(Arc::new(MemoryBroker::new()));
    let running = app.registry(Arc::clone(&registry)).start().await.unwrap();
    let snapshot = registry.watch("audit").await.unwrap().next().await.unwrap();
    let methods = snapshot.instances[0].methods.iter();
    let shown: Vec<_> =
        methods.map(|method| (method.name.as_str(), method.metadata["topic"].as_str())).collect();
    let expected = [
        ("Audit.deleted", "orders.deleted"),
        ("Audit.billed", "orders.created"),
        ("Audit.created", "orders.created"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(snapshot.instances[0].methods[0].metadata["subscriber"], "true");
    running.shutdown().await;
}
