//! Go's `encoding/gob` as a serde format, and as dynamic values.
//!
//! Gob describes itself: a stream carries a definition of each type before the first value of it, and
//! a receiver matches fields by name. Derive [`Schema`] beside serde's traits, and a Rust struct
//! travels as the Go struct of the same fields:
//!
//! ```
//! use polywire_gob::{Decoder, Encoder, Schema};
//! use serde::{Deserialize, Serialize};
//!
//! /// In Go: `type Point struct { X, Y int }`.
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
//! #[schema(crate = "polywire_gob")]
//! struct Point {
//!     x: i64,
//!     y: i64,
//! }
//!
//! let mut encoder = Encoder::new(Vec::new());
//! encoder.encode(&Point { x: 22, y: 33 })?;
//! encoder.encode(&Point { x: 0, y: 5 })?; // the type is not defined again
//! let stream = encoder.into_inner();
//!
//! let mut decoder = Decoder::new(&stream[..]);
//! assert_eq!(decoder.decode()?, Some(Point { x: 22, y: 33 }));
//! // Without a local type at hand:
//! let value = decoder.decode_value()?.expect("there is another one");
//! assert_eq!(format!("{value:?}"), "Point { Y: 5 }");
//! assert_eq!(decoder.decode::<Point>()?, None);
//! # Ok::<(), polywire_gob::StreamError>(())
//! ```
//!
//! | Rust | Go |
//! |---|---|
//! | `bool`, integers, floats, `String` | the same; `i64` and `u64` for `int` and `uint` |
//! | `Vec<u8>`, `bytes::Bytes`, `serde_bytes::ByteBuf` | `[]byte` |
//! | `Vec<T>`, sets; `[T; N]` | `[]T`; `[N]T` |
//! | maps with scalar keys | `map[K]V` |
//! | structs; `user_id` | structs; `UserID`, or what `#[schema(go = "..")]` says |
//! | tuples and tuple structs | structs of `F0`, `F1`, .. |
//! | `Option<T>`, in fields | `*T`; `None` is not sent |
//! | enums without data | `string`, the name serde uses |
//! | enums with data | structs of one field per variant, of which one is set |
//! | [`Complex<f32>`](Complex), `Complex<f64>` | `complex64`, `complex128` |
//! | [`BigInt`] | `big.Int`, `*big.Int` |
//! | [`Any`] | `interface{}`, and any other interface |
//! | `Duration`; `SystemTime`, chrono's `DateTime<Utc>` | `time.Duration`; `time.Time` |
//!
//! What gob cannot carry - integers of 128 bits, options within lists - is refused by [`compile`],
//! with the type and the field named. Zero is not sent, as in Go, and what is absent is zero, except
//! that `-0.0` keeps its sign. A Go `time.Time` of zero becomes the epoch in a `SystemTime`.
//!
//! Three layers, of which the upper ones use the lower:
//! - [`Encoder`] and [`Decoder`] over `std::io`, [`to_vec`] and [`from_slice`].
//! - For protocol engines, without I/O: a [`Splitter`] cuts incoming bytes into [`Frame`]s and keeps
//!   the peer's [`TypeTable`]; [`decode`] and [`decode_value`] read them. [`encode`] and
//!   [`encode_value`] give a message and the [`Definitions`] it needs, [`Sent`] knows which of them a
//!   stream has had. Type ids are given out once per process.
//! - [`raw`]: the primitives, for headers parsed by hand.
//!
//! Input is bounded by [`Limits`], and never trusted: no panic, no allocation beyond what is there,
//! no recursion beyond the limit. Errors carry the texts of Go's package, since RPC servers send them
//! to their callers.
//!
//! What an interface holds is an [`Any`]: a name and a [`Value`], of whatever type the peer sent. No
//! type has to be registered to be received; to send a struct of one's own in an interface, Go's name
//! for it is [registered](register).
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `derive` | yes | `#[derive(Schema)]` |
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod any;
mod big_int;
mod compile;
mod complex;
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

pub use self::any::{Any, register};
pub use self::big_int::{BigInt, ParseBigIntError};
pub use self::compile::{Compiled, compile};
pub use self::complex::Complex;
pub use self::de::{decode, decode_in_context, decode_lent, from_slice};
pub use self::definitions::{Definitions, Sent};
pub use self::error::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, RegisterError, StreamError,
};
pub use self::frame::Frame;
pub use self::limits::Limits;
pub use self::ser::{append, encode, to_vec};
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
