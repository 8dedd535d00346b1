//! One client against the other side's server: its cases, as it reports them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::programs::Programs;

/// Who calls whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction {
    name: &'static str,
    client: Side,
    server: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Go,
    Polywire,
}

/// Cases that went well, and those that did not.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

impl Direction {
    pub(super) const GO_TO_POLYWIRE: Self =
        Self { name: "go->polywire", client: Side::Go, server: Side::Polywire };
    pub(super) const POLYWIRE_TO_GO: Self =
        Self { name: "polywire->go", client: Side::Polywire, server: Side::Go };
    pub(super) const GO_TO_GO: Self = Self { name: "go->go", client: Side::Go, server: Side::Go };

    /// Runs the client's suites and prints a line per case.
    ///
    /// # Errors
    /// The client cannot be started.
    pub(super) fn run(
        self,
        programs: &Programs,
        suites: &[String],
        only: &str,
    ) -> Result<Count, String> {
        let mut command = self.command(programs);
        command.args(["--only", only]).args(suites);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let mut count = Count::default();
        let ended = self.read(&mut child, &mut count);
        if ended.is_err() {
            // Its servers end by themselves, since their standard input does.
            drop(child.kill());
        }
        let status = child.wait().map_err(|error| format!("{command:?}: {error}"))?;
        if let Err(why) = ended {
            self.fail(&why, &mut count);
        } else if !status.success() && count.failed == 0 {
            self.fail(&format!("the client ended early: {status}"), &mut count);
        }
        Ok(count)
    }

    fn command(self, programs: &Programs) -> Command {
        let server = |side| match side {
            Side::Go => &programs.go_server,
            Side::Polywire => &programs.polywire_server,
        };
        let client: &Path = match self.client {
            Side::Go => &programs.go_client,
            Side::Polywire => &programs.polywire_client,
        };
        let mut command = Command::new(client);
        command.arg("--server").arg(server(self.server));
        command.arg("--certificates").arg(&programs.certificates);
        if self.client == Side::Go && self.server == Side::Go {
            command.args(["--peer", "go"]);
        }
        command
    }

    /// Takes lines until the client closes its output.
    fn read(self, child: &mut Child, count: &mut Count) -> Result<(), String> {
        let lines = lines(child);
        loop {
            match lines.recv_timeout(SILENCE) {
                Ok(line) => self.line(&line, count),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("no word from the client for {} s", SILENCE.as_secs()));
                }
            }
        }
    }

    fn line(self, line: &str, count: &mut Count) {
        if let Some(case) = line.strip_prefix("ok ") {
            count.passed += 1;
            println!("ok   {} {case}", self.name);
        } else if let Some(case) = line.strip_prefix("FAIL ") {
            self.fail(case, count);
        } else {
            eprintln!("{}: {line}", self.name);
        }
    }

    fn fail(self, why: &str, count: &mut Count) {
        count.failed += 1;
        println!("FAIL {} {why}", self.name);
    }
}

/// The lines of a child's output, from a thread that ends with it.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = sync_channel(64);
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// A client that says nothing for so long is given up; its own cases end sooner.
const SILENCE: Duration = Duration::from_secs(90);
