//! What every broker promises.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use polywire_core::{Broker, BrokerErrorKind, Delivery, Event, Subscription};
use tokio::time::timeout;

/// Runs the whole suite; `make` gives a broker each time. Topics are told apart by `prefix`, so that
/// brokers may share an engine.
///
/// # Panics
/// When a promise is broken.
pub async fn conformance<B: Broker>(prefix: &str, mut make: impl FnMut() -> B) {
    let topic = |name: &str| format!("{prefix}.{name}");
    an_event_comes_as_it_was_published(&make(), &topic("whole")).await;
    every_subscription_gets_a_copy(&make(), &topic("copies")).await;
    a_queue_shares_and_each_queue_gets_a_copy(&make(), &topic("queues")).await;
    topics_are_apart(&make(), &topic("apart")).await;
    nobody_to_publish_to_is_no_error(&make(), &topic("nobody")).await;
    an_ended_subscription_gets_what_came_before(&make(), &topic("ended")).await;
    the_queue_goes_on_without_a_member_that_left(&make(), &topic("left")).await;
    a_dropped_subscription_disturbs_nobody(&make(), &topic("dropped")).await;
    events_without_a_topic_are_refused(&make()).await;
    a_queue_without_a_name_is_refused(&make(), &topic("nameless")).await;
    many_events_all_come(&make(), &topic("many")).await;
}

async fn an_event_comes_as_it_was_published<B: Broker>(broker: &B, topic: &str) {
    let mut events = subscribe(broker, topic, None).await;
    let headers = [("Trace", "t1"), ("Zone", "z \"1\" ü")].into_iter().collect();
    let whole = Event::new(topic, "application/x-odd", vec![0, 1, 0xff, b'"'])
        .with_id("74aa3131-6f6c-4d5b-9c55-1c8b1f6f0a11")
        .with_headers(headers);
    broker.publish(whole.clone()).await.expect("publish");
    let delivery = next(&mut events).await;
    let (mut found, mut expected) = (headers_of(&delivery.event), headers_of(&whole));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(delivery.event.clone().with_headers(whole.headers.clone()), whole);
    delivery.accept().await.expect("accept");

    broker.publish(event(topic, 1)).await.expect("publish");
    let delivery = next(&mut events).await;
    assert!(!delivery.event.id.is_empty(), "an event is given an id");
    delivery.accept().await.expect("accept");
}

async fn every_subscription_gets_a_copy<B: Broker>(broker: &B, topic: &str) {
    let mut one = subscribe(broker, topic, None).await;
    let mut other = subscribe(broker, topic, None).await;
    publish(broker, topic, 0..3).await;
    for events in [&mut one, &mut other] {
        assert_eq!(numbers(events, 3).await, (0..3).collect());
        assert!(nothing_more(events).await);
    }
}

async fn a_queue_shares_and_each_queue_gets_a_copy<B: Broker>(broker: &B, topic: &str) {
    let mut members = [
        subscribe(broker, topic, Some("q")).await,
        subscribe(broker, topic, Some("q")).await,
        subscribe(broker, topic, Some("q")).await,
    ];
    let mut other = subscribe(broker, topic, Some("r")).await;
    let mut alone = subscribe(broker, topic, None).await;
    publish(broker, topic, 0..30).await;
    assert_eq!(numbers(&mut other, 30).await, (0..30).collect());
    assert_eq!(numbers(&mut alone, 30).await, (0..30).collect());
    let mut shared = Vec::new();
    for _ in 0..30 {
        let [a, b, c] = &mut members;
        let delivery = timeout(PATIENCE, async {
            tokio::select! { d = a.next() => d, d = b.next() => d, d = c.next() => d }
        });
        let delivery = delivery.await.expect("an event in time").expect("the stream goes on");
        shared.push(number(&delivery));
        delivery.accept().await.expect("accept");
    }
    shared.sort_unstable();
    assert_eq!(shared, (0..30).collect::<Vec<_>>(), "each event goes to one member");
    for member in &mut members {
        assert!(nothing_more(member).await);
    }
}

async fn topics_are_apart<B: Broker>(broker: &B, topic: &str) {
    let (one, two) = (format!("{topic}.one"), format!("{topic}.two"));
    let mut events = subscribe(broker, &one, None).await;
    let mut others = subscribe(broker, &two, None).await;
    publish(broker, &one, 1..2).await;
    publish(broker, &two, 2..3).await;
    assert_eq!(numbers(&mut events, 1).await, [1].into());
    assert_eq!(numbers(&mut others, 1).await, [2].into());
}

async fn nobody_to_publish_to_is_no_error<B: Broker>(broker: &B, topic: &str) {
    publish(broker, topic, 0..2).await;
    broker.flush().await.expect("flush");
}

async fn an_ended_subscription_gets_what_came_before<B: Broker>(broker: &B, topic: &str) {
    let mut events = subscribe(broker, topic, None).await;
    publish(broker, topic, 0..2).await;
    broker.flush().await.expect("flush");
    let first = next(&mut events).await;
    first.accept().await.expect("accept");
    events.unsubscribe().await.expect("unsubscribe");
    publish(broker, topic, 2..4).await;
    let mut rest = Vec::new();
    while let Some(delivery) = timeout(PATIENCE, events.next()).await.expect("an end in time") {
        rest.push(number(&delivery));
    }
    assert!(rest.len() <= 1, "what was published later does not come: {rest:?}");
}

async fn the_queue_goes_on_without_a_member_that_left<B: Broker>(broker: &B, topic: &str) {
    let mut stays = subscribe(broker, topic, Some("q")).await;
    let mut leaves = subscribe(broker, topic, Some("q")).await;
    leaves.unsubscribe().await.expect("unsubscribe");
    publish(broker, topic, 0..10).await;
    assert_eq!(numbers(&mut stays, 10).await, (0..10).collect());
}

async fn a_dropped_subscription_disturbs_nobody<B: Broker>(broker: &B, topic: &str) {
    let mut stays = subscribe(broker, topic, None).await;
    drop(subscribe(broker, topic, None).await);
    publish(broker, topic, 0..3).await;
    assert_eq!(numbers(&mut stays, 3).await, (0..3).collect());
}

async fn events_without_a_topic_are_refused<B: Broker>(broker: &B) {
    let error = broker.publish(event("", 1)).await.expect_err("no topic");
    assert_eq!(error.kind(), BrokerErrorKind::Refused);
    let error = broker.subscribe("", None).await.err().expect("no topic");
    assert_eq!(error.kind(), BrokerErrorKind::Refused);
}

async fn a_queue_without_a_name_is_refused<B: Broker>(broker: &B, topic: &str) {
    let error = broker.subscribe(topic, Some("")).await.err().expect("no name");
    assert_eq!(error.kind(), BrokerErrorKind::Refused);
    assert_eq!(error.to_string(), "a queue needs a name");
}

async fn many_events_all_come<B: Broker>(broker: &B, topic: &str) {
    let mut events = subscribe(broker, topic, None).await;
    let (published, taken) =
        tokio::join!(publish(broker, topic, 0..500), numbers(&mut events, 500));
    let () = published;
    assert_eq!(taken, (0..500).collect());
}

fn event(topic: &str, number: u32) -> Event {
    Event::new(topic, "application/json", number.to_string())
}

fn headers_of(event: &Event) -> Vec<(String, String)> {
    event.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn number(delivery: &Delivery) -> u32 {
    let text = std::str::from_utf8(&delivery.event.body).expect("a number");
    text.parse().expect("a number")
}

async fn subscribe<B: Broker>(
    broker: &B,
    topic: &str,
    queue: Option<&str>,
) -> Box<dyn Subscription> {
    broker.subscribe(topic, queue).await.expect("subscribe")
}

async fn publish<B: Broker>(broker: &B, topic: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        broker.publish(event(topic, number)).await.expect("publish");
    }
}

async fn next(events: &mut Box<dyn Subscription>) -> Delivery {
    let next = timeout(PATIENCE, events.next()).await.expect("an event in time");
    next.expect("the stream goes on")
}

/// The numbers of the next events, which may come in any order, and each once.
async fn numbers(events: &mut Box<dyn Subscription>, count: usize) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for _ in 0..count {
        let delivery = next(events).await;
        assert!(found.insert(number(&delivery)), "{} came twice", number(&delivery));
        delivery.accept().await.expect("accept");
    }
    found
}

/// Whether nothing has come that was not expected, as far as one can tell without waiting.
async fn nothing_more(events: &mut Box<dyn Subscription>) -> bool {
    tokio::task::yield_now().await;
    events.next().now_or_never().is_none()
}

/// How long an event may take to come, so that a broken promise fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(10);
