//! Who subscribes, as the registry knows it.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::StreamExt as _;
use polywire_core::{
    BrokerError, Instance, Registry, RegistryError, ServiceSnapshot, SnapshotStream,
};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time;

use super::{BROADCAST, SERVICE, spawn};

/// The subscriptions that there are, followed from the first publish on.
pub(super) struct Nodes {
    registry: Arc<dyn Registry>,
    /// Held while the registry is asked, so that it is asked once.
    opening: tokio::sync::Mutex<()>,
    followed: Arc<Followed>,
}

#[derive(Default)]
struct Followed {
    state: Mutex<State>,
    /// Somebody else has looked at the stream, and whoever waited for it has to do so again.
    looked: Notify,
}

#[derive(Default)]
struct State {
    stream: Option<SnapshotStream>,
    latest: ServiceSnapshot,
}

/// Whom an event is to be brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Aim {
    /// The subscription with this id.
    Alone(String),
    /// Any subscription of this queue.
    Queue(String),
}

impl Nodes {
    pub(super) fn new(registry: Arc<dyn Registry>) -> Self {
        Self { registry, opening: tokio::sync::Mutex::default(), followed: Arc::default() }
    }

    /// Follows the registry, unless that is done already.
    pub(super) async fn follow(&self, tasks: &Mutex<JoinSet<()>>) -> Result<(), BrokerError> {
        let _opening = self.opening.lock().await;
        if self.followed.state().stream.is_some() {
            return Ok(());
        }
        let opened = async {
            let mut stream = self.registry.watch(SERVICE).await?;
            let first = stream.next().await;
            Ok::<_, RegistryError>((stream, first))
        };
        let failed = || BrokerError::unavailable("cannot learn who subscribes");
        let opened = time::timeout(PATIENCE, opened).await.map_err(|_elapsed| failed())?;
        let (stream, first) = opened.map_err(|error| failed().with_source(error))?;
        let latest = first.ok_or_else(failed)?;
        *self.followed.state() = State { stream: Some(stream), latest };
        let followed = Arc::clone(&self.followed);
        spawn(tasks, async move { followed.follow().await });
        Ok(())
    }

    /// Whom an event of a topic is to be brought to.
    pub(super) fn aims(&self, topic: &str) -> Vec<Aim> {
        let mut aims = Vec::new();
        for node in self.of_topic(topic) {
            let aim = match node.version.as_str() {
                BROADCAST => Aim::Alone(node.id),
                _ => Aim::Queue(node.version),
            };
            if !aims.contains(&aim) {
                aims.push(aim);
            }
        }
        aims
    }

    /// The nodes at which somebody can be reached who is aimed at.
    pub(super) fn aimed_at(&self, topic: &str, aim: &Aim) -> Vec<Instance> {
        let mut nodes = self.of_topic(topic);
        nodes.retain(|node| match aim {
            Aim::Alone(id) => node.version == BROADCAST && node.id == *id,
            Aim::Queue(queue) => node.version == *queue,
        });
        nodes
    }

    fn of_topic(&self, topic: &str) -> Vec<Instance> {
        let is_of_topic = |node: &&Instance| {
            let has = |key: &str, value: &str| node.metadata.get(key).is_some_and(|v| v == value);
            has("broker", "http") && has("topic", topic)
        };
        self.followed.latest().instances.iter().filter(is_of_topic).cloned().collect()
    }
}

impl Followed {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics halfway through a change, so the state is whole even then.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes every snapshot that there is, waking the task that follows only when there are more.
    fn look(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        let state = &mut *state;
        let Some(stream) = &mut state.stream else { return Poll::Ready(()) };
        loop {
            match stream.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(snapshot)) => state.latest = snapshot,
                Poll::Ready(None) => {
                    // The next publish asks the registry again.
                    state.stream = None;
                    return Poll::Ready(());
                }
            }
        }
    }

    /// The latest snapshot. It is asked for here as well, since a subscription of this very process may
    /// have been registered a moment ago.
    fn latest(&self) -> ServiceSnapshot {
        let looked = self.look(&mut Context::from_waker(Waker::noop()));
        if looked.is_pending() {
            self.looked.notify_one();
        }
        self.state().latest.clone()
    }

    async fn follow(&self) {
        loop {
            tokio::select! {
                () = poll_fn(|cx| self.look(cx)) => return,
                () = self.looked.notified() => {}
            }
        }
    }
}

/// How long the registry may take to say who subscribes.
const PATIENCE: Duration = Duration::from_secs(5);
