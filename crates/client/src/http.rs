//! Calls over HTTP: gRPC, gRPC-Web and Connect, many at once on one connection of HTTP/2, or, but for
//! gRPC, each on a connection of HTTP/1.1.
//!
//! A caller writes its call into the connection itself; one task reads and writes the socket. What
//! the protocols mean (envelopes, statuses, timeouts) is in `polywire-wire`; here is what needs a
//! stream of HTTP/2: flow control, resets, and what they say of a call.

mod body;
mod call;
mod connection;
mod failure;
mod h1;
mod head;
mod incoming;
mod manner;
mod message;
mod micro;
mod options;
mod outgoing;
mod reply;

pub(crate) use self::connection::HttpConnection;
pub(crate) use self::h1::{HttpPool, Io, Opening};
pub(crate) use self::manner::{Dialect, Manner, authority};
pub use self::options::{HttpCodec, HttpOptions, HttpVersion};
