//! Why a value is no protobuf message, or a message no value.

use std::fmt;

/// Why a value could not be written as protobuf or read from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtobufError {
    /// The bytes break the rules of the format.
    #[error("{}{why}", Named(field))]
    Malformed {
        /// The field it happened in: `Order.lines`; empty for the message itself.
        field: String,
        /// The rule: `a length goes beyond the end`.
        why: &'static str,
    },
    /// A field is encoded as another type is.
    #[error("{}expected {expected}, found {found}", Named(field))]
    WireType {
        /// The field.
        field: String,
        /// How it is encoded: `a varint`.
        found: &'static str,
        /// How its type is encoded.
        expected: &'static str,
    },
    /// The value does not fit the Rust type.
    #[error("{}{found} is no {expected}", Named(field))]
    Value {
        /// The field.
        field: String,
        /// What was found: a number, or what kind of text.
        found: String,
        /// The Rust type.
        expected: String,
    },
    /// An enum has no variant with that number.
    #[error("{}enum {name} has no variant with the number {number}", Named(field))]
    Number {
        /// The field.
        field: String,
        /// The enum.
        name: &'static str,
        /// The number, 0 where the field is absent.
        number: i32,
    },
    /// A message for an enum holds none of its variants.
    #[error("{}no known variant of enum {name}", Named(field))]
    NoVariant {
        /// The field.
        field: String,
        /// The enum.
        name: &'static str,
    },
    /// The bytes are no message of a type that prost generated; the text is prost's.
    #[error("{0}")]
    Message(String),
    /// Messages are nested more deeply than anybody needs.
    #[error("exceeded max depth of {limit} messages")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The value is fine in Rust and has no form in protobuf.
    #[error("{0} has no form in protobuf")]
    UnsupportedValue(String),
    /// The type has no form in protobuf.
    #[error("{at} cannot travel as protobuf: {why}")]
    UnsupportedType {
        /// The type and the path to the part: `Order.lines[]`.
        at: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A type's serde implementation does other things than its schema says.
    #[error("the schema of {0} does not match what its serde implementation does")]
    Schema(String),
    /// A complaint of a type's own serde implementation.
    #[error("{}{message}", Named(field))]
    Serde {
        /// The field.
        field: String,
        /// What it says.
        message: String,
    },
}

struct Named<'a>(&'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "field {}: ", self.0) }
    }
}

/// A [`ProtobufError`] on its way out, small enough that results come back in registers.
#[derive(Debug)]
pub(super) struct Failure(Box<ProtobufError>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl From<ProtobufError> for Failure {
    #[cold]
    fn from(error: ProtobufError) -> Self {
        Self(Box::new(error))
    }
}

impl From<Failure> for ProtobufError {
    fn from(failure: Failure) -> Self {
        *failure.0
    }
}

impl serde::ser::Error for Failure {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        ProtobufError::Serde { field: String::new(), message: message.to_string() }.into()
    }
}

impl serde::de::Error for Failure {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        ProtobufError::Serde { field: String::new(), message: message.to_string() }.into()
    }
}
