//! R4: three etcds, of which the leader loses sight of the others.

use std::time::Duration;

use super::scene::{SEEN, Scene, TTL, now, pause};
use crate::engines::{Cluster, within};
use crate::faults::peers::Peer;

pub(super) fn run(scene: &mut Scene<'_>) -> Result<(), String> {
    let cluster = match Cluster::start() {
        Ok(cluster) => cluster,
        Err(why) => {
            scene.miss("the case", "not tried", &format!("network namespaces: {why}"));
            return Ok(());
        }
    };
    let ttl = format!("?ttl={}s", TTL.as_secs());
    let leader = cluster.leader()?;
    let all = format!("etcd://{}{ttl}", cluster.addresses().join(","));
    let alone = format!("etcd://{}{ttl}", cluster.addresses()[leader]);
    // One member and one caller know the leader alone, as they would on its side of the cut.
    let member =
        |url: &str| scene.programs.start_in(cluster.hub(), &["member", url, &scene.service]);
    let caller =
        |url: &str| scene.programs.start_in(cluster.hub(), &["caller", url, &scene.service]);
    let (there, _of_all) = member(&all)?;
    let (here, _of_leader) = member(&alone)?;
    let mut members = [there, here];
    members.sort_unstable();
    let members = members.join(",");
    let (_ready, mut majority) = caller(&all)?;
    let (_ready, mut minority) = caller(&alone)?;
    let settled = see(&mut majority, &members, SEEN).and(see(&mut minority, &members, SEEN));
    settled?;

    let before = [calls(&mut majority)?, calls(&mut minority)?];
    cluster.cut(leader)?;
    pause(Duration::from_secs(5));
    let newcomer = scene.programs.start_in(cluster.hub(), &["member", &alone, "newcomer"]);
    let refused = match newcomer {
        Ok(_) => Err("it was registered".to_owned()),
        Err(why) => Ok(format!("it was not: {why}")),
    };
    scene.check("a newcomer that knows only the leader that was cut off", refused);
    pause(scene.outage);
    cluster.mend(leader)?;
    // What etcd takes for that is its own.
    if !within(HEALING, || cluster.is_one()) {
        return Err(format!("the members do not agree {} s after the heal", HEALING.as_secs()));
    }
    for (name, peer) in [("the majority", &mut majority), ("the minority", &mut minority)] {
        let seen = see(peer, &members, SEEN);
        scene.check(&format!("the members, as {name} sees them after the heal"), seen);
    }
    pause(TTL);
    for (name, peer, (made, failed)) in
        [("the majority", &mut majority, before[0]), ("the minority", &mut minority, before[1])]
    {
        let seen = see(peer, &members, Duration::from_secs(1));
        scene.check(&format!("no ghost, as {name} sees it a while later"), seen);
        let after = calls(peer)?;
        let text = format!("{} of {} failed", after.1 - failed, after.0 - made);
        let well = after.1 == failed && after.0 > made;
        scene.check(&format!("calls of {name}"), if well { Ok(text) } else { Err(text) });
    }
    Ok(())
}

/// Waits until a caller sees these members.
fn see(peer: &mut Peer, members: &str, limit: Duration) -> Result<String, String> {
    let begun = now();
    loop {
        peer.tell("nodes")?;
        let line = peer.line(Duration::from_secs(10))?;
        if line.strip_prefix("nodes ") == Some(members) {
            return Ok(format!("after {:.1} s", begun.elapsed().as_secs_f64()));
        }
        if begun.elapsed() > limit {
            return Err(format!("`{line}` after {} s, {members} wanted", limit.as_secs()));
        }
        pause(Duration::from_millis(100));
    }
}

/// How many calls a caller has made, and how many of them failed.
fn calls(peer: &mut Peer) -> Result<(u64, u64), String> {
    peer.tell("calls")?;
    let line = peer.line(Duration::from_secs(10))?;
    let mut numbers = line.split(' ').skip(1).filter_map(|word| word.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(made), Some(failed)) => Ok((made, failed)),
        _ => Err(format!("the caller said `{line}`")),
    }
}

/// TCP may wait for two minutes before it tries a silent peer again.
const HEALING: Duration = Duration::from_secs(180);
