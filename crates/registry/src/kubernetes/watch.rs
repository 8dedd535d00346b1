//! Follows the slices of one Service.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use polywire_core::{Instance, RegistryError};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout};

use super::api::{Api, Changes, Failure, GONE, JITTER_SECS, WATCH_TIME};
use super::slice::{Slice, instances};
use crate::follow::Source;
use crate::http::Lines;

/// A Service: listed once, then watched from the version of the list.
pub(super) struct Watch {
    api: Api,
    namespace: String,
    service: String,
    port: String,
    slices: BTreeMap<String, Slice>,
    /// What is known; `None` if all has to be listed.
    version: Option<String>,
    lines: Option<Lines>,
    /// Slices that were complained about.
    told: BTreeSet<String>,
    /// When to list and to begin a watch at the earliest.
    next_list: Instant,
    next_watch: Instant,
}

/// One line of a watch. An error has the failure where others have an object.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: serde_json::Value,
}

impl Watch {
    pub(super) fn new(api: Api, namespace: String, service: String, port: String) -> Self {
        let now = Instant::now();
        Self {
            api,
            namespace,
            service,
            port,
            slices: BTreeMap::new(),
            version: None,
            lines: None,
            told: BTreeSet::new(),
            next_list: now,
            next_watch: now,
        }
    }

    async fn change(&mut self) -> Result<(), RegistryError> {
        loop {
            let Some(version) = &self.version else { return self.list().await };
            let Some(lines) = &mut self.lines else {
                sleep_until(self.next_watch).await;
                self.next_watch = Instant::now() + INTERVAL;
                match self.api.changes(&self.namespace, &self.service, version).await? {
                    Changes::Known(lines) => self.lines = Some(lines),
                    Changes::Forgotten => self.version = None,
                }
                continue;
            };
            let Ok(line) = timeout(SILENCE, lines.next()).await else {
                let why = format!("{}: a watch that does not end", self.name());
                return Err(RegistryError::new(why));
            };
            match line? {
                Some(line) if self.apply(&line)? => return Ok(()),
                Some(_) => {}
                // It has gone on for as long as was asked for.
                None => self.lines = None,
            }
        }
    }

    async fn list(&mut self) -> Result<(), RegistryError> {
        sleep_until(self.next_list).await;
        self.next_list = Instant::now() + INTERVAL;
        let list = self.api.slices(&self.namespace, &self.service).await?;
        let slices = list.items.unwrap_or_default().into_iter();
        self.slices = slices.map(|slice| (slice.metadata.name.clone(), slice)).collect();
        self.version = Some(list.metadata.resource_version);
        Ok(())
    }

    /// Takes note of an event; `true` if it changes the slices.
    fn apply(&mut self, line: &[u8]) -> Result<bool, RegistryError> {
        let odd = |error| {
            let why = format!("`{}` in Kubernetes: an event that is none", self.service);
            RegistryError::new(why).with_source(error)
        };
        let event: Event = serde_json::from_slice(line).map_err(odd)?;
        if event.kind == "ERROR" {
            let failure: Failure = serde_json::from_value(event.object).map_err(odd)?;
            if failure.code == GONE {
                (self.version, self.lines) = (None, None);
                return Ok(false);
            }
            let why = format!("{}: {} {}", self.name(), failure.code, failure.message);
            return Err(RegistryError::new(why));
        }
        let slice: Slice = serde_json::from_value(event.object).map_err(odd)?;
        self.version = Some(slice.metadata.resource_version.clone());
        match &*event.kind {
            "ADDED" | "MODIFIED" => {
                self.slices.insert(slice.metadata.name.clone(), slice);
                Ok(true)
            }
            "DELETED" => Ok(self.slices.remove(&slice.metadata.name).is_some()),
            // Bookmarks bring a version and nothing else.
            _ => Ok(false),
        }
    }

    fn instances(&mut self) -> Vec<Instance> {
        let (found, portless) = instances(&self.service, &self.port, self.slices.values());
        let Self { service, port, .. } = &*self;
        for slice in portless.iter().filter(|&&slice| !self.told.contains(slice)) {
            tracing::warn!(service, slice, port, "skipped: no port of this name, and not just one");
        }
        self.told = portless.into_iter().map(str::to_owned).collect();
        found
    }
}

impl Source for Watch {
    async fn next(&mut self) -> Result<Vec<Instance>, RegistryError> {
        if let Err(error) = self.change().await {
            (self.version, self.lines) = (None, None);
            return Err(error);
        }
        Ok(self.instances())
    }

    fn name(&self) -> String {
        format!("`{}` of namespace `{}` in Kubernetes", self.service, self.namespace)
    }
}

/// Between two lists, and between the beginnings of two watches, whatever comes of them.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a watch may be without a word: longer than it was asked to go on.
const SILENCE: Duration = Duration::from_secs(WATCH_TIME.as_secs() + JITTER_SECS + 10);
