//! Messages, lists and maps while they are being written.

use polywire_schema::{Field, Type, TypeRef};
use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::super::ProtobufError;
use super::super::error::Failure;
use super::super::form::{defaults_by_serde, is_bytes, packed_as, spreads};
use super::super::wire::{LEN, Open, put_key};
use super::byte::ByteWriter;
use super::{Spot, Writer, close};

/// The fields of a message.
#[derive(Clone, Copy)]
pub(super) enum Parts {
    /// Those of a struct, by name or by position.
    Fields(&'static [Field]),
    /// Values by position, tagged from 1.
    Types(&'static [TypeRef]),
}

/// A message, field by field.
pub(in super::super) struct MessageWriter<'w> {
    out: &'w mut Vec<u8>,
    depth: usize,
    parts: Parts,
    next: usize,
    /// The message, and the one around it, if their lengths are wanted.
    open: [Option<Open>; 2],
}

impl<'w> MessageWriter<'w> {
    pub(super) const fn new(
        out: &'w mut Vec<u8>,
        depth: usize,
        parts: Parts,
        open: [Option<Open>; 2],
    ) -> Self {
        Self { out, depth, parts, next: 0, open }
    }

    /// Writes the next value, whatever it is called.
    pub(super) fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let at = self.next;
        self.next += 1;
        let (ty, spot) = match self.parts {
            Parts::Fields(fields) => fields.get(at).map(place),
            Parts::Types(items) => items
                .get(at)
                .map(|item| (item(), Spot::Field(u32::try_from(self.next).unwrap_or(u32::MAX)))),
        }
        .ok_or_else(|| Failure::from(ProtobufError::Schema(format!("a tuple of {at}"))))?;
        self.write(ty, spot, value)
    }

    /// Writes the value of a field.
    #[inline]
    pub(super) fn put<T: Serialize + ?Sized>(
        &mut self,
        key: &str,
        value: &T,
    ) -> Result<(), Failure> {
        let Parts::Fields(fields) = self.parts else { return self.push(value) };
        // Serde comes by in the order of declaration, with those it skips left out.
        let rest = fields.get(self.next..).unwrap_or_default();
        let found = rest.iter().enumerate().find(|(_, field)| field.serde == key);
        let Some((skipped, field)) = found else {
            let what = format!("a struct with the field `{key}`");
            return Err(ProtobufError::Schema(what).into());
        };
        self.next += skipped + 1;
        let (ty, spot) = place(field);
        self.write(ty, spot, value)
    }

    fn write<T: Serialize + ?Sized>(
        &mut self,
        ty: &'static Type,
        spot: Spot,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(Writer { out: &mut *self.out, ty, spot, depth: self.depth })
    }

    pub(super) fn close(self) -> Result<(), Failure> {
        for open in self.open {
            close(self.out, open);
        }
        Ok(())
    }
}

fn place(field: &Field) -> (&'static Type, Spot) {
    let ty = (field.ty)();
    let always = defaults_by_serde(field, ty) && !spreads(ty);
    (ty, if always { Spot::Value(field.tag) } else { Spot::Field(field.tag) })
}

macro_rules! structs {
    ($($name:ident),* $(,)?) => {
        $(impl $name for MessageWriter<'_> {
            type Ok = ();
            type Error = Failure;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Failure> {
                self.put(key, value)
            }

            fn end(self) -> Result<(), Failure> {
                self.close()
            }
        })*
    };
}

structs!(SerializeStruct, SerializeStructVariant);

/// Values by position: an array, or the fields of a message.
pub(in super::super) enum TupleWriter<'w> {
    Array(ListWriter<'w>),
    Message(MessageWriter<'w>),
}

macro_rules! tuples {
    ($($name:ident $method:ident),* $(,)?) => {
        $(impl $name for TupleWriter<'_> {
            type Ok = ();
            type Error = Failure;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
                match self {
                    Self::Array(list) => list.serialize_element(value),
                    Self::Message(message) => message.push(value),
                }
            }

            fn end(self) -> Result<(), Failure> {
                match self {
                    Self::Array(list) => SerializeSeq::end(list),
                    Self::Message(message) => message.close(),
                }
            }
        })*
    };
}

tuples! {
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

/// A list: a byte string, a packed field or a field for each element.
pub(in super::super) struct ListWriter<'w> {
    out: &'w mut Vec<u8>,
    depth: usize,
    item: &'static Type,
    /// Where each element goes; `None` for a byte string.
    spot: Option<Spot>,
    /// Where the list began, to go back to if it is empty and to be left out.
    before: Option<usize>,
    /// The list, if it is one field, and the message around it.
    open: [Option<Open>; 2],
}

impl<'w> ListWriter<'w> {
    pub(super) fn new(
        writer: Writer<'w>,
        item: &'static Type,
        len: Option<usize>,
    ) -> Result<Self, Failure> {
        let bytes = is_bytes(writer.ty);
        let (Writer { out, spot, depth, ty }, around) = writer.wrapped()?;
        let (tag, leaves_out) = match spot {
            Spot::Field(tag) => (tag, true),
            Spot::Value(tag) => (tag, false),
            Spot::Root | Spot::Packed => {
                return Err(ProtobufError::Schema(ty.name()).into());
            }
        };
        let before = out.len();
        let spot = match (bytes, packed_as(item)) {
            (true, _) => None,
            (false, Some(_)) => Some(Spot::Packed),
            (false, None) => Some(Spot::Value(tag)),
        };
        let mut list = None;
        if !matches!(spot, Some(Spot::Value(_))) {
            put_key(out, tag, LEN);
            // An element takes one byte at least; a type that says so wrongly moves a few bytes.
            list = Some(Open::new(out, len.unwrap_or(0)));
        }
        if bytes {
            out.reserve(len.unwrap_or(0));
        }
        let before = leaves_out.then_some(before);
        Ok(Self { out, depth, item, spot, before, open: [list, around] })
    }
}

impl SerializeSeq for ListWriter<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let Self { out, depth, item, spot, .. } = self;
        match *spot {
            Some(spot) => value.serialize(Writer { out, ty: item, spot, depth: *depth }),
            None => value.serialize(ByteWriter(out)),
        }
    }

    fn end(self) -> Result<(), Failure> {
        let [list, around] = self.open;
        match (list, self.before) {
            (Some(list), Some(before)) if list.is_empty(self.out) => self.out.truncate(before),
            (list, _) => close(self.out, list),
        }
        close(self.out, around);
        Ok(())
    }
}

/// A map: a message with the fields `key = 1` and `value = 2` for each entry.
pub(in super::super) struct MapWriter<'w> {
    out: &'w mut Vec<u8>,
    depth: usize,
    tag: u32,
    key: &'static Type,
    value: &'static Type,
    entry: Option<Open>,
    around: Option<Open>,
}

impl<'w> MapWriter<'w> {
    pub(super) fn new(
        writer: Writer<'w>,
        key: &'static Type,
        value: &'static Type,
    ) -> Result<Self, Failure> {
        let (Writer { out, spot, depth, ty }, around) = writer.wrapped()?;
        let (Spot::Field(tag) | Spot::Value(tag)) = spot else {
            return Err(ProtobufError::Schema(ty.name()).into());
        };
        Ok(Self { out, depth: depth + 1, tag, key, value, entry: None, around })
    }
}

impl SerializeMap for MapWriter<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        put_key(self.out, self.tag, LEN);
        self.entry = Some(Open::new(self.out, 0));
        let (spot, depth) = (Spot::Value(1), self.depth);
        key.serialize(Writer { out: &mut *self.out, ty: self.key, spot, depth })
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let (spot, depth) = (Spot::Value(2), self.depth);
        value.serialize(Writer { out: &mut *self.out, ty: self.value, spot, depth })?;
        close(self.out, self.entry.take());
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        close(self.out, self.around);
        Ok(())
    }
}
