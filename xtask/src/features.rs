//! Every feature of every crate, alone: what builds with all of them may not build with one.

use std::io;
use std::process::ExitCode;

use serde_json::Value;

use crate::repo;

/// Checks each published crate with no feature and with each feature by itself.
pub(crate) fn run(words: &[String]) -> ExitCode {
    if let Some(word) = words.first() {
        eprintln!("features takes no options, found `{word}`");
        return ExitCode::from(2);
    }
    match check_all() {
        Ok((passed, failed)) => {
            println!("{passed} passed, {failed} failed");
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("features: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many checks passed and failed.
fn check_all() -> io::Result<(usize, usize)> {
    let metadata = repo::metadata(&repo::root())?;
    let (mut passed, mut failed) = (0, 0);
    for (package, features) in packages(&metadata) {
        for feature in features {
            let mut cargo = repo::cargo(&repo::root());
            // Clippy, since it can refuse warnings without a build of its own for each crate below.
            cargo.args(["clippy", "--quiet", "--package", &package, "--no-default-features"]);
            cargo.args(["--features", &feature, "--", "-D", "warnings"]);
            let name = if feature.is_empty() { "no feature" } else { feature.as_str() };
            if cargo.status()?.success() {
                passed += 1;
            } else {
                println!("{package} with {name}: does not build");
                failed += 1;
            }
        }
    }
    Ok((passed, failed))
}

/// The crates that are published, each with its features; the first is none.
fn packages(metadata: &Value) -> Vec<(String, Vec<String>)> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    // `publish` is an empty list for a crate that stays here, null for one that may go anywhere.
    let published = packages.filter(|package| package["publish"].is_null());
    let with_features = published.map(|package| {
        let known = package["features"].as_object().into_iter().flatten().map(|(name, _)| name);
        // A name that begins so is a part of other features, and nobody's to turn on.
        let is_own = |name: &&String| *name != "default" && !name.starts_with('_');
        let known = known.filter(is_own).cloned();
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        (name, std::iter::once(String::new()).chain(known).collect())
    });
    with_features.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn published_crates_are_checked_with_no_feature_and_with_each() {
        let metadata = json!({ "packages": [
            { "name": "a", "publish": null, "features": { "default": ["x"], "x": [], "y": [] } },
            { "name": "b", "publish": [], "features": {} },
        ]});
        let features = ["", "x", "y"].map(str::to_owned).to_vec();
        assert_eq!(packages(&metadata), [("a".to_owned(), features)]);
    }
}
