//! Absent fields: Go leaves out what is zero, so what is absent is zero.

use polywire_schema::{Kind, TypeRef};
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::enums::no_variant;
use crate::error::DecodeError;
use crate::plan::{Fields, StructPlan};
use crate::time::Timestamp;

/// The zero value of a type.
///
/// The type is asked for only where it matters.
pub(super) struct Zero(Option<TypeRef>);

impl Zero {
    /// What an absent field is read from.
    #[inline]
    pub(super) fn field(plan: &StructPlan, at: usize) -> Self {
        Self(plan.local.0.type_ref(at))
    }

    fn kind(&self) -> Option<Kind> {
        self.0.map(|ty| ty().kind)
    }

    fn fields(&self) -> Option<Fields> {
        match self.kind()? {
            Kind::Struct(of) => Some(Fields::Named(of.fields)),
            Kind::Tuple(items) => Some(Fields::Unnamed(items)),
            _ => None,
        }
    }

    fn zeros<'de, V: Visitor<'de>>(&self, len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        let item = match self.kind() {
            Some(Kind::Array(item, _)) => Some(item),
            _ => None,
        };
        visitor.visit_seq(Zeros { fields: self.fields(), item, at: 0, len })
    }

    fn is_time(&self) -> bool {
        matches!(self.kind(), Some(Kind::Time))
    }
}

macro_rules! zeros {
    ($($method:ident => $visit:ident($zero:expr)),* $(,)?) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit($zero)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Zero {
    type Error = DecodeError;

    zeros! {
        deserialize_bool => visit_bool(false),
        deserialize_i8 => visit_i8(0),
        deserialize_i16 => visit_i16(0),
        deserialize_i32 => visit_i32(0),
        deserialize_i64 => visit_i64(0),
        deserialize_u8 => visit_u8(0),
        deserialize_u16 => visit_u16(0),
        deserialize_u32 => visit_u32(0),
        deserialize_u64 => visit_u64(0),
        deserialize_f32 => visit_f32(0.0),
        deserialize_f64 => visit_f64(0.0),
        deserialize_char => visit_char('\0'),
        deserialize_bytes => visit_bytes(&[]),
        deserialize_byte_buf => visit_byte_buf(Vec::new()),
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.is_time() {
            return visitor.visit_string(Timestamp::GO_ZERO.to_text());
        }
        visitor.visit_str("")
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.zeros(0, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.zeros(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.zeros(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_map(MapDeserializer::new(std::iter::empty::<((), ())>()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.zeros(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        // A variant may have been given the empty name just for this.
        if variants.contains(&"") {
            return visitor.visit_enum(super::enums::UnitEnum(""));
        }
        Err(no_variant(name))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.kind().unwrap_or(Kind::Unit) {
            Kind::Bool => self.deserialize_bool(visitor),
            Kind::Int(_) | Kind::Duration => self.deserialize_i64(visitor),
            Kind::Uint(_) => self.deserialize_u64(visitor),
            Kind::Float(_) => self.deserialize_f64(visitor),
            Kind::Char | Kind::String | Kind::Time => self.deserialize_str(visitor),
            Kind::Enum(of) if of.is_unit_only() => self.deserialize_str(visitor),
            Kind::Bytes => self.deserialize_bytes(visitor),
            Kind::Complex(_) => self.zeros(2, visitor),
            Kind::BigInt => self.deserialize_u64(visitor),
            Kind::Option(_) => visitor.visit_none(),
            Kind::List(_) => self.zeros(0, visitor),
            Kind::Array(_, len) => self.zeros(len, visitor),
            Kind::Map(..) => self.deserialize_map(visitor),
            Kind::Tuple(items) => self.zeros(items.len(), visitor),
            Kind::Struct(of) => self.zeros(of.fields.len(), visitor),
            Kind::Enum(of) => Err(no_variant(of.name)),
            _ => visitor.visit_unit(),
        }
    }

    forward_to_deserialize_any! { ignored_any }

    fn is_human_readable(&self) -> bool {
        true
    }
}

/// Zeros of so many fields or elements.
struct Zeros {
    fields: Option<Fields>,
    item: Option<TypeRef>,
    at: usize,
    len: usize,
}

impl<'de> de::SeqAccess<'de> for Zeros {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        if self.at >= self.len {
            return Ok(None);
        }
        let ty = self.item.or_else(|| self.fields?.type_ref(self.at));
        self.at = self.at.wrapping_add(1);
        seed.deserialize(Zero(ty)).map(Some)
    }
}

/// Seconds and nanoseconds, or the parts of a complex number.
pub(super) struct Numbers<T>(pub(super) std::array::IntoIter<T, 2>);

impl<'de, N: IntoDeserializer<'de, DecodeError>> de::SeqAccess<'de> for Numbers<N> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(n) = self.0.next() else { return Ok(None) };
        seed.deserialize(n.into_deserializer()).map(Some)
    }
}
