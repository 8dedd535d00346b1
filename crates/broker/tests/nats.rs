//! The NATS backends against a server, which `POLYWIRE_TEST_NATS` names: `127.0.0.1:4222`, started with
//! `nats-server -js`. Without it there is nothing to test against, and the tests say so.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use polywire_broker::{JetStreamBroker, JetStreamOptions, NatsBroker};
use polywire_core::{Broker, BrokerErrorKind, Event};
use polywire_testkit::broker::conformance;

/// Where the server is.
#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
fn server(test: &str) -> Option<String> {
    let server = std::env::var("POLYWIRE_TEST_NATS").ok().filter(|server| !server.is_empty());
    if server.is_none() {
        eprintln!("{test}: SKIPPED, since POLYWIRE_TEST_NATS names no server");
    }
    server
}

/// A topic that no other run has.
fn topic(name: &str) -> String {
    format!("test{}.{name}", fastrand::u32(..))
}

#[tokio::test]
async fn the_nats_broker_conforms() {
    let Some(server) = server("the_nats_broker_conforms") else { return };
    conformance(&topic("nats"), || NatsBroker::new(&server).unwrap()).await;
}

#[tokio::test]
async fn the_jetstream_broker_conforms() {
    let Some(server) = server("the_jetstream_broker_conforms") else { return };
    conformance(&topic("jetstream"), || JetStreamBroker::new(&server).unwrap()).await;
}

#[tokio::test]
async fn a_queue_without_a_name_is_refused_before_a_server_is_asked() {
    let nobody = "127.0.0.1:1";
    let core = NatsBroker::new(nobody).unwrap().subscribe("t", Some("")).await.err().unwrap();
    let jetstream = JetStreamBroker::new(nobody).unwrap();
    let jetstream = jetstream.subscribe("t", Some("")).await.err().unwrap();
    for error in [core, jetstream] {
        assert_eq!(error.kind(), BrokerErrorKind::Refused);
        assert_eq!(error.to_string(), "a queue needs a name");
    }
}

#[tokio::test]
async fn go_micros_json_is_what_travels_and_wildcards_catch_it() {
    let Some(server) = server("go_micros_json_is_what_travels_and_wildcards_catch_it") else {
        return;
    };
    let topic = topic("go");
    let client = async_nats::connect(&server).await.unwrap();
    let mut raw = client.subscribe(topic.clone()).await.unwrap();
    client.flush().await.unwrap();
    let broker = NatsBroker::new(&server).unwrap();
    let (prefix, _) = topic.split_once('.').unwrap();
    let mut events = broker.subscribe(&format!("{prefix}.*"), None).await.unwrap();
    broker.publish(Event::new(&topic, "application/json", "7").with_id("1")).await.unwrap();
    let expected = format!(
        r#"{{"Header":{{"Content-Type":"application/json","Micro-ID":"1","Micro-Topic":"{topic}"}},"Body":"Nw=="}}"#
    );
    assert_eq!(raw.next().await.unwrap().payload, expected.as_bytes());
    assert_eq!(events.next().await.unwrap().event.topic, topic);

    client.publish(topic.clone(), Bytes::from_static(b"nonsense")).await.unwrap();
    client.publish(topic.clone(), Bytes::from_static(br#"{"Body":"OA=="}"#)).await.unwrap();
    let event = events.next().await.unwrap().event;
    assert_eq!((event.topic.as_str(), &event.body[..]), (topic.as_str(), &b"8"[..]));

    let error = broker.publish(Event::new(format!("{prefix}.*"), "", "")).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Refused);
}

#[tokio::test]
async fn what_is_not_accepted_comes_again_also_to_who_was_away() {
    let Some(server) = server("what_is_not_accepted_comes_again_also_to_who_was_away") else {
        return;
    };
    let options = JetStreamOptions::default().accept_within(Duration::from_secs(2));
    let broker = || JetStreamBroker::with_options(&server, options.clone()).unwrap();
    let topic = topic("again");
    let mut events = broker().subscribe(&topic, Some("q")).await.unwrap();
    let publisher = broker();
    publisher.publish(Event::new(&topic, "", "1").with_id("one")).await.unwrap();
    publisher.publish(Event::new(&topic, "", "1").with_id("one")).await.unwrap();
    let first = events.next().await.unwrap();
    first.reject().await.unwrap();
    let again = events.next().await.unwrap();
    assert_eq!(&again.event.body[..], b"1");
    // Neither accepted nor rejected: its member is gone.
    drop((again, events));

    publisher.publish(Event::new(&topic, "", "2")).await.unwrap();
    let mut events = broker().subscribe(&topic, Some("q")).await.unwrap();
    let mut found = Vec::new();
    while found.len() < 2 {
        let delivery = events.next().await.unwrap();
        found.push(delivery.event.body[0]);
        delivery.accept().await.unwrap();
    }
    found.sort_unstable();
    assert_eq!(found, b"12");
}
