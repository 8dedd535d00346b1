//! Nodes that fail, and how long they are passed over.

use std::num::NonZeroU32;

use super::*;

async fn discovered(net: &Arc<Net>, addresses: &[&str], options: ChannelOptions) -> Channel {
    let registry = MemoryRegistry::new();
    for address in addresses {
        // A lease that is forgotten keeps its instance as long as the registry lives.
        std::mem::forget(register(&registry, address).await);
    }
    let channel = net.discover(Arc::new(registry), options);
    channel.0.nodes.known().await.unwrap();
    channel
}

fn ejected(channel: &Channel) -> Vec<String> {
    let states = channel.nodes().into_iter();
    states.filter(|node| node.ejected_for.is_some()).map(|node| node.id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_ejects_at_once_and_longer_each_time() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let channel = discovered(&net, &["a:1", "b:1"], options()).await;
    while ejected(&channel).is_empty() {
        assert_eq!(ask(&channel, request(1)).await.unwrap(), 1);
    }
    assert_eq!(ejected(&channel), ["b:1"]);
    let rest = || channel.nodes()[1].ejected_for;
    assert_eq!(rest(), Some(Duration::from_secs(1)));
    for expected in [2, 4, 8, 16, 32, 32] {
        tokio::time::sleep(rest().unwrap() + Duration::from_secs(1)).await;
        let before = net.dials();
        while net.dials() == before {
            assert_eq!(ask(&channel, request(1)).await.unwrap(), 1);
        }
        assert_eq!(rest(), Some(Duration::from_secs(expected)));
    }
    net.set("b:1", Mood::Echo);
    tokio::time::sleep(Duration::from_secs(33)).await;
    for _ in 0..100 {
        ask(&channel, request(1)).await.unwrap();
    }
    let node = channel.nodes().remove(1);
    assert!(node.is_connected && node.failures == 0 && node.ejected_for.is_none(), "{node:?}");
}

#[tokio::test(start_paused = true)]
async fn broken_connections_in_a_row_eject() {
    let net = Net::new([("a:1", Mood::Dying), ("b:1", Mood::Echo)]);
    let options = options().eject_after(NonZeroU32::new(3).unwrap());
    let channel = discovered(&net, &["a:1", "b:1"], options).await;
    let a = Arc::clone(&channel.0.nodes.list()[0]);
    let only = || {
        let mut request = request(1);
        request
            .extensions
            .insert(CallOptions::new().filter(crate::Filter::custom("a", |node| node.id == "a:1")));
        request
    };
    for failures in 1..=3 {
        assert!(ejected(&channel).is_empty());
        ask(&channel, only()).await.unwrap_err();
        assert_eq!(a.state().failures, failures);
    }
    assert_eq!(ejected(&channel), ["a:1"]);
    // An answer in between begins the row anew.
    channel.reset();
    net.set("a:1", Mood::Echo);
    for mood in [Mood::Dying, Mood::Dying, Mood::Echo, Mood::Dying, Mood::Dying] {
        net.set("a:1", mood);
        drop(ask(&channel, only()).await);
        assert!(ejected(&channel).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_service_says_ejects_nobody() {
    let net = Net::new([("a:1", Mood::Refusing), ("b:1", Mood::Refusing)]);
    let channel = discovered(&net, &["a:1", "b:1"], options()).await;
    for _ in 0..100 {
        let status = ask(&channel, request(1)).await.unwrap_err();
        assert_eq!(status.origin(), Origin::Service);
    }
    assert!(ejected(&channel).is_empty());
    assert!(channel.nodes().iter().all(|node| node.failures == 0));
}

#[tokio::test(start_paused = true)]
async fn no_more_nodes_are_ejected_than_allowed_and_never_the_last() {
    let addresses = ["a:1", "b:1", "c:1", "d:1"];
    for (count, percent, most) in
        [(4, 50, 2), (4, 100, 3), (4, 0, 1), (3, 50, 1), (2, 50, 1), (2, 100, 1), (1, 100, 0)]
    {
        let net = Net::new(addresses.map(|address| (address, Mood::Dying)));
        let options = options().max_ejected_percent(percent).no_retry_budget();
        let channel = discovered(&net, &addresses[..count], options).await;
        for _ in 0..50 {
            ask(&channel, request(1)).await.unwrap_err();
            assert!(ejected(&channel).len() <= most);
        }
        assert_eq!(ejected(&channel).len(), most, "{count} nodes, {percent} %");
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_nodes_are_gone_calls_fail_and_the_first_that_is_back_takes_them() {
    let net = Net::new([]);
    let channel = discovered(&net, &["a:1", "b:1"], options().retries(0)).await;
    for _ in 0..10 {
        let status = ask(&channel, request(1)).await.unwrap_err();
        assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::NotSent));
    }
    assert_eq!(ejected(&channel), ["a:1", "b:1"]);
    net.set("b:1", Mood::Echo);
    channel.reset_node("b:1");
    assert_eq!(ejected(&channel), ["a:1"]);
    for number in 0..10 {
        assert_eq!(ask(&channel, request(number)).await.unwrap(), number);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_out_of_time_eject_a_node_that_answers_none_of_them() {
    let net = Net::new([("a:1", Mood::Mute), ("b:1", Mood::Echo)]);
    let options = options().timeout(Duration::from_millis(100));
    let channel = discovered(&net, &["a:1", "b:1"], options).await;
    let mut lost = 0;
    for _ in 0..200 {
        lost += u32::from(ask(&channel, request(1)).await.is_err());
    }
    // Five to be sure, and one now and then to see whether it is back.
    assert!((5..10).contains(&lost), "{lost} calls");
    assert_eq!(channel.nodes()[0].failures, u64::from(lost));
    // Callers that go away of their own accord prove nothing.
    channel.reset();
    net.set("b:1", Mood::Mute);
    for _ in 0..50 {
        let mut call = Box::pin(ask(&channel, request(1)));
        for _ in 0..10 {
            assert!(futures_util::poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
    }
    assert!(ejected(&channel).is_empty());
}

#[tokio::test(start_paused = true)]
async fn calls_lost_together_are_one_failure() {
    let net = Net::new([("a:1", Mood::Mute), ("b:1", Mood::Echo)]);
    let channel = discovered(&net, &["a:1", "b:1"], options().retries(0)).await;
    let a = Arc::clone(&channel.0.nodes.list()[0]);
    let calls = async {
        let calls = (0..40).map(|number| ask(&channel, request(number)));
        join_all(calls).await
    };
    let kill = async {
        while a.load().in_flight < 10 {
            tokio::task::yield_now().await;
        }
        let connection = a.open_connection().unwrap();
        net.set("a:1", Mood::Dying);
        // The next call makes the peer end the connection.
        let status = connection.call(&request(1)).await.unwrap_err();
        assert_eq!(status.origin(), Origin::Lost);
    };
    let (replies, ()) = tokio::join!(calls, kill);
    assert!(replies.iter().filter(|reply| reply.is_err()).count() >= 10);
    assert_eq!(a.state().ejected_for, Some(Duration::from_secs(1)), "and not 32 s");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_registers_something_new_is_forgiven() {
    let net = Net::new([("b:1", Mood::Echo)]);
    let registry = MemoryRegistry::new();
    let _b = register(&registry, "b:1").await;
    let _first = register(&registry, "a:1").await;
    let channel = net.discover(Arc::new(registry.clone()), options());
    while channel.nodes().iter().all(|node| node.ejected_for.is_none()) {
        ask(&channel, request(1)).await.unwrap();
    }
    net.set("a:1", Mood::Echo);
    let again = Instance::new("greeter", "a:1", "a:1".into()).with_version("2");
    let _second = registry.register(again).await.unwrap();
    tokio::task::yield_now().await;
    let node = channel.nodes().remove(0);
    assert_eq!((&*node.version, node.ejected_for), ("2", None));
    while !channel.nodes()[0].is_connected {
        ask(&channel, request(1)).await.unwrap();
    }
}
