//! JSON-RPC on a byte stream: 1.0 as Go's net/rpc/jsonrpc has it, and 2.0 with notifications and
//! batches; `docs/wire/jsonrpc.md` has the texts.
//!
//! A server speaks both on one connection and tells them apart call by call: an object with
//! `"jsonrpc":"2.0"`, and every array, is 2.0; all else is Go's.

mod client;
mod error_code;
mod server;
mod split;
mod text;

pub use self::client::{JsonrpcReader, JsonrpcWriter, Version, client};
pub use self::server::{JsonrpcServer, JsonrpcTicket};
