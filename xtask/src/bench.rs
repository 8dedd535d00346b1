//! polywire and other frameworks side by side.

use std::process::ExitCode;

/// The hidden command that keeps a core from sleeping.
pub(crate) const SPIN: &str = "spin";

/// Runs the benches.
pub(crate) fn run(_words: &[String]) -> ExitCode {
    ExitCode::FAILURE
}

/// Burns the time nobody else wants.
pub(crate) fn spin() -> ExitCode {
    ExitCode::SUCCESS
}
