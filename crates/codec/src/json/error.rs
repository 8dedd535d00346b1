//! Why a value is no JSON, or JSON no value.

use std::fmt;

/// Why a value could not be written as JSON or read from it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The bytes end before the value does.
    #[error("unexpected end of JSON input")]
    End,
    /// The bytes are no JSON.
    #[error("invalid character {found:?} {expected}")]
    Syntax {
        /// The offending character.
        found: char,
        /// What stands there in well-formed JSON, in Go's words: `after array element`.
        expected: &'static str,
        /// Where, in bytes from the start.
        at: usize,
    },
    /// Values are nested more deeply than anybody needs.
    #[error("exceeded max depth of {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The JSON is of another type than the value.
    #[error("{0}")]
    WrongType(WrongType),
    /// Text that should be base64 is not.
    #[error("illegal base64 data at input byte {at}")]
    Base64 {
        /// Where, in bytes from the start of the text.
        at: usize,
    },
    /// Text that should be a time is not.
    #[error("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": {why}")]
    Time {
        /// The text, cut off if it is long.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An enum has no such variant, or the value names several.
    #[error("json: {what} of enum {name}")]
    Variant {
        /// The enum.
        name: &'static str,
        /// What is wrong: `unknown variant "x"`.
        what: String,
    },
    /// JSON has no form for this value: NaN, infinity, a time outside the years 0 to 9999.
    #[error("json: unsupported value: {0}")]
    UnsupportedValue(String),
    /// The type has no form in JSON.
    #[error("{at} cannot travel as JSON: {why}")]
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
    #[error("{0}")]
    Serde(String),
}

/// The JSON is of another type than the value; in Go's style displayed in Go's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongType {
    /// What was found: `string`, `number 1.5`.
    pub found: String,
    /// What was expected, as the style in use names it: `int`, `Vec<u32>`.
    pub expected: String,
    /// The field it stands in: `Args.A`; empty outside structs.
    pub field: String,
    pub(super) go: bool,
}

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, expected, field, .. } = self;
        match (self.go, field.is_empty()) {
            (true, true) => {
                write!(f, "json: cannot unmarshal {found} into Go value of type {expected}")
            }
            (true, false) => write!(
                f,
                "json: cannot unmarshal {found} into Go struct field {field} of type {expected}"
            ),
            (false, true) => write!(f, "expected {expected}, found {found}"),
            (false, false) => write!(f, "field {field}: expected {expected}, found {found}"),
        }
    }
}

impl serde::ser::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Serde(message.to_string())
    }
}

impl serde::de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Serde(message.to_string())
    }
}
