//! Frames to calls and back, without input or output: netrpc, jsonrpc, what gRPC and Connect put
//! into HTTP, and the sniff table.
//!
//! A [`ServerWire`] turns the bytes of one connection into [`ServerEvent`]s and replies into bytes;
//! a client connection has a [`CallWriter`] for the callers and a [`CallReader`] for the task that
//! reads. Bytes to be written gather in an [`Outgoing`]. Bodies stay encoded: no value of a user's
//! is decoded here.
//!
//! | module | speaks |
//! |---|---|
//! | [`netrpc`] | Go's net/rpc over gob, with polywire's extension |
//! | [`jsonrpc`] | JSON-RPC 1.0 as Go's net/rpc/jsonrpc, and 2.0 |
//! | [`grpc`] | the parts of gRPC and gRPC-Web that an HTTP engine needs: frames, statuses, deadlines |
//! | [`connect`] | the same for Connect: errors, ends of streams, calls by GET, content types |
//! | [`micro`] | go-micro's calls, streams and errors over HTTP/1.1 |
//! | [`http`] | metadata in HTTP headers |
//! | [`http1`] | the one HTTP exchange in front of netrpc, and the debug page |
//! | [`sniff`] | which of them a connection speaks, from its first bytes |
//!
//! ```
//! use bytes::BytesMut;
//! use polywire_core::{Code, Status};
//! use polywire_wire::jsonrpc::JsonrpcServer;
//! use polywire_wire::{Limits, Outgoing, ServerEvent, ServerWire};
//!
//! let mut wire = JsonrpcServer::new(&Limits::default());
//! let mut read = BytesMut::from(r#"{"method":"Arith.Add","params":[{"A":1}],"id":7}"#);
//! let mut out = Outgoing::default();
//! while let Some(event) = wire.read(&mut read)? {
//!     if let ServerEvent::Call { ticket, request, .. } = event {
//!         assert_eq!(request.method.method(), "Add");
//!         wire.write(ticket, Err(Status::new(Code::NotFound, "nobody adds")), &mut out);
//!     }
//! }
//! assert_eq!(&out.tail()[..], b"{\"id\":7,\"result\":null,\"error\":\"nobody adds\"}\n");
//! # Ok::<(), polywire_wire::WireError>(())
//! ```
//!
//! Streams, where a wire has them, are frames beside replies ([`CallFrame`], [`ReplyFrame`]); what
//! of them has come and was not taken yet waits in an [`Inbox`], bounded by the stream's window.
//!
//! There is no socket, no clock and no task here. What a peer sends may be anything: it ends in a
//! value, a status for that call, or a [`WireError`] that ends the connection; never in a panic,
//! and never in more memory than [`Limits`] allows.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test that panics has failed"
    )
)]

mod client_wire;
mod error;
mod inbox;
mod limits;
mod outgoing;
mod server_wire;
mod stream;
#[cfg(test)]
mod vectors;

pub mod connect;
pub mod grpc;
pub mod http;
pub mod http1;
pub mod jsonrpc;
pub mod micro;
pub mod netrpc;
pub mod sniff;

pub use self::client_wire::{CallReader, CallWriter, ClientEvent};
pub use self::error::WireError;
pub use self::inbox::{Inbox, Overrun, Values, inbox};
pub use self::limits::Limits;
pub use self::outgoing::Outgoing;
pub use self::server_wire::{Appetite, ServerEvent, ServerWire};
pub use self::stream::{CallFrame, INITIAL_WINDOW, ReplyFrame, ValueRun, window_cost};
