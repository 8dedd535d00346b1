//! The client engine: find a node, connect, call, try again.
//!
//! A [`Channel`] is a [`Service`](polywire_core::Service): requests go in, replies come out. It
//! picks a node for each call, connects when needed, and tries again what may be tried again.
//! Below it, a [`Connection`] carries many calls at once over one stream. Above it, generated
//! clients hand out [`Call`]s, which encode, decode and carry options.
//!
//! ```text
//! Call -> Channel: pick a Node, attempt, retry -> Connection: slots, one buffer -> socket
//!                    ^ snapshots of a Registry
//! ```
//!
//! A channel does by itself what harms nobody: it repeats what was not sent, and what may be done
//! twice. [`CallOptions`] say otherwise, for a channel or for one call.
//!
//! How a call failed is a [`Status`](polywire_core::Status). Its origin says whether the peer
//! answered, has not seen the call, or may have; its source is a [`ClientError`] where the failure
//! was on this side.
#![forbid(unsafe_code)]

mod call;
mod channel;
mod connection;
mod dial;
mod error;
mod http;
mod micro_error;
mod options;
mod retry;
mod select;

pub use self::call::Call;
pub use self::channel::{Attempt, AttemptFuture, Channel, Freshness, NodeState, WireKind};
pub use self::connection::{Connection, ConnectionLimits, PendingCall};
pub use self::error::ClientError;
pub use self::http::{HttpCodec, HttpOptions, HttpVersion};
pub use self::options::{CallOptions, ChannelOptions};
pub use self::retry::{Backoff, RetryIf};
pub use self::select::{Balancer, Candidate, Filter, Picker};
pub use polywire_wire::micro::MicroError;
