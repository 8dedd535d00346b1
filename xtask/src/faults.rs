//! Faults of the network, made for real between two namespaces of it, and how long polywire takes to
//! notice; faults of registries, each a real engine; and attacks on a server, made for real as well, and whether the others notice.
//!
//! `interop/rust` holds the programs at both ends of the network, which measure for themselves, and
//! the server under attack; what is left for here is the network, the attackers, the order of
//! events, and the limits.

#[expect(
    clippy::disallowed_methods,
    reason = "attackers are threads, and their clock is the wall's"
)]
mod attacks;
mod blackhole;
mod network;
mod peers;
mod registry;

use std::process::ExitCode;
use std::time::Duration;

use self::network::{Network, NetworkError};
use self::peers::Programs;
use crate::args::Args;
use crate::engines::Kind;

/// Builds the programs and runs the named cases, or all of them.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let options = match Options::read(words) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("faults: {error}\n\n{}", help());
            return ExitCode::from(2);
        }
    };
    match faults(&options) {
        Ok(Outcome::Counted(count)) => {
            let Count { passed, failed, missed } = count;
            println!("{passed} passed, {failed} failed, {missed} missed as stated");
            if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(Outcome::Skipped(why)) => {
            println!("skipped: {why}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    format!(
        "\
usage: cargo xtask faults [OPTIONS] [CASE...]

  D1                a peer that vanishes without a word, neither FIN nor RST: a call that waits, a
                    call that is sent, and an idle connection, seen from both ends; then it is back
{}{}
  --keepalive SECS  what both ends of D1 are configured with (default: 10, polywire's own default)
  --secs SECS       how long each attack, S1 and those that follow, goes on (default: 10)
  --engine NAME,..  of etcd, etcd-3.4, consul and nats those that R1 and those that follow are run
                    against (default: all but etcd-3.4); they are built with Go
  --outage SECS     how long what lasts a while in R1 to R8 lasts (default: 60)

All attacks run if no case is named. They need Linux; D1 needs `ip` (iproute2) and root as well, for
network namespaces, and is skipped without; so does R4. R8 needs libfaketime for its second half.",
        attacks::help(),
        registry::help()
    )
}

/// The case that needs a network of its own.
const NETWORK_CASE: &str = "D1";

#[derive(Debug, PartialEq, Eq)]
struct Options {
    keepalive_secs: u32,
    secs: u32,
    engines: Vec<Kind>,
    outage_secs: u32,
    cases: Vec<String>,
}

impl Options {
    /// `None` when the user asked for help.
    fn read(words: &[String]) -> Result<Option<Self>, String> {
        let is_case =
            |word: &String| word == NETWORK_CASE || attacks::known(word) || registry::known(word);
        let (cases, rest): (Vec<_>, Vec<_>) = words.iter().cloned().partition(is_case);
        let mut args = Args::new(&rest);
        if args.flag("--help") || args.flag("-h") {
            return Ok(None);
        }
        let keepalive_secs = args.value("--keepalive")?.unwrap_or(10);
        let secs = args.value("--secs")?.unwrap_or(10);
        let engines = registry::engines(&args.list("--engine")?.unwrap_or_default())?;
        let outage_secs = args.value("--outage")?.unwrap_or(60);
        args.finish()?;
        let all = [("--keepalive", keepalive_secs), ("--secs", secs), ("--outage", outage_secs)];
        for (name, secs) in all {
            if !(1..=3600).contains(&secs) {
                return Err(format!("{name}: between 1 and 3600"));
            }
        }
        Ok(Some(Self { keepalive_secs, secs, engines, outage_secs, cases }))
    }
}

/// What was seen, or why there was nothing to see.
enum Outcome {
    Counted(Count),
    Skipped(String),
}

/// Checks that went well, those that did not, and those of which that is known and stated.
#[derive(Debug, Default)]
struct Count {
    passed: usize,
    failed: usize,
    missed: usize,
}

impl Count {
    /// Prints a line and counts it.
    fn check(&mut self, what: &str, seen: Result<String, String>) {
        match seen {
            Ok(how) => {
                self.passed += 1;
                println!("ok   {what}: {how}");
            }
            Err(why) => {
                self.failed += 1;
                println!("FAIL {what}: {why}");
            }
        }
    }

    /// Prints a line about a target that is not met, as the documents say, and counts it.
    fn miss(&mut self, what: &str, seen: &str, why: &str) {
        self.missed += 1;
        println!("miss {what}: {seen}; {why}");
    }
}

/// Runs the network's case if it is named, and the attacks that are named, or all of them.
fn faults(options: &Options) -> Result<Outcome, String> {
    let (network, others): (Vec<_>, Vec<_>) =
        options.cases.iter().cloned().partition(|case| case == NETWORK_CASE);
    let (registries, attacks): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|case| registry::known(case));
    let mut count = Count::default();
    if !attacks.is_empty() || options.cases.is_empty() {
        attacks::run(&Programs::build_release()?, &attacks, options.secs, &mut count)?;
    }
    if !registries.is_empty() {
        let outage = Duration::from_secs(options.outage_secs.into());
        registry::run(&Programs::build()?, &registries, &options.engines, outage, &mut count)?;
    }
    if !network.is_empty() {
        let skipped = vanishing(options, &mut count)?;
        if let (Some(why), true) = (skipped, attacks.is_empty() && registries.is_empty()) {
            return Ok(Outcome::Skipped(why));
        }
    }
    Ok(Outcome::Counted(count))
}

/// What was made of the network is gone afterwards in any case; why nothing could be made of it.
fn vanishing(options: &Options, count: &mut Count) -> Result<Option<String>, String> {
    let network = match Network::make() {
        Ok(network) => network,
        Err(NetworkError::Impossible(why)) => return Ok(Some(why)),
        Err(NetworkError::Broken(why)) => return Err(why),
    };
    let programs = Programs::build()?;
    blackhole::run(&network, &programs, options.keepalive_secs, count)?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Option<Options>, String> {
        Options::read(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn cases_and_options_are_read_in_any_order() {
        let options = |keepalive_secs, secs, cases: &[&str]| {
            let cases = cases.iter().map(|&case| case.to_owned()).collect();
            let (engines, outage_secs) = (Vec::new(), 60);
            Ok(Some(Options { keepalive_secs, secs, engines, outage_secs, cases }))
        };
        assert_eq!(read(&[]), options(10, 10, &[]));
        assert_eq!(read(&["--keepalive=3", "D1"]), options(3, 10, &["D1"]));
        assert_eq!(read(&["S1", "--secs", "2", "S12"]), options(10, 2, &["S1", "S12"]));
        assert_eq!(read(&["D1", "--help"]), Ok(None));
        assert_eq!(read(&["D9"]), Err("unknown option `D9`".to_owned()));
        let some = read(&["R2", "--engine=etcd,nats", "--outage", "5"]).unwrap().unwrap();
        assert_eq!((some.engines, some.outage_secs), (vec![Kind::Etcd, Kind::Nats], 5));
        read(&["--engine", "zookeeper", "R2"]).unwrap_err();
        read(&["--keepalive", "0"]).unwrap_err();
    }
}
