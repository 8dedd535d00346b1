//! The programs of both sides: what must be installed, and how they are built.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repo;

/// The clients and servers, and the certificates they share.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) go_client: PathBuf,
    pub(super) go_server: PathBuf,
    pub(super) polywire_client: PathBuf,
    pub(super) polywire_server: PathBuf,
    pub(super) certificates: PathBuf,
}

impl Programs {
    /// Builds all of them below the target folder.
    ///
    /// # Errors
    /// Go is missing or too old, or something does not build.
    pub(super) fn build() -> Result<Self, String> {
        check_go()?;
        let root = repo::root();
        let target = target_dir(&root)?;
        let (go, rust) = (target.join("interop"), target.join("debug"));
        // Nothing here needs a module or another toolchain, so nothing is to be fetched.
        let mut build = Command::new("go");
        build.current_dir(root.join("interop/go")).env("GOTOOLCHAIN", "local");
        build.arg("build").arg("-o").arg(folder(&go)).args(["./certificates", "./client"]);
        succeed(build.arg("./server"))?;
        succeed(repo::cargo(&root).args(["build", "--package", "polywire-interop"]))?;
        let certificates = go.join("tls");
        succeed(Command::new(program(&go, "certificates")).arg(&certificates))?;
        Ok(Self {
            go_client: program(&go, "client"),
            go_server: program(&go, "server"),
            polywire_client: program(&rust, "interop-client"),
            polywire_server: program(&rust, "interop-server"),
            certificates,
        })
    }
}

/// `go build -o` takes a path that ends in a separator for a folder, whether it is there or not.
fn folder(path: &Path) -> PathBuf {
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
fn check_go() -> Result<(), String> {
    let output = Command::new("go").arg("version").output().map_err(|error| {
        format!(
            "cannot run `go version` ({error}): install Go {GO_MAJOR}.{GO_MINOR} or later from \
             https://go.dev/dl, or with `apt install golang-go` or `brew install go`"
        )
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    match version(&text) {
        Some(found) if found >= (GO_MAJOR, GO_MINOR) => Ok(()),
        _ => Err(format!(
            "Go {GO_MAJOR}.{GO_MINOR} or later is needed, see https://go.dev/dl; this is: {}",
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

const GO_MAJOR: u32 = 1;
const GO_MINOR: u32 = 21;

fn succeed(command: &mut Command) -> Result<(), String> {
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
