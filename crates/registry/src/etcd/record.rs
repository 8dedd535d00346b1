//! One instance in etcd: a key, and the lease it is on.

use std::time::Duration;

use polywire_core::{Instance, RegistryError};

use super::NAME;
use super::gateway::{Gateway, GatewayError};
use super::wire::{
    Base64, Done, KeepAliveResponse, LeaseRequest, Number, PutRequest, RangeRequest, RangeResponse,
};
use crate::keep::{Announcement, Renewal};
use crate::micro::ServiceRecord;

/// What is to be in etcd for one instance.
///
/// The lease's id is chosen here, once, so that whatever a lost answer has left there is known to be
/// this record's: a lease that is there already is as good as one that was granted now, and revoking
/// it takes away this record even if nobody has seen it written.
pub(super) struct Record {
    gateway: Gateway,
    key: String,
    value: String,
    ttl: Duration,
    lease: Number,
}

impl Record {
    pub(super) fn new(gateway: Gateway, key: String, instance: &Instance, ttl: Duration) -> Self {
        let value = ServiceRecord::of(instance, NAME).to_json();
        let lease = Number(fastrand::i64(1..));
        Self { gateway, key, value, ttl, lease }
    }

    const fn lease(&self, ttl: Number) -> LeaseRequest {
        LeaseRequest { id: self.lease, ttl }
    }

    /// Whether another instance has taken the key: one that somebody else keeps there.
    fn is_superseded(&self, value: &[u8], lease: Number) -> bool {
        value != self.value.as_bytes() && lease != Number(0)
    }
}

impl Announcement for Record {
    async fn announce(&self) -> Result<(), RegistryError> {
        let ttl = Number(i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX));
        match self.gateway.ask::<Done>("/v3/lease/grant", &self.lease(ttl)).await {
            Ok(Done {}) => {}
            // It outlived its key, or the answer to the first attempt was lost.
            Err(GatewayError::Refused(refused, _)) if refused.is_precondition() => {}
            Err(error) => return Err(error.into()),
        }
        let (key, value) = (Base64::of(&self.key), Base64::of(&self.value));
        let put = PutRequest { key, value, lease: self.lease };
        let Done {} = self.gateway.ask("/v3/kv/put", &put).await?;
        Ok(())
    }

    async fn renew(&self) -> Result<Renewal, RegistryError> {
        // The key goes first: whoever has lost the lease must not write over a successor.
        let key = RangeRequest { key: Base64::of(&self.key), ..RangeRequest::default() };
        let found: RangeResponse = self.gateway.ask("/v3/kv/range", &key).await?;
        let found = found.kvs.first();
        if found.is_some_and(|found| self.is_superseded(&found.value.0, found.lease)) {
            return Ok(Renewal::Superseded);
        }
        // Also if the key is gone, so that what is announced again has all its time.
        let prolong = self.lease(Number(0));
        let left: KeepAliveResponse =
            self.gateway.ask_once("/v3/lease/keepalive", &prolong).await?;
        let ours = found.is_some_and(|found| {
            found.lease == self.lease && found.value.0 == self.value.as_bytes()
        });
        Ok(if ours && left.ttl > Number(0) { Renewal::Kept } else { Renewal::Gone })
    }

    async fn withdraw(&self) -> Result<(), RegistryError> {
        // With it goes what is on it: this record, and not one that has replaced it.
        match self.gateway.ask::<Done>("/v3/lease/revoke", &self.lease(Number(0))).await {
            Ok(Done {}) => Ok(()),
            Err(GatewayError::Refused(refused, _)) if refused.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn name(&self) -> String {
        format!("{} in etcd", self.key)
    }
}
