//! Checks, interop runs, benches and fuzzing of this repository.
#![forbid(unsafe_code)]

fn main() {}
