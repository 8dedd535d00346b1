//! The trait at the leaf, and its one match over encodings.

use polywire_core::{Appended, EncodedValue, Encoding, Payload};
use polywire_schema::{Schema, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CodecError, json, protobuf};

/// A Rust type that travels: an argument or a result.
///
/// `#[derive(Schema)]` beside serde's derives implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the argument or result of a method",
    note = "add `#[derive(Serialize, Deserialize, Schema)]`"
)]
pub trait Message: Schema + Sized + Send + 'static {
    /// Turns the value into bytes.
    ///
    /// # Errors
    /// When the encoding cannot express the value, such as NaN in JSON.
    fn encode(&self, to: Encoding) -> Result<Payload, CodecError>;

    /// Appends the value's bytes to `out`, and gives what else the encoding needs: what
    /// [`Payload::context`] would be.
    ///
    /// # Errors
    /// As [`encode`](Self::encode); then `out` may end in a part of the value.
    fn append(&self, to: Encoding, out: &mut Vec<u8>) -> Result<Appended, CodecError> {
        let payload = self.encode(to)?;
        out.extend_from_slice(&payload.bytes);
        Ok(payload.context)
    }

    /// Reads a value.
    ///
    /// # Errors
    /// When the bytes are malformed or are of another type; for gob the text is Go's.
    fn decode(from: &Payload) -> Result<Self, CodecError>;

    /// Whether [`decode_lent`](Self::decode_lent) saves anything. Default: no, as for types that
    /// keep parts of their payload.
    const DECODES_LENT: bool = false;

    /// Reads a value that nobody has to own.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    fn decode_lent(from: EncodedValue<'_>) -> Result<Self, CodecError> {
        Self::decode(&from.to_payload())
    }
}

/// Implements [`Message`] over serde; what the derive calls.
#[doc(hidden)]
#[macro_export]
macro_rules! __impl_message {
    ({ $($generics:tt)* } { $ty:ty } { $($where:tt)* }) => {
        impl $($generics)* $crate::Message for $ty $($where)* {
            fn encode(
                &self,
                to: $crate::__private::Encoding,
            ) -> ::core::result::Result<$crate::__private::Payload, $crate::CodecError> {
                $crate::encode(self, to)
            }

            fn append(
                &self,
                to: $crate::__private::Encoding,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<$crate::__private::Appended, $crate::CodecError> {
                $crate::append(self, to, out)
            }

            fn decode(
                from: &$crate::__private::Payload,
            ) -> ::core::result::Result<Self, $crate::CodecError> {
                $crate::decode_lent(from.lend())
            }

            const DECODES_LENT: bool = true;

            #[inline]
            fn decode_lent(
                from: $crate::__private::EncodedValue<'_>,
            ) -> ::core::result::Result<Self, $crate::CodecError> {
                $crate::decode_lent(from)
            }
        }
    };
}

/// Encodes any serde value that has a schema.
///
/// # Errors
/// As [`Message::encode`].
pub fn encode<T: Serialize + Schema + ?Sized>(
    value: &T,
    to: Encoding,
) -> Result<Payload, CodecError> {
    match to {
        Encoding::Gob => {
            let (bytes, definitions) = polywire_gob::encode(value)?;
            Ok(Payload::new(to, bytes).with_context(definitions))
        }
        Encoding::Json => Ok(Payload::new(to, json::to_bytes(value, json::Style::Serde)?)),
        Encoding::GoJson => Ok(Payload::new(to, json::to_bytes(value, json::Style::Go)?)),
        Encoding::Protobuf => Ok(Payload::new(to, protobuf::to_bytes(value)?)),
        Encoding::ProtoJson => Ok(Payload::new(to, json::to_bytes(value, json::Style::Proto)?)),
        _ => Err(CodecError::Unsupported(to)),
    }
}

/// Appends the bytes of any serde value that has a schema.
///
/// # Errors
/// As [`Message::append`].
pub fn append<T: Serialize + Schema + ?Sized>(
    value: &T,
    to: Encoding,
    out: &mut Vec<u8>,
) -> Result<Appended, CodecError> {
    match to {
        Encoding::Gob => Ok(Some(polywire_gob::append(value, out)?)),
        Encoding::Protobuf => {
            protobuf::append(value, out)?;
            Ok(None)
        }
        _ => {
            let payload = encode(value, to)?;
            out.extend_from_slice(&payload.bytes);
            Ok(payload.context)
        }
    }
}

/// Decodes any serde value that has a schema.
///
/// # Errors
/// As [`Message::decode`].
pub fn decode<T: DeserializeOwned + Schema>(from: &Payload) -> Result<T, CodecError> {
    decode_lent(from.lend())
}

/// As [`decode`], of a value that nobody has to own.
///
/// # Errors
/// As [`Message::decode`].
#[inline]
pub fn decode_lent<T: DeserializeOwned + Schema>(from: EncodedValue<'_>) -> Result<T, CodecError> {
    match from.encoding {
        Encoding::Gob => {
            polywire_gob::decode_in_context(from.bytes, from.context).map_err(CodecError::from)
        }
        Encoding::Json => Ok(json::from_bytes(from.bytes, json::Style::Serde)?),
        Encoding::GoJson => Ok(json::from_bytes(from.bytes, json::Style::Go)?),
        Encoding::Protobuf => protobuf::from_bytes(from.bytes).map_err(CodecError::from),
        Encoding::ProtoJson => Ok(json::from_bytes(from.bytes, json::Style::Proto)?),
        other => Err(CodecError::Unsupported(other)),
    }
}

/// Checks that a type can travel in every encoding a server offers; called at registration.
///
/// # Errors
/// Names the type, the field and the wire that cannot carry it.
pub fn check(ty: &'static Type) -> Result<(), CodecError> {
    polywire_gob::compile(ty)?;
    json::check(ty)?;
    Ok(())
}
