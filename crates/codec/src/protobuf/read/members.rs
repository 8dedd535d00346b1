//! Messages: where their fields are, and the fields one after another.

use polywire_schema::{Field, StructType, Type, TypeRef};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::super::ProtobufError;
use super::super::error::Failure;
use super::super::form::defaults_by_serde;
use super::super::wire::{Fields, Flaw, Raw};
use super::place::{Place, Step};
use super::{Depth, Input, Reader};

/// The occurrences of one field in a message.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    message: &'a [u8],
    tag: u32,
    seen: Seen,
}

/// Where a field occurs, in bytes from the start of the message.
#[derive(Clone, Copy)]
struct Seen {
    first: usize,
    last: usize,
    count: usize,
}

const UNSEEN: Seen = Seen { first: 0, last: 0, count: 0 };

impl Seen {
    fn add(&mut self, at: usize) {
        if self.count == 0 {
            self.first = at;
        }
        self.last = at;
        self.count += 1;
    }
}

impl<'a> Found<'a> {
    /// Looks a message over for one field; `None` if it is not there.
    pub(super) fn scan(message: &'a [u8], tag: u32) -> Result<Option<Self>, Flaw> {
        let mut seen = UNSEEN;
        scan(message, |found, at| {
            if found == tag {
                seen.add(at);
            }
        })?;
        Ok((seen.count > 0).then_some(Self { message, tag, seen }))
    }

    pub(super) const fn count(self) -> usize {
        self.seen.count
    }

    pub(super) const fn is_several(self) -> bool {
        self.seen.count > 1
    }

    /// The last occurrence.
    pub(super) fn last(self) -> Result<Option<Raw<'a>>, Flaw> {
        let rest = self.message.get(self.seen.last..).unwrap_or_default();
        Ok(Fields::new(rest).next()?.map(|(_, raw)| raw))
    }

    /// The occurrences in their order.
    pub(super) fn all(self) -> Occurrences<'a> {
        let rest = self.message.get(self.seen.first..).unwrap_or_default();
        Occurrences { fields: Fields::new(rest), tag: self.tag, left: self.seen.count }
    }
}

/// Occurrences of a field that are still to come.
pub(super) struct Occurrences<'a> {
    fields: Fields<'a>,
    tag: u32,
    left: usize,
}

impl<'a> Occurrences<'a> {
    pub(super) const NONE: Self = Self { fields: Fields::new(&[]), tag: 0, left: 0 };

    pub(super) const fn left(&self) -> usize {
        self.left
    }

    pub(super) fn next(&mut self) -> Result<Option<Raw<'a>>, Flaw> {
        while self.left > 0 {
            match self.fields.next()? {
                Some((tag, raw)) if tag == self.tag => {
                    self.left -= 1;
                    return Ok(Some(raw));
                }
                Some(_) => {}
                None => break,
            }
        }
        Ok(None)
    }
}

/// Calls `see` with the tag and the place of each field.
pub(super) fn scan(message: &[u8], mut see: impl FnMut(u32, usize)) -> Result<(), Flaw> {
    let mut fields = Fields::new(message);
    loop {
        let at = message.len() - fields.len();
        match fields.next()? {
            Some((tag, _)) => see(tag, at),
            None => return Ok(()),
        }
    }
}

/// The fields a message may have.
#[derive(Clone, Copy)]
pub(super) enum Parts {
    Fields(&'static [Field]),
    /// Values tagged from 1.
    Types(&'static [TypeRef]),
}

impl Parts {
    const fn len(self) -> usize {
        match self {
            Self::Fields(fields) => fields.len(),
            Self::Types(items) => items.len(),
        }
    }

    fn position(self, tag: u32) -> Option<usize> {
        let guess = usize::try_from(tag).ok()?.checked_sub(1)?;
        match self {
            Self::Types(items) => (guess < items.len()).then_some(guess),
            // Tags mostly count from 1.
            Self::Fields(fields) if fields.get(guess).is_some_and(|field| field.tag == tag) => {
                Some(guess)
            }
            Self::Fields(fields) => fields.iter().position(|field| field.tag == tag),
        }
    }

    fn get(self, at: usize) -> Option<(&'static Type, u32, Step)> {
        match self {
            Self::Fields(fields) => {
                fields.get(at).map(|field| ((field.ty)(), field.tag, Step::Name(field.serde)))
            }
            Self::Types(items) => {
                let tag = u32::try_from(at).ok()?.checked_add(1)?;
                items.get(at).map(|item| (item(), tag, Step::Position(at)))
            }
        }
    }
}

/// Fields that are noted without allocating.
const FEW: usize = 16;

/// Where each field of a message is.
struct Index {
    few: [Seen; FEW],
    /// Instead of the others, if there are more.
    many: Vec<Seen>,
}

impl Index {
    fn of(message: &[u8], parts: Parts) -> Result<Self, Flaw> {
        let many = if parts.len() > FEW { vec![UNSEEN; parts.len()] } else { Vec::new() };
        let mut index = Self { few: [UNSEEN; FEW], many };
        let places = if index.many.is_empty() { index.few.as_mut_slice() } else { &mut index.many };
        scan(message, |tag, at| {
            if let Some(seen) = parts.position(tag).and_then(|at| places.get_mut(at)) {
                seen.add(at);
            }
        })?;
        Ok(index)
    }

    fn input<'a>(&self, message: &'a [u8], at: usize, tag: u32) -> Input<'a> {
        let places = if self.many.is_empty() { self.few.as_slice() } else { &self.many };
        match places.get(at) {
            Some(seen) if seen.count > 0 => Input::Field(Found { message, tag, seen: *seen }),
            _ => Input::Absent,
        }
    }
}

/// The fields of a struct, by name.
pub(super) struct Members<'r, 'a> {
    message: &'a [u8],
    index: Index,
    ty: &'static StructType,
    depth: Depth,
    place: Option<&'r Place<'r>>,
    /// The field whose turn it is.
    next: usize,
}

impl Members<'_, '_> {
    /// Reads the struct that is here.
    pub(super) fn read<'de, V: Visitor<'de>>(
        reader: Reader<'_, '_>,
        ty: &'static StructType,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let (contents, depth) = (reader.contents()?, reader.deeper()?);
        let index = Index::of(&contents, Parts::Fields(ty.fields));
        let index = index.map_err(|flaw| reader.flaw(flaw))?;
        let place = reader.place;
        visitor.visit_map(Members { message: &contents, index, ty, depth, place, next: 0 })
    }
}

impl<'de> MapAccess<'de> for Members<'_, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        while let Some(field) = self.ty.fields.get(self.next) {
            let absent =
                matches!(self.index.input(self.message, self.next, field.tag), Input::Absent);
            if absent && defaults_by_serde(field, (field.ty)()) {
                self.next += 1;
                continue;
            }
            return seed.deserialize(name(field.serde)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some(field) = self.ty.fields.get(self.next) else {
            return Err(ProtobufError::Schema(self.ty.name.to_owned()).into());
        };
        let input = self.index.input(self.message, self.next, field.tag);
        self.next += 1;
        let step = Step::Name(field.serde);
        let place = Place { parent: self.place, owner: self.ty.name, step };
        let (ty, depth) = ((field.ty)(), self.depth);
        let reader = Reader { input, ty, single: false, depth, place: Some(&place) };
        seed.deserialize(reader).map_err(|error| place.locate(error))
    }
}

/// The fields of a message, by position.
pub(super) struct Slots<'r, 'a> {
    message: &'a [u8],
    index: Index,
    parts: Parts,
    depth: Depth,
    place: Option<&'r Place<'r>>,
    next: usize,
}

impl Slots<'_, '_> {
    /// Reads the tuple or tuple struct that is here.
    pub(super) fn read<'de, V: Visitor<'de>>(
        reader: Reader<'_, '_>,
        parts: Parts,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let (contents, depth) = (reader.contents()?, reader.deeper()?);
        let index = Index::of(&contents, parts).map_err(|flaw| reader.flaw(flaw))?;
        let place = reader.place;
        visitor.visit_seq(Slots { message: &contents, index, parts, depth, place, next: 0 })
    }
}

impl<'de> SeqAccess<'de> for Slots<'_, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some((ty, tag, step)) = self.parts.get(self.next) else { return Ok(None) };
        let input = self.index.input(self.message, self.next, tag);
        self.next += 1;
        let place = Place { parent: self.place, owner: "", step };
        let reader = Reader { input, ty, single: false, depth: self.depth, place: Some(&place) };
        seed.deserialize(reader).map(Some).map_err(|error| place.locate(error))
    }
}

/// A name as serde knows it.
pub(super) fn name<'de>(name: &'static str) -> StrDeserializer<'de, Failure> {
    name.into_deserializer()
}
