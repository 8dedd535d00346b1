//! The client engine.
#![forbid(unsafe_code)]

mod connection;
mod error;

pub use self::connection::{Connection, ConnectionLimits, PendingCall};
pub use self::error::ClientError;
