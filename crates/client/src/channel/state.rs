//! How a channel is doing, for those who look into it.

use std::time::Duration;

use polywire_core::Address;

/// One node of a channel, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeState {
    /// Its id in the registry, or the URL.
    pub id: String,
    /// Where it is.
    pub address: Address,
    /// The version it registered; empty if it has none.
    pub version: String,
    /// Whether there is a connection. One is made when a call needs it.
    pub is_connected: bool,
    /// Calls of this channel under way.
    pub in_flight: usize,
    /// How long a call takes, on average, if one was measured within the last ten seconds; a
    /// channel with one node does not measure.
    pub latency: Option<Duration>,
    /// Attempts in a row that failed, other than by the service's own word.
    pub failures: u64,
    /// How long it will still be passed over.
    pub ejected_for: Option<Duration>,
}

/// How far the list of a channel's nodes can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// It is what the registry said last, or was given with a URL.
    Current,
    /// The registry has not answered yet; calls wait for it.
    Unknown,
    /// The registry cannot be watched. The nodes known last stay in use.
    Outage {
        /// How long it has lasted.
        lasts: Duration,
    },
    /// The registry lost more than half of the nodes at once. Those that still do well stay in use
    /// for [`ChannelOptions::empty_grace`](crate::ChannelOptions::empty_grace).
    Kept {
        /// How long it has lasted.
        lasts: Duration,
    },
    /// The channel was closed.
    Closed,
}
