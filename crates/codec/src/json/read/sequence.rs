//! Arrays: lists of any length, and values by position.

use std::borrow::Cow;

use polywire_schema::{StructType, Type, TypeRef};
use serde::de::{DeserializeSeed, SeqAccess, Visitor};

use super::super::cursor::Cursor;
use super::super::names::{field, position};
use super::super::{JsonError, Style};
use super::{Place, Reader, Zero};

/// The elements of a list.
pub(super) struct Items<'r, 'a> {
    cursor: &'r mut Cursor<'a>,
    item: &'static Type,
    place: Option<&'r Place<'r>>,
    first: bool,
    ended: bool,
}

impl<'r, 'a> Items<'r, 'a> {
    /// Reads the array that begins here.
    pub(super) fn read<V: Visitor<'a>>(
        reader: Reader<'r, 'a>,
        item: &'static Type,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let Reader { cursor, place, .. } = reader;
        cursor.enter()?;
        let mut items = Self { cursor, item, place, first: true, ended: false };
        let value = visitor.visit_seq(&mut items)?;
        while items.follows()? {
            items.cursor.skip()?;
        }
        Ok(value)
    }

    fn follows(&mut self) -> Result<bool, JsonError> {
        self.ended = self.ended || !self.cursor.item_follows(&mut self.first)?;
        Ok(!self.ended)
    }
}

impl<'a> SeqAccess<'a> for &mut Items<'_, 'a> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        if !self.follows()? {
            return Ok(None);
        }
        seed.deserialize(Reader::alone(self.cursor, self.item, self.place)).map(Some)
    }
}

/// What stands at each position.
#[derive(Clone, Copy)]
pub(super) enum Slots {
    Same(TypeRef, usize),
    Types(&'static [TypeRef]),
    Fields(&'static StructType),
}

impl Slots {
    fn get(self, at: usize) -> Option<&'static Type> {
        match self {
            Self::Same(item, len) => (at < len).then(item),
            Self::Types(items) => items.get(at).map(|item| item()),
            Self::Fields(ty) => ty.fields.get(at).map(|field| (field.ty)()),
        }
    }

    const fn len(self) -> usize {
        match self {
            Self::Same(_, len) => len,
            Self::Types(items) => items.len(),
            Self::Fields(ty) => ty.fields.len(),
        }
    }

    fn find(self, key: &str, style: Style) -> Option<usize> {
        match self {
            Self::Fields(ty) => field(ty.fields, key, style),
            Self::Same(..) | Self::Types(_) => position(key, self.len()),
        }
    }
}

/// Reads values by position from an array, or by name from an object with `F0`, `F1` and so on.
pub(super) fn read_slots<'a, V: Visitor<'a>>(
    mut reader: Reader<'_, 'a>,
    slots: Slots,
    visitor: V,
) -> Result<V::Value, JsonError> {
    let is_array = matches!(slots, Slots::Same(..));
    reader.expect(if is_array { b"[" } else { b"[{" })?;
    let Reader { cursor, place, .. } = reader;
    if cursor.peek()? == b'[' {
        cursor.enter()?;
        let mut access = Positions { cursor, slots, place, next: 0, first: true, ended: false };
        let value = visitor.visit_seq(&mut access)?;
        let lenient = access.cursor.style.fills_zeros();
        while access.follows()? {
            if !lenient {
                return Err(serde::de::Error::invalid_length(slots.len() + 1, &"fewer elements"));
            }
            access.cursor.skip()?;
        }
        return Ok(value);
    }
    let mut found = vec![None; slots.len()];
    let mut first = true;
    cursor.enter()?;
    while cursor.key_follows(&mut first)? {
        let key: Cow<'_, str> = cursor.key()?;
        cursor.peek()?;
        let start = *cursor;
        cursor.skip()?;
        if let Some(slot) = slots.find(&key, start.style).and_then(|at| found.get_mut(at)) {
            *slot = Some(start);
        }
    }
    let style = cursor.style;
    visitor.visit_seq(Named { found: found.into_iter(), slots, place, next: 0, style })
}

struct Positions<'r, 'a> {
    cursor: &'r mut Cursor<'a>,
    slots: Slots,
    place: Option<&'r Place<'r>>,
    next: usize,
    first: bool,
    ended: bool,
}

impl Positions<'_, '_> {
    fn follows(&mut self) -> Result<bool, JsonError> {
        self.ended = self.ended || !self.cursor.item_follows(&mut self.first)?;
        Ok(!self.ended)
    }
}

impl<'a> SeqAccess<'a> for &mut Positions<'_, 'a> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        let Some(ty) = self.slots.get(self.next) else { return Ok(None) };
        self.next += 1;
        if self.follows()? {
            let single = matches!(self.slots, Slots::Same(..));
            let reader = Reader { single, ..Reader::at(self.cursor, ty, self.place) };
            return seed.deserialize(reader).map(Some);
        }
        match self.cursor.style {
            style @ (Style::Go | Style::Proto) => seed.deserialize(Zero { ty, style }).map(Some),
            Style::Serde => Ok(None),
        }
    }
}

struct Named<'r, 'a> {
    found: std::vec::IntoIter<Option<Cursor<'a>>>,
    slots: Slots,
    place: Option<&'r Place<'r>>,
    next: usize,
    style: Style,
}

impl<'a> SeqAccess<'a> for Named<'_, 'a> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        let (Some(found), Some(ty)) = (self.found.next(), self.slots.get(self.next)) else {
            return Ok(None);
        };
        self.next += 1;
        match (found, self.style) {
            (Some(mut cursor), _) => {
                seed.deserialize(Reader::at(&mut cursor, ty, self.place)).map(Some)
            }
            (None, style @ (Style::Go | Style::Proto)) => {
                seed.deserialize(Zero { ty, style }).map(Some)
            }
            (None, Style::Serde) => Ok(None),
        }
    }
}
