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
    /// The same server; the client speaks go-micro's wire, in JSON.
    PolywireMicro,
    /// JSON over HTTP/1.1; the client is that of `PolywireMicro`.
    Axum,
    GoMicro,
    /// go-micro's server; the client is that of `PolywireMicro`.
    GoMicroServer,
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
        Self::PolywireMicro,
        Self::Axum,
        Self::GoMicro,
        Self::GoMicroServer,
    ];

    /// Who takes part unless it is said. go-micro's module is large and not to be had from every
    /// proxy, which is no reason to fail for a run that only checks that programs run.
    pub(super) fn by_default(smoke: bool) -> Vec<Self> {
        let is_quick = |peer: &&Self| !smoke || peer.server() != Self::GoMicro;
        Self::ALL.iter().filter(is_quick).copied().collect()
    }

    /// Whose client it is that calls this one's server.
    const fn client(self) -> Self {
        match self {
            Self::GoMicroServer => Self::PolywireMicro,
            other => other,
        }
    }

    /// Whose server it is.
    const fn server(self) -> Self {
        match self {
            Self::GoMicroServer => Self::GoMicro,
            other => other,
        }
    }

    /// The folder and Go module that the program is in, if it is written in Go.
    const fn go_module(self) -> Option<&'static str> {
        match self {
            Self::Go => Some("go"),
            Self::GoMicro => Some("go-micro"),
            _ => None,
        }
    }

    /// Whether its server has a scheduler of its own.
    pub(super) fn has_own_runtime(self) -> bool {
        self.server().go_module().is_some()
    }

    /// The package that its program is in.
    fn package(self) -> String {
        let name = match self {
            Self::PolywireGrpc | Self::PolywireMicro => Self::Polywire,
            other => other,
        };
        format!("bench-{name}")
    }

    /// Whether it can be put under a load.
    pub(super) const fn bears(self, load: Load) -> bool {
        match load {
            Load::W7 => {
                matches!(self, Self::Polywire | Self::PolywireGrpc | Self::Tonic | Self::Volo)
            }
            // These are here for what go-micro's wire is asked for.
            Load::W4 | Load::W5 | Load::W6 => !matches!(
                self,
                Self::PolywireMicro | Self::Axum | Self::GoMicro | Self::GoMicroServer
            ),
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
            Self::PolywireMicro => "polywire-micro",
            Self::Axum => "axum",
            Self::GoMicro => "go-micro",
            Self::GoMicroServer => "go-micro-server",
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
            let runtimes = if peer.has_own_runtime() { &[Runtime::Current] } else { runtimes };
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
            (peer, Runtime::Multi) if !peer.has_own_runtime() => write!(f, "{peer} (multi)"),
            (peer, _) => write!(f, "{peer}"),
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
    pub(super) fn server(&self, peer: Peer) -> PathBuf {
        self.of(peer.server())
    }

    pub(super) fn client(&self, peer: Peer) -> PathBuf {
        self.of(peer.client())
    }

    fn of(&self, peer: Peer) -> PathBuf {
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
    let mut builds: Vec<Peer> = peers.iter().flat_map(|p| [p.server(), p.client()]).collect();
    builds.sort_by_key(|peer| peer.name());
    builds.dedup();
    let (go, rust): (Vec<Peer>, Vec<Peer>) =
        builds.into_iter().partition(|peer| peer.go_module().is_some());
    rust.iter().for_each(|peer| {
        cargo.args(["--package", &peer.package()]);
    });
    if !rust.is_empty() {
        succeed(&mut cargo)?;
    }
    for peer in go {
        let mut go = Command::new("go");
        go.current_dir(dir.join(peer.go_module().unwrap_or_default()));
        go.args(["build", "-o"]).arg(programs.of(peer)).arg(".");
        succeed(&mut go).map_err(|error| format!("{error} (install Go, or leave `{peer}` out)"))?;
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
