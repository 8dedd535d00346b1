//! From EndpointSlices to instances.

use std::collections::BTreeMap;

use polywire_core::Instance;
use serde::Deserialize;

use super::api::Metadata;

/// Some of the endpoints of a Service, all with the same ports: an EndpointSlice of
/// `discovery.k8s.io/v1`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Slice {
    pub(super) metadata: Metadata,
    address_type: String,
    endpoints: Option<Vec<Endpoint>>,
    ports: Option<Vec<Port>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Endpoint {
    addresses: Vec<String>,
    conditions: Conditions,
    zone: Option<String>,
    target_ref: Option<Target>,
}

/// What is not said is unknown.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    serving: Option<bool>,
    terminating: Option<bool>,
}

/// What an endpoint is, mostly a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Target {
    name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Port {
    name: Option<String>,
    port: Option<u16>,
    protocol: Option<String>,
}

/// How good an endpoint is; the better is the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    Ready,
    /// It ends, and answers still.
    Ending,
}

impl Conditions {
    /// `None` for an endpoint that cannot be called.
    fn state(&self) -> Option<Condition> {
        // Unknown readiness is to be taken for readiness, says the API.
        let ready = self.ready.unwrap_or(true);
        if self.terminating.unwrap_or(false) {
            self.serving.unwrap_or(false).then_some(Condition::Ending)
        } else {
            ready.then_some(Condition::Ready)
        }
    }
}

/// The instances in the slices of a service, at the port of this name or else the only one. Of each
/// slice without such a port the name is handed back.
pub(super) fn instances<'a>(
    service: &str,
    port: &str,
    slices: impl IntoIterator<Item = &'a Slice>,
) -> (Vec<Instance>, Vec<&'a str>) {
    let mut best: BTreeMap<String, (Condition, u8, Instance)> = BTreeMap::new();
    let mut portless = Vec::new();
    for slice in slices {
        let endpoints = slice.endpoints.as_deref().unwrap_or_default();
        let Some(port) = slice.port(port) else {
            if !endpoints.is_empty() {
                portless.push(&*slice.metadata.name);
            }
            continue;
        };
        for endpoint in endpoints {
            let (Some(state), Some(host)) =
                (endpoint.conditions.state(), endpoint.addresses.first())
            else {
                continue;
            };
            let address = if slice.address_type == "IPv6" {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            };
            let pod = endpoint.target_ref.as_ref().map(|target| &*target.name);
            let id = pod.filter(|name| !name.is_empty()).unwrap_or(&address).to_owned();
            let mut instance = Instance::new(service, id.clone(), address.into());
            if let Some(zone) = endpoint.zone.as_ref().filter(|zone| !zone.is_empty()) {
                instance = instance.with_metadata(ZONE, zone);
            }
            // In several slices: on its way from one to another, or with an address of each family.
            let rank = (state, family(&slice.address_type));
            let known = best.get(&id).map(|(state, family, _)| (*state, *family));
            if known.is_none_or(|known| rank < known) {
                best.insert(id, (rank.0, rank.1, instance));
            }
        }
    }
    let ready = best.values().any(|(state, ..)| *state == Condition::Ready);
    let good = best.into_values().filter(|(state, ..)| !ready || *state == Condition::Ready);
    (good.map(|(.., instance)| instance).collect(), portless)
}

impl Slice {
    fn port(&self, wanted: &str) -> Option<u16> {
        let ports = self.ports.as_deref().unwrap_or_default();
        let tcp = |port: &&Port| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP");
        let named = ports.iter().filter(tcp).find(|port| port.name.as_deref() == Some(wanted));
        let mut all = ports.iter().filter(tcp);
        let chosen = named.or_else(|| all.next().filter(|_| all.next().is_none()));
        chosen?.port
    }
}

/// Which of a pod's addresses is taken if it has several; the least.
fn family(address_type: &str) -> u8 {
    match address_type {
        "IPv4" => 0,
        "IPv6" => 1,
        _ => 2,
    }
}

/// What selectors find an instance's zone by.
const ZONE: &str = "zone";

#[cfg(test)]
mod tests;
