//! From the registry's snapshots to the nodes of a channel.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use polywire_core::{Registry, ServiceSnapshot, SnapshotStream};
use tokio::time::{Instant, sleep, timeout};

use super::nodes::NodeSet;
use crate::retry::backoff;

/// Keeps the nodes as the registry tells them, through its outages.
pub(super) async fn follow(registry: Arc<dyn Registry>, nodes: Arc<NodeSet>, grace: Duration) {
    let mut failures = 0;
    loop {
        match registry.watch(nodes.target()).await {
            Ok(stream) => {
                failures = 0;
                take(stream, &nodes, grace).await;
            }
            Err(error) => {
                let service = nodes.target();
                tracing::warn!(service, %error, "the registry cannot be watched");
            }
        }
        failures += 1;
        sleep(backoff(failures, MAX_PAUSE).max(MIN_PAUSE)).await;
    }
}

/// Takes over one snapshot after another until the stream ends.
async fn take(mut stream: SnapshotStream, nodes: &NodeSet, grace: Duration) {
    /// Until when nodes are kept that the registry no longer has.
    struct Held(Instant);
    let mut held: Option<Held> = None;
    loop {
        let next = match &held {
            None => stream.next().await,
            Some(Held(until)) => match timeout(LOOK, stream.next()).await {
                Ok(next) => next,
                Err(_elapsed) if Instant::now() < *until && nodes.has_connection() => continue,
                Err(_elapsed) => Some(ServiceSnapshot::default()),
            },
        };
        let Some(snapshot) = next else { return };
        let emptied = snapshot.instances.is_empty() && !nodes.is_empty();
        match held {
            // Registries are emptied by mistake more often than every instance stops at once.
            None if emptied && nodes.has_connection() => {
                let service = nodes.target();
                tracing::warn!(service, "the registry has no instance left; keeping the last ones");
                held = Some(Held(Instant::now() + grace));
            }
            Some(Held(until)) if emptied && nodes.has_connection() && Instant::now() < until => {}
            _ => {
                held = None;
                nodes.update(&snapshot.instances);
            }
        }
    }
}

/// Between two looks at whether nodes that the registry no longer has are still there.
const LOOK: Duration = Duration::from_millis(250);

/// Between two attempts to watch the registry.
const MIN_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(5);
