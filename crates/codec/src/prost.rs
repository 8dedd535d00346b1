//! Messages that prost generates from `.proto` files, on every wire.
//!
//! `polywire-build` writes [`Fields`] for each of them and calls [`impl_message!`]. In protobuf
//! they travel by prost's own code, in protobuf's JSON by their `.proto` files ([`Files`]), and in
//! every other encoding by serde and a schema made of [`Form`]s:
//!
//! | `.proto` | there |
//! |---|---|
//! | message | a struct with one field per field, members of a `oneof` included |
//! | `optional`, messages, members of a `oneof` | may be absent |
//! | `enum` | the name of the value; a number without a name as decimal text |
//! | `google.protobuf.Timestamp` | a point in time |
//! | `google.protobuf.Duration` | nanoseconds, as Go's `time.Duration` |
//! | `google.protobuf.Struct`, `Value`, `ListValue` | JSON as text |
//! | `google.protobuf.FieldMask`, `Any` | structs |
//! | Google's wrappers | what they hold |
//!
//! [`impl_message!`]: crate::__impl_prost_message

mod canonical;
mod fields;
mod form;
mod well_known;

use polywire_core::{Appended, Encoding, Payload};
use polywire_schema::Schema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use prost_types::NullValue;
pub use serde::ser::SerializeStruct;

pub use self::canonical::Files;
pub use self::fields::{Fields, Source, deserialize, put, put_member, serialize};
pub use self::form::{Enumeration, Form, Many, Mapped, Maybe, Open, Plain, Raw};
pub use self::well_known::{Any, Duration, Empty, FieldMask, JsonText, Timestamp};
use crate::CodecError;
use crate::protobuf::ProtobufError;

/// Encodes a message.
///
/// # Errors
/// As [`Message::encode`](crate::Message::encode).
pub fn encode<T: Fields + Serialize + Schema>(
    message: &T,
    to: Encoding,
) -> Result<Payload, CodecError> {
    match to {
        Encoding::Protobuf => Ok(Payload::new(to, message.encode_to_vec().into())),
        Encoding::ProtoJson => Ok(Payload::new(to, canonical::to_bytes(message)?)),
        _ => crate::encode(message, to),
    }
}

/// Appends a message's bytes.
///
/// # Errors
/// As [`Message::append`](crate::Message::append).
pub fn append<T: Fields + Serialize + Schema>(
    message: &T,
    to: Encoding,
    out: &mut Vec<u8>,
) -> Result<Appended, CodecError> {
    match to {
        Encoding::Protobuf => message.encode_raw(out),
        Encoding::ProtoJson => out.extend_from_slice(&canonical::to_bytes(message)?),
        _ => return crate::append(message, to, out),
    }
    Ok(None)
}

/// Decodes a message.
///
/// # Errors
/// As [`Message::decode`](crate::Message::decode).
pub fn decode<T: Fields + DeserializeOwned + Schema>(from: &Payload) -> Result<T, CodecError> {
    match from.encoding {
        Encoding::Protobuf => T::decode(from.bytes.clone())
            .map_err(|error| ProtobufError::Message(error.to_string()).into()),
        Encoding::ProtoJson => canonical::from_bytes(&from.bytes),
        _ => crate::decode(from),
    }
}

/// Implements serde's traits, `Schema` and [`Message`](crate::Message) over [`Fields`]; what
/// `polywire-build` calls.
#[doc(hidden)]
#[macro_export]
macro_rules! __impl_prost_message {
    ($($ty:ty),* $(,)?) => {
        $(const _: () = {
            use $crate::__private as __p;

            static __SLOT: __p::schema::Slot = __p::schema::Slot::new();

            impl __p::schema::Schema for $ty {
                const TYPE: &'static __p::schema::Type = &__p::schema::Type::new::<Self>(
                    __p::schema::Kind::Struct(<Self as __p::prost::Fields>::STRUCT),
                )
                .with_slot(&__SLOT)
                .with_origin(__p::schema::ProtoOrigin::new(
                    <Self as __p::prost::Fields>::FULL_NAME,
                    || <Self as __p::prost::Fields>::files().encoded(),
                ));
            }

            impl __p::serde::Serialize for $ty {
                fn serialize<S: __p::serde::Serializer>(
                    &self,
                    to: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    __p::prost::serialize(self, to)
                }
            }

            impl<'de> __p::serde::Deserialize<'de> for $ty {
                fn deserialize<D: __p::serde::Deserializer<'de>>(
                    from: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    __p::prost::deserialize(from)
                }
            }

            impl $crate::Message for $ty {
                fn encode(
                    &self,
                    to: __p::Encoding,
                ) -> ::core::result::Result<__p::Payload, $crate::CodecError> {
                    __p::prost::encode(self, to)
                }

                fn append(
                    &self,
                    to: __p::Encoding,
                    out: &mut ::std::vec::Vec<u8>,
                ) -> ::core::result::Result<__p::Appended, $crate::CodecError> {
                    __p::prost::append(self, to, out)
                }

                fn decode(
                    from: &__p::Payload,
                ) -> ::core::result::Result<Self, $crate::CodecError> {
                    __p::prost::decode(from)
                }
            }
        };)*
    };
}
