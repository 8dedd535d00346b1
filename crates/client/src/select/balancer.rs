//! Which of the nodes that may take a call does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use polywire_core::{Instance, Status};

/// How calls are spread over nodes; go-micro's word for it is strategy.
///
/// Every balancer chooses among nodes that pass the filters, are not ejected and were not tried for
/// the same call before, as long as there are such. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Balancer(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    LeastLoaded,
    Random,
    RoundRobin(Arc<AtomicUsize>),
    Custom(Arc<dyn Picker>),
}

impl Balancer {
    /// The better of two nodes taken at random, by how many calls are under way and how long they
    /// take. This is the default.
    #[must_use]
    pub const fn least_loaded() -> Self {
        Self(Kind::LeastLoaded)
    }

    /// Any node, which is what go-micro's clients do unless told otherwise.
    #[must_use]
    pub const fn random() -> Self {
        Self(Kind::Random)
    }

    /// One node after another, beginning with any. The turn is kept here: make one balancer and
    /// give it to all calls that are to share it. (go-micro begins anew with each call, so that its
    /// calls go anywhere.)
    #[must_use]
    pub fn round_robin() -> Self {
        Self(Kind::RoundRobin(Arc::new(AtomicUsize::new(fastrand::usize(..)))))
    }

    /// What a picker of one's own chooses.
    #[must_use]
    pub fn custom(picker: impl Picker) -> Self {
        Self(Kind::Custom(Arc::new(picker)))
    }

    /// The place of the node chosen; `None` if there is none, or the picker wants none of them.
    #[must_use]
    pub fn pick(&self, candidates: &[Candidate]) -> Option<usize> {
        self.pick_of(candidates, |candidate| candidate.load, Clone::clone)
    }

    /// As [`pick`](Self::pick), of nodes that are made candidates only for those who ask for them.
    pub(crate) fn pick_of<T>(
        &self,
        nodes: &[T],
        load: impl Fn(&T) -> Load,
        candidate: impl Fn(&T) -> Candidate,
    ) -> Option<usize> {
        let len = nodes.len();
        if len == 0 {
            return None;
        }
        match &self.0 {
            Kind::LeastLoaded => {
                let first = fastrand::usize(..len);
                // Any place but the first's.
                let second = (first + fastrand::usize(1..len.max(2))) % len;
                let wins = load(nodes.get(second)?).is_better_than(load(nodes.get(first)?));
                Some(if wins { second } else { first })
            }
            Kind::Random => Some(fastrand::usize(..len)),
            Kind::RoundRobin(turn) => Some(turn.fetch_add(1, Ordering::Relaxed) % len),
            Kind::Custom(picker) => {
                let candidates: Vec<_> = nodes.iter().map(candidate).collect();
                picker.pick(&candidates).filter(|at| *at < len)
            }
        }
    }

    pub(crate) const fn is_default(&self) -> bool {
        matches!(self.0, Kind::LeastLoaded)
    }

    pub(crate) fn picker(&self) -> Option<&dyn Picker> {
        match &self.0 {
            Kind::Custom(picker) => Some(&**picker),
            Kind::LeastLoaded | Kind::Random | Kind::RoundRobin(_) => None,
        }
    }
}

/// Chooses nodes, and hears how they did. Functions from candidates to a place are pickers.
pub trait Picker: Send + Sync + 'static {
    /// The place of the node that takes the next attempt. `None`, or a place that is none, fails
    /// the call as if there were no node.
    fn pick(&self, candidates: &[Candidate]) -> Option<usize>;

    /// An attempt at a node ended, or the node could not be reached. Default: nothing happens.
    fn mark(&self, node: &Instance, outcome: Result<(), &Status>) {
        let _unused = (node, outcome);
    }

    /// What was learnt of the nodes is to be forgotten. Default: nothing happens.
    fn reset(&self) {}
}

impl<F: Fn(&[Candidate]) -> Option<usize> + Send + Sync + 'static> Picker for F {
    fn pick(&self, candidates: &[Candidate]) -> Option<usize> {
        self(candidates)
    }
}

/// A node that may take a call.
#[derive(Debug, Clone)]
pub struct Candidate {
    instance: Arc<Instance>,
    load: Load,
}

impl Candidate {
    pub(crate) const fn new(instance: Arc<Instance>, load: Load) -> Self {
        Self { instance, load }
    }

    /// The node as it registered itself; made up where an address was given by hand.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Calls of this channel under way there.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.load.in_flight
    }

    /// How long a call takes there, on average, if one was measured within the last ten seconds.
    #[must_use]
    pub const fn latency(&self) -> Option<Duration> {
        match self.load.latency {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }
}

/// How busy a node is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    /// Calls under way.
    pub(crate) in_flight: usize,
    /// Nanoseconds a call takes.
    pub(crate) latency: Option<u64>,
}

impl Load {
    /// Whether the node is expected to answer before another: by calls under way times what one
    /// takes.
    pub(crate) fn is_better_than(self, other: Self) -> bool {
        let (own, others) = (self.in_flight as u64 + 1, other.in_flight as u64 + 1);
        match (self.latency, other.latency) {
            (Some(a), Some(b)) => own.saturating_mul(a) < others.saturating_mul(b),
            // Nothing to compare but the calls under way.
            _ => own < others,
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeastLoaded => "least_loaded",
            Self::Random => "random",
            Self::RoundRobin(_) => "round_robin",
            Self::Custom(_) => "custom",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(loads: &[(usize, Option<u64>)]) -> Vec<Candidate> {
        let candidate = |(number, &(in_flight, latency)): (usize, &(usize, Option<u64>))| {
            let instance = Instance::new("test", number.to_string(), "localhost".into());
            Candidate::new(Arc::new(instance), Load { in_flight, latency })
        };
        loads.iter().enumerate().map(candidate).collect()
    }

    #[test]
    fn every_balancer_reaches_every_node_and_none_finds_one_where_none_is() {
        let four = candidates(&[(0, None); 4]);
        let custom = Balancer::custom(|nodes: &[Candidate]| Some(fastrand::usize(..nodes.len())));
        for balancer in
            [Balancer::least_loaded(), Balancer::random(), Balancer::round_robin(), custom]
        {
            let mut found = [0; 4];
            (0..1000).for_each(|_| found[balancer.pick(&four).unwrap()] += 1);
            assert!(found.iter().all(|count| *count > 100), "{balancer:?}: {found:?}");
            assert_eq!(balancer.pick(&[]), None);
        }
    }

    #[test]
    fn round_robin_goes_round_and_clones_share_the_turn() {
        let three = candidates(&[(0, None); 3]);
        let balancer = Balancer::round_robin();
        let first = balancer.pick(&three).unwrap();
        let next: Vec<_> = (0..5).map(|_| balancer.clone().pick(&three).unwrap()).collect();
        let expected: Vec<_> = (1..6).map(|step| (first + step) % 3).collect();
        // The counter may wrap in between, which shifts the turn once in 2^64 picks.
        assert_eq!(next, expected);
    }

    #[test]
    fn the_less_loaded_of_two_takes_the_call() {
        let balancer = Balancer::least_loaded();
        for (loads, better) in [
            ([(3, None), (2, None)], 1),
            ([(0, Some(900)), (1, Some(400))], 1),
            ([(0, Some(700)), (1, Some(400))], 0),
            // One that was not measured is compared by its calls only.
            ([(0, Some(900)), (1, None)], 0),
        ] {
            let two = candidates(&loads);
            (0..50).for_each(|_| assert_eq!(balancer.pick(&two), Some(better), "{loads:?}"));
        }
    }

    #[test]
    fn a_picker_that_points_nowhere_picks_nothing() {
        let two = candidates(&[(0, None); 2]);
        assert_eq!(Balancer::custom(|_: &[Candidate]| Some(2)).pick(&two), None);
        assert_eq!(Balancer::custom(|_: &[Candidate]| None).pick(&two), None);
    }
}
