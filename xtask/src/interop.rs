//! Foreign peers, unmodified, against polywire in both directions.
//!
//! `interop/go` and `interop/rust` hold a client and a server each, which offer the same services and
//! have the same command line. A client starts the other side's server, prints a line per case and
//! ends; what is left for here is to build them and to count.

mod client;
mod programs;

use std::process::ExitCode;

use self::client::{Count, Direction};
use self::programs::Programs;
use crate::args::Args;

/// Builds the peers and runs the named suites, or all of them.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let options = match Options::read(words) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("interop: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match interop(&options) {
        Ok(count) => {
            println!("{} passed, {} failed", count.passed, count.failed);
            if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("interop: {error}");
            ExitCode::FAILURE
        }
    }
}

const HELP: &str = "\
usage: cargo xtask interop [OPTIONS] [SUITE...]

  SUITE            netrpc or jsonrpc (default: both)
  --only TEXT      cases whose name holds this
  --reference      Go's client against Go's server first, which shows that the cases are right";

const SUITES: &[&str] = &["netrpc", "jsonrpc"];

#[derive(Debug)]
struct Options {
    suites: Vec<String>,
    only: String,
    reference: bool,
}

impl Options {
    /// `None` when the user asked for help.
    fn read(words: &[String]) -> Result<Option<Self>, String> {
        let is_suite = |word: &String| SUITES.contains(&word.as_str());
        let (mut suites, rest): (Vec<_>, Vec<_>) = words.iter().cloned().partition(is_suite);
        if suites.is_empty() {
            suites = SUITES.iter().map(|&suite| suite.to_owned()).collect();
        }
        let mut args = Args::new(&rest);
        if args.flag("--help") || args.flag("-h") {
            return Ok(None);
        }
        let only = args.value("--only")?.unwrap_or_default();
        let options = Self { suites, only, reference: args.flag("--reference") };
        args.finish()?;
        Ok(Some(options))
    }
}

/// Runs everything, in the order in which it is easiest to see what is wrong.
fn interop(options: &Options) -> Result<Count, String> {
    let programs = Programs::build()?;
    let mut directions = vec![Direction::GO_TO_POLYWIRE, Direction::POLYWIRE_TO_GO];
    if options.reference {
        directions.insert(0, Direction::GO_TO_GO);
    }
    let mut total = Count::default();
    for direction in directions {
        let count = direction.run(&programs, &options.suites, &options.only)?;
        total = Count { passed: total.passed + count.passed, failed: total.failed + count.failed };
    }
    if total.passed + total.failed == 0 {
        return Err(format!("no case has a name with `{}`", options.only));
    }
    Ok(total)
}
