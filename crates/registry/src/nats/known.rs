//! What is known of one service, from answers and news, and for how long.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use polywire_core::Instance;
use tokio::time::Instant;

/// The nodes of a service, and when each was heard of.
#[derive(Debug)]
pub(super) struct Known {
    ttl: Duration,
    nodes: BTreeMap<String, Node>,
    /// When everybody was asked last.
    asked: Instant,
}

#[derive(Debug)]
struct Node {
    instance: Instance,
    heard: Instant,
    /// How many questions in a row it has not answered.
    missed: u32,
}

impl Known {
    pub(super) const fn new(ttl: Duration, now: Instant) -> Self {
        Self { ttl, nodes: BTreeMap::new(), asked: now }
    }

    /// Takes note of a node that is there, unless there are too many; says whether that is new.
    pub(super) fn hear(&mut self, instance: Instance, now: Instant) -> bool {
        if self.nodes.len() >= MAX_NODES && !self.nodes.contains_key(&instance.id) {
            let (service, id) = (&instance.service, &instance.id);
            tracing::debug!(service, id, limit = MAX_NODES, "too many nodes, skipping one");
            return false;
        }
        let is_new = !self.is_known(&instance);
        let id = instance.id.clone();
        self.nodes.insert(id, Node { instance, heard: now, missed: 0 });
        is_new
    }

    fn is_known(&self, instance: &Instance) -> bool {
        self.nodes.get(&instance.id).is_some_and(|node| node.instance == *instance)
    }

    /// Takes note of a node that has said goodbye; says whether it was there.
    pub(super) fn forget(&mut self, id: &str) -> bool {
        self.nodes.remove(id).is_some()
    }

    /// Takes note of who has answered a question to all, and drops who has been silent for too
    /// long; says whether that has changed anything.
    pub(super) fn answered(&mut self, answers: Vec<Instance>, now: Instant) -> bool {
        self.asked = now;
        for node in self.nodes.values_mut() {
            node.missed = node.missed.saturating_add(1);
        }
        // Two that answer by one id do not take turns: the one that is known stays.
        let (mut first, others): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| self.is_known(answer));
        first.extend(others);
        let (mut changed, mut heard) = (false, BTreeSet::new());
        for instance in first {
            if heard.insert(instance.id.clone()) {
                changed |= self.hear(instance, now);
            }
        }
        let (before, ttl) = (self.nodes.len(), self.ttl);
        self.nodes.retain(|_, node| node.missed < MISSES || now < node.heard + ttl);
        changed || self.nodes.len() != before
    }

    /// Gives everyone as long again, after a time in which nobody could be heard.
    pub(super) fn pardon(&mut self, now: Instant) {
        for node in self.nodes.values_mut() {
            (node.heard, node.missed) = (now, 0);
        }
    }

    /// When everybody is to be asked again: once somebody was silent for too long, or if there is
    /// nobody, now and then.
    pub(super) fn next_question(&self) -> Instant {
        let silent = self.nodes.values().map(|node| node.heard).min().unwrap_or(self.asked);
        (silent + self.ttl).max(self.asked + BETWEEN)
    }

    pub(super) fn instances(&self) -> Vec<Instance> {
        self.nodes.values().map(|node| node.instance.clone()).collect()
    }
}

/// How many questions a node may leave unanswered: answers may be lost or late.
const MISSES: u32 = 3;

/// How many nodes of one service are remembered; further ones are passed over until some are gone.
const MAX_NODES: usize = 16 * 1024;

/// The shortest time between two questions.
const BETWEEN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(15);

    fn node(id: &str, port: u16) -> Instance {
        Instance::new("s", id, format!("a:{port}").into())
    }

    fn ids(known: &Known) -> Vec<String> {
        known.instances().into_iter().map(|instance| instance.id).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_node_is_out_after_three_questions_and_no_earlier() {
        let begun = Instant::now();
        let mut known = Known::new(TTL, begun);
        assert!(known.answered(vec![node("a", 1), node("b", 2)], begun));
        for last in [false, false, true] {
            let now = known.next_question();
            assert!(now >= begun + TTL && now <= begun + TTL + 3 * BETWEEN, "{:?}", now - begun);
            assert_eq!(known.answered(vec![node("a", 1)], now), last);
        }
        assert_eq!(ids(&known), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn news_put_off_the_question() {
        let begun = Instant::now();
        let mut known = Known::new(TTL, begun);
        assert!(known.hear(node("a", 1), begun));
        let later = begun + TTL / 2;
        assert!(!known.hear(node("a", 1), later));
        assert_eq!(known.next_question(), later + TTL);
        assert!(known.hear(node("a", 9), later));
        assert!(known.forget("a") && !known.forget("a"));
        assert_eq!(known.next_question(), begun + TTL);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_no_silence() {
        let begun = Instant::now();
        let mut known = Known::new(TTL, begun);
        known.hear(node("a", 1), begun);
        let back = begun + Duration::from_secs(600);
        known.pardon(back);
        for second in 0..15 {
            assert!(!known.answered(Vec::new(), back + Duration::from_secs(second)));
        }
        assert!(known.answered(Vec::new(), back + TTL));
        assert!(known.instances().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_nodes_are_remembered_and_no_more() {
        let now = Instant::now();
        let mut known = Known::new(TTL, now);
        for n in 0..MAX_NODES {
            assert!(known.hear(node(&n.to_string(), 1), now));
        }
        assert!(!known.hear(node("more", 1), now));
        assert!(known.hear(node("7", 2), now), "one that is known may change");
        assert!(known.forget("7") && known.hear(node("more", 1), now));
        assert_eq!(known.instances().len(), MAX_NODES);
    }

    #[tokio::test(start_paused = true)]
    async fn two_nodes_of_one_id_do_not_take_turns() {
        let now = Instant::now();
        let mut known = Known::new(TTL, now);
        assert!(known.answered(vec![node("a", 1)], now));
        for answers in [vec![node("a", 2), node("a", 1)], vec![node("a", 1), node("a", 2)]] {
            known.answered(answers, now);
            assert_eq!(known.instances(), [node("a", 1)]);
        }
        assert!(known.answered(vec![node("a", 2)], now));
    }
}
