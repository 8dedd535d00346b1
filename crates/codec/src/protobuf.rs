//! Protocol Buffers for types that have no `.proto` file: the proto3 wire format, directed by a
//! type's descriptor.
//!
//! | Rust | protobuf |
//! |---|---|
//! | struct | message; tags and names as the schema states them |
//! | `i8` to `i32`, `i64`, `isize` | `int32`, `int64` |
//! | `u8` to `u32`, `u64`, `usize` | `uint32`, `uint64` |
//! | `f32`, `f64`, `bool` | `float`, `double`, `bool` |
//! | `String`, `char` | `string` |
//! | `Bytes`, `Vec<u8>`, `[u8; N]` | `bytes` |
//! | `Duration`, `SystemTime` | `google.protobuf.Duration`, `google.protobuf.Timestamp` |
//! | `Option` | a field with explicit presence |
//! | list, array | `repeated`; packed where proto3 packs |
//! | map | `map<,>`; an enum as its key is an `int32` |
//! | enum without data | `enum`; its numbers are [`Variant::number`] |
//! | enum with data | message with one `oneof`; see [`member_tag`] |
//! | tuple | message with the fields `f0 = 1`, `f1 = 2` and so on |
//! | `()` | `google.protobuf.Empty` |
//!
//! - What cannot stand where it stands - a list in a list, a map in an option, an option in a list
//!   - is wrapped in a message whose field `value = 1` holds it.
//! - An argument or result that is no message is wrapped likewise, so that an `i64` is a
//!   `google.protobuf.Int64Value`.
//! - Zero values of fields are left out, and what is left out is a zero value. A field with serde's
//!   `default` has explicit presence instead: it is always written, and serde fills it in when it
//!   is absent. A list, a map or an option that is absent is empty whatever serde says.
//! - An enum without data of which no number is 0 has no zero value: leaving it out is an error.
//!   Proto3 wants a name for 0 nevertheless; see [`value_name`].
//! - 128-bit integers and maps by floats or bytes have no form; [`check`] names them.
//!
//! Reading follows the rules of the format: fields in any order, packed or not, unknown ones
//! skipped, of several the last one, of several messages their union (for up to 8 messages within
//! each other, since each takes a copy). Nothing is allocated for a length that is not backed by
//! bytes.
//!
//! [`Variant::number`]: polywire_schema::Variant::number

mod check;
mod error;
pub(crate) mod form;
pub(crate) mod name;
mod read;
pub(crate) mod wire;
mod write;

use bytes::Bytes;
use polywire_schema::{Schema, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::error::ProtobufError;
pub use self::form::member_tag;
pub use self::name::{json_name, member_name, value_name};
use self::read::{Reader, Search};
use self::write::Writer;

/// Messages within each other; the limit of Google's own readers.
const MAX_DEPTH: usize = 100;

/// Writes a value.
///
/// # Errors
/// When protobuf cannot say the value: 128-bit integers, durations beyond 292 billion years, or
/// messages more than 100 levels deep.
pub fn to_bytes<T: Serialize + Schema + ?Sized>(value: &T) -> Result<Bytes, ProtobufError> {
    let mut out = Vec::with_capacity(128);
    append(value, &mut out)?;
    Ok(Bytes::from(out))
}

/// Appends a value.
///
/// # Errors
/// As [`to_bytes`]; then `out` may end in a part of the value.
pub fn append<T: Serialize + Schema + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), ProtobufError> {
    Ok(value.serialize(Writer::new(out, T::TYPE))?)
}

/// Reads a value; all the bytes belong to it.
///
/// # Errors
/// When the bytes are no message, more than 100 levels deep, or of another type; the text names
/// the field.
#[inline]
pub fn from_bytes<T: DeserializeOwned + Schema>(bytes: &[u8]) -> Result<T, ProtobufError> {
    let first = Reader::root(bytes, T::TYPE, Search::Rising).and_then(T::deserialize);
    match first {
        Ok(value) => Ok(value),
        Err(_) => search(bytes),
    }
}

/// As [`from_bytes`], of fields in any order.
#[cold]
fn search<T: DeserializeOwned + Schema>(bytes: &[u8]) -> Result<T, ProtobufError> {
    let reader = Reader::root(bytes, T::TYPE, Search::Anywhere)?;
    Ok(T::deserialize(reader)?)
}

/// Checks that protobuf can carry a type. Other wires may carry a type that this one cannot, so
/// registration does not ask; servers of protobuf do, for each method.
///
/// # Errors
/// Names the type, the field and what is wrong with it.
pub fn check(ty: &'static Type) -> Result<(), ProtobufError> {
    check::check(ty)
}
