//! Which node takes a call.

use std::sync::Arc;

use super::node::Node;
use crate::Balancer;
use crate::select::Candidate;

/// Picks the better of two nodes taken at random, which spreads calls nearly as well as looking at
/// all of them, without everybody running to the same one.
///
/// Nodes that rest, and those `tried` already, are taken only if there is no other.
pub(super) fn pick(nodes: &[Arc<Node>], tried: &[Arc<Node>]) -> Option<Arc<Node>> {
    if let [only] = nodes {
        return Some(Arc::clone(only));
    }
    let fit = |node: &&Arc<Node>| !is_tried(tried, node) && node.is_fit();
    if let Some(first) = sample(nodes).filter(fit) {
        let second = sample(nodes).filter(|other| !Arc::ptr_eq(other, first)).filter(fit);
        let chosen = second.map_or(first, |second| better(first, second));
        // Only the one that is taken: a trial that is given and not made is missed for a while.
        if chosen.admits() {
            return Some(Arc::clone(chosen));
        }
    }
    let start = fastrand::usize(..nodes.len().max(1));
    let (before, after) = nodes.split_at(start.min(nodes.len()));
    let mut others = after.iter().chain(before);
    let admits = |node: &&Arc<Node>| !is_tried(tried, node) && node.admits();
    let found =
        others.clone().find(admits).or_else(|| others.clone().find(|n| !is_tried(tried, n)));
    found.or_else(|| others.next()).cloned()
}

fn is_tried(tried: &[Arc<Node>], node: &Arc<Node>) -> bool {
    tried.iter().any(|other| Arc::ptr_eq(other, node))
}

fn sample(nodes: &[Arc<Node>]) -> Option<&Arc<Node>> {
    nodes.get(fastrand::usize(..nodes.len().max(1)))
}

/// The one that is expected to answer first.
fn better<'a>(first: &'a Arc<Node>, second: &'a Arc<Node>) -> &'a Arc<Node> {
    if second.load().is_better_than(first.load()) { second } else { first }
}

/// Lets a balancer choose among the nodes that are fit and not `tried` already, and only if there
/// are none among others.
pub(super) fn choose(
    balancer: &Balancer,
    nodes: &[Arc<Node>],
    tried: &[Arc<Node>],
) -> Option<Arc<Node>> {
    let untried: Vec<_> = nodes.iter().filter(|node| !is_tried(tried, node)).collect();
    let all = if untried.is_empty() { nodes.iter().collect() } else { untried };
    let mut fit: Vec<_> = all.iter().copied().filter(|node| node.is_fit()).collect();
    while !fit.is_empty() {
        let node = fit.remove(pick_of(balancer, &fit)?);
        // Of those who want to try a node anew, another was faster.
        if node.admits() {
            return Some(Arc::clone(node));
        }
    }
    all.get(pick_of(balancer, &all)?).map(|node| Arc::clone(node))
}

fn pick_of(balancer: &Balancer, nodes: &[&Arc<Node>]) -> Option<usize> {
    let candidate = |node: &&Arc<Node>| Candidate::new(node.instance(), node.load());
    balancer.pick_of(nodes, |node| node.load(), candidate)
}
