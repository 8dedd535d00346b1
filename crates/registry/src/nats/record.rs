//! One instance that is answered for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use polywire_core::{Instance, RegistryError};

use super::NAME;
use super::link::Link;
use super::wire::Asked;
use crate::keep::{Announcement, Renewal};
use crate::micro::ServiceRecord;

/// What is answered for one instance, while this lives.
pub(super) struct Record {
    link: Arc<Link>,
    record: ServiceRecord,
    id: String,
    json: String,
    token: u64,
    /// How often the connection had been lost when this was announced.
    losses: AtomicU64,
}

impl Record {
    pub(super) fn new(link: Arc<Link>, instance: &Instance) -> Self {
        let record = ServiceRecord::of(instance, NAME);
        let (json, token) = (record.to_json(), link.owned.token());
        let losses = AtomicU64::new(0);
        Self { link, record, id: instance.id.clone(), json, token, losses }
    }

    async fn lost(&self) -> Result<u64, RegistryError> {
        let losses = self.link.losses().await?;
        let lost = *losses.borrow();
        Ok(lost)
    }
}

impl Announcement for Record {
    async fn announce(&self) -> Result<(), RegistryError> {
        let lost = self.lost().await?;
        self.link.answer().await?;
        let owned = &self.link.owned;
        if !owned.insert(&self.record.name, &self.id, self.token, &self.json) {
            // Another registration of the id has come since, which the next renewal says.
            return Ok(());
        }
        self.link.tell(&Asked::created(self.record.clone())).await?;
        self.losses.store(lost, Ordering::Relaxed);
        Ok(())
    }

    async fn renew(&self) -> Result<Renewal, RegistryError> {
        if self.link.owned.is_superseded(&self.record.name, &self.id, self.token) {
            return Ok(Renewal::Superseded);
        }
        // While there was no connection nobody was answered.
        if self.lost().await? != self.losses.load(Ordering::Relaxed) {
            return Ok(Renewal::Gone);
        }
        // Who watches is told that it is still there.
        self.announce().await.map(|()| Renewal::Kept)
    }

    async fn withdraw(&self) -> Result<(), RegistryError> {
        if !self.link.owned.remove(&self.record.name, &self.id, self.token) {
            return Ok(());
        }
        self.link.tell(&Asked::deleted(self.record.clone())).await
    }

    fn name(&self) -> String {
        format!("{}/{} over NATS", self.record.name, self.id)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.link.owned.remove(&self.record.name, &self.id, self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::super::link::Settings;
    use super::*;

    #[tokio::test]
    async fn the_older_registration_of_an_id_is_superseded_while_the_newer_answers() {
        // Nobody is there: what this process has registered itself it knows without NATS.
        let link = Arc::new(Link::new(Settings::new(["127.0.0.1:1"]).unwrap()));
        let instance = Instance::new("s", "a", "h:1".into());
        let [first, second] = [0, 1].map(|_| Record::new(Arc::clone(&link), &instance));
        assert!(link.owned.insert("s", "a", second.token, &second.json));
        assert_eq!(first.renew().await.unwrap(), Renewal::Superseded);
        drop(second);
        assert!(!link.owned.is_superseded("s", "a", first.token));
    }
}
