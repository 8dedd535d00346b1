//! From the registry's snapshots to the nodes of a channel.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use polywire_core::{Registry, ServiceSnapshot, SnapshotStream};
use tokio::time::{Instant, sleep, timeout};

use super::node::Node;
use super::nodes::{Doubt, NodeSet};
use crate::retry::jittered;

/// Keeps the nodes as the registry tells them, through its outages.
pub(super) async fn follow(registry: Arc<dyn Registry>, nodes: Arc<NodeSet>, grace: Duration) {
    let mut follower = Follower { nodes, grace, snapshot: ServiceSnapshot::default(), kept: None };
    let mut failures = 0;
    loop {
        match registry.watch(follower.nodes.target()).await {
            Ok(stream) => {
                failures = 0;
                follower.take(stream).await;
            }
            Err(error) => {
                let service = &**follower.nodes.target();
                tracing::warn!(service, %error, "the registry cannot be watched");
                follower.nodes.doubt(Some(Doubt::Outage));
            }
        }
        failures += 1;
        sleep(jittered(failures, MAX_PAUSE).max(MIN_PAUSE)).await;
    }
}

struct Follower {
    nodes: Arc<NodeSet>,
    grace: Duration,
    /// The registry's last word.
    snapshot: ServiceSnapshot,
    kept: Option<Kept>,
}

/// Nodes that are kept although the registry has them no longer.
struct Kept {
    nodes: Vec<Arc<Node>>,
    /// For good, if there is none.
    until: Option<Instant>,
}

impl Follower {
    /// Takes over one snapshot after another until the stream ends.
    async fn take(&mut self, mut stream: SnapshotStream) {
        loop {
            let next = match &self.kept {
                None => stream.next().await,
                Some(_) => match timeout(LOOK, stream.next()).await {
                    Ok(next) => next,
                    Err(_elapsed) => {
                        self.review();
                        continue;
                    }
                },
            };
            let Some(snapshot) = next else { return };
            self.hear(snapshot);
        }
    }

    /// Takes over a snapshot. Registries lose many nodes at once by mistake more often than as many
    /// stop at once: if one of those lost still has a connection, they are kept for a while.
    fn hear(&mut self, snapshot: ServiceSnapshot) {
        let lost = self.nodes.missing_from(&snapshot.instances);
        let all = self.nodes.list().len();
        self.snapshot = snapshot;
        if let Some(kept) = &mut self.kept {
            kept.nodes = lost;
            return self.review();
        }
        if lost.len() * 2 > all && lost.iter().any(|node| node.is_connected()) {
            let (service, count) = (&**self.nodes.target(), lost.len());
            tracing::warn!(service, count, all, "the registry has lost most nodes; keeping them");
            self.kept = Some(Kept { nodes: lost, until: Instant::now().checked_add(self.grace) });
            return self.review();
        }
        self.nodes.update(&self.snapshot.instances, &[]);
    }

    /// Looks at the nodes that are kept: those that fail are let go, and all when the time is over
    /// or none of them is connected.
    fn review(&mut self) {
        let Some(kept) = &mut self.kept else { return };
        kept.nodes.retain(|node| !node.is_failing());
        let is_alive = kept.nodes.iter().any(|node| node.is_connected());
        if is_alive && kept.until.is_none_or(|until| Instant::now() < until) {
            self.nodes.update(&self.snapshot.instances, &kept.nodes);
        } else {
            self.kept = None;
            self.nodes.update(&self.snapshot.instances, &[]);
        }
    }
}

/// Between two looks at whether nodes that the registry no longer has are still there.
const LOOK: Duration = Duration::from_millis(250);

/// Between two attempts to watch the registry.
const MIN_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(5);
