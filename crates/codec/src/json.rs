//! JSON directed by a type's descriptor, so that names, bytes and times come out as each peer
//! expects them.
//!
//! | value | [`Style::Serde`] | [`Style::Go`] | [`Style::Proto`] |
//! |---|---|---|---|
//! | struct field | serde's name | Go's name | lowerCamelCase |
//! | zero value of a field | as it is | as it is | left out |
//! | 64-bit integer | number | number | text |
//! | `Vec<u8>`, `Bytes` | array of numbers | base64 text | base64 text |
//! | `Duration` | `{"secs":1,"nanos":0}` | nanoseconds | `"1s"` |
//! | `SystemTime` | `{"secs_since_epoch":..}` | RFC 3339 text, UTC | the same |
//! | tuple | array | `{"F0":..,"F1":..}` | `{"f0":..,"f1":..}` |
//! | enum without data | serde's name | serde's name | `"COLOR_DARK_RED"` |
//! | enum with data | `{"Circle":2.5}` | the same; `true` for a unit variant | `{"circle":2.5}` |
//! | `()` | `null` | `{}` | `{}` |
//! | `gob::Any` | the plain value | the same, bytes as base64 | as Go's |
//! | `gob::BigInt` | text | number | text |
//! | `gob::Complex` | `[re,im]` | `[re,im]` | `[re,im]` |
//! | map | in its own order | sorted by key | sorted by key |
//! | NaN, infinity | `null` | an error | `"NaN"`, `"Infinity"` |
//!
//! [`Style::Serde`] writes what serde_json writes. Reading is as lenient as Go's: a field is known
//! by each of its names, by Go's without regard to case; unknown fields are skipped; bytes may be
//! base64 or numbers, durations nanoseconds or serde's object, times text or serde's object. In
//! Go's style and protobuf's null and what is missing are zero values; in serde's, what is missing
//! follows serde's rules, and an array stands for a struct's fields in their order. A field that
//! comes twice is an error, where Go would take the last.
//!
//! [`Style::Proto`] is the canonical JSON of the messages in [`protobuf`](crate::protobuf), their
//! wrappers included: a list of lists is `[{"value":[1]},{"value":[2]}]`, and a list by itself
//! `{"value":[1]}`, though read without the wrappers too. Numbers may be read from text and text
//! for NaN and the infinities as floats, base64 in both alphabets and without its padding, and
//! enums by name or number.

mod base64;
mod cursor;
mod error;
mod names;
mod read;
pub(crate) mod time;
mod write;

use bytes::Bytes;
use polywire_schema::{Schema, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::cursor::Cursor;
pub use self::error::{JsonError, WrongType};
use self::read::Reader;
use self::write::Writer;

/// Whose names and forms are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As serde_json.
    Serde,
    /// As Go's encoding/json does for the Go struct of the same shape.
    Go,
    /// As protobuf's canonical JSON has it for the message of the same shape.
    Proto,
}

impl Style {
    /// Whether null, and what is left out, is the zero value.
    const fn fills_zeros(self) -> bool {
        matches!(self, Self::Go | Self::Proto)
    }
}

/// Writes a value.
///
/// # Errors
/// When JSON cannot say the value: in Go's style NaN, infinities and durations beyond 292 years,
/// in protobuf's durations beyond 10,000 years; values more than 128 levels deep.
pub fn to_bytes<T: Serialize + Schema + ?Sized>(
    value: &T,
    style: Style,
) -> Result<Bytes, JsonError> {
    match style {
        Style::Serde => {
            serde_json::to_vec(value).map(Bytes::from).map_err(serde::ser::Error::custom)
        }
        Style::Go | Style::Proto => {
            let mut out = Vec::with_capacity(128);
            value.serialize(Writer::new(&mut out, T::TYPE, style))?;
            Ok(Bytes::from(out))
        }
    }
}

/// Reads a value; nothing but white space may follow it.
///
/// # Errors
/// When the bytes are no JSON, more than 128 levels deep, or of another type. In Go's style the
/// text is the one a Go server would answer with.
pub fn from_bytes<T: DeserializeOwned + Schema>(
    bytes: &[u8],
    style: Style,
) -> Result<T, JsonError> {
    let mut cursor = Cursor::new(bytes, style);
    let value = T::deserialize(Reader::new(&mut cursor, T::TYPE))?;
    cursor.end()?;
    Ok(value)
}

/// Checks that JSON can carry a type; called at registration.
///
/// # Errors
/// Names the type and the map whose keys cannot be text, or the struct of which two fields have
/// one Go name.
pub fn check(ty: &'static Type) -> Result<(), JsonError> {
    names::check(ty)
}

#[cfg(test)]
mod tests;
