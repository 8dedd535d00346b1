//! The serializer: writes a value in step with its schema.

use polywire_schema::{EnumType, Kind, Type, Variant, VariantShape};
use serde::{Serialize, ser};

use super::compound::{Compound, Fields};
use super::record::{Named, Pair, Record};
use crate::any;
use crate::compile::is_byte;
use crate::error::EncodeError;
use crate::raw::{push_bytes, push_int, push_uint, put_float};
use crate::time;

/// Where a value stands, which decides whether it may be left out.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Whole values, elements, keys: always sent, without a number.
    Element,
    /// A field so many after the one before; left out if zero.
    Field(u64),
    /// The same, of an `Option` that is `Some`: sent even if zero, so that it stays `Some`.
    Present(u64),
}

/// Says whether the value was sent.
pub(super) struct Serializer<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) ty: &'static Type,
    pub(super) place: Place,
}

impl<'o> Serializer<'o> {
    /// Writes the number of the field, if it is one, unless the value is left out.
    #[inline]
    fn enter(&mut self, is_zero: bool) -> bool {
        match self.place {
            Place::Element => true,
            Place::Field(_) if is_zero => false,
            Place::Field(delta) | Place::Present(delta) => {
                push_uint(self.out, delta);
                true
            }
        }
    }

    #[inline]
    fn put_int(mut self, n: i64) -> Result<bool, EncodeError> {
        if !matches!(self.ty.kind, Kind::Int(_) | Kind::Duration) {
            return self.mismatch("a signed integer");
        }
        let sent = self.enter(n == 0);
        if sent {
            push_int(self.out, n);
        }
        Ok(sent)
    }

    #[inline]
    fn put_uint(mut self, n: u64) -> Result<bool, EncodeError> {
        if !matches!(self.ty.kind, Kind::Uint(_)) {
            return self.mismatch("an unsigned integer");
        }
        let sent = self.enter(n == 0);
        if sent {
            push_uint(self.out, n);
        }
        Ok(sent)
    }

    fn put_float(mut self, x: f64) -> Result<bool, EncodeError> {
        if !matches!(self.ty.kind, Kind::Float(_)) {
            return self.mismatch("a float");
        }
        // Go leaves out -0.0 too, and so loses the sign; sending it is as legal.
        let sent = self.enter(x.to_bits() == 0);
        if sent {
            put_float(self.out, x);
        }
        Ok(sent)
    }

    #[inline]
    fn put_text(mut self, text: &str) -> Result<bool, EncodeError> {
        match self.ty.kind {
            Kind::String | Kind::Char => {}
            Kind::Enum(of) if of.is_unit_only() => {}
            Kind::Time => {
                let time = time::Timestamp::parse(text)
                    .ok_or_else(|| EncodeError::value("not a time in RFC 3339"))?;
                return self.put_time(time);
            }
            _ => return self.mismatch("a string"),
        }
        let sent = self.enter(text.is_empty());
        if sent {
            push_bytes(self.out, text.as_bytes());
        }
        Ok(sent)
    }

    pub(super) fn put_time(mut self, time: time::Timestamp) -> Result<bool, EncodeError> {
        let sent = self.enter(time == time::Timestamp::GO_ZERO);
        if sent {
            push_bytes(self.out, &time.to_bytes());
        }
        Ok(sent)
    }

    /// Takes the bits of both parts.
    pub(super) fn put_complex(mut self, re: u64, im: u64) -> Result<bool, EncodeError> {
        let sent = self.enter(re == 0 && im == 0);
        if sent {
            put_float(self.out, f64::from_bits(re));
            put_float(self.out, f64::from_bits(im));
        }
        Ok(sent)
    }

    /// Writes what an interface holds; nil is left out where it can be.
    fn put_any<T: Serialize + ?Sized>(mut self, value: &T) -> Result<bool, EncodeError> {
        let Some(written) = any::ask(value)? else { return self.mismatch("no interface") };
        let sent = self.enter(written.is_empty());
        if sent && written.is_empty() {
            self.out.push(0);
        }
        self.out.extend_from_slice(&written);
        Ok(sent)
    }

    pub(super) fn put_nanos(self, secs: u64, nanos: u64) -> Result<bool, EncodeError> {
        let total = i64::try_from(secs)
            .ok()
            .and_then(|secs| secs.checked_mul(1_000_000_000))
            .and_then(|total| total.checked_add_unsigned(nanos))
            .ok_or_else(|| EncodeError::value("duration of more than 292 years"))?;
        self.put_int(total)
    }

    /// Begins a struct; structs are sent even if all their fields are zero.
    #[inline]
    fn fields(mut self, fields: Fields, ends: usize) -> Record<'o> {
        self.enter(false);
        Record::new(self.out, fields, ends)
    }

    fn list(
        mut self,
        item: Option<&'static Type>,
        len: Option<usize>,
    ) -> Result<Compound<'o>, EncodeError> {
        if len == Some(0) && !self.enter(true) {
            return Ok(Compound::Nothing);
        }
        if len != Some(0) {
            self.enter(false);
        }
        let start = self.out.len();
        if let Some(len) = len {
            push_uint(self.out, len as u64);
        }
        Ok(match item {
            None => {
                self.out.reserve(len.unwrap_or(0));
                Compound::Bytes { out: self.out, len, count: 0, start }
            }
            Some(item) => Compound::List { out: self.out, item, len, count: 0, start },
        })
    }

    fn variant(&self, index: u32, name: &str) -> Result<(usize, &'static Variant), EncodeError> {
        let Kind::Enum(EnumType { variants, .. }) = self.ty.kind else {
            return self.mismatch("an enum");
        };
        let guess = usize::try_from(index).unwrap_or(usize::MAX);
        match variants.get(guess) {
            Some(variant) if variant.serde == name => Ok((guess, variant)),
            // serde counts the variants it skips, the schema does not.
            _ => variants
                .iter()
                .enumerate()
                .find(|(_, variant)| variant.serde == name)
                .map_or_else(|| self.mismatch("a variant the schema does not have"), Ok),
        }
    }

    /// Begins the struct that an enum is, down to the number of its one field.
    fn enter_variant(&mut self, at: usize) {
        self.enter(false);
        push_uint(self.out, (at as u64).saturating_add(1));
    }

    #[cold]
    #[inline(never)]
    pub(super) fn mismatch<T>(&self, got: &'static str) -> Result<T, EncodeError> {
        Err(EncodeError::schema(self.ty.name(), got))
    }
}

macro_rules! numbers {
    ($($name:ident: $ty:ty => $put:ident as $as:ty),* $(,)?) => {
        $(#[inline]
        fn $name(self, n: $ty) -> Result<bool, EncodeError> {
            self.$put(<$as>::from(n))
        })*
    };
}

impl<'o> ser::Serializer for Serializer<'o> {
    type Ok = bool;
    type Error = EncodeError;
    type SerializeSeq = Compound<'o>;
    type SerializeTuple = Compound<'o>;
    type SerializeTupleStruct = Compound<'o>;
    type SerializeTupleVariant = Compound<'o>;
    type SerializeMap = Compound<'o>;
    type SerializeStruct = Named<'o>;
    type SerializeStructVariant = Named<'o>;

    numbers! {
        serialize_i8: i8 => put_int as i64,
        serialize_i16: i16 => put_int as i64,
        serialize_i32: i32 => put_int as i64,
        serialize_i64: i64 => put_int as i64,
        serialize_u8: u8 => put_uint as u64,
        serialize_u16: u16 => put_uint as u64,
        serialize_u32: u32 => put_uint as u64,
        serialize_u64: u64 => put_uint as u64,
        serialize_f32: f32 => put_float as f64,
        serialize_f64: f64 => put_float as f64,
    }

    fn serialize_bool(mut self, b: bool) -> Result<bool, EncodeError> {
        if !matches!(self.ty.kind, Kind::Bool) {
            return self.mismatch("a bool");
        }
        let sent = self.enter(!b);
        if sent {
            self.out.push(u8::from(b));
        }
        Ok(sent)
    }

    fn serialize_char(self, c: char) -> Result<bool, EncodeError> {
        self.put_text(c.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<bool, EncodeError> {
        self.put_text(text)
    }

    #[inline]
    fn serialize_bytes(mut self, bytes: &[u8]) -> Result<bool, EncodeError> {
        match self.ty.kind {
            Kind::Bytes => {}
            Kind::List(item) if is_byte(item()) => {}
            // Zero too: what is absent may be nil in Go, which zero is not.
            Kind::BigInt => {
                self.enter(false);
                push_bytes(self.out, bytes);
                return Ok(true);
            }
            _ => return self.mismatch("a byte string"),
        }
        let sent = self.enter(bytes.is_empty());
        if sent {
            push_bytes(self.out, bytes);
        }
        Ok(sent)
    }

    fn serialize_none(self) -> Result<bool, EncodeError> {
        match (self.ty.kind, self.place) {
            (Kind::Option(_), Place::Field(_)) => Ok(false),
            _ => self.mismatch("none"),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, EncodeError> {
        match (self.ty.kind, self.place) {
            (Kind::Option(item), Place::Field(delta)) => value.serialize(Serializer {
                out: self.out,
                ty: item(),
                place: Place::Present(delta),
            }),
            _ => self.mismatch("some"),
        }
    }

    fn serialize_unit(mut self) -> Result<bool, EncodeError> {
        if !matches!(self.ty.kind, Kind::Unit) {
            return self.mismatch("a unit");
        }
        self.enter(false);
        self.out.push(0);
        Ok(true)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<bool, EncodeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        mut self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<bool, EncodeError> {
        let (at, found) = self.variant(index, variant)?;
        if matches!(self.ty.kind, Kind::Enum(of) if of.is_unit_only()) {
            return self.put_text(found.serde);
        }
        if !matches!(found.shape, VariantShape::Unit) {
            return self.mismatch("a variant without a value");
        }
        self.enter_variant(at);
        self.out.extend_from_slice(&[1, 0]);
        Ok(true)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<bool, EncodeError> {
        if name == any::NAME {
            return self.put_any(value);
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<bool, EncodeError> {
        let (at, found) = self.variant(index, variant)?;
        let VariantShape::Newtype(item) = found.shape else {
            return self.mismatch("a variant of one value");
        };
        self.enter_variant(at);
        value.serialize(Serializer { out: self.out, ty: item(), place: Place::Element })?;
        self.out.push(0);
        Ok(true)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'o>, EncodeError> {
        match self.ty.kind {
            Kind::Bytes => self.list(None, len),
            Kind::List(item) if is_byte(item()) => self.list(None, len),
            Kind::List(item) => self.list(Some(item()), len),
            _ => self.mismatch("a sequence"),
        }
    }

    fn serialize_tuple(mut self, len: usize) -> Result<Compound<'o>, EncodeError> {
        match self.ty.kind {
            Kind::Array(item, expected) if expected == len => {
                self.enter(false);
                let start = self.out.len();
                push_uint(self.out, len as u64);
                let item = item();
                Ok(Compound::List { out: self.out, item, len: Some(len), count: 0, start })
            }
            Kind::Tuple(items) => Ok(Compound::Struct(self.fields(Fields::Unnamed(items), 1))),
            Kind::Struct(of) => Ok(Compound::Struct(self.fields(Fields::Named(of.fields), 1))),
            _ => self.mismatch("a tuple"),
        }
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Compound<'o>, EncodeError> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Compound<'o>, EncodeError> {
        let (at, found) = self.variant(index, variant)?;
        let VariantShape::Tuple(items) = found.shape else {
            return self.mismatch("a variant of several values");
        };
        self.enter_variant(at);
        self.place = Place::Element;
        Ok(Compound::Struct(self.fields(Fields::Unnamed(items), 2)))
    }

    fn serialize_map(mut self, len: Option<usize>) -> Result<Compound<'o>, EncodeError> {
        let Kind::Map(key, value) = self.ty.kind else {
            return self.mismatch("a map");
        };
        if len == Some(0) && !self.enter(true) {
            return Ok(Compound::Nothing);
        }
        if len != Some(0) {
            self.enter(false);
        }
        let start = self.out.len();
        if let Some(len) = len {
            push_uint(self.out, len as u64);
        }
        let (key, value) = (key(), value());
        Ok(Compound::Map { out: self.out, key, value, len, count: 0, start })
    }

    #[inline(always)]
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Named<'o>, EncodeError> {
        match self.ty.kind {
            Kind::Struct(of) => Ok(Named::Struct(self.fields(Fields::Named(of.fields), 1))),
            Kind::Duration | Kind::Time | Kind::Complex(_) => Ok(Named::Pair(Pair::new(self))),
            _ => self.mismatch("a struct"),
        }
    }

    fn serialize_struct_variant(
        mut self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Named<'o>, EncodeError> {
        let (at, found) = self.variant(index, variant)?;
        let VariantShape::Struct(of) = found.shape else {
            return self.mismatch("a variant with fields");
        };
        self.enter_variant(at);
        self.place = Place::Element;
        Ok(Named::Struct(self.fields(Fields::Named(of.fields), 2)))
    }

    /// These have forms of their own here, and others where they are read.
    fn is_human_readable(&self) -> bool {
        !matches!(self.ty.kind, Kind::BigInt | Kind::Complex(_))
    }
}
