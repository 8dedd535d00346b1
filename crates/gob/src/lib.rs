//! Go's encoding/gob as a serde format.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod compile;
mod de;
mod definitions;
mod error;
mod frame;
mod limits;
mod plan;
pub mod raw;
mod ser;
mod split;
mod stream;
mod table;
mod time;
mod value;
mod walk;

pub use self::compile::{Compiled, compile};
pub use self::de::{decode, from_slice};
pub use self::definitions::{Definitions, Sent};
pub use self::error::{DecodeError, EncodeError, RegisterError, StreamError};
pub use self::frame::Frame;
pub use self::limits::Limits;
pub use self::ser::{encode, to_vec};
pub use self::split::{Peeked, Splitter};
pub use self::stream::{Decoder, Encoder};
pub use self::table::{FieldType, OpaqueKind, TypeTable};
pub use self::time::Timestamp;
pub use self::value::{
    Dynamic, List, Map, Opaque, Shape, ShapeKind, Struct, Value, decode_value, encode_value,
};
#[cfg(feature = "derive")]
pub use polywire_macros::Schema;
pub use polywire_schema::Schema;

/// What the derive's output names; not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use polywire_schema as schema;
    pub use polywire_schema::__no_message as impl_message;
}
