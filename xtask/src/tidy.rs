//! House rules that neither the compiler nor clippy can hold.
//!
//! `arrows` reads `cargo metadata`: which crate may depend on which, and what a manifest must say.
//! `layout` looks at where files are and how long, `text` at what is written in them. The rules
//! run as a command and as a test, so that neither CI nor a developer can forget them.

mod arrows;
mod layout;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fmt, fs, io};

use crate::repo;

/// Prints every breach of the rules; fails if there is one.
pub(crate) fn run(words: &[String]) -> ExitCode {
    if let Some(word) = words.first() {
        eprintln!("tidy takes no options, found `{word}`");
        return ExitCode::from(2);
    }
    match check(&repo::root()) {
        Ok(findings) if findings.is_empty() => {
            println!("tidy: nothing to complain about");
            ExitCode::SUCCESS
        }
        Ok(findings) => {
            findings.iter().for_each(|finding| println!("{finding}"));
            eprintln!("tidy: {} to put right", findings.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("tidy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: PathBuf,
    /// Counted from 1; the first line when it is about the whole file.
    line: usize,
    rule: String,
}

impl Finding {
    fn new(path: &Path, line: usize, rule: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule: rule.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.rule)
    }
}

/// Runs all rules over the repository at `root`; the paths found are relative to it.
fn check(root: &Path) -> io::Result<Vec<Finding>> {
    let mut findings = arrows::check(root)?;
    findings.extend(layout::crate_dirs(root)?);
    for path in repo::files(root)? {
        let relative = path.strip_prefix(root).unwrap_or(&path);
        // What is not UTF-8 is not text: captured bytes, pictures.
        let Ok(content) = fs::read_to_string(&path) else { continue };
        findings.extend(layout::file(root, relative, &content));
        findings.extend(text::file(relative, &content));
    }
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_its_own_rules() {
        let findings = check(&repo::root()).unwrap();
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }
}
