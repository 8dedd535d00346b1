//! Why a call got no answer, or none that could be used.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use polywire_core::{Address, Code, Origin, Status};
use polywire_wire::WireError;

/// Why a call got no answer, or none that could be used.
///
/// It is the source of the [`Status`] a call ends with: `status.cause::<ClientError>()`. What the
/// peer itself answered is a status without one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The channel's address is no address; correct it.
    #[error("invalid address `{text}`: {why}")]
    Address {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The registry knows no instance at the moment.
    #[error("no instance of service `{service}`")]
    NoInstance {
        /// The service.
        service: Arc<str>,
    },
    /// The registry knows instances, and none of them is what the call asks for.
    #[error("no instance of service `{service}` fits: {filters}")]
    NoneFits {
        /// The service.
        service: Arc<str>,
        /// What was asked for.
        filters: String,
    },
    /// There is no connection to this node; another one may take the call.
    #[error("cannot connect to {address}")]
    Connect {
        /// The node.
        address: Address,
        /// What the operating system, TLS or the handshake said.
        source: Arc<io::Error>,
    },
    /// The channel was closed here; make a new one.
    #[error("connection is shut down")]
    Shutdown,
    /// The peer closed the connection while the call waited.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// The connection broke while the call waited.
    #[error("connection lost")]
    Io(#[source] Arc<io::Error>),
    /// The peer sent what is no reply; the connection was closed.
    #[error("reading reply: {0}")]
    Wire(#[source] Arc<WireError>),
    /// The peer says that it has not looked at the call: it refused it, or is going away. The call
    /// may be made again.
    #[error("{why}")]
    Unprocessed {
        /// What the peer did.
        why: &'static str,
    },
    /// The reply came and is not of the type expected.
    #[error("reading body {why}")]
    Decode {
        /// What the decoder said.
        why: String,
    },
    /// The argument cannot be sent; nothing was.
    #[error("writing body {why}")]
    Encode {
        /// What the encoder said.
        why: String,
    },
    /// The deadline passed before the reply came.
    #[error("the deadline has passed")]
    Timeout,
    /// A node did not answer in the time one attempt has; the call's own time was not over.
    #[error("no reply from {address} within {limit:?}")]
    AttemptTimeout {
        /// The node.
        address: Address,
        /// The time one attempt has.
        limit: Duration,
    },
}

impl ClientError {
    /// The status of a call that ended with this error. `sent` says whether the peer may have
    /// seen the call.
    pub(crate) fn into_status(self, sent: Sent) -> Status {
        let code = match &self {
            Self::NoInstance { .. } | Self::NoneFits { .. } => Code::Unavailable,
            Self::Connect { .. } => Code::Unavailable,
            Self::Unprocessed { .. } => Code::Unavailable,
            Self::UnexpectedEof | Self::Io(_) | Self::Wire(_) => Code::Unavailable,
            Self::Shutdown => Code::Cancelled,
            Self::Timeout | Self::AttemptTimeout { .. } => Code::DeadlineExceeded,
            Self::Address { .. } | Self::Encode { .. } => Code::InvalidArgument,
            Self::Decode { .. } => Code::Internal,
        };
        let origin = match sent {
            Sent::No => Origin::NotSent,
            Sent::Perhaps => Origin::Lost,
            Sent::Answered => Origin::Service,
        };
        Status::new(code, self.to_string()).with_origin(origin).with_source(self)
    }
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// No byte of it has left.
    No,
    /// Some of it may have arrived.
    Perhaps,
    /// A reply came.
    Answered,
}
