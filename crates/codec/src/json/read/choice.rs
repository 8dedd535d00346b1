//! Enums: a name, or an object with one member.

use polywire_schema::{EnumType, Type, Variant, VariantShape};
use serde::de::{DeserializeSeed, EnumAccess, VariantAccess, Visitor};

use super::super::cursor::Cursor;
use super::super::names::{numbered, proto_variant, variant};
use super::super::{JsonError, Style};
use super::sequence::{Slots, read_slots};
use super::structure::Members;
use super::{Place, Reader, called, name};

/// The variant that was found, its value under the cursor.
pub(super) struct Choice<'r, 'a> {
    /// Where the variant's value is; `None` if the value was a name alone.
    value: Option<Cursor<'a>>,
    variant: &'static Variant,
    ty: &'static EnumType,
    place: Option<&'r Place<'r>>,
}

impl<'r, 'a> Choice<'r, 'a> {
    /// Reads the name, or the object, that begins here, and steps over it.
    pub(super) fn find(
        mut reader: Reader<'r, 'a>,
        ty: &'static EnumType,
    ) -> Result<Self, JsonError> {
        let style = reader.cursor.style;
        if style == Style::Proto && ty.is_unit_only() {
            reader.expect(b"\"-0123456789")?;
        } else {
            reader.expect(b"\"{")?;
        }
        match reader.cursor.peek()? {
            b'"' => {
                let text = reader.cursor.string()?;
                return Self::named(&text, ty, style);
            }
            b'{' => {}
            _ => {
                let number: i64 = reader.number()?;
                let variant = numbered(ty, number);
                let variant = variant.ok_or_else(|| unknown(&number.to_string(), ty))?;
                return Ok(Self { value: None, variant, ty, place: None });
            }
        }
        let Reader { cursor, place, .. } = reader;
        let mut found: Vec<(&'static Variant, Cursor<'a>)> = Vec::new();
        let mut first = true;
        cursor.enter()?;
        while cursor.key_follows(&mut first)? {
            let key = cursor.key()?;
            let next = cursor.peek()?;
            let start = *cursor;
            cursor.skip()?;
            match find(ty, &key, style) {
                // A Go struct with one pointer per variant sends null for those not taken, and
                // false for the unit variants among them.
                Some(_) if next == b'n' => {}
                Some(found) if next == b'f' && matches!(found.shape, VariantShape::Unit) => {}
                Some(variant) => found.push((variant, start)),
                None if style.fills_zeros() => {}
                None => return Err(unknown(&key, ty)),
            }
        }
        match found.as_slice() {
            [(variant, start)] => Ok(Self { value: Some(*start), variant, ty, place }),
            [] => Err(JsonError::Variant { name: ty.name, what: "no variant".to_owned() }),
            _ => Err(JsonError::Variant { name: ty.name, what: "several variants".to_owned() }),
        }
    }

    /// The variant of that name.
    pub(super) fn named(
        text: &str,
        ty: &'static EnumType,
        style: Style,
    ) -> Result<Self, JsonError> {
        let variant = find(ty, text, style).ok_or_else(|| unknown(text, ty))?;
        Ok(Self { value: None, variant, ty, place: None })
    }

    /// The variant with the number 0 of an enum without data.
    pub(super) fn zero(ty: &'static EnumType) -> Result<Self, JsonError> {
        let zero = if ty.is_unit_only() { numbered(ty, 0) } else { None };
        let none = || JsonError::Variant { name: ty.name, what: "no variant".to_owned() };
        Ok(Self { value: None, variant: zero.ok_or_else(none)?, ty, place: None })
    }

    fn mismatch(&self) -> JsonError {
        JsonError::Schema(self.ty.name.to_owned())
    }

    fn value(&self) -> Result<Cursor<'a>, JsonError> {
        self.value.ok_or_else(|| JsonError::Variant {
            name: self.ty.name,
            what: format!("no value for variant {:?}", self.variant.serde),
        })
    }
}

fn find(ty: &'static EnumType, name: &str, style: Style) -> Option<&'static Variant> {
    match style {
        Style::Proto => proto_variant(ty, name),
        Style::Serde | Style::Go => variant(ty.variants, name),
    }
}

fn unknown(name: &str, ty: &'static EnumType) -> JsonError {
    let name: String = name.chars().take(40).collect();
    JsonError::Variant { name: ty.name, what: format!("unknown variant {name:?}") }
}

impl<'a> EnumAccess<'a> for Choice<'_, 'a> {
    type Error = JsonError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), JsonError> {
        Ok((seed.deserialize(name(self.variant.serde))?, self))
    }
}

impl<'a> VariantAccess<'a> for Choice<'_, 'a> {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, JsonError> {
        let VariantShape::Newtype(item) = self.variant.shape else { return Err(self.mismatch()) };
        seed.deserialize(Reader::alone(&mut self.value()?, called(item), self.place))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _len: usize, visitor: V) -> Result<V::Value, JsonError> {
        let VariantShape::Tuple(items) = self.variant.shape else { return Err(self.mismatch()) };
        let mut cursor = self.value()?;
        read_slots(Reader::at(&mut cursor, UNIT, self.place), Slots::Types(items), visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let VariantShape::Struct(ty) = self.variant.shape else { return Err(self.mismatch()) };
        let mut cursor = self.value()?;
        Members::read(Reader::at(&mut cursor, UNIT, self.place), ty, visitor)
    }
}

/// Stands for the variant's own struct in error texts.
const UNIT: &Type = <() as polywire_schema::Schema>::TYPE;
