//! What etcd tells of one service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use polywire_core::{Instance, RegistryError};
use tokio::time::timeout;

use super::gateway::{Gateway, refused};
use super::list::{Complaints, Entry, Listed, below, list};
use super::wire::{
    Base64, Event, EventKind, Number, RangeRequest, RangeResponse, Streamed, WatchCreateRequest,
    WatchRequest, WatchResponse,
};
use crate::follow::Source;
use crate::http::Lines;

/// Follows one service: a list, and from the revision after it each change.
pub(super) struct Watch {
    gateway: Gateway,
    complaints: Arc<Complaints>,
    service: String,
    prefix: String,
    /// What is known; nothing at first and after an error.
    state: Option<State>,
}

struct State {
    known: Listed,
    /// `None` until it is looked for changes.
    lines: Option<Lines>,
}

/// What has come of waiting for a change.
enum Step {
    /// Nothing to speak of.
    Same,
    Changed,
    /// Changes were missed: what is known is to be forgotten.
    Lost,
}

impl Watch {
    pub(super) fn new(
        gateway: Gateway,
        complaints: Arc<Complaints>,
        service: &str,
        prefix: String,
    ) -> Self {
        Self { gateway, complaints, service: service.to_owned(), prefix, state: None }
    }

    /// Waits for one message, or looks whether there should have been one.
    async fn step(&self, state: &mut State) -> Result<Step, RegistryError> {
        let lines = match &mut state.lines {
            Some(lines) => lines,
            none => none.insert(self.open(state.known.revision).await?),
        };
        match timeout(SILENCE, lines.next()).await {
            Ok(line) => {
                let line = line?.ok_or_else(|| self.error("the watch has ended"))?;
                self.take(&mut state.known, &line)
            }
            Err(_silent) => self.probe(&state.known).await,
        }
    }

    async fn open(&self, known: Number) -> Result<Lines, RegistryError> {
        let create_request = WatchCreateRequest {
            key: Base64::of(&self.prefix),
            range_end: Base64::end_of(&self.prefix),
            start_revision: Number(known.0.saturating_add(1)),
            fragment: true,
        };
        Ok(self.gateway.stream("/v3/watch", &WatchRequest { create_request }).await?)
    }

    /// Applies one message.
    fn take(&self, known: &mut Listed, line: &[u8]) -> Result<Step, RegistryError> {
        let message: Streamed<WatchResponse> = serde_json::from_slice(line)
            .map_err(|error| self.error("not what a watch tells").with_source(error))?;
        let response = match message {
            Streamed { error: Some(why), .. } => return Err(refused(self.name(), why).into()),
            Streamed { result, .. } => result.unwrap_or_default(),
        };
        if response.compact_revision != Number(0) {
            // Something has changed that etcd no longer knows.
            return Ok(Step::Lost);
        }
        if response.canceled {
            return Err(self.error(&format!("the watch was ended: {}", response.cancel_reason)));
        }
        if response.created && response.header.revision < known.revision {
            // Another etcd, or the same one from a backup.
            return Ok(Step::Lost);
        }
        for event in &response.events {
            self.apply(known, event);
        }
        known.revision = known.revision.max(response.header.revision);
        let whole = !response.fragment && !response.events.is_empty();
        Ok(if whole { Step::Changed } else { Step::Same })
    }

    fn apply(&self, known: &mut Listed, event: &Event) {
        match event.kind {
            EventKind::Put => {
                let entry = Entry::of(&event.kv, &self.complaints);
                known.entries.insert(event.kv.key.0.clone(), entry);
            }
            EventKind::Delete => {
                known.entries.remove(&event.kv.key.0);
            }
        }
    }

    /// Asks elsewhere than on the watch, which may hang, whether anything has changed: the number of
    /// keys tells of deletions, the newest revision of all else.
    async fn probe(&self, known: &Listed) -> Result<Step, RegistryError> {
        let newest = RangeRequest {
            limit: Number(1),
            sort_order: Some("DESCEND"),
            sort_target: Some("MOD"),
            keys_only: true,
            ..below(&self.prefix)
        };
        let found: RangeResponse = self.gateway.ask("/v3/kv/range", &newest).await?;
        let revision = found.kvs.first().map(|pair| pair.mod_revision);
        let same = usize::try_from(found.count.0) == Ok(known.entries.len())
            && revision == known.entries.values().map(|entry| entry.revision).max();
        Ok(if same { Step::Same } else { Step::Lost })
    }

    /// The service's instances. A folder may hold others: `a/b` and `a-b` share one.
    fn instances(&self, known: &Listed) -> Vec<Instance> {
        let mut by_id = BTreeMap::new();
        for entry in known.entries.values() {
            for instance in entry.instances.iter().filter(|one| one.service == self.service) {
                by_id.insert(&instance.id, instance);
            }
        }
        by_id.into_values().cloned().collect()
    }

    fn error(&self, what: &str) -> RegistryError {
        RegistryError::new(format!("{}: {what}", self.name()))
    }
}

impl Source for Watch {
    async fn next(&mut self) -> Result<Vec<Instance>, RegistryError> {
        // Left behind by an error, so that everything is asked for anew.
        let mut taken = self.state.take();
        loop {
            let Some(state) = &mut taken else {
                let known = list(&self.gateway, &self.complaints, &self.prefix).await?;
                let instances = self.instances(&known);
                self.state = Some(State { known, lines: None });
                return Ok(instances);
            };
            match self.step(state).await? {
                Step::Same => {}
                Step::Lost => taken = None,
                Step::Changed => {
                    let instances = self.instances(&state.known);
                    self.state = taken;
                    return Ok(instances);
                }
            }
        }
    }

    fn name(&self) -> String {
        format!("{} in etcd", self.prefix)
    }
}

/// How long a watch may be silent before it is looked whether it should be. An etcd whose machine is
/// gone is noticed before that, by TCP.
const SILENCE: Duration = Duration::from_secs(30);
