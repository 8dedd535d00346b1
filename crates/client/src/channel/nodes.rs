//! The nodes of a channel, as the last good snapshot has them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use polywire_core::Instance;
use tokio::sync::watch;

use super::balance;
use super::node::Node;
use super::url::Endpoint;
use crate::ClientError;

/// The nodes of a channel. Readers take an immutable list; the registry's word replaces it.
pub(super) struct NodeSet {
    /// The service or the URL.
    target: Arc<str>,
    list: ArcSwap<Vec<Arc<Node>>>,
    phase: watch::Sender<Phase>,
}

/// `Unknown -> Known -> Closed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The registry has not answered yet.
    Unknown,
    Known,
    Closed,
}

impl NodeSet {
    /// One node for good.
    pub(super) fn fixed(url: &str, endpoint: Endpoint) -> Self {
        let node = Arc::new(Node::new(url, endpoint));
        Self {
            target: url.into(),
            list: ArcSwap::from_pointee(vec![node]),
            phase: watch::Sender::new(Phase::Known),
        }
    }

    /// Nodes that a registry will tell.
    pub(super) fn unknown(service: &str) -> Self {
        Self {
            target: service.into(),
            list: ArcSwap::default(),
            phase: watch::Sender::new(Phase::Unknown),
        }
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The node for a call's next attempt, if any is known.
    pub(super) fn pick_known(&self, tried: &[Arc<Node>]) -> Option<Arc<Node>> {
        balance::pick(&self.list.load(), tried)
    }

    /// The node for a call's next attempt; waits for the registry's first word.
    pub(super) async fn pick(&self, tried: &[Arc<Node>]) -> Result<Arc<Node>, ClientError> {
        if let Some(node) = self.pick_known(tried) {
            return Ok(node);
        }
        let mut phase = self.phase.subscribe();
        // The sender is in `self`, so there is always an answer.
        drop(phase.wait_for(|phase| *phase != Phase::Unknown).await);
        if *self.phase.borrow() == Phase::Closed {
            return Err(ClientError::Shutdown);
        }
        self.pick_known(tried)
            .ok_or_else(|| ClientError::NoInstance { service: Arc::clone(&self.target) })
    }

    pub(super) fn are_many(&self) -> bool {
        self.list.load().len() > 1
    }

    pub(super) fn has_other_than(&self, tried: &[Arc<Node>]) -> bool {
        self.list.load().iter().any(|node| !tried.iter().any(|other| Arc::ptr_eq(node, other)))
    }

    pub(super) fn has_connection(&self) -> bool {
        self.list.load().iter().any(|node| node.is_connected())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.load().is_empty()
    }

    /// Takes over a snapshot. Nodes that were known keep their connections and statistics; calls
    /// under way on nodes that are gone go on.
    pub(super) fn update(&self, instances: &[Instance]) {
        let old = self.list.load();
        let mut new = Vec::with_capacity(instances.len());
        for instance in instances {
            match Endpoint::of(instance) {
                Ok(endpoint) => {
                    let known = old
                        .iter()
                        .find(|node| node.id == instance.id && node.endpoint == endpoint)
                        .cloned();
                    new.push(known.unwrap_or_else(|| Arc::new(Node::new(&instance.id, endpoint))));
                }
                Err(error) => {
                    let service = &*self.target;
                    tracing::warn!(service, id = instance.id, %error, "skipped an instance");
                }
            }
        }
        self.phase.send_if_modified(|phase| {
            if *phase != Phase::Closed {
                self.list.store(Arc::new(new));
            }
            std::mem::replace(phase, (*phase).max_known()) == Phase::Unknown
        });
    }

    /// Closes every connection, and refuses calls from now on.
    pub(super) fn close(&self) {
        let mut old = Arc::default();
        self.phase.send_modify(|phase| {
            *phase = Phase::Closed;
            old = self.list.swap(Arc::default());
        });
        old.iter().for_each(|node| node.close());
    }
}

impl Phase {
    const fn max_known(self) -> Self {
        match self {
            Self::Unknown | Self::Known => Self::Known,
            Self::Closed => Self::Closed,
        }
    }
}
