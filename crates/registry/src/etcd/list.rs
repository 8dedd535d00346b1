//! All records below a prefix.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use polywire_core::{Instance, RegistryError};

use super::NAME;
use super::gateway::Gateway;
use super::wire::{Base64, KeyValue, Number, RangeRequest, RangeResponse};
use crate::micro::ServiceRecord;

/// The records below a prefix, as of one revision.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) revision: Number,
    pub(super) entries: BTreeMap<Vec<u8>, Entry>,
}

/// What is at one key.
#[derive(Debug)]
pub(super) struct Entry {
    /// When it was written.
    pub(super) revision: Number,
    /// None if it is no record.
    pub(super) instances: Vec<Instance>,
}

impl Entry {
    pub(super) fn of(pair: &KeyValue, complaints: &Complaints) -> Self {
        let revision = pair.mod_revision;
        let instances = match ServiceRecord::parse(&pair.value.0) {
            Ok(record) => record.into_instances(NAME),
            Err(why) => {
                complaints.note(&pair.key, revision, &why);
                Vec::new()
            }
        };
        Self { revision, instances }
    }
}

/// Reads what is there now, from a majority of etcd's members.
pub(super) async fn list(
    gateway: &Gateway,
    complaints: &Complaints,
    prefix: &str,
) -> Result<Listed, RegistryError> {
    let all = below(prefix);
    let found: RangeResponse = gateway.ask("/v3/kv/range", &all).await?;
    let entry = |pair: KeyValue| {
        let entry = Entry::of(&pair, complaints);
        (pair.key.0, entry)
    };
    let entries = found.kvs.into_iter().map(entry).collect();
    Ok(Listed { revision: found.header.revision, entries })
}

/// All keys that begin so.
pub(super) fn below(prefix: &str) -> RangeRequest {
    let (key, range_end) = (Base64::of(prefix), Base64::end_of(prefix));
    RangeRequest { key, range_end, ..RangeRequest::default() }
}

/// What was said of values that are no records: once for each that is written.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<HashMap<Vec<u8>, Number>>);

impl Complaints {
    fn note(&self, key: &Base64, revision: Number, why: &str) {
        if self.is_new(key, revision) {
            tracing::warn!(key = key.text(), why, "skipping what is no record in etcd");
        }
    }

    fn is_new(&self, key: &Base64, revision: Number) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // To say something twice is better than to remember without end.
        if noted.len() >= MAX_NOTED {
            noted.clear();
        }
        noted.insert(key.0.clone(), revision) != Some(revision)
    }
}

/// How many complaints are remembered.
const MAX_NOTED: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_complained_of_once_until_it_is_written_again() {
        let complaints = Complaints::default();
        let (a, b) = (Base64::of("a"), Base64::of("b"));
        let said = [(&a, 1), (&a, 1), (&b, 1), (&a, 2), (&a, 2)]
            .map(|(key, revision)| complaints.is_new(key, Number(revision)));
        assert_eq!(said, [true, false, true, true, false]);
    }

    #[test]
    fn complaints_are_not_remembered_without_end() {
        let complaints = Complaints::default();
        for number in 0..10 * MAX_NOTED {
            complaints.is_new(&Base64::of(&number.to_string()), Number(1));
        }
        assert!(complaints.0.lock().unwrap().len() <= MAX_NOTED);
    }
}
