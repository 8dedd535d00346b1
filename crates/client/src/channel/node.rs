//! One instance as this channel sees it: its connection and how it has been doing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use polywire_core::{Origin, Reply};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connect::Connector;
use super::link::Link;
use super::url::Endpoint;
use crate::{ClientError, retry};

/// One instance as this channel sees it. Snapshots of the registry that still have it keep it.
pub(crate) struct Node {
    pub(super) id: String,
    pub(super) endpoint: Endpoint,
    connection: ArcSwapOption<Link>,
    /// Held while connecting, so that many calls make one connection.
    dialing: Mutex<Dialing>,
    closed: AtomicBool,
    load: Load,
    /// What the times in `load` count from.
    epoch: Instant,
}

#[derive(Debug, Default)]
struct Dialing {
    failures: u32,
    /// The last failure, and until when it answers for further attempts.
    refused: Option<(Instant, ClientError)>,
}

/// Times are in milliseconds from the node's epoch.
#[derive(Debug, Default)]
struct Load {
    in_flight: AtomicUsize,
    /// Nanoseconds a call takes, a moving average; 0 if unknown.
    latency: AtomicU64,
    measured_at: AtomicU64,
    /// Passed over until then; 0 if it is not.
    resting_until: AtomicU64,
    /// Failures in a row.
    failures: AtomicU64,
}

impl Node {
    pub(super) fn new(id: impl Into<String>, endpoint: Endpoint) -> Self {
        Self {
            id: id.into(),
            endpoint,
            connection: ArcSwapOption::empty(),
            dialing: Mutex::default(),
            closed: AtomicBool::new(false),
            load: Load::default(),
            epoch: Instant::now(),
        }
    }

    /// The node's connection, made if there is none.
    ///
    /// **Cancel safe**: if the caller that connects goes away, the next one connects.
    pub(super) async fn connection(&self, connector: &Connector) -> Result<Arc<Link>, ClientError> {
        if let Some(connection) = self.open_connection() {
            return Ok(connection);
        }
        let mut dialing = self.dialing.lock().await;
        if let Some(connection) = self.open_connection() {
            return Ok(connection);
        }
        if self.closed.load(Ordering::SeqCst) {
            return Err(ClientError::Shutdown);
        }
        if let Some((until, error)) = &dialing.refused
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        match connector.connect(&self.endpoint).await {
            Ok(connection) => {
                *dialing = Dialing::default();
                let connection = Arc::new(connection);
                self.connection.store(Some(Arc::clone(&connection)));
                if self.closed.load(Ordering::SeqCst) {
                    // Closed while this was connecting; whoever closed found nothing to close.
                    self.close();
                    return Err(ClientError::Shutdown);
                }
                Ok(connection)
            }
            Err(error) => {
                dialing.failures = dialing.failures.saturating_add(1);
                let pause = retry::backoff(dialing.failures, connector.max_backoff());
                dialing.refused = Some((Instant::now() + pause, error.clone()));
                Err(error)
            }
        }
    }

    /// Closes the connection there is, and refuses to make another.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(connection) = self.connection.swap(None) {
            connection.close();
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.open_connection().is_some()
    }

    /// The node's connection, if there is one.
    pub(super) fn open_connection(&self) -> Option<Arc<Link>> {
        self.connection.load_full().filter(|connection| connection.is_open())
    }

    /// Calls under way.
    pub(super) fn in_flight(&self) -> usize {
        self.load.in_flight.load(Ordering::Relaxed)
    }

    /// Nanoseconds a call takes, unless that was not measured lately: a node that was slow once
    /// gets another chance.
    pub(super) fn latency(&self) -> Option<u64> {
        let age = self.now().saturating_sub(self.load.measured_at.load(Ordering::Relaxed));
        let latency = self.load.latency.load(Ordering::Relaxed);
        (latency > 0 && age < MEASURE_HOLDS).then_some(latency)
    }

    /// Whether calls may go here. A node whose rest is over is given to one caller, to try it.
    pub(super) fn admits(&self) -> bool {
        let until = self.load.resting_until.load(Ordering::Relaxed);
        if until == 0 {
            return true;
        }
        let now = self.now();
        let next = now.saturating_add(PROBE_EVERY);
        now >= until
            && self
                .load
                .resting_until
                .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Passes the node over for a while, longer each time.
    pub(super) fn rest(&self, rest: Duration) {
        let failures = self.load.failures.fetch_add(1, Ordering::Relaxed).min(MAX_DOUBLINGS);
        let rest =
            u64::try_from(rest.as_millis()).unwrap_or(u64::MAX).saturating_mul(1 << failures);
        let until = self.now().saturating_add(rest).max(1);
        self.load.resting_until.store(until, Ordering::Relaxed);
    }

    /// Counts a call that begins. `timed` asks for its time, which only a choice needs.
    pub(super) fn start(&self, timed: bool) -> InFlight<'_> {
        self.load.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { node: self, since: timed.then(Instant::now) }
    }

    fn now(&self) -> u64 {
        // Zero is taken: it says "never".
        let elapsed = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        elapsed.saturating_add(1)
    }

    fn measure(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        let before = self.latency().unwrap_or(took);
        // Two calls that end at once may lose one of the measurements.
        let average = (before / 8 * 7).saturating_add(took / 8).max(1);
        self.load.latency.store(average, Ordering::Relaxed);
        self.load.measured_at.store(self.now(), Ordering::Relaxed);
    }
}

/// A call under way; counted down when it ends or is dropped.
pub(super) struct InFlight<'a> {
    node: &'a Node,
    since: Option<Instant>,
}

impl InFlight<'_> {
    /// Learns from how the call ended.
    pub(super) fn end(self, reply: &Reply, rest: Duration) {
        let load = &self.node.load;
        match reply {
            Err(status) if status.origin() != Origin::Service => {
                // One that did not look at the call is there, and says so at once.
                let unprocessed = matches!(status.cause(), Some(ClientError::Unprocessed { .. }));
                if status.is_retryable(true) && !unprocessed {
                    self.node.rest(rest);
                }
                return;
            }
            _ => {}
        }
        if load.failures.load(Ordering::Relaxed) != 0 {
            load.failures.store(0, Ordering::Relaxed);
            load.resting_until.store(0, Ordering::Relaxed);
        }
        if let Some(since) = self.since {
            self.node.measure(since.elapsed());
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.node.load.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.endpoint.address, f)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("load", &self.load)
            .finish_non_exhaustive()
    }
}

/// Milliseconds after which a latency says nothing any longer.
const MEASURE_HOLDS: u64 = 10_000;

/// Milliseconds a node on trial is left to the one caller that tries it.
const PROBE_EVERY: u64 = 1_000;

/// A rest doubles this often at most.
const MAX_DOUBLINGS: u64 = 5;
