//! The programs of both sides: what must be installed, and how they are built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::client::Count;
use super::conformance::{self, Extent};
use super::peers::Peer;
use super::scripts;
use crate::repo;

/// Builds programs below the target folder.
#[derive(Debug)]
pub(super) struct Programs {
    root: PathBuf,
    target: PathBuf,
    /// An authority and a certificate, for this run only.
    pub(super) certificates: PathBuf,
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
        check_go((1, 21))?;
        let root = repo::root();
        let target = target_dir(&root)?;
        let certificates = target.join("interop/tls");
        let programs = Self { root, target, certificates };
        let folder = programs.go("go", &["./certificates"])?;
        succeed(Command::new(program(&folder, "certificates")).arg(&programs.certificates))?;
        Ok(programs)
    }

    /// Builds polywire's side.
    ///
    /// # Errors
    /// It does not build.
    pub(super) fn ours(&self) -> Result<Side, String> {
        // Cases of hundreds of megabytes would take minutes in a debug build.
        let mut build = repo::cargo(&self.root);
        build.args(["build", "--release", "--package", "polywire-interop"]);
        // The command line is a client too.
        build.args(["--package", "polywire-cli"]);
        for name in ["interop-client", "interop-server", "polywire"] {
            build.args(["--bin", name]);
        }
        succeed(&mut build)?;
        let folder = self.target.join("release");
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
                let folder = self.go("go", &["./client", "./server"])?;
                Ok(Side { tells_peers_apart: true, ..Side::new(name, &folder) })
            }
            Peer::GrpcGo => {
                check_go((1, 25))?;
                Ok(Side::new(name, &self.go("go-grpc", &["./client", "./server"])?))
            }
            Peer::GrpcJs => scripts::node(name, &self.sources(), &self.target.join("interop")),
            Peer::Grpcio => scripts::python(name, &self.sources(), &self.target.join("interop")),
            Peer::ConnectGo => {
                check_go((1, 25))?;
                Ok(Side::new(name, &self.go("go-connect", &["./client", "./server"])?))
            }
            Peer::GoMicroV6 | Peer::GoMicroV5 | Peer::GoMicroV4 | Peer::GoMicroV2 => {
                check_go((1, 25))?;
                Ok(Side::new(name, &self.go(name, &["./client", "./server"])?))
            }
            Peer::ConnectNode => {
                scripts::connect_node(name, &self.sources(), &self.target.join("interop"))
            }
            Peer::ConnectPython => {
                scripts::connect_python(name, &self.sources(), &self.target.join("interop"))
            }
            Peer::Grpcurl => {
                check_go((1, 25))?;
                let grpcurl = "github.com/fullstorydev/grpcurl/cmd/grpcurl";
                let client = Side::new(name, &self.go("grpcurl", &["./client", grpcurl])?);
                let server = self.go("go-grpc", &["./server"])?;
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
        check_go((1, 24))?;
        conformance::run(&self.sources(), &self.target, extent)
    }

    fn sources(&self) -> PathBuf {
        self.root.join("interop")
    }

    /// Builds commands of a module, and says where they are.
    fn go(&self, module: &str, commands: &[&str]) -> Result<PathBuf, String> {
        let folder = self.target.join("interop").join(module);
        let mut build = Command::new("go");
        build.current_dir(self.sources().join(module));
        // The Go that is here will do, so no other one is to be fetched.
        build.env("GOTOOLCHAIN", "local").arg("build").arg("-o").arg(path_of_folder(&folder));
        succeed(build.args(commands))?;
        Ok(folder)
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

/// `go build -o` takes a path that ends in a separator for a folder, whether it is there or not.
fn path_of_folder(path: &Path) -> PathBuf {
    path.join("")
}

fn program(dir: &Path, name: &str) -> PathBuf {
    dir.join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

fn target_dir(root: &Path) -> Result<PathBuf, String> {
    let metadata = repo::metadata(root).map_err(|error| error.to_string())?;
    let dir = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    dir.map(PathBuf::from).ok_or_else(|| "cargo does not say where it builds".to_owned())
}

/// Says what to install if Go is not there.
fn check_go(wanted: (u32, u32)) -> Result<(), String> {
    let (major, minor) = wanted;
    let output = Command::new("go").arg("version").output().map_err(|error| {
        format!(
            "cannot run `go version` ({error}): install Go {major}.{minor} or later from \
             https://go.dev/dl, or with `apt install golang-go` or `brew install go`"
        )
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    match version(&text) {
        Some(found) if found >= wanted => Ok(()),
        _ => Err(format!(
            "Go {major}.{minor} or later is needed, see https://go.dev/dl; this is: {}",
            text.trim()
        )),
    }
}

/// Two from `go version go1.26.3 linux/amd64`; a development version counts as the newest.
fn version(text: &str) -> Option<(u32, u32)> {
    let word = text.split_whitespace().nth(2)?;
    if word == "devel" {
        return Some((u32::MAX, 0));
    }
    let mut numbers = word.strip_prefix("go")?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Runs a command to its end.
///
/// # Errors
/// It cannot be run, or fails.
pub(super) fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_go_prints() {
        assert_eq!(version("go version go1.26.3 linux/amd64"), Some((1, 26)));
        assert_eq!(version("go version go1.22rc1 darwin/arm64"), Some((1, 22)));
        assert_eq!(version("go version devel go1.28-abc linux/amd64"), Some((u32::MAX, 0)));
        assert_eq!(version("gccgo"), None);
    }
}
