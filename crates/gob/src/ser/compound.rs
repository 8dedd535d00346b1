//! Values of several parts: lists, maps, structs without names.

use polywire_schema::{Field, Type, TypeRef};
use serde::{Serialize, ser};

use super::capture::ByteSink;
use super::record::Record;
use super::serializer::{Place, Serializer};
use crate::error::EncodeError;
use crate::raw::{push_uint, uint_len};

/// The fields of a struct.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fields {
    Named(&'static [Field]),
    Unnamed(&'static [TypeRef]),
}

impl Fields {
    #[inline]
    pub(crate) fn ty(self, at: usize) -> Option<&'static Type> {
        self.type_ref(at).map(|ty| ty())
    }

    #[inline]
    pub(crate) fn type_ref(self, at: usize) -> Option<TypeRef> {
        match self {
            Self::Named(fields) => fields.get(at).map(|field| field.ty),
            Self::Unnamed(items) => items.get(at).copied(),
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Named(fields) => fields.len(),
            Self::Unnamed(items) => items.len(),
        }
    }

    pub(crate) fn name(self, at: usize) -> &'static str {
        match self {
            Self::Named(fields) => fields.get(at).map_or("", |field| field.serde),
            Self::Unnamed(_) => "",
        }
    }

    pub(crate) fn has_default(self, at: usize) -> bool {
        match self {
            Self::Named(fields) => fields.get(at).is_some_and(|field| field.has_default),
            Self::Unnamed(_) => false,
        }
    }
}

/// A value of several parts, being written.
pub(super) enum Compound<'o> {
    /// An empty list or map that is left out.
    Nothing,
    Struct(Record<'o>),
    List {
        out: &'o mut Vec<u8>,
        item: &'static Type,
        len: Option<usize>,
        count: usize,
        start: usize,
    },
    Bytes {
        out: &'o mut Vec<u8>,
        len: Option<usize>,
        count: usize,
        start: usize,
    },
    Map {
        out: &'o mut Vec<u8>,
        key: &'static Type,
        value: &'static Type,
        len: Option<usize>,
        count: usize,
        start: usize,
    },
}

impl Compound<'_> {
    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        match self {
            Self::Bytes { out, count, .. } => {
                *count = count.wrapping_add(1);
                value.serialize(ByteSink(out))
            }
            Self::List { out, item, count, .. } => {
                *count = count.wrapping_add(1);
                value.serialize(Serializer { out, ty: item, place: Place::Element })?;
                Ok(())
            }
            Self::Nothing => Err(wrong_length()),
            Self::Struct(record) => record.field(None, value),
            Self::Map { .. } => Err(unknown_field()),
        }
    }

    #[inline]
    fn finish(self) -> Result<bool, EncodeError> {
        match self {
            Self::Nothing => Ok(false),
            Self::Struct(record) => Ok(record.finish()),
            Self::List { out, len, count, start, .. }
            | Self::Bytes { out, len, count, start }
            | Self::Map { out, len, count, start, .. } => {
                match len {
                    Some(len) if len == count => {}
                    Some(_) => return Err(wrong_length()),
                    None => insert_count(out, start, count),
                }
                Ok(true)
            }
        }
    }
}

/// Puts a count before elements whose number was not known when they were written.
fn insert_count(out: &mut Vec<u8>, start: usize, count: usize) {
    let end = out.len();
    push_uint(out, count as u64);
    if let Some(written) = out.get_mut(start..) {
        debug_assert_eq!(
            written.len().saturating_sub(end.saturating_sub(start)),
            uint_len(count as u64)
        );
        written.rotate_right(uint_len(count as u64));
    }
}

#[cold]
#[inline(never)]
pub(super) fn unknown_field() -> EncodeError {
    EncodeError::schema("struct", "a field the schema does not have there")
}

#[cold]
#[inline(never)]
fn wrong_length() -> EncodeError {
    EncodeError::schema("sequence or map", "another length than announced")
}

macro_rules! parts {
    ($($trait:ident $method:ident),* $(,)?) => {
        $(impl ser::$trait for Compound<'_> {
            type Ok = bool;
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<bool, EncodeError> {
                self.finish()
            }
        })*
    };
}

parts! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = bool;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let Self::Map { out, key, count, .. } = self else { return Err(wrong_length()) };
        *count = count.wrapping_add(1);
        value.serialize(Serializer { out, ty: key, place: Place::Element })?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, of: &T) -> Result<(), EncodeError> {
        let Self::Map { out, value, .. } = self else { return Err(wrong_length()) };
        of.serialize(Serializer { out, ty: value, place: Place::Element })?;
        Ok(())
    }

    fn end(self) -> Result<bool, EncodeError> {
        self.finish()
    }
}
