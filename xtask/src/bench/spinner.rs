//! Programs that take what nobody else wants of a core.
//!
//! They keep a virtual core from halting, which would add a wake-up by the host to every call, and
//! what they do not get, nor the peer, is what strangers had.

use std::io::Read;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use super::sample::Cores;

/// The hidden command of this program that spins.
pub(crate) const COMMAND: &str = "spin";

/// Spins until its standard input ends, which it does when the bench does.
pub(crate) fn spin() -> ExitCode {
    let input = thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    while !input.is_finished() {
        for _ in 0..1 << 20 {
            std::hint::spin_loop();
        }
    }
    ExitCode::SUCCESS
}

/// One spinner per core.
#[derive(Debug)]
pub(super) struct Spinners(Vec<Child>);

impl Spinners {
    pub(super) fn start(cores: Cores) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut spinners = Self(Vec::new());
        for core in [cores.server, cores.client] {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string(), "chrt", "--idle", "0"]);
            command.arg(&program).arg(COMMAND).stdin(Stdio::piped());
            let child = command.spawn().map_err(|error| format!("taskset, chrt: {error}"))?;
            spinners.0.push(child);
        }
        Ok(spinners)
    }

    /// The server's first.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.0.iter().map(Child::id).collect()
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Both fail only if the spinner has ended by itself.
            let _killed = child.kill();
            let _ended = child.wait();
        }
    }
}
