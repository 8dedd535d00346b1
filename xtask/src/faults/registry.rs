//! R1 to R8: what happens to a registry, with members registered there and a caller that does not
//! stop calling.
//!
//! No call may fail, whatever the registry goes through; what a registration or a view of the
//! registry must be afterwards is judged by the case.

mod clock;
mod garbage;
mod history;
mod loss;
mod outage;
mod scene;
mod split;

use std::time::Duration;

use self::scene::Scene;
use super::Count;
use super::peers::Programs;
use crate::engines::Kind;

/// One thing that happens.
struct Case {
    name: &'static str,
    text: &'static str,
    engines: &'static [Kind],
    run: fn(&mut Scene<'_>) -> Result<(), String>,
}

const ALL: &[Kind] = &[Kind::Etcd, Kind::Consul, Kind::Nats];
/// Those that keep what they are told.
const STORES: &[Kind] = &[Kind::Etcd, Kind::Consul];

const CASES: &[Case] = &[
    case("R1", "a registry that is gone, stopped or lost for a while", ALL, outage::run),
    case("R2", "registrations that are lost, each way there is", ALL, loss::run),
    case("R3", "garbage in the registry, and all of it taken away", ALL, garbage::run),
    case("R4", "a cluster whose leader is cut off", &[Kind::Etcd], split::run),
    case("R5", "a history that is no longer there", STORES, history::run),
    case("R8", "clocks that jump, and a caller that is stopped", ALL, clock::run),
];

const fn case(
    name: &'static str,
    text: &'static str,
    engines: &'static [Kind],
    run: fn(&mut Scene<'_>) -> Result<(), String>,
) -> Case {
    Case { name, text, engines, run }
}

/// Whether there is a case of that name.
pub(super) fn known(name: &str) -> bool {
    CASES.iter().any(|case| case.name == name)
}

/// The help's lines about them.
pub(super) fn help() -> String {
    CASES.iter().map(|case| format!("  {:4}              {}\n", case.name, case.text)).collect()
}

/// The engines of a list on the command line.
pub(super) fn engines(names: &[String]) -> Result<Vec<Kind>, String> {
    let kinds = [Kind::Etcd, Kind::Etcd34, Kind::Consul, Kind::Nats];
    let named = |name: &String| kinds.into_iter().find(|kind| kind.name() == name.as_str());
    let found = |name: &String| named(name).ok_or_else(|| format!("--engine: no `{name}`"));
    names.iter().map(found).collect()
}

/// Runs the named cases on each of the engines that they are about; all if none is named.
pub(super) fn run(
    programs: &Programs,
    names: &[String],
    only: &[Kind],
    outage: Duration,
    count: &mut Count,
) -> Result<(), String> {
    for case in CASES.iter().filter(|case| names.iter().any(|name| name == case.name)) {
        for &kind in case.engines {
            // What is said of etcd is said of every version of it.
            let old = kind == Kind::Etcd && only.contains(&Kind::Etcd34);
            for kind in old.then_some(Kind::Etcd34).into_iter().chain([kind]) {
                if !only.is_empty() && !only.contains(&kind) {
                    continue;
                }
                println!("{}: {}: {kind}", case.name, case.text);
                let mut scene = Scene::new(case.name, kind, programs, outage, count);
                if let Err(why) = (case.run)(&mut scene) {
                    scene.check("the case", Err(why));
                }
            }
        }
    }
    Ok(())
}
