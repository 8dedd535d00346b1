//! What every case begins with, and asks of the engines themselves.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use std::{fs, thread};

use super::super::Count;
use super::super::peers::{Peer, Programs};
use crate::engines::{Engine, Kind, ask, process};

/// How long an instance stays that is not renewed, where the registry keeps it.
pub(super) const TTL: Duration = Duration::from_secs(6);
/// When one that was lost is registered again at the latest: with its next renewal.
pub(super) const BACK: Duration = Duration::from_secs(TTL.as_secs() / 3 + 2);
/// When a caller knows of what the registry knows, at the latest.
pub(super) const SEEN: Duration = Duration::from_secs(5);

/// One case on one engine.
pub(super) struct Scene<'a> {
    case: &'static str,
    pub(super) kind: Kind,
    pub(super) programs: &'a Programs,
    /// How long what lasts a while lasts.
    pub(super) outage: Duration,
    pub(super) service: String,
    count: &'a mut Count,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        case: &'static str,
        kind: Kind,
        programs: &'a Programs,
        outage: Duration,
        count: &'a mut Count,
    ) -> Self {
        let service = format!("faults-{}-{}", case.to_lowercase(), std::process::id());
        Self { case, kind, programs, outage, service, count }
    }

    /// Prints a line and counts it.
    pub(super) fn check(&mut self, what: &str, seen: Result<String, String>) {
        self.count.check(&format!("{} {}, {what}", self.case, self.kind), seen);
    }

    /// Prints a line about what cannot be had here.
    pub(super) fn miss(&mut self, what: &str, seen: &str, why: &str) {
        self.count.miss(&format!("{} {}, {what}", self.case, self.kind), seen, why);
    }

    /// The engine, two members, and a caller that calls them.
    pub(super) fn set(&self) -> Result<Set, String> {
        let engine = Engine::start(self.kind)?;
        let url = url(&engine);
        let members = vec![self.member(&url)?, self.member(&url)?];
        let caller = self.caller(&url)?;
        let mut set = Set { caller, members, url, engine };
        set.expect_nodes(SEEN)?;
        Ok(set)
    }

    pub(super) fn member(&self, url: &str) -> Result<Member, String> {
        let words = ["member", url, &self.service];
        let (line, peer) = self.programs.start_here(&words, &[])?;
        Ok(Member { address: line, peer })
    }

    pub(super) fn caller(&self, url: &str) -> Result<Peer, String> {
        Ok(self.programs.start_here(&["caller", url, &self.service], &[])?.1)
    }

    /// Says how the calls went, since the count that is given.
    pub(super) fn check_calls(&mut self, what: &str, set: &mut Set, before: Calls) {
        let seen = set.calls().and_then(|after| after.since(before));
        self.check(&format!("calls {what}"), seen);
    }
}

/// What a member is told of an engine: NATS keeps nothing that could expire.
pub(super) fn url(engine: &Engine) -> String {
    match engine.kind {
        Kind::Nats => engine.url(),
        _ => format!("{}?ttl={}s", engine.url(), TTL.as_secs()),
    }
}

/// An instance of the service.
pub(super) struct Member {
    pub(super) address: String,
    pub(super) peer: Peer,
}

/// An engine and those that use it. What comes first is dropped first.
pub(super) struct Set {
    pub(super) caller: Peer,
    pub(super) members: Vec<Member>,
    pub(super) url: String,
    pub(super) engine: Engine,
}

/// How many calls were made, and how many of them failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calls {
    made: u64,
    failed: u64,
}

impl Calls {
    fn since(self, before: Self) -> Result<String, String> {
        let (made, failed) = (self.made - before.made, self.failed - before.failed);
        match (made, failed) {
            (0, _) => Err("none was made".to_owned()),
            (_, 0) => Ok(format!("0 of {made} failed")),
            _ => Err(format!("{failed} of {made} failed")),
        }
    }
}

impl Set {
    pub(super) fn calls(&mut self) -> Result<Calls, String> {
        self.caller.tell("calls")?;
        let line = self.caller.line(Duration::from_secs(10))?;
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["calls", made, failed] => match (made.parse(), failed.parse()) {
                (Ok(made), Ok(failed)) => Ok(Calls { made, failed }),
                _ => Err(format!("the caller said `{line}`")),
            },
            _ => Err(format!("the caller said `{line}`")),
        }
    }

    /// Where the caller sees members.
    fn nodes(&mut self) -> Result<String, String> {
        self.caller.tell("nodes")?;
        let line = self.caller.line(Duration::from_secs(10))?;
        Ok(line.strip_prefix("nodes ").unwrap_or_default().to_owned())
    }

    /// Waits until the caller sees every member once, and nobody else.
    pub(super) fn expect_nodes(&mut self, limit: Duration) -> Result<String, String> {
        let mut wanted: Vec<&str> =
            self.members.iter().map(|member| member.address.as_str()).collect();
        wanted.sort_unstable();
        let wanted = wanted.join(",");
        let begun = now();
        loop {
            let seen = self.nodes()?;
            if seen == wanted {
                return Ok(format!("{} after {:.1} s", seen, begun.elapsed().as_secs_f64()));
            }
            if begun.elapsed() > limit {
                return Err(format!("{seen:?} after {} s, {wanted:?} wanted", limit.as_secs()));
            }
            pause(Duration::from_millis(100));
        }
    }

    /// Waits until the engine itself has so many entries of the service, and then sees that there
    /// are no more of them a while later.
    pub(super) fn expect_entries(
        &mut self,
        service: &str,
        wanted: usize,
        limit: Duration,
    ) -> Result<String, String> {
        if self.engine.kind == Kind::Nats {
            // It has none: those who are registered answer for themselves.
            return self.expect_nodes(limit);
        }
        let begun = now();
        loop {
            let seen = entries(&self.engine, service);
            if seen == Ok(wanted) {
                break;
            }
            if begun.elapsed() > limit {
                return Err(format!("{seen:?} after {} s, {wanted} wanted", limit.as_secs()));
            }
            pause(Duration::from_millis(100));
        }
        let after = begun.elapsed().as_secs_f64();
        pause(TTL / 2);
        match entries(&self.engine, service)? {
            seen if seen == wanted => {
                Ok(format!("{wanted} entries after {after:.1} s, at most {} s", limit.as_secs()))
            }
            seen => Err(format!("{seen} entries in the end, {wanted} wanted")),
        }
    }
}

/// How many entries of a service an engine has.
fn entries(engine: &Engine, service: &str) -> Result<usize, String> {
    let address = engine.address();
    let body = match engine.kind {
        Kind::Etcd | Kind::Etcd34 => ask(address, "POST", "/v3/kv/range", &range_of(service))?,
        _ => ask(address, "GET", &format!("/v1/health/service/{service}"), "")?,
    };
    let read: serde_json::Value =
        serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
    Ok(match &read {
        serde_json::Value::Array(all) => all.len(),
        // etcd says nothing of what is nothing.
        other => other.get("kvs").and_then(|all| all.as_array()).map_or(0, Vec::len),
    })
}

/// Every key of a service, as etcd's gateway is asked for it.
pub(super) fn range_of(service: &str) -> String {
    let key = format!("/micro/registry/{service}/");
    // Behind everything with that prefix comes the prefix with its last byte raised.
    let end = format!("/micro/registry/{service}0");
    format!(r#"{{"key":"{}","range_end":"{}"}}"#, base64(&key), base64(&end))
}

/// As etcd's gateway wants its bytes.
pub(super) fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut written = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            (bits << 8) | chunk.get(at).map_or(0, |&byte| usize::from(byte))
        });
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) & 63];
            written.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    written
}

/// Publishes what may be no message at all, as anyone could.
pub(super) fn publish(nats: SocketAddr, subject: &str, body: &str) -> Result<(), String> {
    let published = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(nats)?;
        write!(stream, "CONNECT {{}}\r\nPUB {subject} {}\r\n{body}\r\nPING\r\n", body.len())?;
        // What was published is taken before it ends.
        pause(Duration::from_millis(200));
        Ok(())
    };
    published().map_err(|error| format!("publishing to {subject}: {error}"))
}

/// Sends a signal to a program.
pub(super) fn signal(peer: &Peer, name: &str) -> Result<(), String> {
    process::signal(peer.process(), name)
}

/// How many files a program has open, and how many KiB it takes.
pub(super) fn size(peer: &Peer) -> Result<(usize, u64), String> {
    let folder = format!("/proc/{}", peer.process());
    let files = fs::read_dir(format!("{folder}/fd")).map_err(|error| error.to_string())?.count();
    let status =
        fs::read_to_string(format!("{folder}/status")).map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    Ok((files, kib.ok_or("no VmRSS")?))
}

#[expect(clippy::disallowed_methods, reason = "other processes live by the wall's clock")]
pub(super) fn pause(time: Duration) {
    thread::sleep(time);
}

#[expect(clippy::disallowed_methods, reason = "other processes live by the wall's clock")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcd_is_asked_for_everything_with_a_prefix() {
        assert_eq!(base64("a"), "YQ==");
        assert_eq!(base64("ab"), "YWI=");
        assert_eq!(base64("/micro"), "L21pY3Jv");
        let wanted = r#"{"key":"L21pY3JvL3JlZ2lzdHJ5L3Mv","range_end":"L21pY3JvL3JlZ2lzdHJ5L3Mw"}"#;
        assert_eq!(range_of("s"), wanted);
    }
}
