//! Calls over HTTP/2: gRPC, gRPC-Web and Connect, many at once on one connection.
//!
//! A caller writes its call into the connection itself; one task reads and writes the socket. What
//! the protocols mean (envelopes, statuses, timeouts) is in `polywire-wire`; here is what needs a
//! stream of HTTP/2: flow control, resets, and what they say of a call.

mod call;
mod connection;
mod failure;
mod head;
mod incoming;
mod manner;
mod message;
mod options;
mod outgoing;
mod reply;

pub(crate) use self::connection::HttpConnection;
pub(crate) use self::manner::{Dialect, Manner, authority};
pub use self::options::{HttpCodec, HttpOptions};
