//! Fakes, vectors and conformance suites for polywire's own tests.
//!
//! One suite per seam, which every backend must pass: [`registry`]. What a suite finds broken, it
//! says by a panic.
#![forbid(unsafe_code)]

pub mod registry;
