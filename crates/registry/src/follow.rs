//! From what an engine tells of a service to whole snapshots, through the engine's outages.

use std::future::Future;

use futures_util::{StreamExt, stream};
use polywire_core::{Instance, RegistryError, ServiceSnapshot, SnapshotStream};
use tokio::time::sleep;

use crate::keep::pause;

/// What an engine tells of one service.
pub(crate) trait Source: Send + 'static {
    /// Every instance there is: at once when it is asked for the first time and after an error,
    /// otherwise as soon as something may have changed.
    ///
    /// Changes between two calls are not lost. It may be dropped at any await, and is not used
    /// again then.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Instance>, RegistryError>> + Send;

    /// What logs call the service and its registry.
    fn name(&self) -> String;
}

/// The present snapshot, and one after each change. What was last known stays good while the
/// engine cannot be reached; then everything is asked for again.
///
/// # Errors
/// The engine cannot be reached to begin with.
pub(crate) async fn follow(mut source: impl Source) -> Result<SnapshotStream, RegistryError> {
    let first = ServiceSnapshot::new(source.next().await?);
    let rest = stream::unfold((source, first.clone()), |(mut source, last)| async move {
        let snapshot = change(&mut source, &last).await;
        Some((snapshot.clone(), (source, snapshot)))
    });
    Ok(stream::iter([first]).chain(rest).boxed())
}

/// Waits for a snapshot that differs from the last one.
async fn change(source: &mut impl Source, last: &ServiceSnapshot) -> ServiceSnapshot {
    let mut failures: u32 = 0;
    loop {
        match source.next().await {
            Ok(instances) => {
                if failures > 0 {
                    tracing::info!(service = source.name(), failures, "the registry is back");
                }
                failures = 0;
                let snapshot = ServiceSnapshot::new(instances);
                if snapshot != *last {
                    return snapshot;
                }
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                if failures == 1 {
                    let service = source.name();
                    tracing::warn!(service, %error, "the registry cannot be watched; keeping what is known");
                }
                sleep(pause(failures)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
