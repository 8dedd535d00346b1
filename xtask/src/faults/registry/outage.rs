//! R1: the registry is gone, or is there and says nothing.

use super::scene::{SEEN, Scene, pause, size};
use crate::engines::Data;

pub(super) fn run(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut set = scene.set()?;
    let half = scene.outage / 2;

    let (before, at_first) = (set.calls()?, size(&set.caller)?);
    set.engine.kill();
    pause(half);
    scene.check_calls("while it is gone", &mut set, before);
    set.engine.restart(Data::Kept)?;
    let seen = set.expect_nodes(SEEN * 3);
    scene.check("the members, once it is back", seen);

    let before = set.calls()?;
    set.engine.pause()?;
    pause(half);
    scene.check_calls("while it says nothing", &mut set, before);
    set.engine.resume()?;
    let seen = set.expect_nodes(SEEN * 3);
    scene.check("the members, once it speaks again", seen);

    let (files, kib) = size(&set.caller)?;
    let grown = format!("{files} files after {}, {kib} KiB after {}", at_first.0, at_first.1);
    let flat = files <= at_first.0 + 4 && kib <= at_first.1 + 4096;
    scene.check("what the caller holds", if flat { Ok(grown) } else { Err(grown) });
    scene.miss(
        "a caller that is started meanwhile",
        "it waits for the registry",
        "nothing of what was known is kept on a disk",
    );
    Ok(())
}
