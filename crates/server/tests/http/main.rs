//! Calls over HTTP, byte for byte: what the server answers to right and wrong heads and bodies.
#![cfg(feature = "http")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod attacks;
mod connect;
mod grpc;
mod h1;
mod micro;
mod micro_grpc;
mod mount;
mod service;
