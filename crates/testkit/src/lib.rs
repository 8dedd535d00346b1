//! Fakes, vectors and conformance suites for polywire's own tests.
#![forbid(unsafe_code)]
