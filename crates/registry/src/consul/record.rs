//! What Consul keeps of an instance, as go-micro writes and reads it: version, methods and metadata
//! are packed into tags.

mod tags;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use polywire_core::{Instance, InstanceMethod};
use serde::{Deserialize, Serialize};

use self::tags::{Tags, endpoints, metadata, version};
use crate::micro::{self, Metadata};

/// What go-micro calls this registry in the metadata of nodes.
pub(super) const REGISTRY: &str = "consul";

/// The entry of Consul's metadata that says whose registration it is; go-micro reads none of them.
pub(super) const LEASE: &str = "polywire-lease";

/// What an agent is asked to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Registration {
    #[serde(rename = "ID")]
    pub(super) id: String,
    pub(super) name: String,
    pub(super) tags: Vec<String>,
    pub(super) port: u16,
    pub(super) address: String,
    pub(super) meta: Metadata,
    pub(super) check: Check,
}

/// The instance is good as long as somebody says so in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Check {
    #[serde(rename = "TTL")]
    ttl: String,
    deregister_critical_service_after: String,
    status: &'static str,
}

/// A service's instance, as an agent and as the catalog tell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Registered {
    #[serde(rename = "ID")]
    pub(super) id: String,
    pub(super) service: String,
    pub(super) tags: Option<Vec<String>>,
    pub(super) address: String,
    pub(super) port: u32,
    pub(super) meta: Option<Metadata>,
    pub(super) modify_index: u64,
}

/// An instance, where it runs, and what its checks say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Entry {
    node: Option<Node>,
    pub(super) service: Registered,
    checks: Option<Vec<CheckState>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Node {
    address: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CheckState {
    status: String,
}

impl Registration {
    /// The registration of an instance that is gone when nobody has said otherwise for `ttl`.
    pub(super) fn of(instance: &Instance, ttl: Duration, lease: &str) -> Self {
        let all = micro::node_metadata(instance, REGISTRY);
        let (address, port) = split(instance.address.as_str());
        let mut tags: Vec<String> = tags::of_metadata(&all).collect();
        tags.extend(micro::endpoints_of(instance).iter().map(tags::of_endpoint));
        tags.push(tags::of_version(&micro::version_of(instance)));
        // Consul refuses the whole registration for one entry that it does not take. The tags
        // have them all.
        let takes = all.into_iter().filter(|(key, value)| is_taken(key, value));
        let mut meta: Metadata = takes.take(MAX_META - 1).collect();
        meta.insert(LEASE.to_owned(), lease.to_owned());
        let (id, name) = (instance.id.clone(), instance.service.clone());
        Self { id, name, tags, port, address: address.to_owned(), meta, check: Check::of(ttl) }
    }

    /// Whether this is what an agent or the catalog has.
    pub(super) fn is(&self, found: &Registered) -> bool {
        let meta = found.meta.as_ref();
        let tags = |tags: &[String]| tags.iter().cloned().collect::<BTreeSet<_>>();
        self.id == found.id
            && self.name == found.service
            && self.address == found.address
            && u32::from(self.port) == found.port
            && self
                .meta
                .iter()
                .all(|(key, value)| meta.and_then(|meta| meta.get(key)) == Some(value))
            && tags(&self.tags) == tags(found.tags.as_deref().unwrap_or_default())
    }

    /// The name of the check that the registration comes with.
    pub(super) fn check_id(&self) -> String {
        format!("service:{}", self.id)
    }
}

impl Check {
    fn of(ttl: Duration) -> Self {
        // As go-micro has it: Consul looks after a minute at the earliest.
        let after = if ttl < MINUTE { MINUTE } else { ttl };
        Self {
            ttl: duration(ttl),
            deregister_critical_service_after: duration(after + SPLAY),
            status: "passing",
        }
    }
}

impl Registered {
    /// Whose registration it is, if polywire's.
    pub(super) fn lease(&self) -> Option<&str> {
        self.meta.as_ref()?.get(LEASE).map(String::as_str)
    }
}

impl Entry {
    /// Whether any check says that the instance, or the machine it runs on, is not to be used.
    pub(super) fn is_critical(&self) -> bool {
        self.checks.iter().flatten().any(|check| check.status == "critical")
    }

    /// Where the instance is; `None` without a port.
    fn address(&self) -> Option<String> {
        let (own, port) = (&self.service.address, self.service.port);
        if port == 0 {
            // What was no host with a port has been kept as it was.
            let whole = own.contains(':') && own.parse::<IpAddr>().is_err();
            return whole.then(|| own.clone());
        }
        let node = self.node.as_ref().map(|node| node.address.as_str()).unwrap_or_default();
        let host = if own.is_empty() { node } else { own };
        if host.is_empty() {
            return None;
        }
        let bare = host.contains(':') && !host.starts_with('[');
        Some(if bare { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    }
}

/// Reads what the catalog tells of services.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The instances of the last answer that were complained about: once is enough.
    told: BTreeSet<String>,
}

impl Reader {
    /// The instances that can be called. What is wrong with one is logged, and does nothing to the
    /// others.
    pub(super) fn instances(&mut self, service: &str, entries: &[Entry]) -> Vec<Instance> {
        let mut answer = Answer { left: MAX_UNPACKED_BYTES, methods: HashMap::new() };
        let mut newest: BTreeMap<&str, (u64, Instance)> = BTreeMap::new();
        let mut told = BTreeSet::new();
        for entry in entries {
            let found = &entry.service;
            if entry.is_critical() || found.service != service {
                continue;
            }
            let (instance, wrong) = answer.instance(entry);
            if let Some(why) = wrong {
                if !self.told.contains(&found.id) {
                    tracing::warn!(service, node = found.id, why, "odd registration in consul");
                }
                told.insert(found.id.clone());
            }
            let Some(instance) = instance else { continue };
            // An instance that has moved to another agent is at both for a while.
            let known = newest.get(found.id.as_str()).map(|(index, _)| *index);
            if known.is_none_or(|index| index < found.modify_index) {
                newest.insert(&found.id, (found.modify_index, instance));
            }
        }
        self.told = told;
        newest.into_values().map(|(_, instance)| instance).collect()
    }
}

/// One answer while it is read.
struct Answer<'a> {
    /// How much may still be unpacked.
    left: usize,
    /// Most instances of a service have the same ones.
    methods: HashMap<Vec<&'a str>, Arc<[InstanceMethod]>>,
}

impl<'a> Answer<'a> {
    /// The instance, if there is a way to it, and the first thing that is wrong with it.
    fn instance(&mut self, entry: &'a Entry) -> (Option<Instance>, Option<String>) {
        let found = &entry.service;
        let Some(address) = entry.address() else {
            return (None, Some("skipped, since it has no port".to_owned()));
        };
        let mut tags = Tags::new(found.tags.as_deref().unwrap_or_default(), self.left);
        let mut instance = Instance::new(&*found.service, &*found.id, address.into())
            .with_version(micro::version_from(version(&mut tags)));
        let own = metadata(&mut tags).or_else(|| {
            // Registered by something other than go-micro and polywire.
            let mut meta = found.meta.clone()?;
            meta.remove(LEASE);
            Some(meta)
        });
        instance.metadata = micro::metadata_from(own, REGISTRY);
        let key = tags.of_kind('e');
        if let Some(methods) = self.methods.get(&key) {
            instance.methods = Arc::clone(methods);
        } else {
            instance.methods = endpoints(&mut tags).into_iter().map(InstanceMethod::from).collect();
            self.methods.insert(key, Arc::clone(&instance.methods));
        }
        self.left = tags.left();
        (Some(instance), tags.into_wrong())
    }
}

/// Host and port, if they say all there is; otherwise the whole text, and no port.
fn split(address: &str) -> (&str, u16) {
    let parts = address.rsplit_once(':').and_then(|(host, digits)| {
        let port: u16 = digits.parse().ok()?;
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match inner {
            Some(inner) if inner.contains(':') => inner,
            None if !host.contains([':', '[', ']']) => host,
            _ => return None,
        };
        let plain = port != 0 && port.to_string() == digits && !host.is_empty();
        plain.then_some((host, port))
    });
    parts.unwrap_or((address, 0))
}

/// Whether Consul takes this as metadata of a service.
fn is_taken(key: &str, value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !key.is_empty()
        && key.len() <= MAX_META_KEY_BYTES
        && key.bytes().all(plain)
        && !key.starts_with(RESERVED)
        && key != LEASE
        && value.len() <= MAX_META_VALUE_BYTES
}

/// A time as Go writes it: `1m30s`.
fn duration(time: Duration) -> String {
    if time.subsec_nanos() != 0 {
        return format!("{}ms", time.as_millis());
    }
    let (hours, minutes, seconds) =
        (time.as_secs() / 3600, time.as_secs() / 60 % 60, time.as_secs() % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// How long an instance is to have been critical at least before Consul removes it.
const MINUTE: Duration = Duration::from_secs(60);

/// What go-micro adds to that.
const SPLAY: Duration = Duration::from_secs(5);

/// How many entries of metadata Consul takes.
const MAX_META: usize = 64;
const MAX_META_KEY_BYTES: usize = 128;
const MAX_META_VALUE_BYTES: usize = 512;

/// What the keys of Consul's own metadata begin with.
const RESERVED: &str = "consul-";

/// How much is unpacked of the tags of one answer: some 10 000 instances with a method each of its
/// own. What is beyond has its address still.
const MAX_UNPACKED_BYTES: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests;
