//! The subscriptions of an app: events come from a broker and go where calls go.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use polywire_core::{
    BoxService, Broker, BrokerError, Code, Delivery, EventSource, Request, Service as _, Status,
    Subscription,
};
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

/// The subscriptions of a running app, each with a task of its own.
pub(super) struct Events {
    ending: CancellationToken,
    tasks: JoinSet<()>,
    grace: Duration,
}

/// A topic, and the queue within which its events are shared.
pub(super) type Wanted = (&'static str, Option<&'static str>);

impl Events {
    /// Subscribes to everything that is wanted.
    pub(super) async fn subscribe(
        broker: &Arc<dyn Broker>,
        wanted: Vec<Wanted>,
        service: &BoxService,
        grace: Duration,
    ) -> Result<Self, BrokerError> {
        let (ending, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for (topic, queue) in wanted {
            let events = broker.subscribe(topic, queue).await?;
            let handling = Handling {
                broker: Arc::clone(broker),
                topic,
                queue: queue.map(Arc::from),
                service: service.clone(),
                ending: ending.clone(),
            };
            tasks.spawn(handling.run(events));
        }
        Ok(Self { ending, tasks, grace })
    }

    /// Unsubscribes, and waits until the events that have come are handled or the grace period has
    /// passed; what is not handled then is dropped.
    pub(super) async fn end(mut self) {
        self.ending.cancel();
        let handled = async { while self.tasks.join_next().await.is_some() {} };
        if time::timeout(self.grace, handled).await.is_err() {
            tracing::warn!("events were still being handled when the grace period was over");
        }
    }
}

/// What the task of one subscription knows.
struct Handling {
    broker: Arc<dyn Broker>,
    topic: &'static str,
    queue: Option<Arc<str>>,
    service: BoxService,
    ending: CancellationToken,
}

impl Handling {
    /// Handles one event after another until the app ends.
    async fn run(self, mut events: Box<dyn Subscription>) {
        loop {
            tokio::select! {
                biased;
                () = self.ending.cancelled() => break,
                delivery = events.next() => match delivery {
                    Some(delivery) => self.handle(delivery).await,
                    None => match self.again().await {
                        Some(again) => events = again,
                        None => return,
                    },
                },
            }
        }
        match time::timeout(UNSUBSCRIBE, events.unsubscribe()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(topic = self.topic, %error, "cannot unsubscribe");
            }
            Err(_elapsed) => tracing::warn!(topic = self.topic, "cannot unsubscribe in time"),
        }
        while let Some(delivery) = events.next().await {
            self.handle(delivery).await;
        }
    }

    /// Subscribes once more where the broker has ended the subscription; `None` if the app ends.
    async fn again(&self) -> Option<Box<dyn Subscription>> {
        tracing::warn!(topic = self.topic, "the broker has ended a subscription");
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                () = self.ending.cancelled() => return None,
                () = time::sleep(pause) => {}
            }
            match self.broker.subscribe(self.topic, self.queue.as_deref()).await {
                Ok(events) => return Some(events),
                Err(error) => tracing::warn!(topic = self.topic, %error, "cannot subscribe again"),
            }
            pause = LAST_PAUSE.min(pause * 2);
        }
    }

    async fn handle(&self, delivery: Delivery) {
        let told = match self.call(&delivery).await {
            Ok(()) => delivery.accept().await,
            Err(status) => {
                let (topic, id) = (self.topic, &delivery.event.id);
                tracing::warn!(topic, id, %status, "an event was not handled");
                delivery.reject().await
            }
        };
        if let Err(error) = told {
            tracing::warn!(topic = self.topic, %error, "an event may come again");
        }
    }

    async fn call(&self, delivery: &Delivery) -> Result<(), Status> {
        let event = &delivery.event;
        let source = EventSource::Subscription(self.queue.clone());
        // By the topic that was subscribed to: the event's own may be one of many that it covers.
        let mut request = Request::of_event(self.topic, event.payload()?, source);
        request.metadata = event.headers.clone();
        request.metadata.insert("micro-topic", event.topic.clone());
        if !event.id.is_empty() {
            request.metadata.insert("micro-id", event.id.clone());
        }
        // A layer that panics must not end the subscription.
        match AssertUnwindSafe(async { self.service.call(request).await }).catch_unwind().await {
            Ok(reply) => reply.map(|_| ()),
            Err(_panic) => Err(Status::new(Code::Internal, "a layer panicked")),
        }
    }
}

/// How long a broker may take to end a subscription.
const UNSUBSCRIBE: Duration = Duration::from_secs(2);

/// The first pause before a subscription is made once more; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause before a subscription is made once more.
const LAST_PAUSE: Duration = Duration::from_secs(30);
