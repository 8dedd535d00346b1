//! Write a service once in plain Rust; answer the RPC clients you already run, on one port.
#![forbid(unsafe_code)]
