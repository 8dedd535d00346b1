//! Keeps an instance registered for as long as its lease is held, whatever the engine goes through.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use polywire_core::{Lease, LeaseHealth, RegistryError};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::RegistryFuture;
use crate::health::Health;
pub(crate) use crate::health::Renewal;

/// One instance in one engine: how to put it there, keep it there and take it away.
///
/// None of these needs to try again by itself, and each may be dropped at any await.
pub(crate) trait Announcement: Send + Sync + 'static {
    /// Writes the record, whatever was there before.
    fn announce(&self) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Prolongs the record, if it is still there as it was written and nobody else's is.
    fn renew(&self) -> impl Future<Output = Result<Renewal, RegistryError>> + Send;

    /// Takes the record away; it is no error if there is none.
    fn withdraw(&self) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// What logs call the instance and its registry.
    fn name(&self) -> String;
}

/// When a record is renewed, and how long one request to the engine may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// Between two renewals.
    pub(crate) interval: Duration,
    /// For one request.
    pub(crate) patience: Duration,
}

impl Timing {
    /// For records that the engine drops after `ttl` without a renewal: renewed three times as
    /// often, so that two may be lost.
    pub(crate) fn of(ttl: Duration) -> Self {
        Self { interval: ttl / 3, patience: (ttl / 3).min(PATIENCE) }
    }
}

/// Announces an instance, and keeps it announced until the lease ends.
///
/// # Errors
/// The engine cannot be reached, or refuses.
pub(crate) async fn register<A: Announcement>(
    announcement: A,
    timing: Timing,
) -> Result<Box<dyn Lease>, RegistryError> {
    within(timing.patience, &announcement, announcement.announce()).await?;
    let health = Health::of(announcement.name());
    let held = Arc::new(Held { announcement, health });
    let mut keeper = JoinSet::new();
    keeper.spawn(keep(Arc::clone(&held), timing));
    let (runtime, patience) = (Handle::current(), timing.patience);
    Ok(Box::new(Kept { held: Some(held), keeper, patience, runtime }))
}

/// An instance that is announced, and how that has been going.
struct Held<A> {
    announcement: A,
    health: Health,
}

impl<A: Announcement> Held<A> {
    /// One renewal, or what it takes instead.
    async fn renew(&self, patience: Duration) -> Result<Renewal, RegistryError> {
        let announcement = &self.announcement;
        let renewal = within(patience, announcement, announcement.renew()).await?;
        if renewal == Renewal::Gone {
            within(patience, announcement, announcement.announce()).await?;
        }
        Ok(renewal)
    }
}

/// Renews until the task is stopped.
async fn keep<A: Announcement>(held: Arc<Held<A>>, timing: Timing) {
    let mut failures: u32 = 0;
    loop {
        sleep(if failures == 0 { timing.interval } else { pause(failures).min(timing.interval) })
            .await;
        match held.renew(timing.patience).await {
            Ok(renewal) => {
                failures = 0;
                held.health.renewed(renewal);
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                held.health.failed(error);
            }
        }
    }
}

struct Kept<A: Announcement> {
    /// `None` once it was withdrawn.
    held: Option<Arc<Held<A>>>,
    keeper: JoinSet<()>,
    patience: Duration,
    /// Where it was registered: whoever drops it may be a thread without one.
    runtime: Handle,
}

impl<A: Announcement> Lease for Kept<A> {
    fn revoke(mut self: Box<Self>) -> RegistryFuture<()> {
        Box::pin(async move {
            // A renewal under way must not put back what is taken away.
            self.keeper.shutdown().await;
            let Some(held) = &self.held else { return Ok(()) };
            let announcement = &held.announcement;
            let withdrawn = within(self.patience, announcement, announcement.withdraw()).await;
            // Not before: whoever gives up waiting leaves the rest to `drop`.
            self.held = None;
            withdrawn
        })
    }

    fn health(&self) -> LeaseHealth {
        self.held.as_ref().map(|held| held.health.told()).unwrap_or_default()
    }
}

impl<A: Announcement> Drop for Kept<A> {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let (mut keeper, patience) = (std::mem::take(&mut self.keeper), self.patience);
        let withdraw = async move {
            keeper.shutdown().await;
            let announcement = &held.announcement;
            if let Err(error) = within(patience, announcement, announcement.withdraw()).await {
                tracing::warn!(instance = announcement.name(), %error, "cannot leave the registry");
            }
        };
        // Nobody waits for it: whoever drops a lease cannot. It ends within `patience`. Where the
        // runtime has ended, the record goes when its time is up.
        drop(self.runtime.spawn(withdraw));
    }
}

/// Gives a request to the engine so long.
async fn within<T, A: Announcement>(
    patience: Duration,
    announcement: &A,
    request: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    match timeout(patience, request).await {
        Ok(done) => done,
        Err(elapsed) => {
            let why = format!("{}: no answer within {patience:?}", announcement.name());
            Err(RegistryError::new(why).with_source(elapsed))
        }
    }
}

/// Before the next attempt after so many failures: at random between nothing and a bound that
/// grows, so that those who lost the engine together do not come back together.
pub(crate) fn pause(failures: u32) -> Duration {
    let bound = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(MAX_PAUSE);
    let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(fastrand::u64(0..=nanos))
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// An engine that is back is found within two seconds.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How long one request to an engine may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
