//! Who takes part, under which load, and how their programs are built.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use crate::repo;

/// A framework with an echo in `benches`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A plain tokio echo, the limit.
    Raw,
    Polywire,
    /// The same server; the client speaks gRPC.
    PolywireGrpc,
    Tarpc,
    Tonic,
    Volo,
    Go,
}

impl Peer {
    pub(super) const ALL: &[Self] = &[
        Self::Raw,
        Self::Polywire,
        Self::PolywireGrpc,
        Self::Tarpc,
        Self::Tonic,
        Self::Volo,
        Self::Go,
    ];

    /// The package that its program is in.
    fn package(self) -> String {
        let name = if self == Self::PolywireGrpc { Self::Polywire } else { self }.name();
        format!("bench-{name}")
    }

    /// Whether it can be put under a load.
    pub(super) const fn bears(self, load: Load) -> bool {
        match load {
            Load::W7 => !matches!(self, Self::Raw | Self::Tarpc | Self::Go),
            _ => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Polywire => "polywire",
            Self::PolywireGrpc => "polywire-grpc",
            Self::Tarpc => "tarpc",
            Self::Tonic => "tonic",
            Self::Volo => "volo",
            Self::Go => "go",
        }
    }
}

/// A load of ARCHITECTURE.md; what it means is written in `benches/harness`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    W1,
    W2,
    W3,
    W4,
    W5,
    W6,
    W7,
}

impl Load {
    pub(super) const ALL: &[Self] =
        &[Self::W1, Self::W2, Self::W3, Self::W4, Self::W5, Self::W6, Self::W7];
}

/// The scheduler of a Rust server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runtime {
    Current,
    Multi,
}

impl Runtime {
    pub(super) const ALL: &[Self] = &[Self::Current, Self::Multi];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Multi => "multi",
        }
    }
}

/// A peer on a scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contestant {
    pub(super) peer: Peer,
    pub(super) runtime: Runtime,
}

impl Contestant {
    /// Every peer on every scheduler. Go has its own, so it takes part once.
    pub(super) fn all(peers: &[Peer], runtimes: &[Runtime]) -> Vec<Self> {
        let mut all = Vec::new();
        for &peer in peers {
            let runtimes = if peer == Peer::Go { &[Runtime::Current] } else { runtimes };
            all.extend(runtimes.iter().map(|&runtime| Self { peer, runtime }));
        }
        all
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.peer, self.runtime) {
            (Peer::Go, _) | (_, Runtime::Current) => write!(f, "{}", self.peer),
            (peer, Runtime::Multi) => write!(f, "{peer} (multi)"),
        }
    }
}

impl FromStr for Peer {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|peer| peer.name() == name).ok_or(())
    }
}

impl FromStr for Load {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|load| load.to_string() == name).ok_or(())
    }
}

impl FromStr for Runtime {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|runtime| runtime.name() == name).ok_or(())
    }
}

/// Where the built programs are.
#[derive(Debug)]
pub(super) struct Programs(PathBuf);

impl Programs {
    pub(super) fn of(&self, peer: Peer) -> PathBuf {
        self.0.join(format!("bench-{peer}"))
    }
}

/// Builds the programs of the peers: as fast as they can be, or, for a smoke run, as soon as they
/// can be.
pub(super) fn build(peers: &[Peer], smoke: bool) -> Result<Programs, String> {
    let dir = repo::root().join("benches");
    let target_dir = repo::target_dir("benches");
    let profile = if smoke { "smoke" } else { "release" };
    let programs = Programs(target_dir.join(profile));
    let mut cargo = repo::cargo(&dir);
    cargo.args(["build", "--profile", profile, "--target-dir"]).arg(&target_dir);
    let rust: Vec<Peer> = peers.iter().copied().filter(|&peer| peer != Peer::Go).collect();
    rust.iter().for_each(|peer| {
        cargo.args(["--package", &peer.package()]);
    });
    if !rust.is_empty() {
        succeed(&mut cargo)?;
    }
    if peers.contains(&Peer::Go) {
        let mut go = Command::new("go");
        go.current_dir(dir.join("go")).args(["build", "-o"]).arg(programs.of(Peer::Go)).arg(".");
        succeed(&mut go).map_err(|error| format!("{error} (install Go, or leave `go` out)"))?;
    }
    Ok(programs)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program}: {status}")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
