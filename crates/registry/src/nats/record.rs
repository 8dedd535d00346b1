//! One instance that is answered for.

use std::sync::Arc;

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
}

impl Record {
    pub(super) fn new(link: Arc<Link>, instance: &Instance) -> Self {
        let record = ServiceRecord::of(instance, NAME);
        let (json, token) = (record.to_json(), link.owned.token());
        Self { link, record, id: instance.id.clone(), json, token }
    }
}

impl Announcement for Record {
    async fn announce(&self) -> Result<(), RegistryError> {
        self.link.answer().await?;
        let owned = &self.link.owned;
        if !owned.insert(&self.record.name, &self.id, self.token, &self.json) {
            // Another registration of the id has come since.
            return Ok(());
        }
        self.link.tell(&Asked::created(self.record.clone())).await
    }

    async fn renew(&self) -> Result<Renewal, RegistryError> {
        // There is nothing to be lost over NATS; who watches is told that it is still there.
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
