//! What must not be written down.

use std::path::Path;

use super::{Finding, arrows};

/// Words for files of every kind, with what is wrong with them. Written in two halves, or this file
/// would break its own rules.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("/wor", "k/"), "the path of one machine"),
    (concat!("/roo", "t/"), "the path of one machine"),
    (concat!("/hom", "e/"), "the path of one machine"),
    (concat!("/tm", "p/"), "the path of one machine: ask for a temporary directory"),
    (concat!("crates", ".io"), "the name of a registry's host"),
    (concat!("proxy.golang", ".org"), "the name of a registry's host"),
    (concat!("deb.debian", ".org"), "the name of a registry's host"),
];

/// Words for Rust code.
const FORBIDDEN_CODE: &[(&str, &str)] = &[
    (concat!("to", "do!("), "unfinished"),
    (concat!("unimple", "mented!("), "unfinished"),
    (concat!("TO", "DO"), "unfinished: do it, or file it"),
    (concat!("db", "g!("), "left over from debugging"),
    (concat!("allow(dead_", "code"), "dead code: delete it"),
];

/// Paths that a crate without sockets and clocks must not use.
const IMPURE: &[&str] = &[
    concat!("to", "kio::"),
    concat!("hy", "per::"),
    concat!("std::", "net"),
    concat!("Instant::", "now"),
    concat!("SystemTime::", "now"),
    concat!("std::", "fs"),
    concat!("thread::", "sleep"),
];

/// Kinds of files that are read; the rest is data.
const TEXT: &[&str] = &["rs", "toml", "md", "go", "mod", "sh", "yml", "yaml"];

/// Checks one file; `path` is relative to the root.
pub(super) fn file(path: &Path, content: &str) -> Vec<Finding> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("sh");
    if !TEXT.contains(&extension) {
        return Vec::new();
    }
    let rust = extension == "rs";
    let pure = rust && is_pure(path);
    let mut findings = Vec::new();
    let mut in_tests = false;
    for (number, line) in (1..).zip(content.lines()) {
        in_tests |= line == "#[cfg(test)]";
        let mut found = |rule: String| findings.push(Finding::new(path, number, rule));
        for (word, reason) in FORBIDDEN.iter().filter(|(word, _)| line.contains(word)) {
            found(format!("`{word}`: {reason}"));
        }
        let code = if rust { FORBIDDEN_CODE } else { &[] };
        for (word, reason) in code.iter().filter(|(word, _)| line.contains(word)) {
            found(format!("`{word}`: {reason}"));
        }
        let impure = if pure && !in_tests { IMPURE } else { &[] };
        for path in impure.iter().filter(|path| uses(line, path)) {
            found(format!("`{path}` in a crate that knows no sockets and no clock"));
        }
    }
    findings
}

/// Whether the line uses the path in code; comments may speak of it.
fn uses(line: &str, path: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.contains(path)
}

/// Whether the file belongs to the code of a pure crate, its tests aside.
fn is_pure(path: &Path) -> bool {
    let mut parts = path.iter().filter_map(|part| part.to_str());
    let in_src = parts.next() == Some("crates")
        && parts.next().is_some_and(|name| arrows::PURE.contains(&name))
        && parts.next() == Some("src");
    in_src && path.file_stem().is_none_or(|stem| stem != "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, content: &str) -> usize {
        file(Path::new(path), content).len()
    }

    #[test]
    fn a_pure_crate_may_speak_of_the_clock_but_not_read_it() {
        let clock = format!("let now = {}();", IMPURE[3]);
        assert_eq!(rules("crates/wire/src/netrpc.rs", &clock), 1);
        assert_eq!(rules("crates/server/src/conn.rs", &clock), 0);
        assert_eq!(rules("crates/wire/src/netrpc.rs", &format!("// {clock}")), 0);
        assert_eq!(rules("crates/wire/src/netrpc.rs", &format!("#[cfg(test)]\n{clock}")), 0);
    }

    #[test]
    fn unfinished_code_and_paths_of_one_machine_are_found_where_they_stand() {
        let content = format!("fn f() {{\n    {}\n}}\n", FORBIDDEN_CODE[0].0);
        let found = file(Path::new("crates/core/src/lib.rs"), &content);
        assert_eq!(found.first().map(|found| found.line), Some(2));
        assert_eq!(rules("docs/guide/start.md", FORBIDDEN[0].0), 1);
        assert_eq!(rules("crates/gob/tests/vectors.json", FORBIDDEN[0].0), 0);
    }
}
