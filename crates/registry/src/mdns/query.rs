//! What others have registered, as far as somebody here wants to know.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::Name;
use polywire_core::{Instance, RegistryError};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::name::name;
use super::packet::{Told, query_instance, query_service};
use super::record::{LIST, NoInstance, instance};

/// What is known of a service: nothing yet, its instances, or why it could not be asked for.
pub(super) type Known = Option<Result<Arc<[Instance]>, RegistryError>>;

/// Sends a question to everyone.
pub(super) type Ask<'a> = &'a mut dyn FnMut(Vec<u8>) -> Result<(), RegistryError>;

/// The services that are watched. It opens no sockets, and is told what time it is.
#[derive(Debug)]
pub(super) struct Queries {
    /// `.micro`.
    suffix: String,
    times: Times,
    services: HashMap<String, Watched>,
    lists: Vec<List>,
}

/// How long to wait for answers, and how often to ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) gather: Duration,
    pub(super) refresh: Duration,
}

/// `Gathering -> Asking <-> Doubting`: everyone is asked; who does not answer is asked alone.
#[derive(Debug)]
struct Watched {
    /// `greeter.micro`.
    name: Name,
    /// `micro`.
    domain: String,
    /// `.greeter.micro`.
    suffix: String,
    changes: watch::Sender<Known>,
    instances: HashMap<String, Entry>,
    /// What the instances take.
    bytes: usize,
    /// Until when the first answers are awaited.
    gathering: Option<Instant>,
    /// Whether nobody has answered the first question in time.
    in_vain: bool,
    ask: Instant,
    /// When those who have not answered are asked again.
    doubt: Option<Instant>,
    is_full: bool,
    has_changed: bool,
}

/// One instance, by the name it has in DNS.
#[derive(Debug)]
struct Entry {
    /// Of what was told last, so that the same is not read again.
    fingerprint: u64,
    state: State,
    bytes: usize,
    /// Questions since it was last heard of.
    unanswered: u32,
}

#[derive(Debug)]
enum State {
    Here(Box<Instance>),
    /// Broken.
    Skipped,
    /// It has said goodbye; what it said before may still be under way until then.
    Gone(Instant),
}

/// Somebody who waits for the list of services.
#[derive(Debug)]
struct List {
    until: Instant,
    /// Whether nobody has answered the first question in time.
    in_vain: bool,
    names: BTreeSet<String>,
    reply: oneshot::Sender<Result<Vec<String>, RegistryError>>,
}

impl Queries {
    pub(super) fn new(domain: &str, times: Times) -> Self {
        let suffix = format!(".{domain}");
        Self { suffix, times, services: HashMap::new(), lists: Vec::new() }
    }

    /// What is known of a service, from now on.
    ///
    /// # Errors
    /// Its name is too long for DNS.
    pub(super) fn watch(
        &mut self,
        now: Instant,
        service: &str,
    ) -> Result<watch::Receiver<Known>, RegistryError> {
        if let Some(watched) = self.services.get(service) {
            return Ok(watched.changes.subscribe());
        }
        let domain = self.suffix.trim_start_matches('.');
        let watched = Watched {
            name: name(&[service, domain])?,
            domain: domain.to_owned(),
            suffix: format!(".{service}{}", self.suffix),
            changes: watch::Sender::new(None),
            instances: HashMap::new(),
            bytes: 0,
            gathering: Some(now + self.times.gather),
            in_vain: false,
            ask: now,
            doubt: None,
            is_full: false,
            has_changed: false,
        };
        let receiver = watched.changes.subscribe();
        self.services.insert(service.to_owned(), watched);
        Ok(receiver)
    }

    /// Asks for the names of all services.
    pub(super) fn list(
        &mut self,
        now: Instant,
        reply: oneshot::Sender<Result<Vec<String>, RegistryError>>,
        ask: Ask<'_>,
    ) {
        match self.ask_for_list(ask) {
            Ok(()) => {
                let until = now + self.times.gather;
                self.lists.push(List { until, in_vain: false, names: BTreeSet::new(), reply });
            }
            // Whoever asked may have gone.
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn ask_for_list(&self, ask: Ask<'_>) -> Result<(), RegistryError> {
        let name = name(&[LIST, self.suffix.trim_start_matches('.')])?;
        ask(query_service(fastrand::u16(..), &name))
    }

    /// Takes note of what somebody told.
    pub(super) fn heard(&mut self, now: Instant, told: &Told) {
        let Some(rest) = told.name.strip_suffix(&self.suffix[..]) else { return };
        if let Some(service) = rest.strip_suffix(LIST).and_then(|rest| rest.strip_suffix('.')) {
            if !told.is_gone {
                for list in &mut self.lists {
                    if list.names.len() < MAX_SERVICES {
                        list.names.insert(service.to_owned());
                    }
                }
            }
            return;
        }
        for (service, watched) in &mut self.services {
            let id = told.name.strip_suffix(&watched.suffix[..]).filter(|id| !id.is_empty());
            if let Some(id) = id {
                watched.heard(now, service, id, told);
            }
        }
    }

    /// Does what is due: asks, gives up, tells watchers.
    pub(super) fn tick(&mut self, now: Instant, ask: Ask<'_>) {
        self.services.retain(|_, watched| watched.changes.receiver_count() > 0);
        for (service, watched) in &mut self.services {
            watched.tick(now, service, self.times, ask);
        }
        let mut again = false;
        for list in self.lists.iter_mut().filter(|list| list.until <= now) {
            if list.names.is_empty() && !list.in_vain {
                (list.in_vain, again) = (true, true);
                list.until = now + self.times.gather;
            }
        }
        if again && let Err(error) = self.ask_for_list(ask) {
            tracing::debug!(%error, "cannot ask for the services");
        }
        for list in self.lists.extract_if(.., |list| list.until <= now) {
            drop(list.reply.send(Ok(list.names.into_iter().collect())));
        }
    }

    /// When there will be something to do, unless something is heard before.
    pub(super) fn due(&self) -> Option<Instant> {
        let services = self.services.values();
        let times = services.flat_map(|one| [Some(one.ask), one.gathering, one.doubt]);
        times.flatten().chain(self.lists.iter().map(|list| list.until)).min()
    }
}

impl Entry {
    /// Whether it ought to answer.
    fn is_expected(&self) -> bool {
        !matches!(self.state, State::Gone(_))
    }
}

impl Watched {
    fn heard(&mut self, now: Instant, service: &str, id: &str, told: &Told) {
        let mut hasher = DefaultHasher::new();
        told.hash(&mut hasher);
        let fingerprint = hasher.finish();
        if told.is_gone {
            return self.gone(now, id);
        }
        if let Some(entry) = self.instances.get_mut(id) {
            entry.unanswered = 0;
            match entry.state {
                State::Gone(until) if now < until => return,
                State::Here(_) | State::Skipped if entry.fingerprint == fingerprint => return,
                State::Here(_) | State::Skipped | State::Gone(_) => {}
            }
        } else if self.instances.len() >= MAX_INSTANCES {
            return self.full(service);
        }
        let (state, bytes) = match instance(service, id, told) {
            Ok((instance, bytes)) => (State::Here(Box::new(instance)), bytes),
            Err(NoInstance::Other) => return,
            Err(NoInstance::Broken(why)) => {
                tracing::warn!(service, id, why, "skipping a broken record in multicast DNS");
                (State::Skipped, 0)
            }
        };
        let before = self.instances.get(id).map_or(0, |entry| entry.bytes);
        if self.bytes - before + bytes > MAX_SERVICE_BYTES {
            return self.full(service);
        }
        self.bytes = self.bytes - before + bytes;
        self.instances.insert(id.to_owned(), Entry { fingerprint, state, bytes, unanswered: 0 });
        self.has_changed = true;
    }

    fn gone(&mut self, now: Instant, id: &str) {
        // Of those that were never here nothing needs to be remembered.
        let Some(entry) = self.instances.get_mut(id) else { return };
        if !matches!(entry.state, State::Gone(_)) {
            self.bytes -= std::mem::take(&mut entry.bytes);
            entry.state = State::Gone(now + ECHO);
            self.has_changed = true;
        }
    }

    fn full(&mut self, service: &str) {
        if !self.is_full {
            self.is_full = true;
            let (instances, bytes) = (MAX_INSTANCES, MAX_SERVICE_BYTES);
            tracing::warn!(
                service,
                instances,
                bytes,
                "at the limit, further instances are ignored"
            );
        }
    }

    fn tick(&mut self, now: Instant, service: &str, times: Times, ask: Ask<'_>) {
        if self.gathering.is_some_and(|until| until <= now) {
            self.gathering = None;
            self.has_changed = true;
            // "Nobody" is said once it is sure: a question or an answer may be lost.
            if self.instances.is_empty() && !self.in_vain {
                self.in_vain = true;
                self.gathering = Some(now + times.gather);
                self.ask = now;
            }
        }
        if self.ask <= now {
            let first = self.gathering.is_some();
            // A second question soon, in case the first was lost.
            let pause = if first { times.refresh.min(AGAIN) } else { vary(times.refresh) };
            self.ask = now + pause;
            match ask(query_service(fastrand::u16(..), &self.name)) {
                Ok(()) => self.asked(now),
                // What is known stays good as long as nobody can be asked.
                Err(error) if first => {
                    self.gathering = Some(self.ask + times.gather);
                    self.changes.send_replace(Some(Err(error)));
                }
                Err(error) => tracing::debug!(service, %error, "cannot ask for the instances"),
            }
        }
        if self.doubt.is_some_and(|doubt| doubt <= now) {
            self.doubt = None;
            self.doubt(now, service, ask);
        }
        if self.has_changed && self.gathering.is_none() {
            self.has_changed = false;
            self.publish();
        }
    }

    /// A question went to everyone.
    fn asked(&mut self, now: Instant) {
        self.instances
            .retain(|_, entry| !matches!(entry.state, State::Gone(until) if until <= now));
        for entry in self.instances.values_mut().filter(|entry| entry.is_expected()) {
            entry.unanswered += 1;
        }
        if !self.instances.is_empty() {
            self.doubt = Some(now + ANSWER);
        }
    }

    /// Asks those that have not answered again, and drops those that were asked often enough.
    fn doubt(&mut self, now: Instant, service: &str, ask: Ask<'_>) {
        let (instances, bytes) = (&mut self.instances, &mut self.bytes);
        let dead = instances.extract_if(|_, entry| entry.unanswered >= QUESTIONS);
        for (id, entry) in dead {
            tracing::info!(service, id, "does not answer any more");
            *bytes -= entry.bytes;
            self.has_changed = true;
        }
        self.is_full &= !self.has_changed;
        let silent: Vec<String> = instances
            .iter()
            .filter(|(_, entry)| entry.is_expected() && entry.unanswered > 0)
            .map(|(id, _)| id.clone())
            .collect();
        let Some(most) = instances.values().map(|entry| entry.unanswered).max() else { return };
        if silent.is_empty() {
            return;
        }
        self.doubt = Some(now + ANSWER);
        // The last question is the first one again: that one has been answered before.
        let everyone = silent.len() > ALONE || most + 1 >= QUESTIONS;
        if everyone && ask(query_service(fastrand::u16(..), &self.name)).is_err() {
            return;
        }
        for id in silent {
            let asked = everyone || self.ask_alone(service, &id, ask);
            if let Some(entry) = self.instances.get_mut(&id).filter(|_| asked) {
                entry.unanswered += 1;
            }
        }
    }

    fn ask_alone(&self, service: &str, id: &str, ask: Ask<'_>) -> bool {
        let instance = name(&[id, service, &self.domain]);
        instance.and_then(|name| ask(query_instance(fastrand::u16(..), &name))).is_ok()
    }

    fn publish(&self) {
        let here = self.instances.values().filter_map(|entry| match &entry.state {
            State::Here(instance) => Some(Instance::clone(instance)),
            State::Skipped | State::Gone(_) => None,
        });
        self.changes.send_replace(Some(Ok(here.collect())));
    }
}

/// So that not everyone asks at the same moment for ever.
fn vary(pause: Duration) -> Duration {
    pause.mul_f32(0.9 + 0.2 * fastrand::f32())
}

/// After the first question.
const AGAIN: Duration = Duration::from_secs(1);

/// How long an answer may take before the question is put again.
pub(super) const ANSWER: Duration = Duration::from_secs(1);

/// Questions without an answer, one [`ANSWER`] apart, after which an instance is no more.
pub(super) const QUESTIONS: u32 = 3;

/// So many that do not answer are asked one by one; if there are more, everyone is asked.
const ALONE: usize = 8;

/// How long packets may arrive that were sent before a goodbye.
const ECHO: Duration = Duration::from_secs(1);

/// How many instances of one service are remembered.
const MAX_INSTANCES: usize = 4096;

/// How many bytes the instances of one service may take.
const MAX_SERVICE_BYTES: usize = 16 * 1024 * 1024;

/// How many services a list may have.
const MAX_SERVICES: usize = 4096;

#[cfg(test)]
mod tests;
