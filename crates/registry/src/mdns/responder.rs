//! What this process has registered: which answers questions get, and what is said unasked when.

use std::collections::BTreeMap;
use std::time::Duration;

use polywire_core::RegistryError;
use tokio::time::Instant;

use super::name::text;
use super::packet::{Question, Records};
use crate::keep::Renewal;

/// The instances of this process. It sends nothing itself, and is told what time it is.
#[derive(Debug, Default)]
pub(super) struct Responder {
    /// By their names in DNS.
    own: BTreeMap<String, Own>,
    /// By the names of their services in DNS: in the list of services as long as there is one.
    listed: BTreeMap<String, Listed>,
    due: BTreeMap<(Instant, u64), (Registration, Saying)>,
    last: u64,
}

/// Tells registrations apart, also those of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Registration(u64);

#[derive(Debug)]
struct Own {
    registration: Registration,
    records: Records,
    service: String,
}

#[derive(Debug)]
struct Listed {
    records: Records,
    instances: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saying {
    Probe,
    Announcement,
}

impl Responder {
    /// Takes an instance in, in place of the one of this name if there is one, and plans what is
    /// said about it: that it is there; three probes, as go-micro sends them; then three times
    /// again that it is there, one and two seconds apart.
    ///
    /// # Errors
    /// It does not fit into a packet.
    pub(super) fn register(
        &mut self,
        now: Instant,
        records: Records,
        listing: Records,
    ) -> Result<Registration, RegistryError> {
        records.announcement()?;
        self.last += 1;
        let registration = Registration(self.last);
        let name = text(&records.instance).unwrap_or_default();
        if let Some(old) = self.own.remove(&name) {
            self.unlist(&old.service);
        }
        let service = text(&records.service).unwrap_or_default();
        let listed = self.listed.entry(service.clone());
        listed.or_insert(Listed { records: listing, instances: 0 }).instances += 1;
        self.own.insert(name, Own { registration, records, service });
        self.plan(now, registration);
        Ok(registration)
    }

    /// Gives an instance other records by the same name, unless it was replaced, and plans what is
    /// said about it as for a new one. The registration stays what it is.
    ///
    /// # Errors
    /// They do not fit into a packet.
    pub(super) fn update(
        &mut self,
        now: Instant,
        registration: Registration,
        records: Records,
    ) -> Result<(), RegistryError> {
        records.announcement()?;
        if let Some(own) = self.own.values_mut().find(|own| own.registration == registration) {
            own.records = records;
            self.plan(now, registration);
        }
        Ok(())
    }

    fn plan(&mut self, now: Instant, registration: Registration) {
        // Those who watch need not wait for the end of the probes.
        self.at(now, registration, Saying::Announcement);
        let mut time = now;
        for _ in 0..PROBES {
            self.at(time, registration, Saying::Probe);
            time += PROBE_PAUSE.mul_f32(fastrand::f32());
        }
        for pause in ANNOUNCEMENTS {
            time += pause;
            self.at(time, registration, Saying::Announcement);
        }
    }

    fn at(&mut self, time: Instant, registration: Registration, saying: Saying) {
        self.last += 1;
        self.due.insert((time, self.last), (registration, saying));
    }

    /// Says of every instance that it is there.
    pub(super) fn announce_all(&mut self, now: Instant) {
        let registrations: Vec<_> = self.own.values().map(|own| own.registration).collect();
        for registration in registrations {
            self.at(now, registration, Saying::Announcement);
        }
    }

    /// The records of a registration, unless it was replaced.
    pub(super) fn records(&self, registration: Registration) -> Option<&Records> {
        self.own.values().find(|own| own.registration == registration).map(|own| &own.records)
    }

    /// What has become of a registration of these records that is no longer here: it was replaced by
    /// another of its name, or that one has gone as well.
    pub(super) fn fate(&self, records: &Records) -> Renewal {
        let name = text(&records.instance).unwrap_or_default();
        if self.own.contains_key(&name) { Renewal::Superseded } else { Renewal::Gone }
    }

    /// Takes an instance out, and gives what says so; `None` if it was replaced.
    pub(super) fn withdraw(&mut self, registration: Registration) -> Option<Vec<u8>> {
        let own = self.own.iter().find(|(_, own)| own.registration == registration);
        let name = own?.0.clone();
        let own = self.own.remove(&name)?;
        self.unlist(&own.service);
        own.records.goodbye().ok()
    }

    fn unlist(&mut self, service: &str) {
        if let Some(listed) = self.listed.get_mut(service) {
            listed.instances -= 1;
            if listed.instances == 0 {
                self.listed.remove(service);
            }
        }
    }

    /// The answers to a question, one packet per instance.
    pub(super) fn answers<'a>(
        &'a self,
        question: &'a Question,
    ) -> impl Iterator<Item = Vec<u8>> + 'a {
        let listed = self.listed.values().map(|listed| &listed.records);
        let records = self.own.values().map(|own| &own.records).chain(listed);
        records.filter_map(|records| records.answer(question).ok().flatten())
    }

    /// The next packet that is to be sent unasked by now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<u8>> {
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > now {
                return None;
            }
            let (registration, saying) = entry.remove();
            let packet = self.records(registration).map(|records| match saying {
                Saying::Probe => records.probe(fastrand::u16(..)),
                Saying::Announcement => records.announcement(),
            });
            if let Some(Ok(packet)) = packet {
                return Some(packet);
            }
        }
        None
    }

    /// When there will be something to send.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((time, _), _)| *time)
    }
}

const PROBES: u32 = 3;

/// At most, between two probes.
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// Before each announcement.
const ANNOUNCEMENTS: [Duration; 3] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];

#[cfg(test)]
mod tests;
