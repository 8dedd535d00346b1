//! Enums: a name if no variant carries data, otherwise a struct of which one field is present.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::deserializer::{Deserializer, Session};
use crate::error::DecodeError;
use crate::plan::{EnumPlan, Node};
use crate::table::next_field;

/// A variant without data, by name.
pub(super) struct UnitEnum<'a>(pub(super) &'a str);

impl<'de> de::EnumAccess<'de> for UnitEnum<'_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let name: StrDeserializer<'_, DecodeError> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for UnitEnum<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        _seed: T,
    ) -> Result<T::Value, DecodeError> {
        Err(not_in_schema())
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(not_in_schema())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(not_in_schema())
    }
}

/// A variant with data.
pub(super) struct DataEnum<'s, 'a> {
    pub(super) of: Deserializer<'s, 'a>,
}

/// The one field that is present, its value still to be read.
pub(super) struct Present<'s, 'a> {
    session: &'s mut Session<'a>,
    plan: &'a EnumPlan,
    depth: usize,
    next: usize,
    node: usize,
}

/// Reads numbers of fields, skipping those that are no variant here, up to one that is.
fn next_variant(
    session: &mut Session<'_>,
    plan: &EnumPlan,
    next: &mut usize,
) -> Result<Option<(usize, usize)>, DecodeError> {
    loop {
        let cursor = &mut session.reader.cursor;
        let Some(number) = next_field(cursor, *next, plan.remote.len())? else { return Ok(None) };
        *next = number.wrapping_add(1);
        match plan.remote.get(number) {
            Some(field) if field.local.is_none() => session.skip(field.id)?,
            Some(field) => return Ok(field.local),
            None => return Ok(None),
        }
    }
}

impl<'de, 's, 'a> de::EnumAccess<'de> for DataEnum<'s, 'a> {
    type Error = DecodeError;
    type Variant = Present<'s, 'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Present<'s, 'a>), DecodeError> {
        let Deserializer { session, node, depth } = self.of;
        let Node::Enum(plan) = session.node(node) else { return Err(not_in_schema()) };
        if depth >= session.limit {
            return Err(crate::walk::too_deep(session.limit));
        }
        let mut next = 0;
        let Some((at, node)) = next_variant(session, plan, &mut next)? else {
            return Err(no_variant(plan.of.name));
        };
        let name = plan.of.variants.get(at).map_or("", |variant| variant.serde);
        let name: StrDeserializer<'_, DecodeError> = name.into_deserializer();
        let depth = depth.wrapping_add(1);
        Ok((seed.deserialize(name)?, Present { session, plan, depth, next, node }))
    }
}

impl Present<'_, '_> {
    fn read<T>(
        mut self,
        read: impl FnOnce(Deserializer<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let (node, depth) = (self.node, self.depth);
        let value = read(Deserializer { session: self.session, node, depth })?;
        match next_variant(self.session, self.plan, &mut self.next)? {
            None => Ok(value),
            Some(_) => Err(de::Error::custom(format_args!(
                "gob: more than one variant of enum {} is set",
                self.plan.of.name
            ))),
        }
    }
}

impl<'de> de::VariantAccess<'de> for Present<'_, '_> {
    type Error = DecodeError;

    /// The field is a bool; a false says no more than an absent one.
    fn unit_variant(self) -> Result<(), DecodeError> {
        let name = self.plan.of.name;
        let is_set =
            self.read(|deserializer| <bool as de::Deserialize<'_>>::deserialize(deserializer))?;
        if is_set { Ok(()) } else { Err(no_variant(name)) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        self.read(|deserializer| seed.deserialize(deserializer))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.read(|deserializer| de::Deserializer::deserialize_tuple(deserializer, len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.read(|deserializer| {
            de::Deserializer::deserialize_struct(deserializer, "", fields, visitor)
        })
    }
}

#[cold]
fn not_in_schema() -> DecodeError {
    de::Error::custom("gob: enum does not match its schema")
}

#[cold]
pub(super) fn no_variant(name: &str) -> DecodeError {
    de::Error::custom(format_args!("gob: no variant of enum {name} is set"))
}
