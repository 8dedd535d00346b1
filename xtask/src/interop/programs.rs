//! The programs of both sides: what must be installed, and how they are built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::client::Count;
use super::conformance::{self, Extent};
use super::peers::Peer;
use super::scripts;
use crate::go::{self, program, succeed};
use crate::repo;

/// Builds programs below the target folder.
#[derive(Debug)]
pub(super) struct Programs {
    root: PathBuf,
    target: PathBuf,
    /// An authority and a certificate, for this run only.
    pub(super) certificates: PathBuf,
}

/// How polywire's side is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// As it would be used.
    Release,
    /// As it is developed: sooner built, and slow.
    Debug,
}

/// A client and a server of one implementation.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) client: PathBuf,
    pub(super) server: PathBuf,
    /// What both need to be told to run.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// Whether the client has cases that only polywire passes.
    pub(super) tells_peers_apart: bool,
    /// Whether there is a server at all.
    pub(super) serves: bool,
}

impl Programs {
    /// Makes the certificates.
    ///
    /// # Errors
    /// Go is missing or too old.
    pub(super) fn new() -> Result<Self, String> {
        go::check((1, 21))?;
        let root = repo::root();
        let target = go::target_dir()?;
        let certificates = target.join("interop/tls");
        let folder = go::build("go", &["./certificates"])?;
        succeed(Command::new(program(&folder, "certificates")).arg(&certificates))?;
        Ok(Self { root, target, certificates })
    }

    /// Builds polywire's side.
    ///
    /// # Errors
    /// It does not build.
    pub(super) fn ours(&self, profile: Profile) -> Result<Side, String> {
        let mut build = repo::cargo(&self.root);
        build.args(["build", "--package", "polywire-interop"]);
        let folder = match profile {
            // Cases of hundreds of megabytes would take minutes in a debug build.
            Profile::Release => {
                build.arg("--release");
                "release"
            }
            Profile::Debug => "debug",
        };
        // The command line is a client too.
        build.args(["--package", "polywire-cli"]);
        for name in ["interop-client", "interop-server", "polywire"] {
            build.args(["--bin", name]);
        }
        succeed(&mut build)?;
        let folder = self.target.join(folder);
        Ok(Side {
            client: program(&folder, "interop-client"),
            server: program(&folder, "interop-server"),
            ..Side::new("polywire", &folder)
        })
    }

    /// Builds or installs a peer.
    ///
    /// # Errors
    /// Its toolchain is missing or too old, or something does not build.
    pub(super) fn foreign(&self, peer: Peer) -> Result<Side, String> {
        let name = peer.name();
        match peer {
            Peer::Go => {
                let folder = go::build("go", &["./client", "./server"])?;
                Ok(Side { tells_peers_apart: true, ..Side::new(name, &folder) })
            }
            Peer::GrpcGo => {
                go::check((1, 25))?;
                Ok(Side::new(name, &go::build("go-grpc", &["./client", "./server"])?))
            }
            Peer::GrpcJs => scripts::node(name, &self.sources(), &self.target.join("interop")),
            Peer::Grpcio => scripts::python(name, &self.sources(), &self.target.join("interop")),
            Peer::ConnectGo => {
                go::check((1, 25))?;
                Ok(Side::new(name, &go::build("go-connect", &["./client", "./server"])?))
            }
            Peer::GoMicroV6 | Peer::GoMicroV5 | Peer::GoMicroV4 | Peer::GoMicroV2 => {
                go::check((1, 25))?;
                Ok(Side::new(name, &go::build(name, &["./client", "./server"])?))
            }
            Peer::ConnectNode => {
                scripts::connect_node(name, &self.sources(), &self.target.join("interop"))
            }
            Peer::ConnectPython => {
                scripts::connect_python(name, &self.sources(), &self.target.join("interop"))
            }
            Peer::Grpcurl => {
                go::check((1, 25))?;
                let grpcurl = "github.com/fullstorydev/grpcurl/cmd/grpcurl";
                let client = Side::new(name, &go::build("grpcurl", &["./client", grpcurl])?);
                let server = go::build("go-grpc", &["./server"])?;
                Ok(Side { server: program(&server, "server"), ..client })
            }
            Peer::BufCurl => scripts::buf_curl(name, &self.sources(), &self.target.join("interop")),
            Peer::Browser => scripts::browser(name, &self.sources(), &self.target.join("interop")),
        }
    }

    /// Runs Connect's conformance runner.
    ///
    /// # Errors
    /// Go is too old for it, or as [`conformance::run`].
    pub(super) fn conformance(&self, extent: Extent) -> Result<Count, String> {
        go::check((1, 24))?;
        conformance::run(&self.sources(), &self.target, extent)
    }

    fn sources(&self) -> PathBuf {
        self.root.join("interop")
    }
}

impl Side {
    pub(super) fn new(name: &'static str, folder: &Path) -> Self {
        Self {
            name,
            client: program(folder, "client"),
            server: program(folder, "server"),
            environment: Vec::new(),
            tells_peers_apart: false,
            serves: true,
        }
    }
}
