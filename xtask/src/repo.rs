//! The repository itself: where it is, its files, its cargo.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A cargo command that runs in `dir`.
///
/// What cargo has told this process about its own package is taken away, lest it be believed by
/// build scripts in other workspaces. Some also run again when it changes, so that everything above
/// them would be built anew after each build that was not made from here.
pub(crate) fn cargo(dir: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(dir);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// What `cargo metadata` says about the packages of the workspace in `dir`, without dependencies'
/// own packages.
///
/// # Errors
/// Cargo cannot be run or refuses the workspace.
pub(crate) fn metadata(dir: &Path) -> io::Result<Value> {
    let output = cargo(dir).args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Where the builds of a workspace of its own (`benches`, `fuzz`) go: inside `CARGO_TARGET_DIR` if
/// the user set it, else inside that workspace.
pub(crate) fn target_dir(workspace: &str) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir).join(workspace),
        None => root().join(workspace).join("target"),
    }
}

/// All files below `dir`, sorted, build output and hidden folders left out.
///
/// # Errors
/// A folder cannot be read.
pub(crate) fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let skipped = name == "target" || (name.starts_with('.') && name != ".ci");
            if path.is_dir() && !skipped {
                open.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
