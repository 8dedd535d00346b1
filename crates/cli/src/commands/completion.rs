//! `polywire completion`.

use std::io;

use clap::CommandFactory as _;

use crate::args::Cli;

/// Prints the script; `source <(polywire completion bash)` makes it work.
pub(crate) fn run(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "polywire", &mut script);
    io::Write::write_all(&mut io::stdout(), &script).unwrap_or_default();
}
