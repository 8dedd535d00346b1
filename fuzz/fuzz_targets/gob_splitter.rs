//! Any bytes as a gob stream: no panic, every value lies within the input, and where values end does
//! not depend on how the input was cut.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The same code runs over the seeds as a test of the crate.
#[path = "../../crates/gob/tests/fuzzed/splitter.rs"]
mod target;

fuzz_target!(|input: &[u8]| target::run(input));
