//! From a topic to what handles its events.

use std::collections::HashMap;
use std::future::ready;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use polywire_core::{
    Body, Code, EventSource, Payload, Reply, ReplyFuture, Request, Response, Status, Subscriber,
    SubscriberDescriptor,
};

/// The subscribers by their topics; those of one topic in the order in which they were added.
#[derive(Clone, Default)]
pub(crate) struct Topics(HashMap<&'static str, Vec<Subscriber>, foldhash::fast::FixedState>);

impl Topics {
    pub(crate) fn add(&mut self, subscriber: Subscriber) {
        self.0.entry(subscriber.descriptor.topic).or_default().push(subscriber);
    }

    pub(crate) fn subscribers(&self) -> impl Iterator<Item = &'static SubscriberDescriptor> {
        self.0.values().flatten().map(|subscriber| subscriber.descriptor)
    }

    /// Every topic with each of its queues, once.
    pub(crate) fn subscriptions(&self) -> Vec<(&'static str, Option<&'static str>)> {
        let known = self.subscribers();
        let mut pairs: Vec<_> = known.map(|known| (known.topic, known.queue)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Hands an event to the subscribers it is for, one after another; `None` if the request is a
    /// call.
    pub(crate) fn start(&self, request: &mut Request) -> Option<ReplyFuture> {
        let source = request.extensions.get::<EventSource>()?.clone();
        let topic = request.method.topic()?;
        let of_topic = self.0.get(topic).into_iter().flatten();
        let meant: Vec<Subscriber> =
            of_topic.filter(|subscriber| is_meant(subscriber, &source)).cloned().collect();
        if meant.is_empty() {
            let text = format!("no subscriber of topic {topic}");
            return Some(Box::pin(ready(Err(Status::new(Code::NotFound, text)))));
        }
        let empty = Request::new(request.method.clone(), Body::Empty);
        Some(Box::pin(run(meant, std::mem::replace(request, empty))))
    }
}

fn is_meant(subscriber: &Subscriber, source: &EventSource) -> bool {
    match source {
        EventSource::Subscription(queue) => queue.as_deref() == subscriber.descriptor.queue,
        _ => true,
    }
}

/// Every subscriber gets the event; that one fails keeps it from none behind.
async fn run(subscribers: Vec<Subscriber>, event: Request) -> Reply {
    let mut failures = Vec::new();
    let (copies, last) = copies(event, subscribers.len());
    for (subscriber, event) in subscribers.iter().zip(copies.into_iter().chain([last])) {
        // A panic before the first await is one of the future's as well.
        let handled = async { (subscriber.handler)(event).await };
        match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(Ok(_)) => {}
            Ok(Err(status)) => failures.push(status.message().to_owned()),
            Err(_panic) => {
                tracing::error!(subscriber = subscriber.descriptor.name, "the subscriber panicked");
                failures.push("the subscriber panicked".to_owned());
            }
        }
    }
    if failures.is_empty() {
        return Ok(Response::default());
    }
    // The words are go-micro's.
    let text = format!("subscriber error: {}", failures.join("\n"));
    Err(Status::new(Code::Internal, text))
}

/// As many requests as there are subscribers. What layers handed on is in the last one alone: it
/// cannot be copied, and most topics have one subscriber.
fn copies(event: Request, count: usize) -> (Vec<Request>, Request) {
    let copy = |payload: &Payload| {
        let mut copy = Request::new(event.method.clone(), Body::Unary(payload.clone()));
        copy.metadata = event.metadata.clone();
        copy.deadline = event.deadline;
        copy.connection.clone_from(&event.connection);
        if let Some(source) = event.extensions.get::<EventSource>() {
            copy.extensions.insert(source.clone());
        }
        copy
    };
    let copies = match &event.body {
        Body::Unary(payload) => (1..count).map(|_| copy(payload)).collect(),
        _ => Vec::new(),
    };
    (copies, event)
}

/// Subscribers as a definition of their own, for tests.
#[cfg(test)]
pub(crate) struct Given(pub(crate) Vec<Subscriber>);

#[cfg(test)]
impl polywire_core::SubscriberDefinition for Given {
    fn subscribers(self) -> Vec<Subscriber> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use polywire_core::{Context, Encoding, Service as _};

    use super::*;
    use crate::{Router, event};

    static FIRST: SubscriberDescriptor =
        SubscriberDescriptor::new("T.first", "orders", <u32 as polywire_schema::Schema>::schema);
    static SECOND: SubscriberDescriptor = FIRST.with_queue("q");

    type Seen = Arc<Mutex<Vec<String>>>;

    /// Notes what it is given and does what the number says.
    fn noting(
        seen: &Seen,
        name: &'static str,
        descriptor: &'static SubscriberDescriptor,
    ) -> Subscriber {
        let seen = Arc::clone(seen);
        event(descriptor, move |cx: Context, number: u32| {
            let trace = cx.metadata.get("trace").unwrap_or_default();
            seen.lock().unwrap().push(format!("{name} {number} {trace}"));
            async move {
                match number {
                    0 => panic!("on purpose"),
                    1 => Err(Status::new(Code::NotFound, format!("{name} knows no 1"))),
                    _ => Ok(()),
                }
            }
        })
    }

    fn router(seen: &Seen) -> Router {
        let subscribers = vec![noting(seen, "a", &FIRST), noting(seen, "b", &SECOND)];
        Router::new().subscribe(Given(subscribers)).unwrap()
    }

    fn orders(json: &'static str, source: EventSource) -> Request {
        let payload = Payload::new(Encoding::ProtoJson, Bytes::from_static(json.as_bytes()));
        let mut request = Request::of_event("orders", payload, source);
        request.metadata.append("Trace", "t1");
        request
    }

    #[tokio::test]
    async fn an_event_of_a_peer_is_for_every_subscriber_in_order() {
        let seen = Seen::default();
        router(&seen).call(orders("7", EventSource::Peer)).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), ["a 7 t1", "b 7 t1"]);
    }

    #[tokio::test]
    async fn an_event_of_a_subscription_is_for_those_of_its_queue() {
        let seen = Seen::default();
        let router = router(&seen);
        assert_eq!(router.subscriptions(), [("orders", None), ("orders", Some("q"))]);
        router.call(orders("7", EventSource::Subscription(None))).await.unwrap();
        router.call(orders("8", EventSource::Subscription(Some("q".into())))).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), ["a 7 t1", "b 8 t1"]);
    }

    #[tokio::test]
    async fn what_goes_wrong_is_one_error_and_keeps_nobody_from_the_event() {
        let seen = Seen::default();
        let router = router(&seen);
        for (json, text) in [
            ("1", "subscriber error: a knows no 1\nb knows no 1"),
            ("0", "subscriber error: the subscriber panicked\nthe subscriber panicked"),
        ] {
            let status = router.call(orders(json, EventSource::Peer)).await.unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Internal, text));
        }
        assert_eq!(seen.lock().unwrap().len(), 4);
        let status = router.call(orders("\"x\"", EventSource::Peer)).await.unwrap_err();
        assert!(status.message().starts_with("subscriber error: "), "{}", status.message());
        assert_eq!(seen.lock().unwrap().len(), 4, "what cannot be decoded is handed to nobody");
    }

    #[tokio::test]
    async fn a_call_is_no_event_whatever_its_name() {
        let seen = Seen::default();
        let mut request = orders("7", EventSource::Peer);
        request.extensions.remove::<EventSource>();
        let status = router(&seen).call(request).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        let payload = Payload::new(Encoding::ProtoJson, Bytes::from_static(b"7"));
        let unknown = Request::of_event("unknown", payload, EventSource::Peer);
        let status = router(&seen).call(unknown).await.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::NotFound, "no subscriber of topic unknown")
        );
    }
}
