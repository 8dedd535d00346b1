//! A server that runs.

use std::fmt;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use polywire_core::{Address, Lease, LeaseHealth};
use polywire_server::Listening;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::events::Events;

/// A server that runs. Dropping it ends the server at once; [`shutdown`](Self::shutdown) drains it.
pub struct Running {
    address: Address,
    drain: CancellationToken,
    /// What the health service says; gone when the server drains.
    welcome: watch::Sender<bool>,
    lame_duck: Duration,
    registration: Registration,
    events: Option<Events>,
    task: JoinSet<()>,
}

/// The place of the app's lease.
#[derive(Clone, Default)]
pub(super) struct Registration(Arc<Mutex<Option<Box<dyn Lease>>>>);

impl Registration {
    pub(super) fn hold(&self, lease: Box<dyn Lease>) {
        *self.lock() = Some(lease);
    }

    pub(super) fn health(&self) -> Option<LeaseHealth> {
        self.lock().as_ref().map(|lease| lease.health())
    }

    /// Asks for the health without keeping the instance registered.
    #[cfg(feature = "http")]
    pub(super) fn observe(&self) -> impl Fn() -> Option<LeaseHealth> + Send + Sync + use<> {
        let place = Arc::downgrade(&self.0);
        move || Self(place.upgrade()?).health()
    }

    fn take(&self) -> Option<Box<dyn Lease>> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Lease>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a registry may take to strike an instance off; after that its lease runs out anyway.
const REVOKE: Duration = Duration::from_secs(2);

impl Running {
    pub(super) fn new(
        listening: Listening,
        welcome: watch::Sender<bool>,
        lame_duck: Duration,
        registration: Registration,
    ) -> Self {
        let address = listening.local_address().clone();
        let drain = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(listening.serve(drain.clone()));
        Self { address, drain, welcome, lame_duck, registration, events: None, task }
    }

    pub(super) fn handle(&mut self, events: Events) {
        self.events = Some(events);
    }

    /// Where it listens, with the port it was given.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How its registration is doing; `None` if it is not registered.
    #[must_use]
    pub fn registration(&self) -> Option<LeaseHealth> {
        self.registration.health()
    }

    /// Waits until the server has ended by itself.
    ///
    /// **Cancel safe.**
    pub async fn ended(&mut self) {
        self.task.join_next().await;
    }

    /// Is no longer healthy, unsubscribes, leaves the registry, serves on for the lame-duck time, refuses
    /// newcomers, and waits until the calls and events under way have ended or the grace period has
    /// passed.
    ///
    /// Dropping the future ends the server at once.
    pub async fn shutdown(mut self) {
        self.welcome.send_replace(false);
        // Events are unsubscribed from first; those that have come are handled meanwhile.
        let mut handled = JoinSet::new();
        if let Some(events) = self.events.take() {
            handled.spawn(events.end());
        }
        if let Some(lease) = self.registration.take() {
            match time::timeout(REVOKE, lease.revoke()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "cannot leave the registry"),
                Err(_elapsed) => tracing::warn!("cannot leave the registry in time"),
            }
            time::sleep(self.lame_duck).await;
        }
        // Who watches the health would hold the server until the grace period is over.
        drop(self.welcome);
        self.drain.cancel();
        self.task.join_next().await;
        handled.join_next().await;
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

/// An id no other instance of its service has on this machine: the process, and when this one of
/// its apps was started.
pub(super) fn instance_id() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = since.unwrap_or_default().as_nanos();
    format!("{:x}-{nanos:x}", process::id())
}
