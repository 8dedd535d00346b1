//! The client engine: resolve, pick, connect, call, retry.
#![forbid(unsafe_code)]
