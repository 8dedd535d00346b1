//! Objects: structs by the names of their fields, and maps.

use std::borrow::Cow;

use polywire_schema::{Field, Kind, StructType, Type};
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, Visitor};

use super::super::cursor::Cursor;
use super::super::names::field;
use super::super::{JsonError, Style};
use super::choice::Choice;
use super::sequence::{Slots, read_slots};
use super::{Place, Reader, Zero, has_zero, name};

/// The members of an object that are fields of a struct; then, except in serde's style, those
/// left out.
pub(super) struct Members<'r, 'a> {
    cursor: &'r mut Cursor<'a>,
    ty: &'static StructType,
    place: Option<&'r Place<'r>>,
    first: bool,
    /// Fields seen; not kept in serde's style.
    seen: Vec<bool>,
    /// Once the object has ended: the next field that may have been left out.
    missing: Option<usize>,
    value: Option<&'static Field>,
}

impl<'r, 'a> Members<'r, 'a> {
    /// Reads the struct that begins here.
    pub(super) fn read<V: Visitor<'a>>(
        mut reader: Reader<'r, 'a>,
        ty: &'static StructType,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if reader.cursor.style == Style::Serde && reader.cursor.peek()? == b'[' {
            return read_slots(reader, Slots::Fields(ty), visitor);
        }
        reader.expect(b"{")?;
        let Reader { cursor, place, .. } = reader;
        cursor.enter()?;
        let seen = match cursor.style {
            Style::Go | Style::Proto => vec![false; ty.fields.len()],
            Style::Serde => Vec::new(),
        };
        visitor.visit_map(Self { cursor, ty, place, first: true, seen, missing: None, value: None })
    }

    /// The next member that is a field, its value next under the cursor.
    fn member(&mut self) -> Result<Option<&'static Field>, JsonError> {
        while self.missing.is_none() {
            if !self.cursor.key_follows(&mut self.first)? {
                self.missing = Some(0);
                break;
            }
            let key = self.cursor.key()?;
            let found = field(self.ty.fields, &key, self.cursor.style);
            let Some((at, field)) = found.and_then(|at| Some((at, self.ty.fields.get(at)?))) else {
                self.cursor.skip()?;
                continue;
            };
            let is_option = matches!((field.ty)().kind, Kind::Option(_));
            // To Go a null is the same as nothing at all.
            if self.cursor.style.fills_zeros() && !is_option && self.cursor.null()? {
                continue;
            }
            if let Some(seen) = self.seen.get_mut(at) {
                *seen = true;
            }
            return Ok(Some(field));
        }
        Ok(None)
    }

    /// The next field that was left out and has a zero value.
    fn left_out(&mut self) -> Option<&'static Field> {
        let start = self.missing?;
        let rest = self.seen.iter().zip(self.ty.fields).enumerate().skip(start);
        let (at, field) = rest
            .filter(|(_, (seen, field))| !**seen && has_zero(field, self.cursor.style))
            .map(|(at, (_, field))| (at, field))
            .next()?;
        self.missing = Some(at + 1);
        Some(field)
    }
}

impl<'a> MapAccess<'a> for Members<'_, 'a> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, JsonError> {
        let field = match self.member()? {
            Some(field) => Some(field),
            None => self.left_out(),
        };
        self.value = field;
        field.map(|field| seed.deserialize(name(field.serde))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        let Some(field) = self.value.take() else {
            return Err(JsonError::Schema(self.ty.name.to_owned()));
        };
        let ty = (field.ty)();
        if self.missing.is_some() {
            return seed.deserialize(Zero { ty, style: self.cursor.style });
        }
        let owner = match self.cursor.style {
            Style::Go => self.ty.go,
            Style::Serde | Style::Proto => self.ty.name,
        };
        let place = Place { parent: self.place, owner, field };
        seed.deserialize(Reader::at(self.cursor, ty, Some(&place)))
    }
}

/// Reads the map that begins here.
pub(super) fn read_map<'a, V: Visitor<'a>>(
    reader: Reader<'_, 'a>,
    key: &'static Type,
    value: &'static Type,
    visitor: V,
) -> Result<V::Value, JsonError> {
    let Reader { cursor, place, .. } = reader;
    cursor.enter()?;
    visitor.visit_map(Entries { cursor, key, value, place, first: true })
}

struct Entries<'r, 'a> {
    cursor: &'r mut Cursor<'a>,
    key: &'static Type,
    value: &'static Type,
    place: Option<&'r Place<'r>>,
    first: bool,
}

impl<'a> MapAccess<'a> for Entries<'_, 'a> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, JsonError> {
        if !self.cursor.key_follows(&mut self.first)? {
            return Ok(None);
        }
        let text = self.cursor.key()?;
        let key = Key { text, ty: self.key, place: self.place, cursor: self.cursor };
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        seed.deserialize(Reader::alone(self.cursor, self.value, self.place))
    }
}

/// A map's key, which JSON writes as text whatever it is.
struct Key<'r, 'a> {
    text: Cow<'a, str>,
    ty: &'static Type,
    place: Option<&'r Place<'r>>,
    cursor: &'r mut Cursor<'a>,
}

impl Key<'_, '_> {
    fn parse<T: std::str::FromStr>(&mut self) -> Result<T, JsonError> {
        self.text.parse().map_err(|_| {
            let found = format!("number {}", self.text.chars().take(40).collect::<String>());
            Reader::at(self.cursor, self.ty, self.place).wrong(Some(found))
        })
    }
}

impl<'a> Deserializer<'a> for Key<'_, 'a> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        match self.ty.kind {
            Kind::Bool => visitor.visit_bool(self.parse()?),
            Kind::Int(128) => visitor.visit_i128(self.parse()?),
            Kind::Int(bits) => {
                let key: i64 = self.parse()?;
                let unused = 64_u8.saturating_sub(bits);
                if key << unused >> unused == key {
                    return visitor.visit_i64(key);
                }
                let found = Some(format!("number {key}"));
                Err(Reader::at(self.cursor, self.ty, self.place).wrong(found))
            }
            Kind::Uint(128) => visitor.visit_u128(self.parse()?),
            Kind::Uint(bits) => {
                let key: u64 = self.parse()?;
                if bits >= 64 || key >> bits == 0 {
                    return visitor.visit_u64(key);
                }
                let found = Some(format!("number {key}"));
                Err(Reader::at(self.cursor, self.ty, self.place).wrong(found))
            }
            Kind::Float(_) => visitor.visit_f64(self.parse()?),
            _ => visitor.visit_str(&self.text),
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
            Kind::Enum(ty) => visitor.visit_enum(Choice::named(&self.text, ty, self.cursor.style)?),
            _ => Err(JsonError::Schema(self.ty.name())),
        }
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
