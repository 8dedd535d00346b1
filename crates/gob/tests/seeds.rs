//! The fuzz targets' code over their seeds: what fuzzing has found stays found.

#![expect(clippy::unwrap_used, reason = "a failure is what a test shows")]

mod fuzzed {
    pub(crate) mod splitter;
    pub(crate) mod typed;
    pub(crate) mod value;
}

use std::fs;
use std::path::Path;

/// Every seed of a target as it is, and every start of it.
fn replay(target: &str, run: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut count = 0;
    for seed in fs::read_dir(&seeds).unwrap() {
        let input = fs::read(seed.unwrap().path()).unwrap();
        for end in 0..=input.len() {
            run(&input[..end]);
        }
        count += 1;
    }
    assert!(count >= 99, "{count} seeds in {}", seeds.display());
}

#[test]
fn the_splitter_survives_its_seeds() {
    replay("gob_splitter", fuzzed::splitter::run);
}

#[test]
fn typed_values_survive_their_seeds() {
    replay("gob_typed", fuzzed::typed::run);
}

#[test]
fn dynamic_values_survive_their_seeds() {
    replay("gob_value", fuzzed::value::run);
}
