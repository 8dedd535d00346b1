//! Calls a foreign server in every way there is, and prints a line per case: `ok NAME`, `FAIL NAME:
//! why` or `skip NAME: why`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports so")]

use std::process::ExitCode;

use polywire_interop::client::{ClientOptions, Ending, run};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(options) = options() else {
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
    if let Err(error) = run(&options, report).await {
        eprintln!("interop-client: {error}");
        return ExitCode::FAILURE;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Option<ClientOptions> {
    let mut words = std::env::args().skip(1);
    let mut suites = Vec::new();
    let (mut server, mut certificates, mut only) = (None, None, String::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--server" => server = words.next(),
            "--certificates" => certificates = words.next(),
            "--only" => only = words.next()?,
            _ => suites.push(word),
        }
    }
    Some(ClientOptions { server: server?.into(), certificates: certificates?.into(), only, suites })
}
