//! Messages: where their fields are, and the fields one after another.

use polywire_schema::{Field, StructType, Type, TypeRef};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::super::ProtobufError;
use super::super::error::Failure;
use super::super::form::defaults_by_serde;
use super::super::wire::{Fields, Flaw, Raw};
use super::place::{Place, Step};
use super::{Depth, Input, Reader, Search};

/// The occurrences of a field that a message has more than once.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// The message from the first occurrence on.
    from: Fields<'a>,
    /// Where the last one is, in bytes from there.
    last: usize,
    tag: u32,
    count: u32,
}

impl<'a> Found<'a> {
    /// The last occurrence.
    pub(super) fn last(self) -> Result<Option<Raw<'a>>, Flaw> {
        let last = self.from.skip(self.last).next()?;
        Ok(last.map(|(_, raw)| raw))
    }

    /// The occurrences in their order.
    pub(super) const fn all(self) -> Occurrences<'a> {
        Occurrences { first: None, fields: self.from, tag: self.tag, left: self.count }
    }
}

/// What was seen of one field so far.
struct Gathered<'a> {
    input: Input<'a>,
    /// The message from the first occurrence on, if there is one.
    from: Fields<'a>,
}

impl<'a> Gathered<'a> {
    const NOTHING: Self = Self { input: Input::Absent, from: Fields::new(&[]) };

    /// Takes another occurrence, which is the first thing in `from`.
    #[inline]
    fn add(&mut self, tag: u32, from: Fields<'a>, raw: Raw<'a>) {
        self.input = match self.input {
            Input::Absent | Input::Contents(_) => {
                self.from = from;
                Input::One(raw)
            }
            Input::One(_) => Input::Several(self.found(tag, from, 1)),
            Input::Several(found) => Input::Several(self.found(tag, from, found.count)),
        };
    }

    fn found(&self, tag: u32, last: Fields<'a>, before: u32) -> Found<'a> {
        let last = self.from.len().saturating_sub(last.len());
        Found { from: self.from, last, tag, count: before.saturating_add(1) }
    }
}

impl<'a> Input<'a> {
    /// Looks a message over for one field.
    pub(super) fn scan(message: &'a [u8], tag: u32) -> Result<Self, Flaw> {
        let mut gathered = Gathered::NOTHING;
        let mut fields = Fields::new(message);
        loop {
            let from = fields;
            match fields.next()? {
                Some((next, raw)) if next == tag => gathered.add(tag, from, raw),
                Some(_) => {}
                None => return Ok(gathered.input),
            }
        }
    }
}

/// Occurrences of a field that are still to come.
pub(super) struct Occurrences<'a> {
    /// One that was read already.
    first: Option<Raw<'a>>,
    fields: Fields<'a>,
    tag: u32,
    left: u32,
}

impl<'a> Occurrences<'a> {
    pub(super) const NONE: Self = Self { first: None, fields: Fields::new(&[]), tag: 0, left: 0 };

    pub(super) const fn one(raw: Raw<'a>) -> Self {
        Self { first: Some(raw), ..Self::NONE }
    }

    pub(super) fn left(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).max(usize::from(self.first.is_some()))
    }

    pub(super) fn next(&mut self) -> Result<Option<Raw<'a>>, Flaw> {
        if let Some(raw) = self.first.take() {
            return Ok(Some(raw));
        }
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

/// Finds the fields of a message, asked for one after another.
enum Finder<'a> {
    Rising(Rising<'a>),
    Index(Index<'a>),
}

impl<'a> Finder<'a> {
    #[inline]
    fn new(message: &'a [u8], parts: Parts, search: Search) -> Result<Self, Flaw> {
        Ok(match search {
            Search::Rising => Self::Rising(Rising(Fields::new(message))),
            Search::Anywhere => Self::Index(Index::of(message, parts)?),
        })
    }

    #[inline]
    fn input(&mut self, parts: Parts, at: usize, tag: u32) -> Result<Input<'a>, Flaw> {
        match self {
            Self::Rising(rising) => rising.input(parts, tag),
            Self::Index(index) => index.input(at, tag),
        }
    }

    /// Sees that nothing was missed.
    #[inline]
    fn finish(&mut self, parts: Parts) -> Result<(), Flaw> {
        match self {
            Self::Rising(Rising(rest)) if rest.is_empty() => Ok(()),
            Self::Rising(rising) => rising.gather(parts, u32::MAX).map(drop),
            Self::Index(_) => Ok(()),
        }
    }
}

/// The rest of a message whose tags go up, as writers have them: each field is read once, when it
/// is asked for.
struct Rising<'a>(Fields<'a>);

impl<'a> Rising<'a> {
    /// The field of that tag. Whatever stands before it must be unknown: a field whose turn is over
    /// came too late, and its message has to be searched.
    #[inline(always)]
    fn input(&mut self, parts: Parts, tag: u32) -> Result<Input<'a>, Flaw> {
        match self.0.next_lone(tag)? {
            Some(raw) => Ok(Input::One(raw)),
            None => self.gather(parts, tag),
        }
    }

    #[inline(never)]
    fn gather(&mut self, parts: Parts, tag: u32) -> Result<Input<'a>, Flaw> {
        let mut gathered = Gathered::NOTHING;
        loop {
            let (from, next) = (self.0, self.0.next_tag()?);
            if next > tag || next == 0 {
                return Ok(gathered.input);
            }
            if next < tag && parts.position(next).is_some() {
                return Err(OUT_OF_ORDER);
            }
            if let Some((_, raw)) = self.0.next()?
                && next == tag
            {
                gathered.add(tag, from, raw);
            }
        }
    }
}

const OUT_OF_ORDER: Flaw = Flaw("fields are out of order");

/// Where a field occurs, in bytes from the start of the message.
#[derive(Clone, Copy)]
struct Seen {
    first: usize,
    last: usize,
    count: u32,
}

const UNSEEN: Seen = Seen { first: 0, last: 0, count: 0 };

/// Where each field of a message is, in whatever order.
struct Index<'a> {
    message: &'a [u8],
    places: Vec<Seen>,
}

impl<'a> Index<'a> {
    fn of(message: &'a [u8], parts: Parts) -> Result<Self, Flaw> {
        let mut places = vec![UNSEEN; parts.len()];
        scan(message, |tag, at| {
            if let Some(seen) = parts.position(tag).and_then(|at| places.get_mut(at)) {
                if seen.count == 0 {
                    seen.first = at;
                }
                seen.last = at;
                seen.count = seen.count.saturating_add(1);
            }
        })?;
        Ok(Self { message, places })
    }

    fn input(&self, at: usize, tag: u32) -> Result<Input<'a>, Flaw> {
        let Some(seen) = self.places.get(at).filter(|seen| seen.count > 0) else {
            return Ok(Input::Absent);
        };
        let whole = Fields::new(self.message);
        if let Seen { first, last, count: count @ 2.. } = *seen {
            let last = last.saturating_sub(first);
            return Ok(Input::Several(Found { from: whole.skip(first), last, tag, count }));
        }
        let lone = whole.skip(seen.first).next()?;
        Ok(lone.map_or(Input::Absent, |(_, raw)| Input::One(raw)))
    }
}

/// The fields of a struct, by name.
pub(super) struct Members<'r, 'a> {
    finder: Finder<'a>,
    ty: &'static StructType,
    depth: Depth,
    place: Option<&'r Place<'r>>,
    /// The field whose turn it is, and where its value is.
    next: usize,
    value: Input<'a>,
}

impl Members<'_, '_> {
    /// Reads the struct that is here. A value that is handed from call to call is copied by each,
    /// which costs more than reading a small one does.
    #[inline(always)]
    pub(super) fn read<'de, V: Visitor<'de>>(
        reader: Reader<'_, '_>,
        ty: &'static StructType,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let (contents, depth) = (reader.contents()?, reader.deeper()?);
        let parts = Parts::Fields(ty.fields);
        let finder = Finder::new(&contents, parts, depth.search);
        let finder = finder.map_err(|flaw| reader.flaw(flaw))?;
        let place = reader.place;
        let mut members = Members { finder, ty, depth, place, next: 0, value: Input::Absent };
        let value = visitor.visit_map(&mut members)?;
        members.finder.finish(parts).map_err(|flaw| reader.flaw(flaw))?;
        Ok(value)
    }
}

impl<'de> MapAccess<'de> for &mut Members<'_, '_> {
    type Error = Failure;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let parts = Parts::Fields(self.ty.fields);
        while let Some(field) = self.ty.fields.get(self.next) {
            let found = self.finder.input(parts, self.next, field.tag);
            self.value = found.map_err(|flaw| located(self.place, flaw))?;
            if matches!(self.value, Input::Absent) && defaults_by_serde(field, (field.ty)()) {
                self.next += 1;
                continue;
            }
            return seed.deserialize(name(field.serde)).map(Some);
        }
        Ok(None)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some(field) = self.ty.fields.get(self.next) else {
            return Err(ProtobufError::Schema(self.ty.name.to_owned()).into());
        };
        let input = std::mem::replace(&mut self.value, Input::Absent);
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
    finder: Finder<'a>,
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
        let finder = Finder::new(&contents, parts, depth.search);
        let finder = finder.map_err(|flaw| reader.flaw(flaw))?;
        let place = reader.place;
        let mut slots = Slots { finder, parts, depth, place, next: 0 };
        let value = visitor.visit_seq(&mut slots)?;
        slots.finder.finish(parts).map_err(|flaw| reader.flaw(flaw))?;
        Ok(value)
    }
}

impl<'de> SeqAccess<'de> for &mut Slots<'_, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some((ty, tag, step)) = self.parts.get(self.next) else { return Ok(None) };
        let found = self.finder.input(self.parts, self.next, tag);
        let input = found.map_err(|flaw| located(self.place, flaw))?;
        self.next += 1;
        let place = Place { parent: self.place, owner: "", step };
        let reader = Reader { input, ty, single: false, depth: self.depth, place: Some(&place) };
        seed.deserialize(reader).map(Some).map_err(|error| place.locate(error))
    }
}

/// The breach of a rule in the field that is there.
pub(super) fn located(place: Option<&Place<'_>>, flaw: Flaw) -> Failure {
    let field = place.map(Place::describe).unwrap_or_default();
    ProtobufError::Malformed { field, why: flaw.0 }.into()
}

/// A name as serde knows it.
pub(super) fn name<'de>(name: &'static str) -> StrDeserializer<'de, Failure> {
    name.into_deserializer()
}
