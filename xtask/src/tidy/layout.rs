//! Where files are, how long they are and how they begin.

use std::path::Path;
use std::{fs, io};

use super::Finding;

/// Lines a source file may have, its tests aside.
const MAX_LINES: usize = 600;

/// Folders in `crates` that are no crate.
pub(super) fn crate_dirs(root: &Path) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let dir = entry?.path();
        let relative = dir.strip_prefix(root).unwrap_or(&dir);
        if !dir.join("Cargo.toml").is_file() {
            findings.push(Finding::new(relative, 1, "a folder in `crates` without a manifest"));
        }
    }
    Ok(findings)
}

/// Checks one file; `path` is relative to `root`.
pub(super) fn file(root: &Path, path: &Path, content: &str) -> Vec<Finding> {
    let in_src = path.components().any(|part| part.as_os_str() == "src");
    if path.extension().is_none_or(|extension| extension != "rs") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut found = |rule: String| findings.push(Finding::new(path, 1, rule));
    if path.ends_with("mod.rs") {
        found("`mod.rs`: name the file after the module, beside its folder".to_owned());
    }
    if is_test(path) {
        return findings;
    }
    let lines = lines_without_tests(content);
    if lines > MAX_LINES {
        found(format!("{lines} lines, more than {MAX_LINES}: split it"));
    }
    if !content.starts_with("//!") {
        found("the first line is not a `//!` sentence that says what this is".to_owned());
    }
    if in_src && is_root(path) && !forbids_unsafe(path, content) {
        found("a crate root without `#![forbid(unsafe_code)]`".to_owned());
    }
    if in_src && !is_root(path) && !is_declared(root, path) {
        found("no parent module has a `mod` line for this file".to_owned());
    }
    findings
}

/// Whether the file holds nothing but tests.
fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
        || path.components().any(|part| part.as_os_str() == "tests")
}

fn is_root(path: &Path) -> bool {
    path.ends_with("src/lib.rs")
        || path.ends_with("src/main.rs")
        || path.parent().is_some_and(|parent| parent.ends_with("src/bin"))
        || is_root_of_folder(path)
}

/// `src/bin/NAME/main.rs`, a program of several files.
fn is_root_of_folder(path: &Path) -> bool {
    let folders = path.parent().and_then(Path::parent);
    path.ends_with("main.rs") && folders.is_some_and(|folders| folders.ends_with("src/bin"))
}

fn forbids_unsafe(path: &Path, content: &str) -> bool {
    // Taking over an inherited socket is unsafe by nature; that crate says where, line by line.
    path.starts_with("crates/net") || content.contains("#![forbid(unsafe_code)]")
}

/// Lines up to the unit tests, which stand last.
fn lines_without_tests(content: &str) -> usize {
    let mut lines = content.lines();
    lines.by_ref().take_while(|line| *line != "#[cfg(test)]").count()
}

/// Whether a file that could be the parent of `path` names it in a `mod` line.
fn is_declared(root: &Path, path: &Path) -> bool {
    let Some((dir, stem)) = path.parent().zip(path.file_stem()) else { return false };
    let line = format!("mod {};", stem.to_string_lossy());
    let parents = [dir.with_extension("rs"), dir.join("lib.rs"), dir.join("main.rs")];
    // `mod name;` alone, or after a visibility.
    let is_it = |found: &str| {
        found.trim_start().strip_suffix(&line).is_some_and(|p| p.is_empty() || p.ends_with(' '))
    };
    let declares = |parent: &Path| {
        fs::read_to_string(root.join(parent)).is_ok_and(|text| text.lines().any(is_it))
    };
    parents.iter().any(|parent| declares(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, content: &str) -> Vec<String> {
        let found = file(&crate::repo::root(), Path::new(path), content);
        found.into_iter().map(|found| found.rule).collect()
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        let mut content = "//! A root.\n#![forbid(unsafe_code)]\n".to_owned();
        content.push_str(&"\n".repeat(500));
        content.push_str("#[cfg(test)]\n");
        content.push_str(&"\n".repeat(500));
        assert_eq!(rules("crates/new/src/lib.rs", &content), [""; 0]);
        let content = content.replace("#[cfg(test)]", "");
        assert_eq!(rules("crates/new/src/lib.rs", &content).len(), 1);
    }

    #[test]
    fn a_root_forbids_unsafe_code_and_says_what_it_is() {
        assert_eq!(rules("crates/new/src/lib.rs", "fn f() {}\n").len(), 2);
    }

    #[test]
    fn a_module_nobody_declares_is_found() {
        assert_eq!(rules("xtask/src/tidy/layout.rs", "//! Declared.\n"), [""; 0]);
        assert_eq!(rules("xtask/src/tidy/lost.rs", "//! Not declared.\n").len(), 1);
    }
}
