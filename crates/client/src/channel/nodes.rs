//! The nodes of a channel, as the last good snapshot has them.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use polywire_core::Instance;
use tokio::sync::watch;
use tokio::time::Instant;

use super::balance;
use super::node::Node;
use super::speech::Speech;
use super::state::Freshness;
use super::url::Endpoint;
use crate::ClientError;

/// The nodes of a channel. Readers take an immutable list; the registry's word replaces it.
pub(super) struct NodeSet {
    /// The service or the URL.
    target: Arc<str>,
    list: ArcSwap<Vec<Arc<Node>>>,
    phase: watch::Sender<Phase>,
    /// Why the list may not be what is there, and since when.
    doubt: Mutex<Option<(Doubt, Instant)>>,
    /// What is spoken with nodes that a registry tells; `None` if none does.
    speech: Option<Speech>,
}

/// Why the list may not be what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The registry cannot be watched.
    Outage,
    /// The registry has lost many nodes at once, which are kept.
    Kept,
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
        let instance = Instance::new(url, url, endpoint.address.clone());
        let node = Arc::new(Node::new(instance, endpoint));
        Self {
            target: url.into(),
            list: ArcSwap::from_pointee(vec![node]),
            phase: watch::Sender::new(Phase::Known),
            doubt: Mutex::new(None),
            speech: None,
        }
    }

    /// Nodes that a registry will tell.
    pub(super) fn unknown(service: &str) -> Self {
        Self {
            target: service.into(),
            list: ArcSwap::default(),
            phase: watch::Sender::new(Phase::Unknown),
            doubt: Mutex::new(None),
            speech: Some(Speech::default()),
        }
    }

    /// Speaks with them as the channel's options say.
    pub(super) fn speaking(self, speech: Speech) -> Self {
        Self { speech: Some(speech), ..self }
    }

    pub(super) const fn speech(&self) -> Option<&Speech> {
        self.speech.as_ref()
    }

    pub(super) const fn target(&self) -> &Arc<str> {
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
        balance::pick(&self.known().await?, tried).ok_or_else(|| self.no_instance())
    }

    /// All nodes, one at least; waits for the registry's first word.
    pub(super) async fn known(&self) -> Result<Arc<Vec<Arc<Node>>>, ClientError> {
        let mut phase = self.phase.subscribe();
        // The sender is in `self`, so there is always an answer.
        drop(phase.wait_for(|phase| *phase != Phase::Unknown).await);
        if self.is_closed() {
            return Err(ClientError::Shutdown);
        }
        let list = self.list.load_full();
        if list.is_empty() { Err(self.no_instance()) } else { Ok(list) }
    }

    fn no_instance(&self) -> ClientError {
        ClientError::NoInstance { service: Arc::clone(&self.target) }
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.phase.borrow() == Phase::Closed
    }

    /// The nodes at present.
    pub(super) fn list(&self) -> Arc<Vec<Arc<Node>>> {
        self.list.load_full()
    }

    /// Whether one more node may be passed over for what it did: of two or more it is always one,
    /// and never all. Those that rest for whatever reason count.
    pub(super) fn may_eject(&self, node: &Node, max_percent: u8) -> bool {
        let list = self.list.load();
        // Nodes of addresses given by hand: a call takes one of them also if all rest.
        if !list.iter().any(|other| std::ptr::eq(&**other, node)) {
            return true;
        }
        let percent = usize::from(max_percent.min(100));
        let share = list.len().saturating_mul(percent) / 100;
        let most = share.max(1).min(list.len().saturating_sub(1));
        let others = list.iter().filter(|other| !std::ptr::eq(&***other, node));
        others.filter(|other| !other.is_fit()).count() < most
    }

    pub(super) fn are_many(&self) -> bool {
        self.list.load().len() > 1
    }

    pub(super) fn has_other_than(&self, tried: &[Arc<Node>]) -> bool {
        self.list.load().iter().any(|node| !tried.iter().any(|other| Arc::ptr_eq(node, other)))
    }

    /// The nodes that a snapshot does not have.
    pub(super) fn missing_from(&self, instances: &[Instance]) -> Vec<Arc<Node>> {
        let is_missing =
            |node: &&Arc<Node>| !instances.iter().any(|instance| instance.id == node.id);
        self.list.load().iter().filter(is_missing).cloned().collect()
    }

    /// Takes over a snapshot, and `kept` besides. Nodes that were known keep their connections and
    /// statistics; calls under way on nodes that are gone go on.
    pub(super) fn update(&self, instances: &[Instance], kept: &[Arc<Node>]) {
        let old = self.list.load();
        let mut new = Vec::with_capacity(instances.len().saturating_add(kept.len()));
        for instance in instances {
            match Speech::endpoint(self.speech(), instance) {
                Ok(endpoint) => {
                    let known = old
                        .iter()
                        .find(|node| node.id == instance.id && node.endpoint == endpoint)
                        .cloned();
                    if let Some(node) = &known {
                        node.renew(instance);
                    }
                    let made = || Arc::new(Node::new(instance.clone(), endpoint));
                    new.push(known.unwrap_or_else(made));
                }
                Err(error) => {
                    let service = &*self.target;
                    tracing::warn!(service, id = instance.id, %error, "skipped an instance");
                }
            }
        }
        new.extend_from_slice(kept);
        // Before any of them can be picked.
        if let Some(speech) = &self.speech {
            speech.heed(new.iter().map(|node| &node.endpoint));
        }
        self.phase.send_if_modified(|phase| {
            if *phase != Phase::Closed {
                self.list.store(Arc::new(new));
            }
            std::mem::replace(phase, (*phase).max_known()) == Phase::Unknown
        });
        self.doubt((!kept.is_empty()).then_some(Doubt::Kept));
    }

    /// Says why the list may not be what is there; a reason that lasts does not begin anew.
    pub(super) fn doubt(&self, reason: Option<Doubt>) {
        let mut doubt = self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        if doubt.map(|(reason, _)| reason) != reason {
            *doubt = reason.map(|reason| (reason, Instant::now()));
        }
    }

    pub(super) fn freshness(&self) -> Freshness {
        let doubt = *self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        match (*self.phase.borrow(), doubt) {
            (Phase::Closed, _) => Freshness::Closed,
            (_, Some((Doubt::Outage, since))) => Freshness::Outage { lasts: since.elapsed() },
            (_, Some((Doubt::Kept, since))) => Freshness::Kept { lasts: since.elapsed() },
            (Phase::Unknown, None) => Freshness::Unknown,
            (Phase::Known, None) => Freshness::Current,
        }
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
