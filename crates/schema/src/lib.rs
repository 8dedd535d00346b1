//! Static descriptors of message types: what every polywire encoding derives its names and
//! shapes from.
//!
//! `#[derive(Schema)]` (in `polywire-macros`) beside serde's derives gives each message a [`Type`]: its fields in
//! declaration order, their kinds and integer widths, protobuf tags, docs, and the name each wire
//! uses. Encodings read it once, when a service is registered or a type first travels; nothing is
//! looked up by name per call.
//!
//! ```
//! use polywire_schema::{Kind, Schema};
//!
//! let Kind::Option(item) = <Option<u16>>::TYPE.kind else { unreachable!() };
//! assert!(matches!(item().kind, Kind::Uint(16)));
//! ```
//!
//! There is no encoding here, no I/O and no reflection at run time. A descriptor may be recursive,
//! so parts are reached through functions ([`TypeRef`]), never by value.
//!
//! | feature | adds |
//! |---|---|
//! | `bytes` | `Schema` for `bytes::Bytes` |
//! | `serde_bytes` | `Schema` for `serde_bytes::ByteBuf` |
//! | `chrono` | `Schema` for `chrono::DateTime<Utc>`, as a point in time |
//! | `uuid` | `Schema` for `uuid::Uuid`, as text |
#![forbid(unsafe_code)]

mod impls;
mod name;
mod slot;
mod types;

pub use self::name::{go_name, java_name, proto_name};
pub use self::slot::Slot;
pub use self::types::{
    EnumType, Field, Kind, Path, ProtoOrigin, Schema, StructType, Type, TypeRef, Variant,
    VariantShape,
};

/// What the derive's output names; not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate as schema;

    /// Encodings that stand alone need nothing but the descriptor.
    #[doc(hidden)]
    #[macro_export]
    macro_rules! __no_message {
        ($($tokens:tt)*) => {};
    }
    pub use crate::__no_message as impl_message;
}
