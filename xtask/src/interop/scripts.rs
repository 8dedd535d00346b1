//! Peers in languages that are not built: copied below the target folder, with their packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::Side;
use crate::go::succeed;

/// Puts the programs on grpc-js where they can run.
///
/// # Errors
/// Node.js is missing or too old, or its packages cannot be had.
pub(super) fn node(name: &'static str, sources: &Path, target: &Path) -> Result<Side, String> {
    node_programs(name, "node-grpc", sources, target)
}

/// Puts the programs on connect-node where they can run.
///
/// # Errors
/// As [`node`], or the messages cannot be generated.
pub(super) fn connect_node(
    name: &'static str,
    sources: &Path,
    target: &Path,
) -> Result<Side, String> {
    let side = node_programs(name, "node-connect", sources, target)?;
    let folder = target.join("node-connect");
    let packages = folder.join("node_modules/.bin");
    let mut buf = Command::new(packages.join("buf"));
    let mut path = packages.into_os_string();
    if let Some(more) = std::env::var_os("PATH") {
        path.push(":");
        path.push(more);
    }
    succeed(buf.current_dir(&folder).env("PATH", path).args(["generate", "testing.proto"]))?;
    Ok(side)
}

/// Puts a client and a server for Node.js where they can run.
fn node_programs(
    name: &'static str,
    folder: &str,
    sources: &Path,
    target: &Path,
) -> Result<Side, String> {
    let (sources, folder) = (sources.join(folder), target.join(folder));
    node_packages(&sources, &folder)?;
    copy(&sources.with_file_name("proto"), &folder, "testing.proto")?;
    Ok(Side {
        client: folder.join("client.js"),
        server: folder.join("server.js"),
        ..Side::new(name, &folder)
    })
}

/// Puts the page where a browser can be sent to it.
///
/// # Errors
/// Node.js is missing or too old, its packages cannot be had, or there is no browser.
pub(super) fn browser(name: &'static str, sources: &Path, target: &Path) -> Result<Side, String> {
    let wanted = "Chromium, such as by `apt install chromium`";
    check("chromium", &["--version"], (100, 0), wanted)?;
    let folder = target.join("browser");
    node_packages(&sources.join("browser"), &folder)?;
    copy(&sources.join("proto"), &folder, "testing.proto")?;
    Ok(Side { client: folder.join("client.js"), serves: false, ..Side::new(name, &folder) })
}

/// Puts the client that runs `buf curl` where it can run.
///
/// # Errors
/// Node.js is missing or too old, or its packages cannot be had.
pub(super) fn buf_curl(name: &'static str, sources: &Path, target: &Path) -> Result<Side, String> {
    let side = node_programs(name, "buf-curl", sources, target)?;
    Ok(Side { serves: false, ..side })
}

/// Copies a program for Node.js, and installs its packages beside it.
fn node_packages(sources: &Path, folder: &Path) -> Result<(), String> {
    check("node", &["--version"], (20, 0), "Node.js 20 or later, from https://nodejs.org")?;
    check("npm", &["--version"], (7, 0), "npm, which comes with Node.js")?;
    let is_new = copy(sources, folder, "package-lock.json")?;
    if is_new || !folder.join("node_modules").is_dir() {
        let mut npm = Command::new("npm");
        // Not `ci`, which wants every platform's programs in the lock file.
        npm.current_dir(folder).args(["install", "--no-save", "--ignore-scripts", "--no-audit"]);
        succeed(npm.args(["--no-fund", "--loglevel", "error"]))?;
    }
    Ok(())
}

/// Puts the programs on grpcio where they can run.
///
/// # Errors
/// Python is missing or too old, or its packages cannot be had.
pub(super) fn python(name: &'static str, sources: &Path, target: &Path) -> Result<Side, String> {
    let wanted = "Python 3.10 or later, from https://python.org";
    check("python3", &["--version"], (3, 10), wanted)?;
    python_programs(name, "python-grpc", sources, target)
}

/// Puts the programs on connectrpc where they can run.
///
/// # Errors
/// As [`python`], or the messages cannot be generated.
pub(super) fn connect_python(
    name: &'static str,
    sources: &Path,
    target: &Path,
) -> Result<Side, String> {
    let wanted = "Python 3.11 or later, from https://python.org";
    check("python3", &["--version"], (3, 11), wanted)?;
    let side = python_programs(name, "python-connect", sources, target)?;
    let folder = target.join("python-connect");
    fs::create_dir_all(folder.join("gen")).map_err(|error| error.to_string())?;
    let mut protoc = Command::new("python3");
    protoc.current_dir(&folder).envs(side.environment.iter().cloned());
    protoc.args(["-m", "grpc_tools.protoc", "-I.", "testing.proto"]);
    for plugin in ["py", "connectrpc"] {
        protoc.arg(format!("--plugin=packages/bin/protoc-gen-{plugin}"));
        protoc.arg(format!("--{plugin}_out=gen"));
    }
    succeed(&mut protoc)?;
    Ok(side)
}

/// Puts a client and a server for Python where they can run.
fn python_programs(
    name: &'static str,
    folder: &str,
    sources: &Path,
    target: &Path,
) -> Result<Side, String> {
    let pip = "pip, such as by `python3 -m ensurepip` or `apt install python3-pip`";
    check("python3", &["-m", "pip", "--version"], (20, 0), pip)?;
    let (sources, folder) = (sources.join(folder), target.join(folder));
    let packages = folder.join("packages");
    let is_new = copy(&sources, &folder, "requirements.txt")?;
    copy(&sources.with_file_name("proto"), &folder, "testing.proto")?;
    if is_new || !packages.is_dir() {
        let mut pip = Command::new("python3");
        pip.current_dir(&folder).args(["-m", "pip", "install", "--quiet", "--upgrade"]);
        pip.args(["--no-deps", "--disable-pip-version-check", "--root-user-action", "ignore"]);
        succeed(pip.args(["--requirement", "requirements.txt", "--target"]).arg(&packages))?;
    }
    Ok(Side {
        client: folder.join("client.py"),
        server: folder.join("server.py"),
        environment: vec![("PYTHONPATH".into(), packages.into())],
        ..Side::new(name, &folder)
    })
}

/// Says what to install if a program is not there, or is older than `wanted`.
fn check(program: &str, args: &[&str], wanted: (u32, u32), install: &str) -> Result<(), String> {
    let output = Command::new(program).args(args).output();
    let output =
        output.map_err(|error| format!("cannot run `{program}` ({error}): install {install}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match version(&text) {
        Some(found) if found >= wanted => Ok(()),
        _ => {
            Err(format!("`{program} {}` says `{}`: install {install}", args.join(" "), text.trim()))
        }
    }
}

/// The first two numbers of a text such as `v20.20.2` or `pip 24.0 from ...`.
fn version(text: &str) -> Option<(u32, u32)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text.get(start..)?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Copies the files of a folder, and says whether `telling` has changed by it.
fn copy(from: &Path, to: &Path, telling: &str) -> Result<bool, String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(to).map_err(|error| failed(to, error))?;
    let before = fs::read(to.join(telling)).ok();
    for entry in fs::read_dir(from).map_err(|error| failed(from, error))? {
        let path: PathBuf = entry.map_err(|error| failed(from, error))?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, to.join(name)).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(before != fs::read(to.join(telling)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_first_number_with_a_dot() {
        assert_eq!(version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(version("Python 3.11.7"), Some((3, 11)));
        assert_eq!(version("pip 24.0 from /usr/lib/python3 (python 3.11)"), Some((24, 0)));
        assert_eq!(version("command not found"), None);
    }
}
