//! Every decoder under libFuzzer, on the stable toolchain.
//!
//! The targets are the binaries of the workspace in `fuzz`. They are built with LLVM's coverage
//! pass and no sanitizer: polywire forbids unsafe code, so what is looked for is panics, hangs and
//! memory without bounds, and libFuzzer finds those by itself. It needs a C++ compiler.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::args::Args;
use crate::repo;

/// Builds the targets and runs each of them.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let options = match Options::read(words) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("fuzz: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match fuzz(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz: {error}");
            ExitCode::FAILURE
        }
    }
}

const HELP: &str = "\
usage: cargo xtask fuzz [--execs N] [--target NAME,..]

  --execs N       inputs tried per target (default 10000000)
  --target NAMES  only these targets, separated by commas (default: all)

Inputs found on the way are kept beside the build and used again; inputs in fuzz/seeds/NAME are
where a target starts from. An input that fails is written to fuzz/artifacts/NAME.";

#[derive(Debug)]
struct Options {
    execs: u64,
    /// All, when empty.
    targets: Vec<String>,
}

impl Options {
    /// `None` when the user asked for help.
    fn read(words: &[String]) -> Result<Option<Self>, String> {
        let mut args = Args::new(words);
        if args.flag("--help") || args.flag("-h") {
            return Ok(None);
        }
        let execs = args.value("--execs")?.unwrap_or(10_000_000);
        let targets = args.list("--target")?.unwrap_or_default();
        args.finish()?;
        Ok(Some(Self { execs, targets }))
    }
}

/// Whether every target passed.
fn fuzz(options: &Options) -> io::Result<bool> {
    let dir = repo::root().join("fuzz");
    let known = targets(&dir)?;
    if let Some(name) = options.targets.iter().find(|name| !known.contains(name)) {
        let error = format!("no target `{name}`; there are: {}", known.join(", "));
        return Err(io::Error::other(error));
    }
    let programs = build(&dir)?;
    let chosen = |name: &&String| options.targets.is_empty() || options.targets.contains(name);
    let (mut passed, mut failed) = (0, 0);
    for name in known.iter().filter(chosen) {
        let outcome = run_target(&dir, &programs, name, options.execs)?;
        let crashes = usize::from(!outcome.passed);
        println!("{name}: {} execs, {crashes} crashes", outcome.execs);
        if outcome.passed {
            passed += 1;
        } else {
            println!("{}", outcome.last_lines);
            failed += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// The binaries of the fuzz workspace.
fn targets(dir: &Path) -> io::Result<Vec<String>> {
    let metadata = repo::metadata(dir)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let bins = targets.filter(|target| target["kind"][0] == "bin");
    let mut names: Vec<_> =
        bins.filter_map(|target| target["name"].as_str()).map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

/// Builds all targets; answers with the folder they are in.
fn build(dir: &Path) -> io::Result<PathBuf> {
    let target_dir = repo::target_dir("fuzz");
    // A target triple keeps the coverage pass away from build scripts and macros.
    let triple = host()?;
    let status = repo::cargo(dir)
        .args(["build", "--release", "--bins", "--target", &triple, "--target-dir"])
        .arg(&target_dir)
        .env("RUSTFLAGS", COVERAGE.join(" "))
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
        .status()?;
    if !status.success() {
        return Err(io::Error::other("the targets do not build (a C++ compiler is needed)"));
    }
    Ok(target_dir.join(triple).join("release"))
}

/// What cargo-fuzz passes to rustc for libFuzzer, less the sanitizer, which only nightly has.
const COVERAGE: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// The triple of the machine that builds.
fn host() -> io::Result<String> {
    let output = std::process::Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| io::Error::other("rustc -vV names no host"))
}

#[derive(Debug)]
struct Outcome {
    passed: bool,
    execs: u64,
    /// What libFuzzer said last, for a target that failed.
    last_lines: String,
}

fn run_target(dir: &Path, programs: &Path, name: &str, execs: u64) -> io::Result<Outcome> {
    let artifacts = dir.join("artifacts").join(name);
    let corpus = programs.join("corpus").join(name);
    let seeds = dir.join("seeds").join(name);
    fs::create_dir_all(&artifacts)?;
    fs::create_dir_all(&corpus)?;
    if name.starts_with("gob_") {
        plant_vectors(&corpus)?;
    }
    let log = corpus.with_extension("log");
    let mut program = std::process::Command::new(programs.join(name));
    program.args([&format!("-runs={execs}"), "-max_len=4096", "-rss_limit_mb=512", "-timeout=10"]);
    program.args(["-print_final_stats=1", "-detect_leaks=0"]);
    program.arg(format!("-artifact_prefix={}/", artifacts.display())).arg(&corpus);
    if seeds.is_dir() {
        program.arg(&seeds);
    }
    let status = program.stdout(File::create(&log)?).stderr(log_again(&log)?).status()?;
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    // An empty folder says that nothing was found; it is not worth keeping.
    let _nothing_found = fs::remove_dir(&artifacts);
    Ok(Outcome { passed: status.success(), execs: executed(&text), last_lines: tail(&text, 40) })
}

/// Puts the streams captured from Go into a corpus, each after a byte that says "in one piece".
fn plant_vectors(corpus: &Path) -> io::Result<()> {
    let file = repo::root().join("crates/gob/tests/vectors/gob_vectors.json");
    let vectors: Value = serde_json::from_slice(&fs::read(file)?)?;
    for vector in vectors.as_array().into_iter().flatten() {
        let (name, hex) = (vector["name"].as_str(), vector["hex"].as_str());
        let Some((name, bytes)) = name.zip(hex.and_then(bytes_of)) else { continue };
        fs::write(corpus.join(name.replace('/', "_")), [&[0xff], bytes.as_slice()].concat())?;
    }
    Ok(())
}

/// Reads pairs of hexadecimal digits; `None` if they are none.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match *pair {
        [upper, lower] => u8::try_from(digit(upper)? * 16 + digit(lower)?).ok(),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(byte).collect()
}

/// The same log, for the second stream of the program.
fn log_again(log: &Path) -> io::Result<File> {
    File::options().append(true).open(log)
}

/// How many inputs libFuzzer says it has tried.
fn executed(log: &str) -> u64 {
    let stat = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    stat.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

fn tail(text: &str, lines: usize) -> String {
    let skip = text.lines().count().saturating_sub(lines);
    text.lines().skip(skip).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_comes_from_libfuzzers_closing_lines() {
        let log = "Done 5 runs\nstat::number_of_executed_units: 5\nstat::peak_rss_mb: 40\n";
        assert_eq!(executed(log), 5);
        assert_eq!(executed("killed"), 0);
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(bytes_of("03060a"), Some(vec![3, 6, 10]));
        assert_eq!(bytes_of("0x"), None);
    }
}
