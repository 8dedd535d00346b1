//! R8: the wall's clock jumps by hours and years, and a caller stands still for a while.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::scene::{BACK, Member, SEEN, Scene, Set, pause, signal, url};
use crate::engines::Engine;

pub(super) fn run(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut set = scene.set()?;
    let before = set.calls()?;
    signal(&set.caller, "STOP")?;
    pause(scene.outage);
    signal(&set.caller, "CONT")?;
    pause(Duration::from_secs(2));
    scene.check_calls("after the caller stood still", &mut set, before);
    let seen = set.expect_nodes(SEEN);
    scene.check("the members after that", seen);
    drop(set);

    let Some(library) = library() else {
        scene.miss("clocks that jump", "not tried", "libfaketime is not installed");
        return Ok(());
    };
    jumps(scene, &library)
}

/// The members and the caller by a clock of their own, which is set.
fn jumps(scene: &mut Scene<'_>, library: &Path) -> Result<(), String> {
    let engine = Engine::start(scene.kind)?;
    let url = url(&engine);
    let clock = std::env::temp_dir().join(format!("polywire-clock-{}", std::process::id()));
    let set_to = |offset: &str| {
        fs::write(&clock, offset).map_err(|error| format!("{}: {error}", clock.display()))
    };
    set_to("+0s")?;
    let environment = [
        ("LD_PRELOAD", library.as_os_str()),
        ("FAKETIME_TIMESTAMP_FILE", clock.as_os_str()),
        ("FAKETIME_NO_CACHE", "1".as_ref()),
        // The other clock never jumps.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
    ];
    let start = |word| scene.programs.start_here(&[word, &url, &scene.service], &environment);
    let mut members = Vec::new();
    for _ in 0..2 {
        let (address, peer) = start("member")?;
        members.push(Member { address, peer });
    }
    let (_ready, caller) = start("caller")?;
    let mut set = Set { caller, members, url: url.clone(), engine };
    set.expect_nodes(SEEN)?;
    for offset in ["+3600s", "-3600s", "+3650d"] {
        let before = set.calls()?;
        set_to(offset)?;
        pause(BACK + Duration::from_secs(2));
        scene.check_calls(&format!("after the clock went {offset}"), &mut set, before);
        let seen = set.expect_nodes(SEEN);
        scene.check(&format!("the members after the clock went {offset}"), seen);
    }
    drop(set);
    fs::remove_file(&clock).map_err(|error| format!("{}: {error}", clock.display()))
}

/// What lies to a program about the time.
fn library() -> Option<PathBuf> {
    let output = Command::new("sh")
        .args(["-c", "ls /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/faketime/libfaketime.so.1"])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(PathBuf::from)
}
