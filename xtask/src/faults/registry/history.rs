//! R5: a caller that was away asks for changes since a moment of which the registry knows no more.

use std::time::Duration;

use super::scene::{SEEN, Scene, Set, base64, pause, signal};
use crate::engines::{Data, Kind, ask};

pub(super) fn run(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut set = scene.set()?;
    let before = set.calls()?;
    signal(&set.caller, "STOP")?;
    let done = change(scene, &mut set);
    signal(&set.caller, "CONT")?;
    done?;
    pause(Duration::from_secs(3));
    let limit = if set.engine.kind == Kind::Consul { SEEN + WAIT } else { SEEN * 3 };
    let seen = set.expect_nodes(limit);
    scene.check("the members, one of them gone and one new", seen);
    scene.check_calls("all the while", &mut set, before);
    Ok(())
}

/// One member goes and another comes, and what there was to see of it is taken away.
fn change(scene: &Scene<'_>, set: &mut Set) -> Result<(), String> {
    let address = set.engine.address();
    set.members.push(scene.member(&set.url)?);
    let mut gone = set.members.remove(0);
    gone.peer.end();
    if set.engine.kind == Kind::Consul {
        // Its index begins anew, far below the one that the caller has seen.
        set.engine.restart(Data::Wiped)?;
        pause(Duration::from_secs(4));
        return Ok(());
    }
    let mut revision = 0;
    for at in 0..20 {
        let put =
            format!(r#"{{"key":"{}","value":"{}"}}"#, base64("/other"), base64(&at.to_string()));
        let said = ask(address, "POST", "/v3/kv/put", &put)?;
        let read: serde_json::Value =
            serde_json::from_str(&said).map_err(|error| format!("{error}: {said}"))?;
        let text = read.pointer("/header/revision").and_then(serde_json::Value::as_str);
        revision = text.and_then(|text| text.parse().ok()).unwrap_or(revision);
    }
    let compact = format!(r#"{{"revision":"{revision}","physical":true}}"#);
    ask(address, "POST", "/v3/kv/compaction", &compact)?;
    // The watch that is open would still be told; the one that comes next is not.
    set.engine.restart(Data::Kept)
}

/// How long Consul keeps a question waiting whose index is ahead of its own: as long as it may, which
/// polywire says.
const WAIT: Duration = Duration::from_secs(40);
