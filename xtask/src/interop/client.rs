//! One client against the other side's server: its cases, as it reports them.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::ops::AddAssign;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::programs::Side;

/// Who calls whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction<'a> {
    pub(super) client: &'a Side,
    pub(super) server: &'a Side,
}

/// Cases that went well, those that did not, and those that cannot be run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl AddAssign for Count {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed")?;
        if *skipped > 0 { write!(f, ", {skipped} skipped") } else { Ok(()) }
    }
}

impl Direction<'_> {
    /// Runs the client's suites and prints a line per case.
    ///
    /// # Errors
    /// The client cannot be started.
    pub(super) fn run(
        self,
        certificates: &Path,
        suites: &[String],
        only: &str,
    ) -> Result<Count, String> {
        let words = ["--only".to_owned(), only.to_owned()];
        self.run_with(certificates, &[&words, suites].concat())
    }

    /// Runs the client, told these words as well, and prints a line per case.
    ///
    /// # Errors
    /// The client cannot be started.
    pub(super) fn run_with(self, certificates: &Path, words: &[String]) -> Result<Count, String> {
        let mut command = self.command(certificates);
        command.args(words);
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

    fn command(self, certificates: &Path) -> Command {
        let mut command = Command::new(&self.client.client);
        command.envs(self.client.environment.iter().chain(&self.server.environment).cloned());
        command.arg("--server").arg(&self.server.server);
        command.arg("--certificates").arg(certificates);
        if self.client.name == self.server.name && self.client.tells_peers_apart {
            command.args(["--peer", self.server.name]);
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
            println!("ok   {self} {case}");
        } else if let Some(case) = line.strip_prefix("FAIL ") {
            self.fail(case, count);
        } else if let Some(case) = line.strip_prefix("skip ") {
            count.skipped += 1;
            println!("skip {self} {case}");
        } else {
            eprintln!("{self}: {line}");
        }
    }

    fn fail(self, why: &str, count: &mut Count) {
        count.failed += 1;
        println!("FAIL {self} {why}");
    }
}

impl fmt::Display for Direction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}->{}", self.client.name, self.server.name)
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
