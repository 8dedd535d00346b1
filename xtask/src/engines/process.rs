//! A process that ends when this one does, however that ends.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process; dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    shell: Child,
    id: u32,
}

/// Waits for the end of its input, and with it of whoever started it, and kills the engine then.
const KEEPER: &str = "\"$@\" </dev/null >&2 & echo $!; cat >/dev/null; kill -KILL $! 2>/dev/null";

impl Process {
    /// Starts it; what it says goes to the log.
    pub(super) fn start(program: &Path, words: &[String], log: &Path) -> Result<Self, String> {
        let said = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "engine"]).arg(program).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said);
        let mut shell = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            // A line that cannot be read is no number either.
            let _read = BufReader::new(stdout).read_line(&mut line);
        }
        let id = line.trim().parse().map_err(|_| format!("{command:?} said `{line}`"))?;
        Ok(Self { shell, id })
    }

    /// What the system calls the engine.
    pub(super) const fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The shell kills the engine, which may be stopped or gone already, and ends.
        drop(self.shell.stdin.take());
        let _ended = self.shell.wait();
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// There is no such process, or it is not ours.
pub(crate) fn signal(process: u32, name: &str) -> Result<(), String> {
    let mut kill = Command::new("kill");
    kill.args([format!("-{name}"), process.to_string()]);
    match kill.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{kill:?}: {status}")),
        Err(error) => Err(format!("{kill:?}: {error}")),
    }
}
