//! Serializers for parts that are always plain numbers.

use std::fmt::Display;

use serde::ser::{Impossible, Serialize, Serializer};

use crate::error::EncodeError;

/// Appends the bytes of a byte string one by one, as serde gives a `Vec<u8>`.
pub(super) struct ByteSink<'o>(pub(super) &'o mut Vec<u8>);

/// Gives back one of two numbers that make a value: the seconds or nanoseconds of a clock's reading,
/// or the bits of a part of a complex number.
pub(crate) struct Number;

#[cold]
fn other<T>(expected: &str) -> Result<T, EncodeError> {
    Err(EncodeError::schema(expected, "something else"))
}

macro_rules! refuse {
    ($expected:literal; $($method:ident: $ty:ty),* $(,)?) => {
        $(fn $method(self, _: $ty) -> Result<Self::Ok, EncodeError> {
            other($expected)
        })*

        fn serialize_none(self) -> Result<Self::Ok, EncodeError> {
            other($expected)
        }

        fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Self::Ok, EncodeError> {
            other($expected)
        }

        fn serialize_unit(self) -> Result<Self::Ok, EncodeError> {
            other($expected)
        }

        fn serialize_unit_struct(self, _: &'static str) -> Result<Self::Ok, EncodeError> {
            other($expected)
        }

        fn serialize_unit_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
        ) -> Result<Self::Ok, EncodeError> {
            other($expected)
        }

        fn serialize_newtype_struct<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<Self::Ok, EncodeError> {
            value.serialize(self)
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, EncodeError> {
            other($expected)
        }

        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
            other($expected)
        }

        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, EncodeError> {
            other($expected)
        }

        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, EncodeError> {
            other($expected)
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, EncodeError> {
            other($expected)
        }

        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
            other($expected)
        }

        fn serialize_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStruct, EncodeError> {
            other($expected)
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, EncodeError> {
            other($expected)
        }

        fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<Self::Ok, EncodeError> {
            other($expected)
        }
    };
}

macro_rules! impossible {
    ($ok:ty) => {
        type Ok = $ok;
        type Error = EncodeError;
        type SerializeSeq = Impossible<$ok, EncodeError>;
        type SerializeTuple = Impossible<$ok, EncodeError>;
        type SerializeTupleStruct = Impossible<$ok, EncodeError>;
        type SerializeTupleVariant = Impossible<$ok, EncodeError>;
        type SerializeMap = Impossible<$ok, EncodeError>;
        type SerializeStruct = Impossible<$ok, EncodeError>;
        type SerializeStructVariant = Impossible<$ok, EncodeError>;
    };
}

impl Serializer for ByteSink<'_> {
    impossible!(());

    #[inline]
    fn serialize_u8(self, byte: u8) -> Result<(), EncodeError> {
        self.0.push(byte);
        Ok(())
    }

    refuse! {
        "u8"; serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str,
        serialize_bytes: &[u8],
    }
}

impl Serializer for Number {
    impossible!(u64);

    fn serialize_u64(self, n: u64) -> Result<u64, EncodeError> {
        Ok(n)
    }

    fn serialize_u32(self, n: u32) -> Result<u64, EncodeError> {
        Ok(u64::from(n))
    }

    fn serialize_f32(self, x: f32) -> Result<u64, EncodeError> {
        self.serialize_f64(x.into())
    }

    fn serialize_f64(self, x: f64) -> Result<u64, EncodeError> {
        Ok(x.to_bits())
    }

    refuse! {
        "u64"; serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_char: char,
        serialize_str: &str, serialize_bytes: &[u8],
    }
}
