//! How a call failed: what the peer may see, and what stays in the log.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::Metadata;

/// The reason a call failed, by the numbers gRPC gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Code {
    /// The caller went away or withdrew the call.
    Cancelled = 1,
    /// Something failed and nobody said what; every error text of a Go net/rpc peer.
    Unknown = 2,
    /// The argument is wrong whatever the state of the service.
    InvalidArgument = 3,
    /// The deadline passed first.
    DeadlineExceeded = 4,
    /// The thing asked for does not exist.
    NotFound = 5,
    /// The thing to be made exists already.
    AlreadyExists = 6,
    /// The caller may not do this.
    PermissionDenied = 7,
    /// A limit was reached: a quota, a size, a rate.
    ResourceExhausted = 8,
    /// The service is not in the state the call needs.
    FailedPrecondition = 9,
    /// A conflict with another call; trying again from the start may help.
    Aborted = 10,
    /// The argument is past what the service holds.
    OutOfRange = 11,
    /// The service has no such method.
    Unimplemented = 12,
    /// A bug on the other side: a panic, a value that cannot be encoded.
    Internal = 13,
    /// Nobody is there to answer at the moment.
    Unavailable = 14,
    /// Data was lost for good.
    DataLoss = 15,
    /// The caller did not say who it is.
    Unauthenticated = 16,
}

impl Code {
    const ALL: [Self; 16] = [
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The number, 1 to 16; 0, success, is no code of a failure.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code with that number; [`Code::Unknown`] for numbers without one.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self::ALL
            .into_iter()
            .find(|code| u64::from(code.number()) == number)
            .unwrap_or(Self::Unknown)
    }

    /// The name in lower case with underscores, as logs and the command line print it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid_argument",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::ResourceExhausted => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out_of_range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DataLoss => "data_loss",
            Self::Unauthenticated => "unauthenticated",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who failed the call: what decides whether it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Origin {
    /// The service answered, and the answer is this status.
    #[default]
    Service,
    /// The call never left: no instance, no connection, a local limit. Nothing happened.
    NotSent,
    /// The call was on its way, wholly or in part, when it failed; it may have been carried out.
    Lost,
}

/// How a call failed.
///
/// Code, message, details and metadata are for the peer; the [`source`](Error::source) stays on
/// this side, for the log.
#[derive(Clone)]
pub struct Status(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    origin: Origin,
    message: String,
    details: Bytes,
    metadata: Metadata,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Status {
    /// A failure with a text for the peer: lower case, no full stop.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            origin: Origin::Service,
            message: message.into(),
            details: Bytes::new(),
            metadata: Metadata::new(),
            source: None,
        }))
    }

    /// Adds encoded details for the peer.
    #[must_use]
    pub fn with_details(mut self, details: Bytes) -> Self {
        self.0.details = details;
        self
    }

    /// Adds metadata for the peer.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.0.metadata = metadata;
        self
    }

    /// Adds the cause, which the peer never sees.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Says who failed the call.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.0.origin = origin;
        self
    }

    /// The reason.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The text for the peer.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Encoded details; empty if there are none.
    #[must_use]
    pub fn details(&self) -> &Bytes {
        &self.0.details
    }

    /// Metadata that came with the failure.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// Who failed the call.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// The first cause of this type in the chain of sources.
    #[must_use]
    pub fn cause<E: Error + 'static>(&self) -> Option<&E> {
        let mut next = self.source();
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// Whether sending the call once more can help and can do no harm.
    ///
    /// A call that never left may always be sent again; one that was lost or answered with
    /// `unavailable` only if it is idempotent.
    #[must_use]
    pub fn is_retryable(&self, idempotent: bool) -> bool {
        match self.0.origin {
            Origin::NotSent => self.0.code == Code::Unavailable,
            Origin::Lost | Origin::Service => idempotent && self.0.code == Code::Unavailable,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status")
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("origin", &self.0.origin)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl Error for Status {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_map_both_ways() {
        for number in 1..=16 {
            assert_eq!(u64::from(Code::from_number(number).number()), number);
        }
        assert_eq!(Code::from_number(0), Code::Unknown);
        assert_eq!(Code::from_number(u64::MAX), Code::Unknown);
    }

    #[test]
    fn only_an_idempotent_call_is_sent_again_when_its_fate_is_unknown() {
        let lost = Status::new(Code::Unavailable, "gone").with_origin(Origin::Lost);
        assert!(lost.is_retryable(true));
        assert!(!lost.is_retryable(false));
        let unsent = Status::new(Code::Unavailable, "refused").with_origin(Origin::NotSent);
        assert!(unsent.is_retryable(false));
    }
}
