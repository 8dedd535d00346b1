//! Enums: a number, or a message with one member set.

use polywire_schema::{EnumType, Schema, Type, Variant, VariantShape};
use serde::de::{DeserializeSeed, EnumAccess, VariantAccess, Visitor};

use super::super::ProtobufError;
use super::super::error::Failure;
use super::super::form::member_tag;
use super::members::{Members, Parts, Slots, name, scan};
use super::place::{Place, Step};
use super::{Input, Reader};

/// The variant that was found, and where its value is.
pub(super) struct Choice<'r, 'a> {
    value: Reader<'r, 'a>,
    variant: &'static Variant,
    ty: &'static EnumType,
}

impl<'r, 'a> Choice<'r, 'a> {
    /// The variant of an enum without data.
    pub(super) fn by_number(
        reader: Reader<'r, 'a>,
        ty: &'static EnumType,
    ) -> Result<Self, Failure> {
        let number = reader.varint()? & u64::from(u32::MAX);
        match ty.variants.iter().find(|variant| u64::from(variant.number) == number) {
            Some(variant) => Ok(Self { value: reader, variant, ty }),
            None => Err(ProtobufError::Number {
                field: reader.field(),
                name: ty.name,
                number: u32::try_from(number).unwrap_or_default().cast_signed(),
            }
            .into()),
        }
    }

    /// The variant whose member is set in a message; of several the last.
    pub(super) fn find<'b>(
        reader: Reader<'r, 'a>,
        contents: &'b [u8],
        ty: &'static EnumType,
    ) -> Result<Choice<'r, 'b>, Failure> {
        let mut last = None;
        scan(contents, |tag, _| {
            let member = ty.variants.iter().find(|variant| member_tag(ty, variant) == tag);
            last = member.map(|variant| (variant, tag)).or(last);
        })
        .map_err(|flaw| reader.flaw(flaw))?;
        let Some((variant, tag)) = last else {
            return Err(ProtobufError::NoVariant { field: reader.field(), name: ty.name }.into());
        };
        let input = Input::scan(contents, tag).map_err(|flaw| reader.flaw(flaw))?;
        let (depth, place) = (reader.deeper()?, reader.place);
        let value = Reader { input, ty: UNIT, single: true, depth, place };
        Ok(Choice { value, variant, ty })
    }

    fn mismatch(&self) -> Failure {
        ProtobufError::Schema(self.ty.name.to_owned()).into()
    }

    fn place(&self) -> Place<'r> {
        let step = Step::Name(self.variant.serde);
        Place { parent: self.value.place, owner: self.ty.name, step }
    }
}

impl<'de> EnumAccess<'de> for Choice<'_, '_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failure> {
        Ok((seed.deserialize(name(self.variant.serde))?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_, '_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        let VariantShape::Newtype(item) = self.variant.shape else { return Err(self.mismatch()) };
        let place = self.place();
        let reader = Reader { ty: item(), place: Some(&place), ..self.value };
        seed.deserialize(reader).map_err(|error| place.locate(error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Failure> {
        let VariantShape::Tuple(items) = self.variant.shape else { return Err(self.mismatch()) };
        let place = self.place();
        Slots::read(Reader { place: Some(&place), ..self.value }, Parts::Types(items), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let VariantShape::Struct(ty) = self.variant.shape else { return Err(self.mismatch()) };
        let place = self.place();
        Members::read(Reader { place: Some(&place), ..self.value }, ty, visitor)
    }
}

/// Stands for what the variant holds until serde asks for it.
const UNIT: &Type = <() as Schema>::TYPE;
