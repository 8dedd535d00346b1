//! The subscribers of this process.

use std::collections::HashMap;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, future};
use polywire_core::{Broker, BrokerError, Delivery, Event, Subscription};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time;

use crate::{BrokerFuture, subscribing, unique};

/// A broker that lives and dies with this process: for tests, and for parts of one program.
///
/// Clones are the same broker. Each subscription holds up to 256 events that have not been taken;
/// while it is full, [`publish`](Broker::publish) waits for it, for 5 seconds at most: then that
/// subscription loses the event, and the publisher is told. Within a queue, whoever has room gets the
/// event. Events of one publisher come in their order.
#[derive(Debug, Clone, Default)]
pub struct MemoryBroker(Arc<Mutex<Topics>>);

#[derive(Debug, Default)]
struct Topics {
    by_name: HashMap<String, Vec<Member>>,
    /// Tells subscriptions apart.
    last_token: u64,
    /// Turns over the members of queues.
    turn: usize,
}

#[derive(Debug, Clone)]
struct Member {
    token: u64,
    queue: Option<String>,
    sender: Sender<Delivery>,
}

impl MemoryBroker {
    /// A broker of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The broker that everyone in this process shares by its name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        static NAMED: LazyLock<Mutex<HashMap<String, MemoryBroker>>> =
            LazyLock::new(Mutex::default);
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        named.entry(name.to_owned()).or_default().clone()
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        // Nothing panics halfway through a change, so the table is whole even then.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who gets the next event of a topic: every group of one is a subscription, of several a queue,
    /// whose first member has its turn.
    fn groups(&self, topic: &str) -> Vec<Vec<Member>> {
        let mut topics = self.topics();
        topics.turn = topics.turn.wrapping_add(1);
        let turn = topics.turn;
        let mut groups: Vec<Vec<Member>> = Vec::new();
        for member in topics.by_name.get(topic).into_iter().flatten() {
            let same = |group: &&mut Vec<Member>| {
                member.queue.is_some()
                    && group.first().is_some_and(|first| first.queue == member.queue)
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(member.clone()),
                None => groups.push(vec![member.clone()]),
            }
        }
        for group in &mut groups {
            let first = turn % group.len().max(1);
            group.rotate_left(first);
        }
        groups
    }

    fn leave(&self, topic: &str, token: u64) {
        let mut topics = self.topics();
        let Some(members) = topics.by_name.get_mut(topic) else { return };
        members.retain(|member| member.token != token);
        if members.is_empty() {
            topics.by_name.remove(topic);
        }
    }
}

/// Hands an event to the first of a group that has room, or will have.
async fn hand_over(group: Vec<Member>, event: Event) -> Result<(), BrokerError> {
    let mut full = Vec::new();
    for member in group {
        match member.sender.try_send(Delivery::new(event.clone())) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(_)) => full.push(Box::pin(member.sender.reserve_owned())),
            // It has just left.
            Err(TrySendError::Closed(_)) => {}
        }
    }
    if full.is_empty() {
        return Ok(());
    }
    match time::timeout(PATIENCE, future::select_ok(full)).await {
        Ok(Ok((room, _others))) => {
            room.send(Delivery::new(event));
            Ok(())
        }
        // All have left in the meantime.
        Ok(Err(_closed)) => Ok(()),
        Err(_elapsed) => Err(BrokerError::unavailable(format!(
            "a subscriber of `{}` has taken none of {BUFFERED} events for {} s",
            event.topic,
            PATIENCE.as_secs()
        ))),
    }
}

impl Broker for MemoryBroker {
    fn publish(&self, mut event: Event) -> BrokerFuture<()> {
        if event.topic.is_empty() {
            return Box::pin(ready(Err(BrokerError::refused("an event needs a topic"))));
        }
        if event.id.is_empty() {
            event.id = unique::uuid();
        }
        let groups = self.groups(&event.topic);
        Box::pin(async move {
            let handed = groups.into_iter().map(|group| hand_over(group, event.clone()));
            future::join_all(handed).await.into_iter().collect()
        })
    }

    fn subscribe(&self, topic: &str, queue: Option<&str>) -> BrokerFuture<Box<dyn Subscription>> {
        if let Err(refused) = subscribing::check(topic, queue) {
            return Box::pin(ready(Err(refused)));
        }
        let (sender, events) = mpsc::channel(BUFFERED);
        let mut topics = self.topics();
        topics.last_token += 1;
        let token = topics.last_token;
        let member = Member { token, queue: queue.map(str::to_owned), sender };
        topics.by_name.entry(topic.to_owned()).or_default().push(member);
        drop(topics);
        let subscription: Box<dyn Subscription> = Box::new(MemorySubscription {
            broker: self.clone(),
            topic: topic.to_owned(),
            token,
            events,
        });
        Box::pin(ready(Ok(subscription)))
    }

    fn flush(&self) -> BrokerFuture<()> {
        Box::pin(ready(Ok(())))
    }
}

#[derive(Debug)]
struct MemorySubscription {
    broker: MemoryBroker,
    topic: String,
    token: u64,
    events: Receiver<Delivery>,
}

impl Stream for MemorySubscription {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.events.poll_recv(cx)
    }
}

impl Subscription for MemorySubscription {
    fn unsubscribe(
        &mut self,
    ) -> Pin<Box<dyn Future<Output = Result<(), BrokerError>> + Send + '_>> {
        self.broker.leave(&self.topic, self.token);
        self.events.close();
        Box::pin(ready(Ok(())))
    }
}

impl Drop for MemorySubscription {
    fn drop(&mut self) {
        self.broker.leave(&self.topic, self.token);
    }
}

/// Events that a subscription holds.
const BUFFERED: usize = 256;

/// How long a publisher waits for a subscription that is full.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;

    fn event(n: usize) -> Event {
        Event::new("t", "", n.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_subscription_is_waited_for_and_given_up() {
        let broker = MemoryBroker::new();
        let mut slow = broker.subscribe("t", None).await.unwrap();
        let mut quick = broker.subscribe("t", None).await.unwrap();
        for n in 0..BUFFERED {
            broker.publish(event(n)).await.unwrap();
            quick.next().await.unwrap();
        }
        let error = broker.publish(event(BUFFERED)).await.unwrap_err();
        assert!(error.is_retryable());
        assert!(error.to_string().contains("a subscriber of `t`"), "{error}");
        assert_eq!(&quick.next().await.unwrap().event.body[..], b"256", "it lost nothing");

        let waiting = broker.publish(event(1000));
        let (published, first) = tokio::join!(waiting, slow.next());
        published.unwrap();
        assert_eq!(&first.unwrap().event.body[..], b"0");
    }

    #[tokio::test]
    async fn a_member_of_a_queue_that_is_full_is_passed_over() {
        let broker = MemoryBroker::new();
        let full = broker.subscribe("t", Some("q")).await.unwrap();
        let mut other = broker.subscribe("t", Some("q")).await.unwrap();
        let publishing = async {
            for n in 0..4 * BUFFERED {
                broker.publish(event(n)).await.unwrap();
            }
        };
        let taking = async {
            for _ in 0..3 * BUFFERED {
                other.next().await.unwrap();
            }
        };
        tokio::join!(publishing, taking);
        assert!(other.next().now_or_never().is_none(), "the other one holds the rest");
        drop(full);
    }

    #[tokio::test]
    async fn brokers_of_one_name_are_one_and_nothing_is_left_behind() {
        let mut events = MemoryBroker::named("a").subscribe("t", None).await.unwrap();
        MemoryBroker::named("a").publish(event(1)).await.unwrap();
        MemoryBroker::named("b").publish(event(2)).await.unwrap();
        events.unsubscribe().await.unwrap();
        assert_eq!(&events.next().await.unwrap().event.body[..], b"1");
        assert!(events.next().await.is_none());
        assert!(MemoryBroker::named("a").topics().by_name.is_empty());
    }
}
