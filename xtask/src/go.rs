//! The Go programs of this repository: what they need, and how they are built.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repo;

/// Builds commands of the module in a folder of `interop` below the target folder, and says where
/// they are.
///
/// # Errors
/// They do not build.
pub(crate) fn build(module: &str, commands: &[&str]) -> Result<PathBuf, String> {
    let folder = target_dir()?.join("interop").join(module);
    let mut build = Command::new("go");
    build.current_dir(repo::root().join("interop").join(module));
    // The Go that is here will do, so no other one is to be fetched. What nobody debugs needs no
    // symbols, nor the paths of this machine.
    build.env("GOTOOLCHAIN", "local").args(["build", "-trimpath", "-ldflags", "-s -w", "-o"]);
    succeed(build.arg(path_of_folder(&folder)).args(commands))?;
    Ok(folder)
}

/// Where cargo builds.
///
/// # Errors
/// It does not say.
pub(crate) fn target_dir() -> Result<PathBuf, String> {
    let metadata = repo::metadata(&repo::root()).map_err(|error| error.to_string())?;
    let dir = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    dir.map(PathBuf::from).ok_or_else(|| "cargo does not say where it builds".to_owned())
}

/// A program in a folder.
pub(crate) fn program(dir: &Path, name: &str) -> PathBuf {
    dir.join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

/// `go build -o` takes a path that ends in a separator for a folder, whether it is there or not.
fn path_of_folder(path: &Path) -> PathBuf {
    path.join("")
}

/// Says what to install if Go is not there.
///
/// # Errors
/// It is missing, or too old.
pub(crate) fn check(wanted: (u32, u32)) -> Result<(), String> {
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
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
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
