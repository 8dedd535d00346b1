//! What this process answers for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::wire::Asked;

/// The records of the instances registered here, by service and id.
#[derive(Debug, Default)]
pub(super) struct Owned(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    records: BTreeMap<(String, String), (u64, String)>,
    last_token: u64,
}

impl Owned {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that tells one registration from another of the same id.
    pub(super) fn token(&self) -> u64 {
        let mut table = self.table();
        table.last_token += 1;
        table.last_token
    }

    /// Answers for an instance, instead of an older registration of its id; says whether it does.
    pub(super) fn insert(&self, service: &str, id: &str, token: u64, json: &str) -> bool {
        let key = (service.to_owned(), id.to_owned());
        let mut table = self.table();
        if table.records.get(&key).is_some_and(|(newer, _)| *newer > token) {
            return false;
        }
        table.records.insert(key, (token, json.to_owned()));
        true
    }

    /// Whether a newer registration of the id answers.
    pub(super) fn is_superseded(&self, service: &str, id: &str, token: u64) -> bool {
        let key = (service.to_owned(), id.to_owned());
        self.table().records.get(&key).is_some_and(|(present, _)| *present > token)
    }

    /// Answers no longer, unless a newer registration of the id does; says whether it did.
    pub(super) fn remove(&self, service: &str, id: &str, token: u64) -> bool {
        let key = (service.to_owned(), id.to_owned());
        let mut table = self.table();
        let own = table.records.get(&key).is_some_and(|(present, _)| *present == token);
        if own {
            table.records.remove(&key);
        }
        own
    }

    /// The answers to a question.
    pub(super) fn answers(&self, asked: &Asked) -> Vec<String> {
        let table = self.table();
        let records = table.records.iter();
        let about = records.filter(|((service, _), _)| asked.is_about(service));
        about.map(|(_, (_, json))| json.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_registration_of_an_id_answers() {
        let owned = Owned::default();
        let (first, second) = (owned.token(), owned.token());
        assert!(owned.insert("s", "a", first, "1"));
        assert!(owned.insert("s", "a", second, "2"));
        assert!(!owned.insert("s", "a", first, "1"));
        assert!(owned.is_superseded("s", "a", first) && !owned.is_superseded("s", "a", second));
        assert!(owned.insert("t", "b", owned.token(), "3"));
        assert_eq!(owned.answers(&Asked::service("s")), ["2"]);
        assert_eq!(owned.answers(&Asked::all()), ["2", "3"]);
        assert!(!owned.remove("s", "a", first));
        assert!(owned.remove("s", "a", second));
        assert!(!owned.is_superseded("s", "a", first));
        assert!(owned.answers(&Asked::service("s")).is_empty());
    }
}
