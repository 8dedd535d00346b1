//! Lists, arrays and maps.

use polywire_schema::Type;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::super::error::Failure;
use super::super::form::packed_as;
use super::super::wire::{Fields, Raw};
use super::members::Occurrences;
use super::{Input, Reader};

/// The elements of a list, packed or not or some of each.
struct Items<'r, 'a> {
    /// What all the elements have in common.
    list: Reader<'r, 'a>,
    item: &'static Type,
    all: Occurrences<'a>,
    /// The packed run the reader is in, and how its values are delimited.
    packed: Option<(Fields<'a>, u8)>,
}

impl<'r, 'a> Items<'r, 'a> {
    fn new(list: Reader<'r, 'a>, item: &'static Type) -> Result<Self, Failure> {
        let mut items = Self { list, item, all: occurrences(&list)?, packed: None };
        // Mostly a list is one packed run, and then its length is known.
        if let Input::One(run) = list.input
            && items.enter(Some(run))
        {
            items.all = Occurrences::NONE;
        }
        Ok(items)
    }

    /// Goes into an occurrence if it is a packed run.
    fn enter(&mut self, raw: Option<Raw<'a>>) -> bool {
        match (raw, packed_as(self.item)) {
            (Some(Raw::Bytes(run)), Some(wire_type)) => {
                self.packed = Some((Fields::new(run), wire_type));
                true
            }
            _ => false,
        }
    }

    fn next(&mut self) -> Result<Option<Raw<'a>>, Failure> {
        loop {
            if let Some((run, wire_type)) = &mut self.packed {
                if let Some(raw) = run.packed(*wire_type).map_err(|flaw| self.list.flaw(flaw))? {
                    return Ok(Some(raw));
                }
                self.packed = None;
            }
            let raw = self.all.next().map_err(|flaw| self.list.flaw(flaw))?;
            if !self.enter(raw) {
                return Ok(raw);
            }
        }
    }

    fn reader(&self, raw: Raw<'a>) -> Reader<'r, 'a> {
        Reader { input: Input::One(raw), ty: self.item, single: true, ..self.list }
    }
}

fn occurrences<'a>(reader: &Reader<'_, 'a>) -> Result<Occurrences<'a>, Failure> {
    match reader.input {
        Input::Absent => Ok(Occurrences::NONE),
        Input::One(raw) => Ok(Occurrences::one(raw)),
        Input::Several(found) => Ok(found.all()),
        Input::Contents(_) => Err(reader.mismatch()),
    }
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        self.next()?.map(|raw| seed.deserialize(self.reader(raw))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        match &self.packed {
            Some((run, wire_type)) => Some(run.count_packed(*wire_type)),
            // Each occurrence is there in full, so this cannot be more than the bytes that are.
            None => Some(self.all.left()),
        }
    }
}

/// The bytes of a byte string, for types that take them one by one.
pub(super) struct ByteItems<'a>(std::slice::Iter<'a, u8>);

impl<'a> ByteItems<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }
}

impl<'de> SeqAccess<'de> for ByteItems<'_> {
    type Error = Failure;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        match self.0.next() {
            Some(byte) => seed.deserialize((*byte).into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Reads a list.
pub(super) fn read_list<'de, V: Visitor<'de>>(
    reader: Reader<'_, '_>,
    item: &'static Type,
    visitor: V,
) -> Result<V::Value, Failure> {
    visitor.visit_seq(Items::new(reader, item)?)
}

/// Reads as many elements as an array has; one that is absent has zero values in it.
pub(super) fn read_array<'de, V: Visitor<'de>>(
    reader: Reader<'_, '_>,
    item: &'static Type,
    len: usize,
    visitor: V,
) -> Result<V::Value, Failure> {
    let is_absent = matches!(reader.input, Input::Absent);
    let mut elements =
        Elements { items: Items::new(reader, item)?, zeros: if is_absent { len } else { 0 } };
    let value = visitor.visit_seq(&mut elements)?;
    match elements.items.next()? {
        None => Ok(value),
        Some(_) => Err(Failure::invalid_length(len + 1, &"fewer elements")),
    }
}

struct Elements<'r, 'a> {
    items: Items<'r, 'a>,
    zeros: usize,
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some(left) = self.zeros.checked_sub(1) else {
            return self.items.next_element_seed(seed);
        };
        self.zeros = left;
        let list = self.items.list;
        let zero = Reader { input: Input::Absent, ty: self.items.item, single: true, ..list };
        seed.deserialize(zero).map(Some)
    }
}

/// Reads a map from its keys' and values' types.
pub(super) fn read_map<'de, V: Visitor<'de>>(
    reader: Reader<'_, '_>,
    types: [&'static Type; 2],
    visitor: V,
) -> Result<V::Value, Failure> {
    let depth = reader.depth.within(false)?;
    let all = occurrences(&reader)?;
    visitor.visit_map(Entries { map: Reader { depth, ..reader }, types, all, value: Input::Absent })
}

struct Entries<'r, 'a> {
    map: Reader<'r, 'a>,
    types: [&'static Type; 2],
    all: Occurrences<'a>,
    /// The value of the entry whose key was read last.
    value: Input<'a>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let entry = match self.all.next().map_err(|flaw| self.map.flaw(flaw))? {
            None => return Ok(None),
            Some(Raw::Bytes(entry)) => entry,
            Some(other) => return Err(self.map.wire_type(other, "a length")),
        };
        let part = |tag| -> Result<Input<'_>, Failure> {
            Input::scan(entry, tag).map_err(|flaw| self.map.flaw(flaw))
        };
        let (input, value) = (part(1)?, part(2)?);
        self.value = value;
        let [ty, _] = self.types;
        seed.deserialize(Reader { input, ty, single: true, ..self.map }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let [_, ty] = self.types;
        seed.deserialize(Reader { input: self.value, ty, single: true, ..self.map })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.all.left())
    }
}
