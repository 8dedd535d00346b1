//! gRPC and Connect as a client speaks them, against servers whose every answer a test writes.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod connect;
mod connections;
mod failures;
mod h1;
mod micro;
mod micro_nodes;
mod micro_streams;
mod peer;
mod streams;
#[cfg(feature = "tls")]
mod tls;
mod unary;
