//! R2: the registry loses what it was told, in each way there is.

use super::scene::{BACK, SEEN, Scene, Set, TTL, pause, range_of};
use crate::engines::{Data, Kind, ask};

pub(super) fn run(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut set = scene.set()?;
    let at_first = set.calls()?;

    for (data, text) in [(Data::Kept, "data kept"), (Data::Wiped, "data wiped")] {
        set.engine.kill();
        pause(TTL / 3);
        set.engine.restart(data)?;
        again(scene, &mut set, text);
    }

    if matches!(set.engine.kind, Kind::Etcd | Kind::Etcd34) {
        revoke(&set)?;
        again(scene, &mut set, "lease expired");
    }
    if set.engine.kind != Kind::Nats {
        take_away(scene, &set)?;
        again(scene, &mut set, "deleted by hand");
    }
    scene.check_calls("all the while", &mut set, at_first);
    Ok(())
}

/// Every member must be registered again, once, and the caller must see that.
fn again(scene: &mut Scene<'_>, set: &mut Set, what: &str) {
    let service = scene.service.clone();
    let members = set.members.len();
    let seen = set.expect_entries(&service, members, BACK);
    scene.check(&format!("registered again, {what}"), seen);
    let seen = set.expect_nodes(SEEN);
    scene.check(&format!("seen again, {what}"), seen);
}

/// Ends every lease there is, as if its time were over.
fn revoke(set: &Set) -> Result<(), String> {
    let address = set.engine.address();
    let all = ask(address, "POST", "/v3/lease/leases", "{}")?;
    let read: serde_json::Value =
        serde_json::from_str(&all).map_err(|error| format!("{error}: {all}"))?;
    let leases = read.get("leases").and_then(serde_json::Value::as_array);
    for lease in leases.into_iter().flatten() {
        let id = lease.get("ID").and_then(serde_json::Value::as_str).unwrap_or_default();
        ask(address, "POST", "/v3/lease/revoke", &format!(r#"{{"ID":"{id}"}}"#))?;
    }
    Ok(())
}

/// Takes everything of the service away, as an operator might.
pub(super) fn take_away(scene: &Scene<'_>, set: &Set) -> Result<(), String> {
    let address = set.engine.address();
    let Kind::Consul = set.engine.kind else {
        let range = range_of(&scene.service);
        return ask(address, "POST", "/v3/kv/deleterange", &range).map(drop);
    };
    let all = ask(address, "GET", "/v1/agent/services", "")?;
    let read: serde_json::Value = serde_json::from_str(&all).map_err(|error| error.to_string())?;
    let ids: Vec<&String> = read.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    for id in ids {
        ask(address, "PUT", &format!("/v1/agent/service/deregister/{id}"), "")?;
    }
    Ok(())
}
