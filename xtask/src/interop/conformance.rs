//! Connect's conformance runner, against polywire's server and then against its client.
//!
//! The runner comes as a Go module, its `.proto` files with it; what it runs are the programs of
//! `interop/conformance`, a workspace of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::client::Count;
use crate::go::succeed;
use crate::repo;

/// How much of it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every case there is.
    Whole,
    /// Without TLS, and uncompressed or in gzip.
    Brief,
}

impl Extent {
    /// What the runner leaves out.
    const fn skipped(self) -> &'static [&'static str] {
        match self {
            Self::Whole => &[],
            Self::Brief => &["**/TLS:true/**", "**/Compression:COMPRESSION_ZSTD/**"],
        }
    }

    const fn note(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Brief => ", without TLS and zstd",
        }
    }
}

/// Fetches the runner, builds the programs, and runs both modes.
///
/// # Errors
/// Something cannot be fetched or built, or the runner does not say what came of it.
pub(super) fn run(sources: &Path, target: &Path, extent: Extent) -> Result<Count, String> {
    let folder = sources.join("conformance");
    let runner = install(&target.join("interop/conformance"))?;
    let mut build = repo::cargo(&folder);
    build.args(["build", "--release", "--target-dir"]).arg(target.join("conformance"));
    succeed(build.env("CONFORMANCE_PROTOS", module()?.join("proto")))?;
    let programs = target.join("conformance/release");
    let mut total = Count::default();
    for mode in ["server", "client"] {
        let program = programs.join(format!("conformance-{mode}"));
        let program = program.with_extension(std::env::consts::EXE_EXTENSION);
        let mut command = Command::new(&runner);
        command.arg("--conf").arg(folder.join("config.yaml")).args(["--mode", mode]);
        for pattern in extent.skipped() {
            command.args(["--skip", pattern]);
        }
        command.arg("--").arg(&program);
        let count = report(command)?;
        println!("connect conformance, {mode} mode{}: {count}", extent.note());
        total += count;
    }
    Ok(total)
}

/// Runs the runner, and says what came of it. Failures are printed.
fn report(mut command: Command) -> Result<Count, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let report = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let mut count = count(&report).ok_or_else(|| format!("{command:?}: {report}{errors}"))?;
    if count.failed > 0 || !output.status.success() {
        print!("{report}{errors}");
        count.failed = count.failed.max(1);
    }
    Ok(count)
}

/// Installs the runner, and says where it is.
fn install(folder: &Path) -> Result<PathBuf, String> {
    let mut go = Command::new("go");
    go.env("GOBIN", folder)
        .args(["install", &format!("{MODULE}/cmd/connectconformance@{VERSION}")]);
    succeed(&mut go)?;
    Ok(folder.join("connectconformance").with_extension(std::env::consts::EXE_EXTENSION))
}

/// Where Go keeps the module.
fn module() -> Result<PathBuf, String> {
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json"]);
    let output = go.arg(format!("{MODULE}@{VERSION}")).output();
    let output = output.map_err(|error| format!("{go:?}: {error}"))?;
    let told: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
    let folder = told.as_ref().and_then(|told| told.get("Dir")?.as_str());
    folder.map(PathBuf::from).ok_or_else(|| format!("{go:?}: {}", output.status))
}

/// What the runner's report ends with. Cases that could not be run have failed.
fn count(report: &str) -> Option<Count> {
    let mut count = None;
    for line in report.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), &mut count) {
            ([passed, "passed,", failed, "failed"], _) => {
                let (passed, failed) = (passed.parse().ok()?, failed.parse().ok()?);
                count = Some(Count { passed, failed, skipped: 0 });
            }
            (["Another", number, "could", ..], Some(count)) => {
                count.failed += number.parse::<usize>().ok()?;
            }
            _ => {}
        }
    }
    count
}

const MODULE: &str = "connectrpc.com/conformance";

const VERSION: &str = "v1.0.5";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_that_could_not_be_run_have_failed() {
        let report = "FAILED: a\n\nTotal cases: 7\n4 passed, 1 failed\n\
                      Another 2 could not be run due to client timing out.";
        let expected = Count { passed: 4, failed: 3, skipped: 0 };
        assert_eq!(count(report), Some(expected));
        assert_eq!(count("no report"), None);
    }
}
