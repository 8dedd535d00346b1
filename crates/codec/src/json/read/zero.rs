//! The zero value of every type: what Go takes a missing field or a null for.

use polywire_schema::{Kind, Type, TypeRef};
use serde::Deserializer;
use serde::de::value::SeqDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::super::names::part;
use super::super::time;
use super::super::{JsonError, Style};
use super::choice::Choice;
use super::{has_zero, name};

/// Yields the zero value of a type.
#[derive(Clone, Copy)]
pub(super) struct Zero {
    pub(super) ty: &'static Type,
    pub(super) style: Style,
}

impl<'a> Deserializer<'a> for Zero {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.ty.kind {
            Kind::Unit => visitor.visit_unit(),
            Kind::Bool => visitor.visit_bool(false),
            Kind::Int(_) => visitor.visit_i64(0),
            Kind::Uint(_) => visitor.visit_u64(0),
            Kind::Float(_) => visitor.visit_f64(0.0),
            Kind::Complex(bits) => {
                visitor.visit_seq(Same { item: part(bits), len: 2, style: self.style })
            }
            Kind::BigInt => visitor.visit_u64(0),
            Kind::Any => visitor.visit_unit(),
            Kind::Char => visitor.visit_char('\0'),
            Kind::String => visitor.visit_str(""),
            Kind::Bytes => visitor.visit_bytes(&[]),
            Kind::Duration => visitor.visit_seq(SeqDeserializer::new([0_u64; 2].into_iter())),
            Kind::Time if self.style == Style::Proto => {
                visitor.visit_str(&time::format(time::EPOCH)?)
            }
            Kind::Time => visitor.visit_str(&time::format(time::ZERO)?),
            Kind::Option(_) => visitor.visit_none(),
            Kind::List(_) => visitor.visit_seq(Slots([].iter().copied(), self.style)),
            Kind::Map(..) => visitor.visit_map(Fields([].iter(), self.style)),
            Kind::Array(item, len) => visitor.visit_seq(Same { item, len, style: self.style }),
            Kind::Tuple(items) => visitor.visit_seq(Slots(items.iter().copied(), self.style)),
            Kind::Struct(ty) => visitor.visit_map(Fields(ty.fields.iter(), self.style)),
            _ => Err(JsonError::Variant {
                name: match self.ty.kind {
                    Kind::Enum(ty) => ty.name,
                    _ => "a type",
                },
                what: "no variant".to_owned(),
            }),
        }
    }

    fn deserialize_tuple<V: Visitor<'a>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.ty.kind {
            Kind::Struct(ty) => {
                visitor.visit_seq(Slots(ty.fields.iter().map(|field| field.ty), self.style))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.ty.kind {
            Kind::Time => visitor.visit_seq(SeqDeserializer::new([0_u64; 2].into_iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.ty.kind {
            Kind::Enum(ty) if self.style == Style::Proto => visitor.visit_enum(Choice::zero(ty)?),
            _ => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq map identifier ignored_any
    }
}

struct Slots<I>(I, Style);

impl<'a, I: Iterator<Item = TypeRef>> SeqAccess<'a> for Slots<I> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        let style = self.1;
        self.0.next().map(|ty| seed.deserialize(Zero { ty: ty(), style })).transpose()
    }
}

struct Same {
    item: TypeRef,
    len: usize,
    style: Style,
}

impl<'a> SeqAccess<'a> for Same {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        let Some(left) = self.len.checked_sub(1) else { return Ok(None) };
        self.len = left;
        seed.deserialize(Zero { ty: (self.item)(), style: self.style }).map(Some)
    }
}

struct Fields(std::slice::Iter<'static, polywire_schema::Field>, Style);

impl<'a> MapAccess<'a> for Fields {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, JsonError> {
        while let Some(field) = self.0.as_slice().first() {
            if has_zero(field, self.1) {
                return seed.deserialize(name(field.serde)).map(Some);
            }
            self.0.next();
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        match self.0.next() {
            Some(field) => seed.deserialize(Zero { ty: (field.ty)(), style: self.1 }),
            None => Err(JsonError::Schema("a struct".to_owned())),
        }
    }
}
