//! Writes values, in one pass: a message's length is put in once its end is known.

mod byte;
mod compound;

use polywire_schema::{EnumType, Kind, Schema, Type, TypeRef, Variant, VariantShape};
use serde::{Serialize, Serializer};

use self::compound::{ListWriter, MapWriter, MessageWriter, Parts, TupleWriter};
use super::error::Failure;
use super::form::{is_bytes, is_message, spreads};
use super::wire::{FIXED32, FIXED64, LEN, Open, VARINT, put_key, put_varint};
use super::{MAX_DEPTH, ProtobufError};
use crate::json::time;

/// Where a value goes.
#[derive(Debug, Clone, Copy)]
enum Spot {
    /// The whole output, as the contents of a message.
    Root,
    /// A field that leaves out zero values and takes any number of occurrences.
    Field(u32),
    /// A field that holds exactly one value.
    Value(u32),
    /// A packed list.
    Packed,
}

/// Appends one value of a type.
pub(super) struct Writer<'w> {
    out: &'w mut Vec<u8>,
    ty: &'static Type,
    spot: Spot,
    depth: usize,
}

impl<'w> Writer<'w> {
    pub(super) fn new(out: &'w mut Vec<u8>, ty: &'static Type) -> Self {
        let spot = if is_message(ty) { Spot::Root } else { Spot::Field(1) };
        Self { out, ty, spot, depth: 0 }
    }

    fn mismatch(&self) -> Failure {
        ProtobufError::Schema(self.ty.name()).into()
    }

    /// Writes the key of a scalar; false if the scalar is to be left out.
    #[inline]
    fn key(&mut self, wire_type: u8, is_zero: bool) -> Result<bool, Failure> {
        match self.spot {
            Spot::Field(_) if is_zero => return Ok(false),
            Spot::Field(tag) | Spot::Value(tag) => put_key(self.out, tag, wire_type),
            Spot::Packed if wire_type != LEN => {}
            Spot::Root | Spot::Packed => return Err(self.mismatch()),
        }
        Ok(true)
    }

    fn varint(mut self, value: u64) -> Result<(), Failure> {
        if self.key(VARINT, value == 0)? {
            put_varint(self.out, value);
        }
        Ok(())
    }

    #[inline]
    fn int(self, value: i64) -> Result<(), Failure> {
        match (self.ty.kind, u64::try_from(value)) {
            // Negative numbers take ten bytes, so that `int32` may become `int64` one day.
            (Kind::Int(..=64), _) => self.varint(value.cast_unsigned()),
            (Kind::Uint(..=64), Ok(value)) => self.varint(value),
            _ => Err(self.mismatch()),
        }
    }

    #[inline]
    fn uint(self, value: u64) -> Result<(), Failure> {
        match self.ty.kind {
            Kind::Uint(..=64) => self.varint(value),
            Kind::Int(..=64) if i64::try_from(value).is_ok() => self.varint(value),
            Kind::Int(_) => Err(ProtobufError::UnsupportedValue(value.to_string()).into()),
            _ => Err(self.mismatch()),
        }
    }

    fn bytes(mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.key(LEN, bytes.is_empty())? {
            put_varint(self.out, bytes.len() as u64);
            self.out.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Begins a message; what is written then is its contents.
    fn open(self) -> Result<(Self, Option<Open>), Failure> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(ProtobufError::TooDeep { limit: MAX_DEPTH }.into());
        }
        let open = match self.spot {
            Spot::Root => None,
            Spot::Field(tag) | Spot::Value(tag) => {
                put_key(self.out, tag, LEN);
                Some(Open::new(self.out, 0))
            }
            Spot::Packed => return Err(self.mismatch()),
        };
        Ok((Self { depth, ..self }, open))
    }

    /// Begins the message around a value that cannot stand by itself where one value is wanted.
    fn wrapped(self) -> Result<(Self, Option<Open>), Failure> {
        if !matches!(self.spot, Spot::Value(_)) || !spreads(self.ty) {
            return Ok((self, None));
        }
        let (inner, open) = self.open()?;
        Ok((Self { spot: Spot::Field(1), ..inner }, open))
    }

    fn enum_type(&self) -> Result<&'static EnumType, Failure> {
        match self.ty.kind {
            Kind::Enum(ty) => Ok(ty),
            _ => Err(self.mismatch()),
        }
    }

    /// Begins the message of an enum with data, and finds the member to be set in it.
    fn member(self, serde: &str) -> Result<(Self, Option<Open>, &'static Variant), Failure> {
        let ty = self.enum_type()?;
        let Some(variant) = find(ty, serde) else { return Err(self.mismatch()) };
        let (inner, open) = self.open()?;
        let spot = Spot::Value(super::member_tag(ty, variant));
        Ok((Self { spot, ..inner }, open, variant))
    }

    fn parts(self, parts: Parts, around: Option<Open>) -> Result<MessageWriter<'w>, Failure> {
        let (inner, open) = self.open()?;
        Ok(MessageWriter::new(inner.out, inner.depth, parts, [open, around]))
    }

    /// Writes what may be one of several values, or none.
    fn some<T: Serialize + ?Sized>(self, item: TypeRef, value: &T) -> Result<(), Failure> {
        let (Writer { out, spot, depth, .. }, open) = self.wrapped()?;
        let spot = match spot {
            Spot::Field(tag) => Spot::Value(tag),
            spot => spot,
        };
        value.serialize(Writer { out: &mut *out, ty: item(), spot, depth })?;
        close(out, open);
        Ok(())
    }
}

/// Seconds and nanoseconds, as in `google.protobuf.Duration` and `google.protobuf.Timestamp`.
const CLOCK: Parts = Parts::Types(&[<i64 as Schema>::schema, <i32 as Schema>::schema]);

fn find(ty: &EnumType, serde: &str) -> Option<&'static Variant> {
    ty.variants.iter().find(|variant| variant.serde == serde)
}

fn close(out: &mut Vec<u8>, open: Option<Open>) {
    if let Some(open) = open {
        open.close(out);
    }
}

macro_rules! numbers {
    ($($method:ident $ty:ty => $to:ident),* $(,)?) => {
        $(#[inline]
        fn $method(self, value: $ty) -> Result<(), Failure> {
            self.$to(value.into())
        })*
    };
}

impl<'w> Serializer for Writer<'w> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = ListWriter<'w>;
    type SerializeTuple = TupleWriter<'w>;
    type SerializeTupleStruct = TupleWriter<'w>;
    type SerializeTupleVariant = TupleWriter<'w>;
    type SerializeMap = MapWriter<'w>;
    type SerializeStruct = MessageWriter<'w>;
    type SerializeStructVariant = MessageWriter<'w>;

    numbers! {
        serialize_i8 i8 => int, serialize_i16 i16 => int, serialize_i32 i32 => int,
        serialize_i64 i64 => int, serialize_u8 u8 => uint, serialize_u16 u16 => uint,
        serialize_u32 u32 => uint, serialize_u64 u64 => uint,
    }

    fn serialize_bool(self, value: bool) -> Result<(), Failure> {
        match self.ty.kind {
            Kind::Bool => self.varint(value.into()),
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_f32(mut self, value: f32) -> Result<(), Failure> {
        match self.ty.kind {
            Kind::Float(32) => {
                if self.key(FIXED32, value.to_bits() == 0)? {
                    self.out.extend_from_slice(&value.to_le_bytes());
                }
                Ok(())
            }
            _ => self.serialize_f64(value.into()),
        }
    }

    fn serialize_f64(mut self, value: f64) -> Result<(), Failure> {
        match self.ty.kind {
            Kind::Float(64) => {
                if self.key(FIXED64, value.to_bits() == 0)? {
                    self.out.extend_from_slice(&value.to_le_bytes());
                }
                Ok(())
            }
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Failure> {
        if value == '\0' && matches!(self.spot, Spot::Field(_)) {
            return Ok(());
        }
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Failure> {
        match self.ty.kind {
            Kind::String | Kind::Char => self.bytes(value.as_bytes()),
            Kind::Time => {
                let moment = time::parse(value).map_err(<Failure as serde::ser::Error>::custom)?;
                let mut parts = self.parts(CLOCK, None)?;
                parts.put("", &moment.seconds)?;
                parts.put("", &moment.nanos)?;
                parts.close()
            }
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failure> {
        if is_bytes(self.ty) { self.bytes(value) } else { Err(self.mismatch()) }
    }

    fn serialize_none(self) -> Result<(), Failure> {
        let (Writer { out, .. }, open) = self.wrapped()?;
        close(out, open);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        match self.ty.kind {
            Kind::Option(item) => self.some(item, value),
            _ => value.serialize(self),
        }
    }

    fn serialize_unit(self) -> Result<(), Failure> {
        match self.ty.kind {
            Kind::Unit => self.parts(Parts::Types(&[]), None)?.close(),
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Failure> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Failure> {
        let ty = self.enum_type()?;
        if ty.is_unit_only() {
            let Some(variant) = find(ty, variant) else { return Err(self.mismatch()) };
            return self.varint(variant.number.into());
        }
        let (inner, around, _) = self.member(variant)?;
        inner.parts(Parts::Types(&[]), around)?.close()
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
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        let (inner, around, variant) = self.member(variant)?;
        let VariantShape::Newtype(item) = variant.shape else { return Err(inner.mismatch()) };
        let Writer { out, spot, depth, .. } = inner;
        value.serialize(Writer { out: &mut *out, ty: item(), spot, depth })?;
        close(out, around);
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ListWriter<'w>, Failure> {
        match self.ty.kind {
            Kind::List(item) => ListWriter::new(self, item(), len),
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_tuple(self, len: usize) -> Result<TupleWriter<'w>, Failure> {
        Ok(match self.ty.kind {
            Kind::Array(item, _) => TupleWriter::Array(ListWriter::new(self, item(), Some(len))?),
            Kind::Tuple(items) => TupleWriter::Message(self.parts(Parts::Types(items), None)?),
            Kind::Struct(ty) => TupleWriter::Message(self.parts(Parts::Fields(ty.fields), None)?),
            _ => return Err(self.mismatch()),
        })
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<TupleWriter<'w>, Failure> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<TupleWriter<'w>, Failure> {
        let (inner, around, variant) = self.member(variant)?;
        match variant.shape {
            VariantShape::Tuple(items) => {
                Ok(TupleWriter::Message(inner.parts(Parts::Types(items), around)?))
            }
            _ => Err(inner.mismatch()),
        }
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<MapWriter<'w>, Failure> {
        match self.ty.kind {
            Kind::Map(key, value) => MapWriter::new(self, key(), value()),
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<MessageWriter<'w>, Failure> {
        match self.ty.kind {
            Kind::Struct(ty) => self.parts(Parts::Fields(ty.fields), None),
            Kind::Duration | Kind::Time => self.parts(CLOCK, None),
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<MessageWriter<'w>, Failure> {
        let (inner, around, variant) = self.member(variant)?;
        match variant.shape {
            VariantShape::Struct(ty) => inner.parts(Parts::Fields(ty.fields), around),
            _ => Err(inner.mismatch()),
        }
    }
}
