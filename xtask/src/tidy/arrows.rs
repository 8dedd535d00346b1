//! Which crate may depend on which, and what every manifest says.

use std::io;
use std::path::Path;

use serde_json::Value;

use super::Finding;
use crate::repo;

/// The crates of the workspace, each with those it may depend on outside of tests. Whoever adds
/// a line here changes the architecture: see ARCHITECTURE.md, and write down why in `docs/adr`.
const ARROWS: &[(&str, &[&str])] = &[
    ("schema", &[]),
    // The derive that gob users expect beside serde's; off for everybody inside.
    ("gob", &["schema", "macros"]),
    ("core", &["schema"]),
    ("macros", &["schema"]),
    ("codec", &["core", "gob", "schema"]),
    ("net", &["core"]),
    ("layers", &["core"]),
    // Descriptors in core are made of schema's types, and the debug page writes them as Go does.
    ("wire", &["codec", "core", "gob", "schema"]),
    ("registry", &["core", "net"]),
    ("broker", &["codec", "core", "net"]),
    ("server", &["codec", "core", "layers", "net", "wire"]),
    ("client", &["codec", "core", "layers", "net", "wire"]),
    (
        "polywire",
        &[
            "broker", "client", "codec", "core", "gob", "layers", "macros", "net", "registry",
            "schema", "server", "wire",
        ],
    ),
    // It writes code that names `polywire`, and knows nothing of it.
    ("build", &[]),
    ("cli", &["polywire"]),
    ("examples", &["polywire"]),
    ("proto-greeter", &["build", "polywire"]),
    ("interop", &["polywire"]),
    ("xtask", &["polywire"]),
    (
        "testkit",
        &[
            "broker", "client", "codec", "core", "gob", "layers", "net", "polywire", "registry",
            "schema", "server", "wire",
        ],
    ),
];

/// Crates that know neither sockets nor clocks nor a runtime.
pub(super) const PURE: &[&str] = &["schema", "gob", "core", "codec", "wire"];

/// What a pure crate must not depend on, whatever it would use of it.
const IMPURE_DEPENDENCIES: &[&str] =
    &["tokio", "tokio-util", "tokio-rustls", "hyper", "mio", "socket2", "rustls", "async-std"];

/// Asks cargo for the workspace and checks every manifest in it.
pub(super) fn check(root: &Path) -> io::Result<Vec<Finding>> {
    let metadata = repo::metadata(root)?;
    Ok(list(&metadata, "packages").flat_map(|package| check_package(root, package)).collect())
}

/// Checks one package of `cargo metadata`.
fn check_package(root: &Path, package: &Value) -> Vec<Finding> {
    let manifest = Path::new(text(package, "manifest_path"));
    let manifest = manifest.strip_prefix(root).unwrap_or(manifest);
    let name = short(text(package, "name"));
    let mut findings = Vec::new();
    for field in ["description", "license", "rust_version"] {
        if text(package, field).is_empty() {
            findings.push(Finding::new(manifest, 1, format!("no `{field}`")));
        }
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
        let rule = format!("crate `{name}` is not in the table of arrows (xtask/src/tidy)");
        findings.push(Finding::new(manifest, 1, rule));
        return findings;
    };
    for dependency in list(package, "dependencies") {
        findings.extend(
            check_dependency(name, allowed, dependency).map(|r| Finding::new(manifest, 1, r)),
        );
    }
    findings
}

/// What is wrong with one dependency, if anything.
fn check_dependency(from: &str, allowed: &[&str], dependency: &Value) -> Option<String> {
    let full = text(dependency, "name");
    // Tests may use what they like; `kind` is null for a normal dependency.
    if text(dependency, "kind") == "dev" {
        return None;
    }
    let inside = dependency.get("path").is_some_and(|path| !path.is_null());
    if inside && !allowed.contains(&short(full)) {
        return Some(format!("`{from}` must not depend on `{}`", short(full)));
    }
    let impure = PURE.contains(&from) && IMPURE_DEPENDENCIES.contains(&full);
    impure.then(|| format!("`{from}` knows no sockets and no clock, so it cannot use `{full}`"))
}

/// The name a crate goes by in the table: its folder's.
fn short(name: &str) -> &str {
    name.strip_prefix("polywire-").unwrap_or(name)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(package: &Value) -> Vec<String> {
        check_package(Path::new("/r"), package).into_iter().map(|found| found.rule).collect()
    }

    #[test]
    fn an_arrow_that_is_not_in_the_table_is_found_unless_it_is_for_tests() {
        let package = json!({
            "name": "polywire-server", "manifest_path": "/r/crates/server/Cargo.toml",
            "description": "d", "license": "MIT", "rust_version": "1.95",
            "dependencies": [
                { "name": "polywire-core", "kind": null, "path": "/r/crates/core" },
                { "name": "polywire-client", "kind": null, "path": "/r/crates/client" },
                { "name": "polywire-testkit", "kind": "dev", "path": "/r/crates/testkit" },
                { "name": "tokio", "kind": null },
            ],
        });
        assert_eq!(rules(&package), ["`server` must not depend on `client`"]);
    }

    #[test]
    fn a_pure_crate_must_not_reach_for_a_runtime_and_a_manifest_says_what_it_is() {
        let package = json!({
            "name": "polywire-wire", "manifest_path": "/r/crates/wire/Cargo.toml",
            "license": "MIT", "rust_version": "1.95",
            "dependencies": [{ "name": "tokio", "kind": null }],
        });
        let expected =
            ["no `description`", "`wire` knows no sockets and no clock, so it cannot use `tokio`"];
        assert_eq!(rules(&package), expected);
    }
}
