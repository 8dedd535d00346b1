//! Any bytes as a stream of gob values without a local type: no panic, no endless stream, and what
//! was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The same code runs over the seeds as a test of the crate.
#[path = "../../crates/gob/tests/fuzzed/value.rs"]
mod target;

fuzz_target!(|input: &[u8]| target::run(input));
