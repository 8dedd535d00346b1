//! The records that go-micro's registries keep: JSON that its versions from v1 to v6 read.
//!
//! polywire's instances are written so that go-micro sees its own; what else they say is in the
//! metadata of the node, where go-micro lets everything pass. Source of the facts: what v6.10
//! registers, byte for byte.

mod packed;

use std::collections::BTreeMap;
#[cfg(any(feature = "etcd", feature = "nats", test))]
use std::sync::Arc;

use polywire_core::{Instance, InstanceMethod, ValueShape};
use serde::{Deserialize, Serialize};

#[cfg(any(feature = "consul", feature = "mdns"))]
pub(crate) use self::packed::{pack, unpack};

/// A service as go-micro writes it: one version, any number of nodes.
#[cfg(any(feature = "etcd", feature = "nats", test))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceRecord {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) endpoints: Option<Vec<EndpointRecord>>,
    pub(crate) nodes: Option<Vec<NodeRecord>>,
}

/// A node of a service.
#[cfg(any(feature = "etcd", feature = "nats", test))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NodeRecord {
    pub(crate) metadata: Option<Metadata>,
    pub(crate) id: String,
    pub(crate) address: String,
}

/// A method of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointRecord {
    pub(crate) request: Option<ValueRecord>,
    pub(crate) response: Option<ValueRecord>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) name: String,
}

/// The shape of an argument or a result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ValueRecord {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) values: Option<Vec<Self>>,
}

/// Sorted, as Go writes maps.
pub(crate) type Metadata = BTreeMap<String, String>;

#[cfg(any(feature = "etcd", feature = "nats", test))]
impl ServiceRecord {
    /// The record of one instance, as the registry of this name keeps it.
    pub(crate) fn of(instance: &Instance, registry: &str) -> Self {
        Self {
            name: instance.service.clone(),
            version: version_of(instance),
            metadata: None,
            endpoints: none_if_empty(endpoints_of(instance)),
            nodes: Some(vec![NodeRecord {
                metadata: Some(node_metadata(instance, registry)),
                id: instance.id.clone(),
                address: instance.address.to_string(),
            }]),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is too large, no JSON, or no service; the text says which.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let record: Self = from_json(json)?;
        if record.name.is_empty() { Err("it names no service".to_owned()) } else { Ok(record) }
    }

    /// As JSON, to the byte as Go writes it.
    pub(crate) fn to_json(&self) -> String {
        to_json(self)
    }

    /// The instances of the record, without what `registry` itself has added to them. Nodes that say
    /// no address, which nobody can call, are passed over.
    pub(crate) fn into_instances(self, registry: &str) -> Vec<Instance> {
        let (name, version) = (self.name, version_from(self.version));
        let methods: Arc<[InstanceMethod]> =
            self.endpoints.unwrap_or_default().into_iter().map(InstanceMethod::from).collect();
        let instance = |node: NodeRecord| {
            let mut instance = Instance::new(name.clone(), node.id, node.address.into())
                .with_version(version.clone())
                .with_methods(Arc::clone(&methods));
            instance.metadata = metadata_from(node.metadata, registry);
            instance
        };
        let nodes = self.nodes.unwrap_or_default().into_iter();
        nodes.filter(|node| !node.address.is_empty()).map(instance).collect()
    }
}

/// What go-micro calls an instance that says no version.
const NO_VERSION: &str = "latest";

/// Where go-micro's servers write down which registry they are in.
const REGISTRY: &str = "registry";

/// What its servers are known by: the nodes of its broker over HTTP and of its web services, which say
/// no registry, have neither.
const OF_SERVERS: [&str; 2] = ["protocol", "server"];

/// The version to write: go-micro has a word for none.
pub(crate) fn version_of(instance: &Instance) -> String {
    let version = if instance.version.is_empty() { NO_VERSION } else { &instance.version };
    version.to_owned()
}

/// The version as read.
pub(crate) fn version_from(version: String) -> String {
    if version == NO_VERSION { String::new() } else { version }
}

/// What to write of an instance's metadata: all of it, and of a server which registry this is.
pub(crate) fn node_metadata(instance: &Instance, registry: &str) -> Metadata {
    let mut metadata = instance.metadata.clone();
    if is_server(&metadata) {
        metadata.entry(REGISTRY.to_owned()).or_insert_with(|| registry.to_owned());
    }
    metadata
}

/// The metadata as read, without what [`node_metadata`] has added.
pub(crate) fn metadata_from(metadata: Option<Metadata>, registry: &str) -> Metadata {
    let mut metadata = metadata.unwrap_or_default();
    if is_server(&metadata) && metadata.get(REGISTRY).is_some_and(|name| name == registry) {
        metadata.remove(REGISTRY);
    }
    metadata
}

fn is_server(metadata: &Metadata) -> bool {
    OF_SERVERS.iter().any(|key| metadata.contains_key(*key))
}

/// The methods to write.
pub(crate) fn endpoints_of(instance: &Instance) -> Vec<EndpointRecord> {
    instance.methods.iter().map(EndpointRecord::from).collect()
}

fn none_if_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

impl From<&InstanceMethod> for EndpointRecord {
    fn from(method: &InstanceMethod) -> Self {
        Self {
            request: method.request.as_ref().map(ValueRecord::from),
            response: method.reply.as_ref().map(ValueRecord::from),
            metadata: Some(method.metadata.clone()),
            name: method.name.clone(),
        }
    }
}

impl From<EndpointRecord> for InstanceMethod {
    fn from(record: EndpointRecord) -> Self {
        let mut method = Self::new(record.name);
        method.request = record.request.map(ValueShape::from);
        method.reply = record.response.map(ValueShape::from);
        method.metadata = record.metadata.unwrap_or_default();
        method
    }
}

impl From<&ValueShape> for ValueRecord {
    fn from(shape: &ValueShape) -> Self {
        Self {
            name: shape.name.clone(),
            type_name: shape.type_name.clone(),
            values: none_if_empty(shape.fields.iter().map(Self::from).collect()),
        }
    }
}

impl From<ValueRecord> for ValueShape {
    fn from(record: ValueRecord) -> Self {
        let fields = record.values.unwrap_or_default().into_iter().map(Self::from).collect();
        Self::new(record.name, record.type_name).with_fields(fields)
    }
}

/// As JSON, to the byte as Go's encoder writes it.
///
/// Go escapes what HTML gives a meaning to, and two line separators. All of these can only be
/// within strings.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    let plain = serde_json::to_string(value).unwrap_or_default();
    let mut escaped = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Reads what somebody has put into a registry.
///
/// # Errors
/// When it is longer than [`MAX_RECORD_BYTES`], or is not what it should be.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    if json.len() > MAX_RECORD_BYTES {
        return Err(format!("{} bytes, and the limit is {MAX_RECORD_BYTES}", json.len()));
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// How long a record may be. etcd takes values up to 1.5 MiB, Consul up to 512 KiB.
pub(crate) const MAX_RECORD_BYTES: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests;
