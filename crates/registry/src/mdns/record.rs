//! Instances as records of DNS, and back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use polywire_core::{Instance, InstanceMethod, RegistryError, ValueShape};
use serde::{Deserialize, Serialize};

use super::name::name;
use super::packet::{Records, Told};
use crate::micro::{
    EndpointRecord, Metadata, endpoints_of, from_json, metadata_from, node_metadata, pack, to_json,
    unpack, version_from, version_of,
};

/// What go-micro puts into the text of an instance.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Text {
    metadata: Option<Metadata>,
    /// Empty if go-micro is not to see the instance: it could not connect to it.
    service: String,
    version: String,
    endpoints: Option<Vec<EndpointRecord>>,
    /// Where the instance is, if that is not what its A and SRV records say. go-micro skips it.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

/// Where and how the records of this process are.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub(super) domain: &'a str,
    pub(super) ttl: Duration,
    /// This host's name and address, for instances that name none that others could use.
    pub(super) host: &'a str,
    pub(super) here: IpAddr,
}

impl Place<'_> {
    /// The records of an instance.
    ///
    /// # Errors
    /// It has no service or id, or one of its names is too long.
    pub(super) fn records(&self, instance: &Instance) -> Result<Records, RegistryError> {
        if instance.service.is_empty() || instance.id.is_empty() {
            return Err(RegistryError::new("an instance needs a service and an id"));
        }
        let reach = reach(instance.address.as_str(), self.here);
        let endpoints = endpoints_of(instance);
        let text = Text {
            metadata: Some(node_metadata(instance, REGISTRY)),
            service: if reach.by_go { instance.service.clone() } else { String::new() },
            version: version_of(instance),
            endpoints: (!endpoints.is_empty()).then_some(endpoints),
            address: reach.exact,
        };
        // Refused here rather than when the list of services is asked for.
        name(&[&instance.service, LIST, self.domain])?;
        Ok(Records {
            service: name(&[&instance.service, self.domain])?,
            instance: name(&[&instance.id, &instance.service, self.domain])?,
            host: name(&[self.host])?,
            address: reach.address,
            port: reach.port,
            text: pack(to_json(&text).as_bytes()),
            ttl_secs: u32::try_from(self.ttl.as_secs()).unwrap_or(u32::MAX),
        })
    }

    /// The records by which a service is in the list of services.
    ///
    /// # Errors
    /// Its name is too long.
    pub(super) fn listing(&self, service: &str) -> Result<Records, RegistryError> {
        Ok(Records {
            service: name(&[LIST, self.domain])?,
            instance: name(&[service, LIST, self.domain])?,
            host: name(&[self.host])?,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: LIST_PORT,
            text: String::new(),
            ttl_secs: u32::try_from(self.ttl.as_secs()).unwrap_or(u32::MAX),
        })
    }
}

/// How an instance's address fits into records.
struct Reach {
    address: IpAddr,
    port: u16,
    /// The address as it is, where the records do not say it.
    exact: Option<String>,
    /// Whether go-micro can connect to it.
    by_go: bool,
}

fn reach(address: &str, here: IpAddr) -> Reach {
    if let Ok(socket) = address.parse::<SocketAddr>() {
        // "Everywhere on this host" is of no use to others.
        let ip = if socket.ip().is_unspecified() { here } else { socket.ip() };
        let scoped = matches!(socket, SocketAddr::V6(v6) if v6.scope_id() != 0);
        let exact = (scoped && !socket.ip().is_unspecified()).then(|| address.to_owned());
        // go-micro asks again and again for the records of a node at port 0.
        let known = socket.port() != 0;
        let port = if known { socket.port() } else { NO_PORT };
        let exact = if known { exact } else { Some(address.to_owned()) };
        return Reach { address: ip, port, exact, by_go: known };
    }
    let exact = Some(address.to_owned());
    match address.rsplit_once(':') {
        Some((host, port))
            if !matches!(host, "" | "unix" | "memory") && !host.contains(['/', ':']) =>
        {
            match port.parse() {
                // The name of this host, as this host knows it: others get the address.
                Ok(port) if port != 0 => Reach { address: here, port, exact, by_go: true },
                _ => Reach { address: here, port: NO_PORT, exact, by_go: false },
            }
        }
        _ => Reach { address: here, port: NO_PORT, exact, by_go: false },
    }
}

/// Why what was told is no instance of a service.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoInstance {
    /// It is one of another service, whose name ends alike.
    Other,
    /// It is broken; the text says how.
    Broken(String),
}

/// The instance of which this was told: `id` is what its name begins with. The number is how many
/// bytes it takes: its text, and the methods in it, which may be much larger than their text.
pub(super) fn instance(
    service: &str,
    id: &str,
    told: &Told,
) -> Result<(Instance, usize), NoInstance> {
    let broken = NoInstance::Broken;
    let packed = told.text.as_deref().ok_or_else(|| broken("it has no text".to_owned()))?;
    let json = unpack(packed, MAX_TEXT_BYTES).map_err(broken)?;
    let text: Text = from_json(&json).map_err(broken)?;
    let hidden = text.service.is_empty() && text.address.is_some();
    if text.service != service && !hidden {
        return Err(NoInstance::Other);
    }
    let address = match (text.address, told.address) {
        (Some(exact), _) => exact,
        (None, Some(ip)) => SocketAddr::new(ip, told.port).to_string(),
        (None, None) => return Err(broken("it has no address".to_owned())),
    };
    let methods: Vec<InstanceMethod> =
        text.endpoints.unwrap_or_default().into_iter().map(InstanceMethod::from).collect();
    let bytes = json.len() + memory_of(&methods);
    let mut instance = Instance::new(service, id, address.into())
        .with_version(version_from(text.version))
        .with_methods(methods);
    instance.metadata = metadata_from(text.metadata, REGISTRY);
    Ok((instance, bytes))
}

/// What methods take, apart from what their text says.
fn memory_of(methods: &[InstanceMethod]) -> usize {
    fn fields(shape: &ValueShape) -> usize {
        size_of_val(&shape.fields[..]) + shape.fields.iter().map(fields).sum::<usize>()
    }
    let shapes = methods.iter().flat_map(|method| method.request.iter().chain(&method.reply));
    size_of_val(methods) + shapes.map(fields).sum::<usize>()
}

/// What go-micro calls this registry.
const REGISTRY: &str = "mdns";

/// The service whose instances are the services.
pub(super) const LIST: &str = "_services";

/// What go-micro says as the port of a service in the list.
const LIST_PORT: u16 = 9999;

/// Of an instance without a port: the one that discards.
const NO_PORT: u16 = 9;

/// What the text of an instance may unpack to, which has come in one packet: some thousand methods.
const MAX_TEXT_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
