//! The two programs, each in its namespace, and what they say.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::repo;

/// What is run at both ends.
#[derive(Debug)]
pub(super) struct Programs {
    peer: PathBuf,
}

impl Programs {
    /// Builds it as it is developed.
    pub(super) fn build() -> Result<Self, String> {
        Self::build_as("debug", &[])
    }

    /// Builds it as it would be used.
    pub(super) fn build_release() -> Result<Self, String> {
        Self::build_as("release", &["--release"])
    }

    fn build_as(folder: &str, words: &[&str]) -> Result<Self, String> {
        let root = repo::root();
        let mut build = repo::cargo(&root);
        build.args(["build", "--quiet", "--package", "polywire-interop", "--bin", "fault-peer"]);
        build.args(words);
        let status = build.status().map_err(|error| format!("{build:?}: {error}"))?;
        if !status.success() {
            return Err(format!("{build:?}: {status}"));
        }
        let metadata = repo::metadata(&root).map_err(|error| error.to_string())?;
        let target = metadata.get("target_directory").and_then(serde_json::Value::as_str);
        let target = target.ok_or("cargo does not say where it builds")?;
        Ok(Self { peer: PathBuf::from(target).join(folder).join("fault-peer") })
    }

    /// Starts one end, and waits until it is ready.
    pub(super) fn start(&self, namespace: &str, words: &[&str]) -> Result<Peer, String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(&self.peer).args(words);
        let peer = Self::spawn(&mut command)?;
        match peer.line(STARTING)? {
            line if line == "ready" => Ok(peer),
            line => Err(format!("{command:?} said `{line}`")),
        }
    }

    /// Starts a server that may have so many files open, and waits for its address.
    pub(super) fn start_target(&self, files: Option<u32>) -> Result<(String, Peer), String> {
        let mut command = match files {
            None => Command::new(&self.peer),
            Some(files) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {files}; exec \"$0\" target")]);
                shell.arg(&self.peer);
                shell
            }
        };
        let peer = Self::spawn(command.args(files.is_none().then_some("target")))?;
        let line = peer.line(STARTING)?;
        let address = line.strip_prefix("ready ");
        let address = address.ok_or_else(|| format!("{command:?} said `{line}`"))?.to_owned();
        Ok((address, peer))
    }

    /// Starts a program here, in this environment as well, and waits for what it says behind `ready`.
    pub(super) fn start_here(
        &self,
        words: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Result<(String, Peer), String> {
        let mut command = Command::new(&self.peer);
        Self::ready(command.args(words).envs(environment.iter().copied()))
    }

    /// Starts a program in a network namespace, and waits for what it says behind `ready`.
    pub(super) fn start_in(
        &self,
        namespace: &str,
        words: &[&str],
    ) -> Result<(String, Peer), String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(&self.peer).args(words);
        Self::ready(&mut command)
    }

    fn ready(command: &mut Command) -> Result<(String, Peer), String> {
        let peer = Self::spawn(command)?;
        let line = peer.line(STARTING)?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("ready", said) => Ok((said.to_owned(), peer)),
            _ => Err(format!("{command:?} said `{line}`")),
        }
    }

    fn spawn(command: &mut Command) -> Result<Peer, String> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let (orders, lines) = (child.stdin.take(), lines(&mut child));
        Ok(Peer { child, orders, lines })
    }
}

/// How long a program may take to be ready.
const STARTING: Duration = Duration::from_secs(20);

/// A program that runs; dropping it ends it.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    orders: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// A line of `WHAT HOW MILLISECONDS`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) what: String,
    pub(super) how: String,
    pub(super) after: Duration,
}

impl Peer {
    /// What the system calls it.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn tell(&mut self, word: &str) -> Result<(), String> {
        let orders = self.orders.as_mut().ok_or("a program without an input")?;
        writeln!(orders, "{word}").map_err(|error| format!("telling a program `{word}`: {error}"))
    }

    /// What it says next; an error if it says nothing for so long, or no more.
    pub(super) fn seen(&self, patience: Duration) -> Result<Seen, String> {
        let line = self.line(patience)?;
        seen(&line).ok_or_else(|| format!("a program said `{line}`"))
    }

    /// Lets it end by itself, as it does when its input ends, and waits for that.
    pub(super) fn end(&mut self) {
        self.orders = None;
        // It fails only if it has been waited for.
        let _ended = self.child.wait();
    }

    /// The next line it says; an error if it says nothing for so long, or no more.
    pub(super) fn line(&self, patience: Duration) -> Result<String, String> {
        self.lines.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("nothing for {} s", patience.as_secs()),
            RecvTimeoutError::Disconnected => "the program ended".to_owned(),
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail only if it has ended by itself.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn seen(line: &str) -> Option<Seen> {
    let mut words = line.split(' ');
    let (what, how, millis) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    let after = Duration::from_millis(millis);
    Some(Seen { what: what.to_owned(), how: how.to_owned(), after })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_sees_is_read_from_its_line() {
        let after = Duration::from_millis(10_012);
        let expected = Seen { what: "sent".to_owned(), how: "unavailable".to_owned(), after };
        assert_eq!(seen("sent unavailable 10012"), Some(expected));
        assert_eq!(seen("ready"), None);
        assert_eq!(seen("sent unavailable soon"), None);
    }
}
