//! How a server ends.

use std::time::Duration;

use polywire_net::Socket;
use tokio::time::Instant;

use crate::peer::{Peer, Probe, start};

const GRACE: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn a_call_under_way_is_answered_and_newcomers_are_refused() {
    let probe = Probe::new();
    let mut server = start("under way", &probe, |server| server.grace(GRACE)).await;
    let mut peer = Peer::new(Box::new(server.dial().await));
    peer.send("Probe.Wait", 0).await;
    probe.begun().await;
    server.drain.cancel();
    while Socket::connect(&server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    probe.gate.add_permits(1);
    assert_eq!(peer.reply::<i64>().await.unwrap(), 1);
    server.ended().await;
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_detached_calls_whose_callers_have_gone() {
    let probe = Probe::new();
    let mut server = start("detached", &probe, |server| server.grace(GRACE)).await;
    let mut peer = Peer::new(Box::new(server.dial().await));
    peer.send("Probe.Work", 0).await;
    probe.begun().await;
    drop(peer);
    server.drain.cancel();
    let gate = probe.gate.clone();
    let opened = async {
        tokio::time::sleep(GRACE / 2).await;
        gate.add_permits(1);
    };
    tokio::join!(opened, server.ended());
    assert_eq!(probe.done(), 1);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_no_longer_than_the_grace_period() {
    for method in ["Probe.Wait", "Probe.Work"] {
        let probe = Probe::new();
        let mut server = start(method, &probe, |server| server.grace(GRACE)).await;
        let mut peer = Peer::new(Box::new(server.dial().await));
        peer.send(method, 0).await;
        probe.begun().await;
        drop(peer);
        // A call that is not detached ends with its caller; this one's caller stays.
        let mut stays = Peer::new(Box::new(server.dial().await));
        stays.send("Probe.Wait", 0).await;
        probe.begun().await;
        let since = Instant::now();
        server.drain.cancel();
        server.ended().await;
        assert_eq!(since.elapsed().as_secs(), GRACE.as_secs());
        assert_eq!(probe.done(), 0, "{method}");
        // Whoever held the gate has been dropped: nobody takes what is let through now.
        probe.gate.add_permits(1);
        tokio::task::yield_now().await;
        assert_eq!(probe.gate.available_permits(), 1, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn draining_does_not_wait_for_the_detached_calls_of_another_server() {
    let (probe, other) = (Probe::new(), Probe::new());
    let mut server = start("one", &probe, |server| server.grace(GRACE)).await;
    let another = start("another", &other, |server| server.grace(GRACE)).await;
    let mut peer = Peer::new(Box::new(another.dial().await));
    peer.send("Probe.Work", 0).await;
    other.begun().await;
    let since = Instant::now();
    server.drain.cancel();
    server.ended().await;
    assert_eq!(since.elapsed(), Duration::ZERO);
}
