//! `polywire`: the command line.
//!
//! Data goes to standard output, messages to standard error. Exit codes: 0 success, 1 wrong usage,
//! 2 a registry or file that cannot be reached, 3 no instance of the service, 4 a problem that
//! `doctor` found, and 8 times the status code when the peer, or the way to it, failed the call.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod dynamic;
mod failure;
mod grpc;
mod method;
mod output;
mod suggest;
mod target;

use std::process::ExitCode;

use clap::Parser as _;

use self::args::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let is_wrong = error.use_stderr();
            // Nobody is left to be told that the message could not be printed.
            error.print().unwrap_or_default();
            return ExitCode::from(u8::from(is_wrong));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::message(&format!("cannot start: {error}"));
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::message(&failure.to_string());
            ExitCode::from(failure.exit_code())
        }
    }
}
