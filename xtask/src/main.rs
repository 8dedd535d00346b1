//! Checks, interop runs, benches and fuzzing of this repository: `cargo xtask COMMAND`.
//!
//! Each command is a module; a command takes the words after its name and answers with an exit
//! code. Nothing here is published, and nothing here is needed to build polywire.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports so")]

mod args;
mod bench;
mod engines;
mod faults;
mod features;
mod fuzz;
mod go;
mod h2spec;
mod interop;
mod repo;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    match command.as_str() {
        "tidy" => tidy::run(&rest),
        "interop" => interop::run(&rest),
        "bench" => bench::run(&rest),
        "faults" => faults::run(&rest),
        "features" => features::run(&rest),
        "fuzz" => fuzz::run(&rest),
        "h2spec" => h2spec::run(&rest),
        bench::SPIN => bench::spin(),
        "" | "help" | "-h" | "--help" => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        other => {
            eprintln!("unknown command `{other}`\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

const HELP: &str = "\
usage: cargo xtask COMMAND [OPTIONS]

  tidy                     arrows between crates, file sizes, first lines, forbidden words
  interop [netrpc|jsonrpc] foreign peers against polywire, both ways
  bench [--help]           polywire and other frameworks side by side
  faults [--help]          attacks on a server and faults of the network, and how soon they show
  h2spec                   each rule of HTTP/2, tried by h2spec
  features                 every feature of every crate, alone
  fuzz [--help]            every decoder under libFuzzer";
