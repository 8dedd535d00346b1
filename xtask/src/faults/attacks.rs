//! S1 to S12: what a hostile peer does to a server, with those who mean well beside it.
//!
//! Each attack has a server process of its own, and a load of small calls on the same port whose
//! answers are checked. What an attack must end in is judged by the attack; that the others did not
//! notice, and what the server's memory made of it, is judged here.

mod bombs;
mod floods;
mod heads;
mod http2;
mod load;
mod slow;
mod smuggling;
mod target;
mod words;

use std::process::Command;
use std::time::Duration;

use self::http2::End;
use self::load::{Caller, Load};
use self::target::Target;
use super::Count;
use super::peers::Programs;

/// One attack.
struct Case {
    name: &'static str,
    text: &'static str,
    /// KiB by which the server may grow.
    growth_kib: u64,
    /// How many files the server may have open, if it is to be fewer than usual.
    files: Option<u32>,
    run: fn(&mut Scene<'_>) -> Result<(), String>,
}

const MIB: u64 = 1024;

const CASES: &[Case] = &[
    case("S1", "streams opened and reset at once", 16 * MIB, floods::rapid_reset),
    case("S2", "streams that the server has to reset", 16 * MIB, floods::made_you_reset),
    case("S3", "heads without end", 16 * MIB, floods::continuations),
    case("S4", "control frames that no call explains", 16 * MIB, floods::control_frames),
    case("S5", "heads that grow where they are read", 16 * MIB, heads::header_bombs),
    case("S6", "lengths that lie", 8 * MIB, bombs::lengths),
    case("S7", "messages that grow where they are decompressed", 8 * MIB, bombs::compressed),
    case("S8", "peers that are slow on purpose", 64 * MIB, slow::slow),
    Case {
        files: Some(256),
        ..case("S9", "more connections than there are descriptors", 32 * MIB, slow::descriptors)
    },
    case("S10", "paths that mean something else to somebody else", 8 * MIB, words::paths),
    case("S11", "headers that are none", 8 * MIB, words::metadata),
    case("S12", "requests of HTTP/1 in which another one hides", 8 * MIB, smuggling::smuggling),
];

const fn case(
    name: &'static str,
    text: &'static str,
    growth_kib: u64,
    run: fn(&mut Scene<'_>) -> Result<(), String>,
) -> Case {
    Case { name, text, growth_kib, files: None, run }
}

/// Whether there is an attack of that name.
pub(super) fn known(name: &str) -> bool {
    CASES.iter().any(|case| case.name == name)
}

/// The help's lines about them.
pub(super) fn help() -> String {
    CASES.iter().map(|case| format!("  {:4}              {}\n", case.name, case.text)).collect()
}

/// Runs the named attacks, or all.
pub(super) fn run(
    programs: &Programs,
    names: &[String],
    secs: u32,
    count: &mut Count,
) -> Result<(), String> {
    raise_descriptors();
    for case in CASES {
        if names.is_empty() || names.iter().any(|name| name == case.name) {
            println!("{}: {}", case.name, case.text);
            run_one(case, programs, secs, count)?;
        }
    }
    Ok(())
}

/// Asks for as many open files as there may be: S8 is 5,000 connections.
fn raise_descriptors() {
    let raise = "most=$(ulimit -Hn); prlimit --pid $PPID --nofile=$most:$most";
    // If it cannot be had, S8 says what is missing.
    drop(Command::new("sh").args(["-c", raise]).status());
}

/// The 99th percentile that the others may see.
const P99: Duration = Duration::from_millis(50);
/// How long they call before anything is done to the server.
const BEFORE: Duration = Duration::from_millis(500);

fn run_one(case: &Case, programs: &Programs, secs: u32, count: &mut Count) -> Result<(), String> {
    let target = Target::start(programs, case.files)?;
    let calm = Load::start(&target.address);
    std::thread::sleep(BEFORE);
    let calm = calm.count()?;
    let (memory, load) = (target.memory_kib()?, Load::start(&target.address));
    let time = Duration::from_secs(secs.into());
    let mut scene = Scene { name: case.name, target: &target, whole: time, time, count };
    let ran = (case.run)(&mut scene);
    let seen = load.count()?;
    scene.judge("the attack", ran.is_ok(), ran.err().unwrap_or_else(|| "carried out".to_owned()));

    let failures = seen.failures.len();
    let first = seen.failures.first().map(|why| format!(", the first: {why}")).unwrap_or_default();
    let text = format!("{failures} of {} calls failed{first}", seen.calls);
    scene.judge("the others", failures == 0 && seen.calls > 0, text);
    // A machine that is busy with something else answers late without any attack.
    let limit = P99.max(calm.p99 * 3);
    let text = format!("p99 {:?}, at most {limit:?}; {:?} before", seen.p99, calm.p99);
    scene.judge("their time", seen.p99 <= limit, text);
    let grown = target.most_memory_kib()?.saturating_sub(memory);
    let text = format!("{grown} KiB more, at most {} KiB", case.growth_kib);
    scene.judge("memory", grown <= case.growth_kib, text);
    Ok(())
}

/// What an attack has to work with.
struct Scene<'a> {
    name: &'static str,
    target: &'a Target,
    /// How long all parts of the attack may take together.
    whole: Duration,
    /// How long this part of it goes on.
    time: Duration,
    count: &'a mut Count,
}

impl Scene<'_> {
    /// The attack has so many parts; each gets the same time.
    fn share(&mut self, parts: usize) {
        self.time = self.whole / u32::try_from(parts).unwrap_or(1).max(1);
    }

    fn judge(&mut self, what: &str, fine: bool, text: String) {
        let what = format!("{} {what}", self.name);
        self.count.check(&what, if fine { Ok(text) } else { Err(text) });
    }

    /// Counts a target that is not met, as is known.
    fn miss(&mut self, what: &str, seen: &str, why: &str) {
        self.count.miss(&format!("{} {what}", self.name), seen, why);
    }

    /// How many calls that are never answered have begun on the server.
    fn started(&self) -> Result<i64, String> {
        let mut caller =
            Caller::connect(&self.target.address).map_err(|error| error.to_string())?;
        let answer = caller.call("Started", "{}").map_err(|error| error.to_string())?;
        answer.trim_matches('"').parse().map_err(|_| format!("`{answer}` is no number"))
    }
}

/// How one connection of a flood went.
#[derive(Debug, Clone, Copy)]
struct Attack {
    sent: u32,
    limit: u32,
    end: Option<End>,
}

impl Attack {
    const fn excess(&self) -> u32 {
        self.sent.saturating_sub(self.limit)
    }
}
