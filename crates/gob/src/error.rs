//! What can go wrong: at registration, when encoding, when decoding, on a stream.

use std::borrow::Cow;
use std::fmt::Display;
use std::io;

/// Why a Rust type cannot travel as gob at all; the program has to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot travel over gob: {reason}")]
pub struct RegisterError {
    /// The type, and the field within it, such as `Order.lines[].price`.
    pub(crate) path: String,
    /// What stands in the way.
    pub(crate) reason: Cow<'static, str>,
}

impl RegisterError {
    /// The type, and the field within it, such as `Order.lines[].price`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Why a value could not be encoded; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The type cannot travel at all.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The `Serialize` implementation did something else than the `Schema` says.
    #[error("gob: serialize of {expected} does not match its schema: got {got}")]
    Schema {
        /// What the descriptor says.
        expected: String,
        /// What the serde implementation did.
        got: &'static str,
    },
    /// The value is outside of what gob can say, such as a time without nanoseconds in range.
    #[error("gob: {0}")]
    Value(Cow<'static, str>),
    /// The process has met more types than the limit, which is no setting.
    #[error("gob: value exceeds the limit of {limit} {what}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// An error of the `Serialize` implementation.
    #[error("{0}")]
    Custom(Box<str>),
}

impl serde::ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string().into())
    }
}

/// Why bytes are not the value asked for. The texts are those of Go's package where Go has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are no gob.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// The bytes are a value of a type that does not fit the local one.
    #[error("{0}")]
    Mismatch(Box<str>),
    /// A number does not fit the local type.
    #[error("value for \"{0}\" out of range")]
    OutOfRange(Box<str>),
    /// The peer sent more than a limit allows.
    #[error("gob: exceeds the limit of {limit} {what} ({setting})")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
        /// The method of [`Limits`](crate::Limits) that sets the limit.
        setting: &'static str,
    },
    /// The input ended before the value began.
    #[error("EOF")]
    Eof,
    /// The input ended within a value.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// The local type cannot travel at all.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// An error of the `Deserialize` implementation.
    #[error("{0}")]
    Custom(Box<str>),
    /// The stream is out of step: where the next value begins is unknown.
    #[error(transparent)]
    Fatal(Box<Self>),
}

impl DecodeError {
    /// Whether the stream is out of step, so that nothing more can be read from it. Otherwise this
    /// one value is lost and the next one can be read.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Fatal(_))
    }

    pub(crate) fn into_fatal(self) -> Self {
        if self.is_fatal() { self } else { Self::Fatal(Box::new(self)) }
    }

    pub(crate) const fn malformed(text: &'static str) -> Self {
        Self::Malformed(Cow::Borrowed(text))
    }
}

impl serde::de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string().into())
    }
}

/// Why a value could not be read from or written to a stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The reader or writer failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The bytes are not the value asked for; go on reading unless [`DecodeError::is_fatal`].
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The value could not be encoded; nothing was written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
