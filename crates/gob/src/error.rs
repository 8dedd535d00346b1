//! What can go wrong: at registration, when encoding, when decoding, on a stream.

use std::borrow::Cow;
use std::fmt::Display;
use std::io;

/// Why a Rust type cannot travel as gob at all; the program has to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot travel over gob: {}", .0.path, .0.reason)]
pub struct RegisterError(Box<Unfit>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Unfit {
    /// The type, and the field within it, such as `Order.lines[].price`.
    path: String,
    /// What stands in the way.
    reason: Cow<'static, str>,
}

impl RegisterError {
    /// The type, and the field within it, such as `Order.lines[].price`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn new(path: String, reason: Cow<'static, str>) -> Self {
        Self(Box::new(Unfit { path, reason }))
    }
}

/// Why a value could not be encoded; nothing was sent.
///
/// One pointer, so that what may fail gives back its result in registers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(Box<EncodeErrorKind>);

/// What an [`EncodeError`] is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The type cannot travel at all.
    #[error("{0}")]
    Register(RegisterError),
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

impl EncodeError {
    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> &EncodeErrorKind {
        &self.0
    }

    #[cold]
    #[inline(never)]
    fn new(kind: EncodeErrorKind) -> Self {
        Self(Box::new(kind))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn schema(expected: impl Into<String>, got: &'static str) -> Self {
        Self::new(EncodeErrorKind::Schema { expected: expected.into(), got })
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn value(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(EncodeErrorKind::Value(text.into()))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn limit(what: &'static str, limit: usize) -> Self {
        Self::new(EncodeErrorKind::Limit { what, limit })
    }
}

impl From<RegisterError> for EncodeError {
    #[cold]
    #[inline(never)]
    fn from(error: RegisterError) -> Self {
        Self::new(EncodeErrorKind::Register(error))
    }
}

impl serde::ser::Error for EncodeError {
    #[cold]
    #[inline(never)]
    fn custom<T: Display>(message: T) -> Self {
        Self::new(EncodeErrorKind::Custom(message.to_string().into()))
    }
}

/// Why bytes are not the value asked for. The texts are those of Go's package where Go has one.
///
/// One pointer, so that what may fail gives back its result in registers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.kind)]
pub struct DecodeError(Box<Refusal>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    kind: DecodeErrorKind,
    is_fatal: bool,
}

/// What a [`DecodeError`] is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
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
    #[error("{0}")]
    Register(RegisterError),
    /// An error of the `Deserialize` implementation.
    #[error("{0}")]
    Custom(Box<str>),
}

impl DecodeError {
    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }

    /// Whether the stream is out of step: where the next value begins is unknown, so that nothing
    /// more can be read from it. Otherwise this one value is lost and the next one can be read.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.0.is_fatal
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn into_fatal(mut self) -> Self {
        self.0.is_fatal = true;
        self
    }

    #[cold]
    #[inline(never)]
    fn new(kind: DecodeErrorKind) -> Self {
        Self(Box::new(Refusal { kind, is_fatal: false }))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn malformed(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(DecodeErrorKind::Malformed(text.into()))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn mismatch(text: impl Into<Box<str>>) -> Self {
        Self::new(DecodeErrorKind::Mismatch(text.into()))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn out_of_range(at: &str) -> Self {
        Self::new(DecodeErrorKind::OutOfRange(at.into()))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn limit(what: &'static str, limit: usize, setting: &'static str) -> Self {
        Self::new(DecodeErrorKind::Limit { what, limit, setting })
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn eof() -> Self {
        Self::new(DecodeErrorKind::Eof)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn unexpected_eof() -> Self {
        Self::new(DecodeErrorKind::UnexpectedEof)
    }
}

impl From<RegisterError> for DecodeError {
    #[cold]
    #[inline(never)]
    fn from(error: RegisterError) -> Self {
        Self::new(DecodeErrorKind::Register(error))
    }
}

impl serde::de::Error for DecodeError {
    #[cold]
    #[inline(never)]
    fn custom<T: Display>(message: T) -> Self {
        Self::new(DecodeErrorKind::Custom(message.to_string().into()))
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
