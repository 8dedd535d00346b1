//! Which node takes a call.

use std::sync::Arc;

use super::node::Node;

/// Picks the better of two nodes taken at random, which spreads calls nearly as well as looking at
/// all of them, without everybody running to the same one.
///
/// Nodes that rest, and those `tried` already, are taken only if there is no other.
pub(super) fn pick(nodes: &[Arc<Node>], tried: &[Arc<Node>]) -> Option<Arc<Node>> {
    if let [only] = nodes {
        return Some(Arc::clone(only));
    }
    let fit = |node: &&Arc<Node>| !is_tried(tried, node) && node.admits();
    if let Some(first) = sample(nodes).filter(fit) {
        let second = sample(nodes).filter(|other| !Arc::ptr_eq(other, first)).filter(fit);
        return Some(Arc::clone(second.map_or(first, |second| better(first, second))));
    }
    let start = fastrand::usize(..nodes.len().max(1));
    let (before, after) = nodes.split_at(start.min(nodes.len()));
    let mut others = after.iter().chain(before);
    let found = others.clone().find(fit).or_else(|| others.clone().find(|n| !is_tried(tried, n)));
    found.or_else(|| others.next()).cloned()
}

fn is_tried(tried: &[Arc<Node>], node: &Arc<Node>) -> bool {
    tried.iter().any(|other| Arc::ptr_eq(other, node))
}

fn sample(nodes: &[Arc<Node>]) -> Option<&Arc<Node>> {
    nodes.get(fastrand::usize(..nodes.len().max(1)))
}

/// The one that is expected to answer first: calls under way times what one takes.
fn better<'a>(first: &'a Arc<Node>, second: &'a Arc<Node>) -> &'a Arc<Node> {
    let (one, other) = (first.in_flight() as u64 + 1, second.in_flight() as u64 + 1);
    let second_wins = match (first.latency(), second.latency()) {
        (Some(a), Some(b)) => other.saturating_mul(b) < one.saturating_mul(a),
        // Nothing to compare but the calls under way.
        _ => other < one,
    };
    if second_wins { second } else { first }
}
