//! Keeps one instance registered with an agent.

use std::time::Duration;

use polywire_core::{Instance, RegistryError};
use tokio::time::{sleep, timeout};

use super::record::{Entry, Registered, Registration};
use super::wire::{Agent, Query};
use crate::keep::{Announcement, Renewal};

/// An instance at an agent.
pub(super) struct Announced {
    agent: Agent,
    registration: Registration,
    json: String,
    /// Which of the registrations of this id it is.
    lease: String,
    settling: Duration,
}

impl Announced {
    /// # Errors
    /// The instance lacks what Consul wants to know of all.
    pub(super) fn new(
        agent: Agent,
        instance: &Instance,
        ttl: Duration,
    ) -> Result<Self, RegistryError> {
        for (name, text) in [
            ("service", &*instance.service),
            ("id", &*instance.id),
            ("address", instance.address.as_str()),
        ] {
            if text.is_empty() {
                let Instance { service, id, .. } = instance;
                let why = format!("`{id}` of `{service}` has no {name}, and Consul wants one");
                return Err(RegistryError::new(why));
            }
        }
        let lease = format!("{:016x}", fastrand::u64(..));
        let registration = Registration::of(instance, ttl, &lease);
        let json = serde_json::to_string(&registration)
            .map_err(|error| RegistryError::new("no JSON").with_source(error))?;
        let settling = (ttl / 6).min(MAX_SETTLING);
        Ok(Self { agent, registration, json, lease, settling })
    }

    fn is_ours(&self, found: &Registered) -> bool {
        found.lease() == Some(&*self.lease)
    }

    /// Waits until the catalog says what the agent says, so that whoever looks next finds it so.
    ///
    /// Agents tell the catalog on their own, as soon as they can. If that is not at once, nobody
    /// gains from being kept waiting.
    async fn settle(&self, present: bool) {
        let there = |entry: &Entry| {
            self.is_ours(&entry.service)
                && self.registration.is(&entry.service)
                && !entry.is_critical()
        };
        let settled = async {
            let mut query = Query { wait: self.settling, ..Query::default() };
            query.only = Some(&self.registration.id);
            loop {
                let health = self.agent.health(&self.registration.name, query).await?;
                if health.entries.iter().any(there) == present {
                    return Ok::<_, RegistryError>(());
                }
                query.index = health.index;
                sleep(PAUSE).await;
            }
        };
        match timeout(self.settling, settled).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(instance = self.name(), %error, "the catalog cannot be asked");
            }
            Err(_elapsed) => {
                tracing::debug!(instance = self.name(), "the catalog has not taken note yet");
            }
        }
    }
}

impl Announcement for Announced {
    async fn announce(&self) -> Result<(), RegistryError> {
        self.agent.register(self.json.clone()).await.map_err(|error| {
            RegistryError::new(format!("cannot register {}", self.name())).with_source(error)
        })?;
        // A check that was there before keeps what it said.
        if !self.agent.pass(&self.registration.check_id()).await? {
            let why = format!("{} has lost its check as soon as it was registered", self.name());
            return Err(RegistryError::new(why));
        }
        self.settle(true).await;
        Ok(())
    }

    async fn renew(&self) -> Result<Renewal, RegistryError> {
        let Some(found) = self.agent.service(&self.registration.id).await? else {
            return Ok(Renewal::Gone);
        };
        if !self.is_ours(&found) && found.lease().is_some() {
            return Ok(Renewal::Superseded);
        }
        if !self.is_ours(&found) || !self.registration.is(&found) {
            return Ok(Renewal::Gone);
        }
        let passed = self.agent.pass(&self.registration.check_id()).await?;
        Ok(if passed { Renewal::Kept } else { Renewal::Gone })
    }

    async fn withdraw(&self) -> Result<(), RegistryError> {
        let found = self.agent.service(&self.registration.id).await?;
        if found.is_some_and(|found| self.is_ours(&found)) {
            self.agent.deregister(&self.registration.id).await?;
            self.settle(false).await;
        }
        Ok(())
    }

    fn name(&self) -> String {
        let Registration { id, name, .. } = &self.registration;
        format!("`{id}` of `{name}` in consul at {}", self.agent)
    }
}

/// Between two looks at the catalog.
const PAUSE: Duration = Duration::from_millis(10);

/// How long the catalog is waited for.
const MAX_SETTLING: Duration = Duration::from_secs(1);
