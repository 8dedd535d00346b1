//! h2spec, which tries each rule of HTTP/2 on its own, against a port on which every wire is served.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use serde_json::Value;

use crate::args::Args;
use crate::repo;

/// Builds both sides and runs all cases.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let mut args = Args::new(words);
    if args.flag("--help") || args.flag("-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Err(error) = args.finish() {
        eprintln!("h2spec: {error}\n\n{HELP}");
        return ExitCode::from(2);
    }
    match h2spec() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("h2spec: {error}");
            ExitCode::FAILURE
        }
    }
}

const HELP: &str = "\
usage: cargo xtask h2spec

Runs `h2spec --strict` against polywire's server of the interop runs. It needs Go.";

/// The last version that can be had as a module.
const MODULE: &str = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible";

/// Whether every case passed.
fn h2spec() -> Result<bool, String> {
    let root = repo::root();
    let metadata = repo::metadata(&root).map_err(|error| error.to_string())?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    let target = PathBuf::from(target.ok_or("cargo does not say where it builds")?);
    let program = install(&target.join("interop/h2spec"))?;
    let server = Server::start(&root, &target)?;
    let mut command = Command::new(program);
    command.args(["--strict", "--host", &server.host, "--port", &server.port]);
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = count(&text).ok_or_else(|| format!("{command:?} counted nothing:\n{text}"))?;
    let passed = output.status.success() && line.ends_with(" 0 skipped, 0 failed");
    if !passed {
        println!("{text}");
    }
    println!("{line}");
    Ok(passed)
}

/// Puts the program into a folder, unless it is there.
fn install(folder: &Path) -> Result<PathBuf, String> {
    let program = folder.join("h2spec").with_extension(std::env::consts::EXE_EXTENSION);
    if !program.is_file() {
        let mut go = Command::new("go");
        // The Go that is here will do, so no other one is to be fetched.
        go.env("GOTOOLCHAIN", "local").env("GOBIN", folder).args(["install", MODULE]);
        let status = go.status().map_err(|error| format!("{go:?}: {error}"))?;
        if !status.success() {
            return Err(format!("{go:?}: {status}"));
        }
    }
    Ok(program)
}

/// A running server; dropping it ends it.
struct Server {
    child: Child,
    host: String,
    port: String,
}

impl Server {
    fn start(root: &Path, target: &Path) -> Result<Self, String> {
        let mut build = repo::cargo(root);
        build.args(["build", "--quiet", "--release", "--package", "polywire-interop"]);
        let status = build.args(["--bin", "interop-server"]).status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            return Err(format!("{build:?}: {status:?}"));
        }
        let program = target.join("release/interop-server");
        let mut command = Command::new(program.with_extension(std::env::consts::EXE_EXTENSION));
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{command:?}: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        let mut server = Self { child, host: String::new(), port: String::new() };
        let addresses: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let address = addresses.get("http").and_then(Value::as_str);
        let address = address.and_then(|address| address.rsplit_once(':'));
        let (host, port) = address.ok_or_else(|| format!("the server said `{line}`"))?;
        (server.host, server.port) = (host.to_owned(), port.to_owned());
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended by itself.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The line that says how many cases there were.
fn count(text: &str) -> Option<&str> {
    text.lines().rev().find(|line| line.contains(" tests, ")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_the_last_line_that_counts() {
        let text =
            "Generic tests\n\nFinished in 0.1 seconds\n2 tests, 1 passed, 0 skipped, 1 failed\n";
        assert_eq!(count(text), Some("2 tests, 1 passed, 0 skipped, 1 failed"));
        assert_eq!(count("Error: connection refused\n"), None);
    }
}
