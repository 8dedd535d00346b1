//! The server engine: accept, sniff, read, route, call, reply.
//!
//! A [`Router`] finds the method a request names; a [`Server`] listens and speaks every wire on one
//! port. One task per connection reads as much as there is, polls each handler once where the call
//! was read, moves those that wait to tasks of their own, and writes the replies of a batch at once.
//!
//! There are no registries and no clients here.
#![forbid(unsafe_code)]

mod connection;
#[cfg(feature = "http")]
mod cors;
mod detached;
mod drive;
#[cfg(feature = "http")]
mod http;
mod leaf;
mod limits;
#[cfg(feature = "http")]
mod metrics;
mod read;
mod renewal;
mod router;
mod server;
mod topics;

#[cfg(feature = "http")]
pub use self::cors::Cors;
#[cfg(feature = "http")]
pub use self::http::{HttpBody, HttpService};
pub use self::leaf::{
    Answer, BoxStream, bidi_streaming, client_streaming, event, server_streaming, unary,
};
pub use self::limits::Limits;
#[cfg(feature = "http")]
pub use self::metrics::Metric;
pub use self::router::{RegisterError, Router};
pub use self::server::{BindError, Listening, Server};
/// What a connection may send, whatever its wire; part of [`Limits`].
pub use polywire_wire::Limits as WireLimits;
