//! Calls a foreign server in every way there is, and prints a line per case: `ok NAME`, `FAIL NAME:
//! why` or `skip NAME: why`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports so")]

use std::process::ExitCode;

use polywire_interop::Settings;
use polywire_interop::client::{ClientOptions, Ending, run, soak};

#[tokio::main]
async fn main() -> ExitCode {
    let Some((options, calls)) = options() else {
        eprintln!("usage: interop-client --server PROGRAM --certificates FOLDER [SUITE...]");
        return ExitCode::from(2);
    };
    let mut failed = 0_u32;
    let report = |name: &str, ending: Ending| match ending {
        Ending::Passed => println!("ok {name}"),
        Ending::Failed(why) => {
            failed += 1;
            println!("FAIL {name}: {why}");
        }
        Ending::Skipped(why) => println!("skip {name}: {why}"),
    };
    let ended = match calls {
        Some(calls) => soak(&options, calls, report, |calls| println!("{calls} calls")).await,
        None => run(&options, report).await,
    };
    if let Err(error) = ended {
        eprintln!("interop-client: {error}");
        return ExitCode::FAILURE;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The options, and how many calls there are to be if nothing else is.
fn options() -> Option<(ClientOptions, Option<u64>)> {
    let mut words = std::env::args().skip(1);
    let mut suites = Vec::new();
    let (mut server, mut certificates, mut only) = (None, None, String::new());
    let (mut settings, mut calls) = (Settings::default(), None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--server" => server = words.next(),
            "--certificates" => certificates = words.next(),
            "--only" => only = words.next()?,
            "--soak" => calls = Some(words.next()?.parse().ok()?),
            name if name.starts_with("--") => {
                if !settings.take(name, &words.next()?) {
                    return None;
                }
            }
            _ => suites.push(word),
        }
    }
    let (server, certificates) = (server?.into(), certificates?.into());
    Some((ClientOptions { server, certificates, only, suites, settings }, calls))
}
