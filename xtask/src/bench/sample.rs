//! One sample: a fresh server, a fresh client, one load.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::peer::{Contestant, Load, Programs};
use super::spinner::Spinners;

/// The core of the server and that of the client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cores {
    pub(super) server: usize,
    pub(super) client: usize,
}

/// How long a sample takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) warm_up_secs: f64,
    pub(super) secs: f64,
    /// For W6.
    pub(super) connections: usize,
}

impl Timing {
    pub(super) const FULL: Self = Self { warm_up_secs: 0.3, secs: 1.0, connections: 10_000 };
    pub(super) const SMOKE: Self = Self { warm_up_secs: 0.0, secs: 0.2, connections: 100 };
}

/// What a client measured.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) contestant: Contestant,
    pub(super) load: Load,
    pub(super) round: usize,
    pub(super) figures: Figures,
    /// The greater share of a core that went to neither the peer nor a spinner, if spinners ran.
    pub(super) foreign: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Figures {
    Calls {
        per_sec: f64,
        p50_us: f64,
        p99_us: f64,
        /// Processor time per call.
        server_us: f64,
        client_us: f64,
    },
    Idle {
        /// Resident memory per connection, in KiB.
        kib: f64,
    },
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.figures {
            Figures::Calls { per_sec, p50_us, server_us, .. } => {
                write!(f, "{per_sec:.0} calls/s, p50 {p50_us:.1} us, server {server_us:.2} us/call")
            }
            Figures::Idle { kib } => write!(f, "{kib:.1} KiB per connection"),
        }
    }
}

/// What all samples have in common.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) programs: &'a Programs,
    pub(super) cores: Cores,
    pub(super) timing: Timing,
    pub(super) spinners: Option<&'a Spinners>,
}

/// A sample that failed, or during which strangers had more of a core than this, is repeated.
const FOREIGN: f64 = 0.02;
const TRIES: usize = 3;

impl Bench<'_> {
    /// Takes a sample, again if it was disturbed; the cleanest counts.
    pub(super) fn sample(
        &self,
        contestant: Contestant,
        load: Load,
        round: usize,
    ) -> Result<Sample, String> {
        let mut best: Result<Sample, String> = Err("never tried".to_owned());
        for _ in 0..TRIES {
            let foreign = |sample: &Sample| sample.foreign.unwrap_or(0.0);
            match (self.try_sample(contestant, load, round), &best) {
                (Ok(sample), _) if foreign(&sample) <= FOREIGN => return Ok(sample),
                (Ok(sample), Ok(known)) if foreign(&sample) >= foreign(known) => {}
                (Ok(sample), _) => best = Ok(sample),
                (Err(error), Err(_)) => best = Err(error),
                (Err(_), Ok(_)) => {}
            }
        }
        best
    }

    fn try_sample(
        &self,
        contestant: Contestant,
        load: Load,
        round: usize,
    ) -> Result<Sample, String> {
        let server = self.start_server(contestant)?;
        let spinners = self.spinners.map(Spinners::pids).unwrap_or_default();
        let watched: Vec<String> =
            [server.child.id()].iter().chain(&spinners).map(u32::to_string).collect();
        let mut client = pinned(self.cores.client, &["timeout", "120"]);
        client.arg(self.programs.client(contestant.peer)).args([
            "client",
            "--server",
            &server.address,
        ]);
        client.args(["--load", &load.to_string(), "--watch", &watched.join(",")]);
        client.args(["--secs", &self.timing.secs.to_string()]);
        client.args(["--warm-up", &self.timing.warm_up_secs.to_string()]);
        client.args(["--connections", &self.timing.connections.to_string()]);
        let output = client.output().map_err(|error| format!("client: {error}"))?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!("client: {}: {error}", output.status));
        }
        let line: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("client's line: {error}"))?;
        let figures = figures(&line).ok_or_else(|| format!("the client printed {line}"))?;
        let foreign = self.spinners.and_then(|_| foreign(&line));
        Ok(Sample { contestant, load, round, figures, foreign })
    }

    fn start_server(&self, contestant: Contestant) -> Result<Server, String> {
        let mut command = pinned(self.cores.server, &[]);
        command.arg(self.programs.server(contestant.peer)).arg("server");
        command.args(["--runtime", contestant.runtime.name(), "--listen", "127.0.0.1:0"]);
        let spawned = command.stdout(Stdio::piped()).spawn();
        let child = spawned.map_err(|error| format!("server: {error}"))?;
        let mut server = Server { child, address: String::new() };
        let stdout = server.child.stdout.take().ok_or("server: no output")?;
        let read = BufReader::new(stdout).read_line(&mut server.address);
        read.map_err(|error| format!("server: {error}"))?;
        server.address.truncate(server.address.trim_end().len());
        if server.address.is_empty() {
            return Err("the server ended before it listened".to_owned());
        }
        Ok(server)
    }
}

/// A command on one core that may open as many files as the system lets it. The shell and
/// `taskset` replace themselves, so the child's id is that of the program.
fn pinned(core: usize, wrapper: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n "$(ulimit -Hn)"; exec "$@""#, "sh"]);
    command.args(wrapper).args(["taskset", "-c", &core.to_string()]).stdin(Stdio::null());
    command
}

/// Ends with the value.
#[derive(Debug)]
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the server has ended by itself, and then nothing is left to do.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Reads the line a client prints.
fn figures(line: &Value) -> Option<Figures> {
    let number = |name: &str| line.get(name).and_then(Value::as_f64);
    if let Some(connections) = number("connections") {
        return Some(Figures::Idle { kib: number("resident_bytes")? / 1024.0 / connections });
    }
    let spent = processor_us(line);
    let calls = number("calls")?;
    Some(Figures::Calls {
        per_sec: calls / number("secs")?,
        p50_us: number("p50_us")?,
        p99_us: number("p99_us")?,
        server_us: spent.first()? / calls,
        client_us: spent.last()? / calls,
    })
}

/// The share of a core that strangers had, on the core where they had more.
fn foreign(line: &Value) -> Option<f64> {
    let window = line.get("secs")?.as_f64()? * 1e6;
    let &[server, server_spinner, client_spinner, client] = processor_us(line).as_slice() else {
        return None;
    };
    let share = |ours: f64| (1.0 - ours / window).max(0.0);
    Some(share(server + server_spinner).max(share(client + client_spinner)))
}

/// Processor time of the server, of the spinners if there are any, and of the client.
fn processor_us(line: &Value) -> Vec<f64> {
    let list = line.get("cpu_us").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_f64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_clients_line_gives_rates_and_processor_time_per_call() {
        let line = json!({
            "calls": 1000, "secs": 0.5, "p50_us": 40.5, "p99_us": 60.0,
            "cpu_us": [10_000, 480_000, 470_000, 20_000],
        });
        let Some(Figures::Calls { per_sec, server_us, client_us, .. }) = figures(&line) else {
            panic!("a line of calls");
        };
        assert_eq!((per_sec, server_us, client_us), (2000.0, 10.0, 20.0));
        assert!((foreign(&line).unwrap() - 0.02).abs() < 1e-9);
    }

    #[test]
    fn a_line_about_memory_gives_kib_per_connection() {
        let line = json!({ "connections": 10, "resident_bytes": 20_480 });
        assert!(matches!(figures(&line), Some(Figures::Idle { kib: 2.0 })));
    }
}
