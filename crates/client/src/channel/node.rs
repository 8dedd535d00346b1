//! One instance as this channel sees it: its connection and how it has been doing.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use polywire_core::{Body, Code, Instance, Origin, Reply};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Inner;
use super::attempt::Trail;
use super::connect::Connector;
use super::link::Link;
use super::state::NodeState;
use super::url::Endpoint;
use crate::select::Load;
use crate::{ClientError, Filter, retry};

/// One instance as this channel sees it. Snapshots of the registry that still have it keep it.
pub(crate) struct Node {
    pub(super) id: String,
    pub(super) endpoint: Endpoint,
    /// As registered last.
    instance: ArcSwap<Instance>,
    connection: ArcSwapOption<Link>,
    /// Held while connecting, so that many calls make one connection.
    dialing: Mutex<Dialing>,
    closed: AtomicBool,
    record: Record,
    /// What the times in `record` count from.
    epoch: Instant,
}

#[derive(Debug, Default)]
struct Dialing {
    failures: u32,
    /// The last failure, and until when it answers for further attempts.
    refused: Option<(Instant, ClientError)>,
}

/// How a node has been doing. Times are in milliseconds from the node's epoch.
#[derive(Debug, Default)]
struct Record {
    in_flight: AtomicUsize,
    /// Nanoseconds a call takes, a moving average; 0 if unknown.
    latency: AtomicU64,
    measured_at: AtomicU64,
    /// Whether anything below is other than zero.
    troubled: AtomicBool,
    /// Passed over until then; 0 if it is not.
    resting_until: AtomicU64,
    /// Whether one caller tries it at present.
    on_trial: AtomicBool,
    /// Rests in a row.
    rests: AtomicU64,
    /// Attempts in a row that broke.
    broken: AtomicU64,
    /// Attempts in a row without an answer.
    unanswered: AtomicU64,
}

impl Node {
    pub(super) fn new(instance: Instance, endpoint: Endpoint) -> Self {
        Self {
            id: instance.id.clone(),
            endpoint,
            instance: ArcSwap::from_pointee(instance),
            connection: ArcSwapOption::empty(),
            dialing: Mutex::default(),
            closed: AtomicBool::new(false),
            record: Record::default(),
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
                let pause = retry::jittered(dialing.failures, connector.max_backoff());
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
        let is_busy = self.record.in_flight.load(Ordering::Relaxed) > 0;
        self.open_connection().is_some_and(|link| is_busy || link.is_live())
    }

    /// The node's connection, if there is one.
    pub(super) fn open_connection(&self) -> Option<Arc<Link>> {
        self.connection.load_full().filter(|connection| connection.is_open())
    }

    /// As registered last.
    pub(super) fn instance(&self) -> Arc<Instance> {
        self.instance.load_full()
    }

    pub(super) fn passes(&self, filter: &Filter) -> bool {
        filter.passes(&self.instance.load())
    }

    /// Takes over what is registered now. Whoever registers something new is given a new chance.
    pub(super) fn renew(&self, instance: &Instance) {
        if **self.instance.load() != *instance {
            self.instance.store(Arc::new(instance.clone()));
            self.forgive();
        }
    }

    /// How busy it is. A latency that was not measured lately is none: a node that was slow once
    /// gets another chance.
    pub(super) fn load(&self) -> Load {
        let age = self.now().saturating_sub(self.record.measured_at.load(Ordering::Relaxed));
        let latency = self.record.latency.load(Ordering::Relaxed);
        Load {
            in_flight: self.record.in_flight.load(Ordering::Relaxed),
            latency: (latency > 0 && age < MEASURE_HOLDS).then_some(latency),
        }
    }

    pub(super) fn state(&self) -> NodeState {
        let (instance, load, record) = (self.instance.load(), self.load(), &self.record);
        let rests = record.resting_until.load(Ordering::Relaxed).saturating_sub(self.now());
        let failures = record.broken.load(Ordering::Relaxed);
        NodeState {
            id: self.id.clone(),
            address: self.endpoint.address.clone(),
            version: instance.version.clone(),
            is_connected: self.is_connected(),
            in_flight: load.in_flight,
            latency: load.latency.map(Duration::from_nanos),
            failures: failures.saturating_add(record.unanswered.load(Ordering::Relaxed)),
            ejected_for: (rests > 0).then(|| Duration::from_millis(rests)),
        }
    }

    /// Whether calls may go here, or one to try it.
    pub(super) fn is_fit(&self) -> bool {
        let until = self.record.resting_until.load(Ordering::Relaxed);
        until == 0 || self.now() >= until
    }

    /// As [`is_fit`](Self::is_fit), and a node whose rest is over is given to this caller.
    pub(super) fn admits(&self) -> bool {
        let resting_until = &self.record.resting_until;
        let until = resting_until.load(Ordering::Relaxed);
        if until == 0 {
            return true;
        }
        let now = self.now();
        let next = now.saturating_add(PROBE_EVERY);
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        let is_given =
            now >= until && resting_until.compare_exchange(until, next, success, failure).is_ok();
        if is_given {
            self.record.on_trial.store(true, Ordering::Relaxed);
        }
        is_given
    }

    /// Whether it gives reason to believe a registry that does not have it any longer.
    pub(super) fn is_failing(&self) -> bool {
        let has_lost_connection = self.connection.load().is_some() && !self.is_connected();
        has_lost_connection || self.record.troubled.load(Ordering::Relaxed)
    }

    /// There is no connection to be had: the node is passed over at once.
    pub(super) fn cannot_be_reached(&self, channel: &Inner) {
        self.record.broken.fetch_add(1, Ordering::Relaxed);
        self.rest(channel.options.ejection.rest);
    }

    /// An attempt got no answer in its time. One does not prove anything, a few in a row do.
    pub(super) fn left_unanswered(&self, channel: &Inner) {
        self.record.troubled.store(true, Ordering::Relaxed);
        let before = self.record.unanswered.fetch_add(1, Ordering::Relaxed);
        let on_trial = self.record.on_trial.load(Ordering::Relaxed);
        if on_trial || before + 1 >= UNANSWERED {
            self.eject(channel);
        }
    }

    /// A connection broke under an attempt.
    fn broke(&self, channel: &Inner) {
        self.record.troubled.store(true, Ordering::Relaxed);
        let before = self.record.broken.fetch_add(1, Ordering::Relaxed);
        let on_trial = self.record.on_trial.load(Ordering::Relaxed);
        if on_trial || before + 1 >= u64::from(channel.options.ejection.after.get()) {
            self.eject(channel);
        }
    }

    /// Passes the node over, unless too many are already.
    fn eject(&self, channel: &Inner) {
        if channel.nodes.may_eject(self, channel.options.ejection.max_percent) {
            self.rest(channel.options.ejection.rest);
        }
    }

    /// Passes the node over for a while, longer each time. All calls that were lost at once are
    /// one time.
    fn rest(&self, rest: Duration) {
        let record = &self.record;
        record.troubled.store(true, Ordering::Relaxed);
        let now = self.now();
        let was_tried = record.on_trial.swap(false, Ordering::Relaxed);
        if !was_tried && now < record.resting_until.load(Ordering::Relaxed) {
            return;
        }
        let doublings = record.rests.fetch_add(1, Ordering::Relaxed).min(MAX_DOUBLINGS);
        let rest = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
        let until = now.saturating_add(rest.saturating_mul(1 << doublings)).max(1);
        record.resting_until.store(until, Ordering::Relaxed);
    }

    /// Takes calls again.
    fn recover(&self) {
        let record = &self.record;
        record.troubled.store(false, Ordering::Relaxed);
        record.on_trial.store(false, Ordering::Relaxed);
        for count in [&record.resting_until, &record.rests, &record.broken, &record.unanswered] {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Forgets how the node failed, and connects again without a pause.
    pub(super) fn forgive(&self) {
        self.recover();
        // Whoever connects at the moment will find out how it does.
        if let Ok(mut dialing) = self.dialing.try_lock() {
            *dialing = Dialing::default();
        }
    }

    /// Counts a call that begins. `timed` asks for its time, which only a choice needs.
    pub(super) fn start<'a>(&'a self, timed: bool, trail: Option<&'a Trail<'a>>) -> InFlight<'a> {
        self.record.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { node: self, since: timed.then(|| self.nanos()), trail }
    }

    fn now(&self) -> u64 {
        // Zero is taken: it says "never".
        let elapsed = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        elapsed.saturating_add(1)
    }

    /// Nanoseconds from the node's epoch on, in half the room of an instant.
    fn nanos(&self) -> NonZeroU64 {
        let elapsed = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        NonZeroU64::MIN.saturating_add(elapsed)
    }

    /// Whether a reply says nothing of a node that has left calls unanswered: that a stream was begun
    /// disproves refusals, and not silence.
    fn is_silent(&self, reply: &Reply) -> bool {
        let begun = matches!(reply, Ok(response) if matches!(response.body, Body::Stream(_)));
        begun && self.record.unanswered.load(Ordering::Relaxed) > 0
    }

    fn measure(&self, since: NonZeroU64) {
        let took = self.nanos().get().saturating_sub(since.get()).max(1);
        let before = self.load().latency.unwrap_or(took);
        // Two calls that end at once may lose one of the measurements.
        let average = (before / 8 * 7).saturating_add(took / 8).max(1);
        self.record.latency.store(average, Ordering::Relaxed);
        self.record.measured_at.store(self.now(), Ordering::Relaxed);
    }
}

/// A call under way; counted down when it ends or is dropped.
pub(super) struct InFlight<'a> {
    node: &'a Node,
    /// Nanoseconds from the node's epoch on.
    since: Option<NonZeroU64>,
    /// Tells, if the call is dropped, whether its deadline was the reason.
    trail: Option<&'a Trail<'a>>,
}

impl InFlight<'_> {
    /// Learns from how the call ended.
    pub(super) fn end(mut self, reply: &Reply, channel: &Inner) {
        self.trail = None;
        let node = self.node;
        match Outcome::of(reply) {
            Outcome::Answered => {
                if node.record.troubled.load(Ordering::Relaxed) && !node.is_silent(reply) {
                    node.recover();
                }
                if let Some(since) = self.since {
                    node.measure(since);
                }
            }
            Outcome::Broken => node.broke(channel),
            Outcome::Unreachable => node.cannot_be_reached(channel),
            Outcome::Nothing => {}
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.node.record.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(trail) = self.trail
            && trail.tells_against_node()
        {
            self.node.left_unanswered(trail.channel);
        }
    }
}

/// What the end of an attempt says of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The service answered, be it with an error.
    Answered,
    /// The connection failed under the call.
    Broken,
    /// There was no connection to be had.
    Unreachable,
    /// What failed was on this side, or the node did not look at the call: it is there, and says
    /// so at once.
    Nothing,
}

impl Outcome {
    fn of(reply: &Reply) -> Self {
        let Err(status) = reply else { return Self::Answered };
        match status.cause() {
            Some(ClientError::Connect { .. }) => Self::Unreachable,
            Some(ClientError::Unprocessed { .. }) => Self::Nothing,
            _ if status.origin() == Origin::Service => Self::Answered,
            _ if status.code() == Code::Unavailable => Self::Broken,
            _ => Self::Nothing,
        }
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
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// Milliseconds after which a latency says nothing any longer.
const MEASURE_HOLDS: u64 = 10_000;

/// Milliseconds a node on trial is left to the one caller that tries it.
const PROBE_EVERY: u64 = 1_000;

/// Attempts in a row without an answer after which a node is passed over.
const UNANSWERED: u64 = 5;

/// A rest doubles this often at most.
const MAX_DOUBLINGS: u64 = 5;
