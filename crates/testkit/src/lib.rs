//! Fakes, vectors and conformance suites for polywire's own tests.
//!
//! One suite per seam, which every backend must pass: [`broker`], [`registry`]. What a suite finds
//! broken, it says by a panic.
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | [`Authority`](authority::Authority): certificates for tests |
#![forbid(unsafe_code)]

#[cfg(feature = "tls")]
pub mod authority;
pub mod broker;
pub mod directory;
pub mod registry;
