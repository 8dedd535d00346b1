//! What a server does at its edges: limits of time, TLS, the end. Peers are streams within the
//! process, clocks are paused.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod drain;
mod limits;
mod peer;
#[cfg(feature = "tls")]
mod renewal;
#[cfg(feature = "tls")]
mod tls;
