//! Services and messages from `.proto` files, for `build.rs`; no `protoc` is needed.
#![forbid(unsafe_code)]
