//! What the registry says, and how far it is believed.

use super::*;

/// Says what it is told to.
struct Told(tokio::sync::watch::Receiver<ServiceSnapshot>);

impl Registry for Told {
    fn register(&self, _instance: Instance) -> BoxFuture<Box<dyn polywire_core::Lease>> {
        Box::pin(async { Err(RegistryError::new("read only")) })
    }

    fn watch(&self, _service: &str) -> BoxFuture<SnapshotStream> {
        let changes = self.0.clone();
        let stream = futures_util::stream::unfold((changes, true), async |(mut changes, first)| {
            if !first {
                changes.changed().await.ok()?;
            }
            let snapshot = changes.borrow_and_update().clone();
            Some((snapshot, (changes, false)))
        });
        Box::pin(async { Ok(Box::pin(stream) as SnapshotStream) })
    }

    fn services(&self) -> BoxFuture<Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn snapshot(addresses: &[&str]) -> ServiceSnapshot {
    let instance = |address: &&str| Instance::new("greeter", *address, (*address).into());
    ServiceSnapshot::new(addresses.iter().map(instance).collect())
}

struct Setup {
    net: Arc<Net>,
    tell: tokio::sync::watch::Sender<ServiceSnapshot>,
    channel: Channel,
}

impl Setup {
    /// Four nodes, all of them connected.
    async fn new() -> Self {
        let addresses = ["a:1", "b:1", "c:1", "d:1"];
        let net = Net::new(addresses.map(|address| (address, Mood::Echo)));
        let (tell, told) = tokio::sync::watch::channel(snapshot(&addresses));
        let channel = net.discover(Arc::new(Told(told)), options());
        assert_eq!(channel.freshness(), Freshness::Unknown);
        while !(channel.nodes().len() == 4 && channel.nodes().iter().all(|node| node.is_connected))
        {
            ask(&channel, request(1)).await.unwrap();
        }
        assert_eq!(channel.freshness(), Freshness::Current);
        Self { net, tell, channel }
    }

    async fn hear(&self, addresses: &[&str]) -> Vec<String> {
        self.tell.send_replace(snapshot(addresses));
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.ids()
    }

    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.channel.nodes().into_iter().map(|node| node.id).collect();
        ids.sort();
        ids
    }
}

#[tokio::test(start_paused = true)]
async fn half_of_the_nodes_may_leave_at_once() {
    let setup = Setup::new().await;
    assert_eq!(setup.hear(&["a:1", "b:1"]).await, ["a:1", "b:1"]);
    assert_eq!(setup.channel.freshness(), Freshness::Current);
}

#[tokio::test(start_paused = true)]
async fn more_than_half_are_kept_for_a_while() {
    let setup = Setup::new().await;
    let began = Instant::now();
    assert_eq!(setup.hear(&["a:1"]).await, ["a:1", "b:1", "c:1", "d:1"]);
    assert!(matches!(setup.channel.freshness(), Freshness::Kept { .. }));
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(setup.ids().len(), 4);
    let Freshness::Kept { lasts } = setup.channel.freshness() else { panic!("they are kept") };
    assert!(lasts >= Duration::from_secs(29));
    while setup.ids().len() > 1 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((30..31).contains(&began.elapsed().as_secs()));
    assert_eq!(setup.channel.freshness(), Freshness::Current);
}

#[tokio::test(start_paused = true)]
async fn kept_nodes_that_fail_are_let_go_and_those_that_return_are_as_before() {
    let setup = Setup::new().await;
    setup.hear(&["a:1"]).await;
    setup.net.set("b:1", Mood::Dying);
    setup.net.set("c:1", Mood::Dying);
    while setup.channel.nodes().iter().filter(|node| node.is_connected).count() > 2 {
        drop(ask(&setup.channel, request(1)).await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(setup.ids(), ["a:1", "d:1"]);
    let dials = setup.net.dials();
    setup.net.set("b:1", Mood::Echo);
    assert_eq!(setup.hear(&["a:1", "b:1", "d:1"]).await, ["a:1", "b:1", "d:1"]);
    assert_eq!(setup.channel.freshness(), Freshness::Current);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(setup.ids(), ["a:1", "b:1", "d:1"]);
    for number in 0..50 {
        assert_eq!(ask(&setup.channel, request(number)).await.unwrap(), number);
    }
    assert_eq!(setup.net.dials(), dials + 1, "only b is connected anew");
}

#[tokio::test(start_paused = true)]
async fn snapshots_that_follow_each_other_do_not_prolong_the_time() {
    let setup = Setup::new().await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(32) {
        setup.hear(&["a:1"]).await;
        setup.hear(&["b:1"]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if began.elapsed() < Duration::from_secs(29) {
            assert_eq!(setup.ids().len(), 4);
        }
    }
    let ids = setup.ids();
    assert!(!ids.contains(&"c:1".to_owned()) && !ids.contains(&"d:1".to_owned()), "{ids:?}");
}

#[tokio::test(start_paused = true)]
async fn nodes_that_were_never_connected_prove_nothing() {
    let addresses = ["a:1", "b:1", "c:1"];
    let net = Net::new(addresses.map(|address| (address, Mood::Echo)));
    let (tell, told) = tokio::sync::watch::channel(snapshot(&addresses));
    let channel = net.discover(Arc::new(Told(told)), options());
    channel.0.nodes.known().await.unwrap();
    tell.send_replace(snapshot(&["a:1"]));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(channel.nodes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_can_be_seen() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let registry = Arc::new(Failing(AtomicUsize::new(0)));
    let channel = net.discover(registry, options());
    ask(&channel, request(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let Freshness::Outage { lasts } = channel.freshness() else { panic!("an outage") };
    assert!((55..=60).contains(&lasts.as_secs()), "{lasts:?}");
    assert_eq!(channel.nodes().len(), 1);
    channel.close();
    assert_eq!(channel.freshness(), Freshness::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_a_node_outlives_snapshots_that_have_it() {
    let setup = Setup::new().await;
    setup.net.set("a:1", Mood::Dying);
    while setup.channel.nodes()[0].failures == 0 {
        drop(ask(&setup.channel, request(1)).await);
    }
    let before = setup.channel.nodes();
    assert!(before[0].ejected_for.is_some() && before[1].latency.is_some(), "{before:?}");
    setup.hear(&["a:1", "b:1", "c:1"]).await;
    setup.hear(&["a:1", "b:1", "c:1", "d:1"]).await;
    let after = setup.channel.nodes();
    assert!(after[0].ejected_for.is_some());
    assert_eq!((after[0].failures, after[1].latency), (before[0].failures, before[1].latency));
    // One that was gone in between begins anew.
    assert!(!after[3].is_connected);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_runs_out_of_time_tells_nothing_of_its_node() {
    let net = Net::new([("a:1", Mood::Mute), ("b:1", Mood::Mute)]);
    let (_tell, told) = tokio::sync::watch::channel(snapshot(&["a:1", "b:1"]));
    let calls = CallOptions::new().stream_timeout(Duration::from_millis(10));
    let channel = net.discover(Arc::new(Told(told)), options().calls(&calls));
    for (kind, failures) in [(CallKind::ServerStreaming, 0), (CallKind::Unary, 20)] {
        for _ in 0..20 {
            let mut request = request(1);
            request.hints.kind = kind;
            let now = Instant::now().into_std();
            request.deadline = Deadline::after(now, Duration::from_millis(10));
            ask(&channel, request).await.unwrap_err();
        }
        let found: u64 = channel.nodes().iter().map(|node| node.failures).sum();
        assert_eq!(found, failures, "{kind:?}");
    }
}
