//! The registries that others wrote, each a process of its own with data of its own, to be started,
//! stopped and robbed of what they know.
//!
//! They are built from Go's modules, as pinned in `interop/engines`.

mod cluster;
pub(crate) mod process;

use std::fmt;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use self::cluster::Cluster;
use self::process::Process;
use crate::go;

/// Which registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// etcd 3.5.
    Etcd,
    /// etcd 3.4, whose gateway and watches differ.
    Etcd34,
    /// Consul.
    Consul,
    /// NATS, which keeps nothing: those who are registered answer for themselves.
    Nats,
}

impl Kind {
    /// What it is called on the command line and in the names of cases.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Etcd34 => "etcd-3.4",
            Self::Consul => "consul",
            Self::Nats => "nats",
        }
    }

    const fn scheme(self) -> &'static str {
        match self {
            Self::Etcd | Self::Etcd34 => "etcd",
            Self::Consul => "consul",
            Self::Nats => "nats",
        }
    }

    const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::Etcd34 => "go.etcd.io/etcd",
            Self::Consul => "github.com/hashicorp/consul",
            Self::Nats => "github.com/nats-io/nats-server/v2",
        }
    }

    /// Builds the program, unless it is built.
    ///
    /// # Errors
    /// Go is too old, or it does not build.
    pub(crate) fn build(self) -> Result<PathBuf, String> {
        go::check((1, 26))?;
        let folder = go::build(&format!("engines/{}", self.name()), &[self.package()])?;
        let name = match self {
            Self::Etcd => "server",
            Self::Etcd34 => "etcd",
            Self::Consul => "consul",
            Self::Nats => "nats-server",
        };
        Ok(go::program(&folder, name))
    }

    fn words(self, data: &Path, [client, peer, gossip]: [u16; 3]) -> Vec<String> {
        let data = data.display();
        let text = match self {
            Self::Etcd | Self::Etcd34 => format!(
                "--data-dir={data} --log-level=error --name=one \
                 --listen-client-urls=http://127.0.0.1:{client} \
                 --advertise-client-urls=http://127.0.0.1:{client} \
                 --listen-peer-urls=http://127.0.0.1:{peer} \
                 --initial-advertise-peer-urls=http://127.0.0.1:{peer} \
                 --initial-cluster=one=http://127.0.0.1:{peer}"
            ),
            Self::Consul => format!(
                "agent -server -bootstrap-expect=1 -data-dir={data} -log-level=err -node=one \
                 -bind=127.0.0.1 -client=127.0.0.1 -http-port={client} -server-port={peer} \
                 -serf-lan-port={gossip} -serf-wan-port=-1 -dns-port=-1 -grpc-port=-1 \
                 -grpc-tls-port=-1 -hcl=performance{{raft_multiplier=1}}"
            ),
            Self::Nats => format!("--addr=127.0.0.1 --port={client}"),
        };
        text.split_whitespace().map(str::to_owned).collect()
    }
}

/// What becomes of an engine's data while it is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// It is there again.
    Kept,
    /// It is gone, as on a new disk.
    Wiped,
}

/// A registry that runs, or has been stopped. Dropping it ends it, and removes its data.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) kind: Kind,
    program: PathBuf,
    data: PathBuf,
    ports: [u16; 3],
    process: Option<Process>,
}

impl Engine {
    /// Builds it, starts it on free ports, and waits until it answers.
    ///
    /// # Errors
    /// It does not build, or does not answer in time.
    pub(crate) fn start(kind: Kind) -> Result<Self, String> {
        let program = kind.build()?;
        let ports = [free_port()?, free_port()?, free_port()?];
        let name = format!("polywire-{}-{}-{}", kind.name(), std::process::id(), ports[0]);
        let data = std::env::temp_dir().join(name);
        let mut engine = Self { kind, program, data, ports, process: None };
        engine.restart(Data::Wiped)?;
        Ok(engine)
    }

    /// As both sides are told it: `etcd://127.0.0.1:2379`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.kind.scheme(), self.address())
    }

    /// `127.0.0.1:2379`.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports[0]).into()
    }

    /// Starts it again, where it was before, and waits until it answers.
    ///
    /// # Errors
    /// It does not answer in time.
    pub(crate) fn restart(&mut self, data: Data) -> Result<(), String> {
        self.kill();
        if data == Data::Wiped && self.data.exists() {
            fs::remove_dir_all(&self.data).map_err(|error| self.fault("its data", &error))?;
        }
        fs::create_dir_all(&self.data).map_err(|error| self.fault("its data", &error))?;
        let store = self.data.join("store");
        let words = self.kind.words(&store, self.ports);
        let log = self.data.join("log");
        self.process = Some(Process::start(&self.program, &words, &log)?);
        if within(STARTING, || self.answers()) {
            return Ok(());
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        Err(format!("{} does not answer; it said:\n{said}", self.kind))
    }

    /// Ends it without a word to its peers.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Stops it as it is: its connections stay, and nothing answers.
    ///
    /// # Errors
    /// It does not run.
    pub(crate) fn pause(&self) -> Result<(), String> {
        self.signal("STOP")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub(crate) fn resume(&self) -> Result<(), String> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> Result<(), String> {
        let process = self.process.as_ref().ok_or("an engine that does not run")?;
        process::signal(process.id(), name)
    }

    fn fault(&self, what: &str, error: &dyn fmt::Display) -> String {
        format!("{}: {what}: {error}", self.kind)
    }

    fn answers(&self) -> bool {
        let address = self.address();
        match self.kind {
            Kind::Etcd | Kind::Etcd34 => {
                ask(address, "GET", "/health", "").is_ok_and(|body| body.contains("\"true\""))
            }
            // It answers before there is a leader, but knows of no node then.
            Kind::Consul => ask(address, "GET", "/v1/catalog/service/consul", "")
                .is_ok_and(|body| body.contains("\"Node\"")),
            Kind::Nats => greets(address),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
        if let Err(error) = fs::remove_dir_all(&self.data) {
            eprintln!("{}: {}: {error}", self.kind, self.data.display());
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A request to an engine over HTTP 1.0, which knows no chunks, and the body of what it answers if that is a success.
///
/// # Errors
/// It does not answer within some seconds, or with an error.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Result<String, String> {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, ANSWERING)?;
        stream.set_read_timeout(Some(ANSWERING))?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = asked().map_err(|error| format!("{method} {address}{path}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
        Ok(body.to_owned())
    } else {
        Err(format!("{method} {address}{path}: {head} {body}"))
    }
}

/// Whether a NATS server says who it is, which it does first.
fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, ANSWERING) else { return false };
    let mut first = [0; 4];
    stream.set_read_timeout(Some(ANSWERING)).is_ok()
        && stream.read_exact(&mut first).is_ok()
        && &first == b"INFO"
}

/// Whether something is so before the time is over.
#[expect(clippy::disallowed_methods, reason = "other processes live by the wall's clock")]
pub(crate) fn within(limit: Duration, mut so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !so() {
        if begun.elapsed() > limit {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    true
}

/// A port on which nobody listens, below those that the system gives to whoever connects.
fn free_port() -> Result<u16, String> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 4000).unwrap_or_default();
    for _ in 0..12_000 {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no free port between 20000 and 32000".to_owned())
}

/// Elections and all, on a busy machine.
const STARTING: Duration = Duration::from_secs(60);
const ANSWERING: Duration = Duration::from_secs(3);
