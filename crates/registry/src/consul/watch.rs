//! Follows one service in the catalog.

use std::time::Duration;

use polywire_core::{Instance, RegistryError};
use tokio::time::{Instant, sleep_until};

use super::record::Reader;
use super::wire::{Agent, Query};
use crate::follow::Source;

/// A service that is asked for again and again; the agent answers when something has changed.
pub(super) struct Watch {
    agent: Agent,
    service: String,
    reader: Reader,
    /// The index of the last answer; 0 if there is none.
    index: u64,
    /// When to ask again at the earliest.
    next: Instant,
}

impl Watch {
    pub(super) fn new(agent: Agent, service: String) -> Self {
        Self { agent, service, reader: Reader::default(), index: 0, next: Instant::now() }
    }
}

impl Source for Watch {
    async fn next(&mut self) -> Result<Vec<Instance>, RegistryError> {
        // Without a good answer, the next question is for what there is now.
        let index = std::mem::take(&mut self.index);
        sleep_until(self.next).await;
        self.next = Instant::now() + MIN_INTERVAL;
        // Watches that began together are not to end together.
        let wait = WAIT + Duration::from_millis(fastrand::u64(0..JITTER_MS));
        let health = self.agent.health(&self.service, Query { index, wait, only: None }).await?;
        // An index that goes backwards is of a catalog that was restored or begins anew, and an
        // index of 0 would not be waited for.
        self.index = if health.index < index { 0 } else { health.index };
        if health.index == 0 {
            self.next = Instant::now() + POLL;
        }
        Ok(self.reader.instances(&self.service, &health.entries))
    }

    fn name(&self) -> String {
        format!("`{}` in consul at {}", self.service, self.agent)
    }
}

/// How long an agent waits for a change, and how much longer at random.
const WAIT: Duration = Duration::from_secs(30);
const JITTER_MS: u64 = 10_000;

/// Between two questions where there is no index to wait with.
const POLL: Duration = Duration::from_secs(1);

/// Between two questions otherwise: some servers say at every change of anything that this may have changed.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
