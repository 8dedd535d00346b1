//! Events on their way to subscriptions.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use polywire_core::{BrokerError, Instance};
use polywire_net::TlsClient;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::nodes::{Aim, Nodes};
use super::post::{Outcome, Poster};
use super::spawn;

/// Brings events to subscriptions, in the background.
pub(super) struct Outbox {
    nodes: Arc<Nodes>,
    poster: Arc<Poster>,
    room: Arc<Semaphore>,
    /// How many events are on their way.
    under_way: Arc<watch::Sender<usize>>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// One event on its way to one subscription or queue.
struct Parcel {
    topic: String,
    aim: Aim,
    body: Bytes,
    nodes: Arc<Nodes>,
    poster: Arc<Poster>,
    /// Held until the last subscription has the event.
    _room: Arc<OwnedSemaphorePermit>,
    _counted: Counted,
}

/// Counts an event as long as it is on its way.
struct Counted(Arc<watch::Sender<usize>>);

impl Counted {
    fn new(count: &Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Outbox {
    pub(super) fn new(
        nodes: Arc<Nodes>,
        trust: Option<TlsClient>,
        tasks: Arc<Mutex<JoinSet<()>>>,
    ) -> Self {
        let poster = Arc::new(Poster::new(trust));
        let (room, under_way) = (Arc::new(Semaphore::new(ROOM)), Arc::new(watch::Sender::new(0)));
        Self { nodes, poster, room, under_way, tasks }
    }

    /// Takes an event for everybody who subscribes to its topic.
    pub(super) async fn send(&self, topic: &str, body: Bytes) -> Result<(), BrokerError> {
        let aims = self.nodes.aims(topic);
        if aims.is_empty() {
            return Ok(());
        }
        // Once for all, so that an event that finds no room is on its way to nobody and may be
        // published again.
        let room = Arc::clone(&self.room).acquire_owned();
        let Ok(Ok(room)) = time::timeout(PATIENCE, room).await else {
            return Err(BrokerError::unavailable(format!(
                "{ROOM} events wait to be delivered, and none of topic `{topic}` is taken"
            )));
        };
        let room = Arc::new(room);
        for aim in aims {
            let parcel = Parcel {
                topic: topic.to_owned(),
                aim,
                body: body.clone(),
                nodes: Arc::clone(&self.nodes),
                poster: Arc::clone(&self.poster),
                _room: Arc::clone(&room),
                _counted: Counted::new(&self.under_way),
            };
            spawn(&self.tasks, async move { parcel.deliver().await });
        }
        Ok(())
    }

    /// Waits until nothing is on its way.
    pub(super) async fn flush(&self) {
        let mut under_way = self.under_way.subscribe();
        // The other end is in this very outbox.
        drop(under_way.wait_for(|count| *count == 0).await);
    }
}

impl Parcel {
    /// Tries until somebody has taken it, or for too long.
    async fn deliver(&self) {
        let (begin, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let nodes = self.nodes.aimed_at(&self.topic, &self.aim);
            if nodes.is_empty() && matches!(self.aim, Aim::Alone(_)) {
                // It has unsubscribed.
                return;
            }
            if self.is_taken(nodes).await {
                return;
            }
            // Apart from each other, so that a node that comes back is not overrun.
            let next = pause.mul_f64(0.5 + fastrand::f64());
            if begin.elapsed() + next > RETAIN {
                tracing::warn!(topic = self.topic, aim = ?self.aim, "an event was not delivered");
                return;
            }
            time::sleep(next).await;
            pause = LAST_PAUSE.min(pause * 2);
        }
    }

    /// Tries one node after another, from any on.
    async fn is_taken(&self, mut nodes: Vec<Instance>) -> bool {
        let first = fastrand::usize(..nodes.len().max(1));
        nodes.rotate_left(first);
        for node in nodes {
            match self.poster.post(&node, &self.body).await {
                Outcome::Taken => return true,
                Outcome::Refused(status) => {
                    let (topic, node) = (&self.topic, &node.id);
                    tracing::warn!(topic, node, %status, "a subscriber refused an event");
                    return true;
                }
                Outcome::Failed(error) => {
                    let (topic, node, address) = (&self.topic, &node.id, &node.address);
                    tracing::debug!(topic, node, %address, %error, "a subscriber was not reached");
                }
            }
        }
        false
    }
}

/// Events that may be on their way at once.
const ROOM: usize = 1024;

/// How long a publisher waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an event is kept whose subscribers cannot be reached.
const RETAIN: Duration = Duration::from_secs(60);

/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two attempts.
const LAST_PAUSE: Duration = Duration::from_secs(5);
