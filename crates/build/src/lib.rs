//! Services and messages from `.proto` files, for `build.rs`; no `protoc` is needed.
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), polywire_build::CompileError> {
//!     polywire_build::compile(&["proto/greeter.proto"], &["proto"])
//! }
//! ```
//!
//! What comes out is brought in by `polywire::include_proto!("greeter.v1")`, the package's name:
//!
//! | in the file | in Rust |
//! |---|---|
//! | message, enum | as prost has it, and a `polywire::Message` on every wire |
//! | service `Greeter` | a trait `Greeter` under `#[polywire::service]`, which makes `GreeterServer` and `GreeterClient` |
//! | `rpc SayHello` | `async fn say_hello(&self, cx: &Context, request: ..)`; on the wire it stays `SayHello` |
//! | `stream` | `Streaming<T>` as the argument, `BoxStream<T>` as what comes back |
//! | `option idempotency_level` | `#[rpc(idempotent)]`, so that clients may try again |
//! | comments | documentation, of the descriptors too |
//!
//! The crate that includes the output depends on `polywire` with the feature `prost`, on `prost`,
//! and on `prost-types` if it uses Google's well-known types. This crate is needed by `build.rs`
//! only.
#![forbid(unsafe_code)]

mod builder;
mod comments;
mod error;
mod messages;
mod names;
mod service;

pub use self::builder::{Builder, compile};
pub use self::error::CompileError;
