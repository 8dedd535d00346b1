//! Faults of the network, made for real between two namespaces of it, and how long polywire takes to
//! notice.
//!
//! `interop/rust` holds the two programs, which measure for themselves; what is left for here is the
//! network between them, the order of events, and the limits.

mod blackhole;
mod network;
mod peers;

use std::process::ExitCode;

use self::network::{Network, NetworkError};
use self::peers::Programs;
use crate::args::Args;

/// Builds the programs and runs the named cases, or all of them.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let options = match Options::read(words) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("faults: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match faults(&options) {
        Ok(Outcome::Counted(count)) => {
            println!("{} passed, {} failed", count.passed, count.failed);
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

const HELP: &str = "\
usage: cargo xtask faults [OPTIONS] [CASE...]

  D1                a peer that vanishes without a word, neither FIN nor RST: a call that waits, a
                    call that is sent, and an idle connection, seen from both ends; then it is back
  --keepalive SECS  what both ends are configured with (default: 10, polywire's own default)

Needs Linux, `ip` (iproute2), and root, for network namespaces; skipped without.";

const CASES: &[&str] = &["D1"];

#[derive(Debug, PartialEq, Eq)]
struct Options {
    keepalive_secs: u32,
}

impl Options {
    /// `None` when the user asked for help.
    fn read(words: &[String]) -> Result<Option<Self>, String> {
        let is_case = |word: &&String| !CASES.contains(&word.as_str());
        let rest: Vec<_> = words.iter().filter(is_case).cloned().collect();
        let mut args = Args::new(&rest);
        if args.flag("--help") || args.flag("-h") {
            return Ok(None);
        }
        let keepalive_secs = args.value("--keepalive")?.unwrap_or(10);
        args.finish()?;
        if !(1..=3600).contains(&keepalive_secs) {
            return Err("--keepalive: between 1 and 3600".to_owned());
        }
        Ok(Some(Self { keepalive_secs }))
    }
}

/// What was seen, or why there was nothing to see.
enum Outcome {
    Counted(Count),
    Skipped(String),
}

/// Checks that went well, and those that did not.
#[derive(Debug, Default)]
struct Count {
    passed: usize,
    failed: usize,
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
}

/// Runs everything; what was made of the network is gone afterwards in any case.
fn faults(options: &Options) -> Result<Outcome, String> {
    let network = match Network::make() {
        Ok(network) => network,
        Err(NetworkError::Impossible(why)) => return Ok(Outcome::Skipped(why)),
        Err(NetworkError::Broken(why)) => return Err(why),
    };
    let programs = Programs::build()?;
    let mut count = Count::default();
    blackhole::run(&network, &programs, options.keepalive_secs, &mut count)?;
    Ok(Outcome::Counted(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Option<Options>, String> {
        Options::read(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn cases_and_options_are_read_in_any_order() {
        assert_eq!(read(&[]), Ok(Some(Options { keepalive_secs: 10 })));
        assert_eq!(read(&["--keepalive=3", "D1"]), Ok(Some(Options { keepalive_secs: 3 })));
        assert_eq!(read(&["D1", "--help"]), Ok(None));
        assert_eq!(read(&["D9"]), Err("unknown option `D9`".to_owned()));
        read(&["--keepalive", "0"]).unwrap_err();
    }
}
