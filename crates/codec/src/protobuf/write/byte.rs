//! Byte strings that serde hands over byte by byte.

use polywire_schema::{Schema, Type};
use serde::Serialize;
use serde::ser::{Impossible, Serializer};

use super::super::ProtobufError;
use super::super::error::Failure;

/// Appends one byte. It is apart from other values so that a byte costs little more than itself.
pub(super) struct ByteWriter<'w>(pub(super) &'w mut Vec<u8>);

#[cold]
fn mismatch() -> Failure {
    const BYTE: &Type = <u8 as Schema>::TYPE;
    ProtobufError::Schema(BYTE.name()).into()
}

macro_rules! no_bytes {
    ($($method:ident($($ty:ty),*) -> $ok:ty),* $(,)?) => {
        $(fn $method(self $(, _: $ty)*) -> Result<$ok, Failure> {
            Err(mismatch())
        })*
    };
}

type Never = Impossible<(), Failure>;

impl Serializer for ByteWriter<'_> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Failure> {
        self.0.push(value);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), Failure> {
        Err(mismatch())
    }

    no_bytes! {
        serialize_bool(bool) -> (),
        serialize_i8(i8) -> (),
        serialize_i16(i16) -> (),
        serialize_i32(i32) -> (),
        serialize_i64(i64) -> (),
        serialize_u16(u16) -> (),
        serialize_u32(u32) -> (),
        serialize_u64(u64) -> (),
        serialize_f32(f32) -> (),
        serialize_f64(f64) -> (),
        serialize_char(char) -> (),
        serialize_str(&str) -> (),
        serialize_bytes(&[u8]) -> (),
        serialize_none() -> (),
        serialize_unit() -> (),
        serialize_unit_struct(&'static str) -> (),
        serialize_unit_variant(&'static str, u32, &'static str) -> (),
        serialize_seq(Option<usize>) -> Never,
        serialize_tuple(usize) -> Never,
        serialize_tuple_struct(&'static str, usize) -> Never,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never,
        serialize_map(Option<usize>) -> Never,
        serialize_struct(&'static str, usize) -> Never,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never,
    }
}
