//! R3: somebody writes nonsense into the registry, and then it is empty.

use std::time::Duration;

use super::loss::take_away;
use super::scene::{BACK, SEEN, Scene, Set, base64, pause, publish};
use crate::engines::{Kind, ask};

pub(super) fn run(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut set = scene.set()?;
    let before = set.calls()?;
    spoil(scene, &set)?;
    pause(Duration::from_secs(3));
    scene.check_calls("beside garbage", &mut set, before);
    let seen = set.expect_nodes(SEEN);
    scene.check("the members beside garbage", seen);

    if set.engine.kind != Kind::Nats {
        let before = set.calls()?;
        take_away(scene, &set)?;
        pause(BACK);
        scene.check_calls("while the registry was empty", &mut set, before);
        let seen = set.expect_nodes(SEEN);
        scene.check("the members afterwards", seen);
    }
    Ok(())
}

/// Writes what no service would.
fn spoil(scene: &Scene<'_>, set: &Set) -> Result<(), String> {
    let address = set.engine.address();
    let service = &scene.service;
    match set.engine.kind {
        Kind::Etcd | Kind::Etcd34 => {
            let large = "x".repeat(1_000_000);
            let nobody =
                format!(r#"{{"name":"{service}","nodes":[{{"id":"{service}-x","address":""}}]}}"#);
            let values = ["", "garbage", "{}", "[]", r#"{"name":7}"#, &nobody, &large];
            for (at, value) in values.iter().enumerate() {
                let key = base64(&format!("/micro/registry/{service}/garbage-{at}"));
                let put = format!(r#"{{"key":"{key}","value":"{}"}}"#, base64(value));
                ask(address, "POST", "/v3/kv/put", &put)?;
            }
        }
        Kind::Consul => {
            // No node: it has no port, and its tags are none of go-micro's.
            let entry = format!(
                r#"{{"ID":"garbage","Name":"{service}","Tags":["e-zz","t-00","v-%%","e=","t="]}}"#
            );
            ask(address, "PUT", "/v1/agent/service/register", &entry)?;
        }
        Kind::Nats => {
            let large = "x".repeat(1_000_000);
            for body in ["", "garbage", "{}", r#"{"Action":"create"}"#, r#"{"Service":7}"#, &large]
            {
                publish(address, "micro.nats.watch", body)?;
                publish(address, "micro.nats.query", body)?;
            }
        }
    }
    Ok(())
}
