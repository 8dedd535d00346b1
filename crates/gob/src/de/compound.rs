//! Values of several parts: structs, lists, maps.

use serde::de::value::U8Deserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer};

use super::deserializer::{Deserializer, Session};
use super::zero::Zero;
use crate::error::DecodeError;
use crate::frame::Reader;
use crate::plan::StructPlan;
use crate::table::next_field;
use crate::walk::require;

/// The bytes of a byte string one by one, as serde reads a `Vec<u8>`.
pub(super) struct ByteSeq<'a>(pub(super) std::slice::Iter<'a, u8>);

impl<'de> de::SeqAccess<'de> for ByteSeq<'_> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(&byte) = self.0.next() else { return Ok(None) };
        let byte: U8Deserializer<DecodeError> = byte.into_deserializer();
        seed.deserialize(byte).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Elements of a list.
pub(super) struct Items<'s, 'a> {
    pub(super) session: &'s mut Session<'a>,
    pub(super) elem: usize,
    pub(super) left: u64,
    pub(super) depth: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_, '_> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        require(&self.session.reader.cursor)?;
        let (node, depth) = (self.elem, self.depth);
        seed.deserialize(Deserializer { session: self.session, node, depth }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        bounded(self.left, &self.session.reader)
    }
}

/// A count that no more memory is set aside for than bytes are present.
fn bounded(left: u64, reader: &Reader<'_>) -> Option<usize> {
    Some(usize::try_from(left).unwrap_or(usize::MAX).min(reader.cursor.bytes.len()))
}

/// Keys and values of a map.
pub(super) struct Pairs<'s, 'a> {
    pub(super) session: &'s mut Session<'a>,
    pub(super) key: usize,
    pub(super) elem: usize,
    pub(super) left: u64,
    pub(super) depth: usize,
}

impl<'de> de::MapAccess<'de> for Pairs<'_, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        require(&self.session.reader.cursor)?;
        let (node, depth) = (self.key, self.depth);
        seed.deserialize(Deserializer { session: self.session, node, depth }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        require(&self.session.reader.cursor)?;
        let (node, depth) = (self.elem, self.depth);
        seed.deserialize(Deserializer { session: self.session, node, depth })
    }

    fn size_hint(&self) -> Option<usize> {
        bounded(self.left, &self.session.reader)
    }
}

/// Fields of a struct, in the order they come in.
pub(super) struct Fields<'s, 'a> {
    session: &'s mut Session<'a>,
    plan: &'a StructPlan,
    depth: usize,
    /// One past the number of the field read last.
    next: usize,
    /// A field whose number was read and whose value comes next: local field and node.
    pending: Option<(usize, usize)>,
    /// Whether the end was read.
    is_over: bool,
    /// The local field that serde asks for next.
    at: usize,
}

impl<'s, 'a> Fields<'s, 'a> {
    #[inline]
    pub(super) fn new(session: &'s mut Session<'a>, plan: &'a StructPlan, depth: usize) -> Self {
        Self { session, plan, depth, next: 0, pending: None, is_over: false, at: 0 }
    }

    /// Reads up to the next field that has a place in the local type.
    #[inline(always)]
    fn peek(&mut self) -> Result<Option<(usize, usize)>, DecodeError> {
        if self.pending.is_some() || self.is_over {
            return Ok(self.pending);
        }
        let cursor = &mut self.session.reader.cursor;
        match cursor.bytes.split_first() {
            // As it usually goes: the next field, and the end.
            Some((&1, rest)) => {
                let field = self.plan.remote.get(self.next).and_then(|field| field.local);
                if field.is_some() {
                    cursor.bytes = rest;
                    self.next = self.next.wrapping_add(1);
                    self.pending = field;
                    return Ok(field);
                }
            }
            Some((&0, rest)) => {
                cursor.bytes = rest;
                self.is_over = true;
                return Ok(None);
            }
            _ => {}
        }
        match search(self.session, self.plan, self.next)? {
            Some(number) => {
                self.next = number.wrapping_add(1);
                self.pending = self.plan.remote.get(number).and_then(|field| field.local);
            }
            None => self.is_over = true,
        }
        Ok(self.pending)
    }

    /// Reads what is left once all local fields are there.
    #[inline(always)]
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        match self.peek()? {
            None => Ok(()),
            // Only an implementation of `Deserialize` that stops early gets here.
            Some(_) => Err(not_at_end()),
        }
    }

    #[inline(always)]
    fn value(&mut self, node: usize) -> Deserializer<'_, 'a> {
        self.pending = None;
        Deserializer { session: self.session, node, depth: self.depth }
    }
}

/// Reads up to the next field that has a place in the local type, for [`Fields`], which need not be
/// in memory for that; gives its number.
#[inline(never)]
fn search(
    session: &mut Session<'_>,
    plan: &StructPlan,
    mut next: usize,
) -> Result<Option<usize>, DecodeError> {
    while let Some(number) = next_field(&mut session.reader.cursor, next, plan.remote.len())? {
        next = number.wrapping_add(1);
        match plan.remote.get(number) {
            Some(field) if field.local.is_none() => session.skip(field.id)?,
            _ => return Ok(Some(number)),
        }
    }
    Ok(None)
}

impl<'de> de::SeqAccess<'de> for &mut Fields<'_, '_> {
    type Error = DecodeError;

    /// Part of its caller: a value that is handed from call to call is copied by each.
    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let at = self.at;
        if at >= self.plan.local.0.len() {
            return Ok(None);
        }
        self.at = at.wrapping_add(1);
        match self.peek()? {
            Some((local, node)) if local == at => seed.deserialize(self.value(node)).map(Some),
            _ => absent(self.plan, at, seed).map(Some),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.plan.local.0.len().saturating_sub(self.at))
    }
}

#[cold]
#[inline(never)]
fn not_at_end() -> DecodeError {
    de::Error::custom("gob: struct was not read to its end")
}

/// Gives a field that was not sent. By itself, so that the callers are short.
#[inline(never)]
fn absent<'de, T: DeserializeSeed<'de>>(
    plan: &StructPlan,
    at: usize,
    seed: T,
) -> Result<T::Value, DecodeError> {
    seed.deserialize(Zero::field(plan, at))
}

/// Fields of a struct by name.
pub(super) struct Named<'s, 'a> {
    fields: Fields<'s, 'a>,
    /// Local fields handed to serde.
    seen: Vec<bool>,
}

impl<'s, 'a> Named<'s, 'a> {
    pub(super) fn new(fields: Fields<'s, 'a>) -> Self {
        let seen = vec![false; fields.plan.local.0.len()];
        Self { fields, seen }
    }
}

impl<'de> de::MapAccess<'de> for Named<'_, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let local = match self.fields.peek()? {
            Some((local, _)) => {
                if let Some(seen) = self.seen.get_mut(local) {
                    *seen = true;
                }
                local
            }
            // Declared but not sent means zero; not declared at all is left to serde.
            None => match self.absent() {
                Some(at) => at,
                None => return Ok(None),
            },
        };
        let name = self.fields.plan.local.0.name(local);
        let name: de::value::StrDeserializer<'_, DecodeError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let fields = &mut self.fields;
        match fields.pending {
            Some((_, node)) => seed.deserialize(fields.value(node)),
            None => absent(fields.plan, fields.at.wrapping_sub(1), seed),
        }
    }
}

impl Named<'_, '_> {
    /// The next local field that was not sent and is not left to serde.
    fn absent(&mut self) -> Option<usize> {
        let Self { fields, seen } = self;
        let locals = fields.plan.local.0;
        while fields.at < locals.len() {
            let at = fields.at;
            fields.at = at.wrapping_add(1);
            let is_seen = seen.get(at).copied().unwrap_or(false);
            let is_declared = || {
                let mut remote = fields.plan.remote.iter();
                remote.any(|field| field.local.is_some_and(|(local, _)| local == at))
            };
            if !is_seen && (!locals.has_default(at) || is_declared()) {
                return Some(at);
            }
        }
        None
    }
}

/// Fields that come in another order than serde wants them in: found first, then read one by one.
pub(super) struct Positions<'s, 'a> {
    session: &'s mut Session<'a>,
    plan: &'a StructPlan,
    depth: usize,
    /// By local field: the node, and where the value is.
    found: Vec<Option<(usize, Reader<'a>)>>,
    end: Reader<'a>,
    at: usize,
}

impl<'s, 'a> Positions<'s, 'a> {
    pub(super) fn find(mut fields: Fields<'s, 'a>) -> Result<Self, DecodeError> {
        let mut found = vec![None; fields.plan.local.0.len()];
        while let Some((local, node)) = fields.peek()? {
            if let Some(place) = found.get_mut(local) {
                *place = Some((node, fields.session.reader.clone()));
            }
            fields.pending = None;
            let number = fields.next.wrapping_sub(1);
            let id = fields.plan.remote.get(number).map_or(0, |field| field.id);
            fields.session.skip(id)?;
        }
        let Fields { session, plan, depth, .. } = fields;
        let end = session.reader.clone();
        Ok(Self { session, plan, depth, found, end, at: 0 })
    }

    /// Goes on behind the struct.
    pub(super) fn finish(self) {
        self.session.reader = self.end;
    }
}

impl<'de> de::SeqAccess<'de> for &mut Positions<'_, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let at = self.at;
        if at >= self.plan.local.0.len() {
            return Ok(None);
        }
        self.at = at.wrapping_add(1);
        match self.found.get_mut(at).and_then(Option::take) {
            Some((node, reader)) => {
                self.session.reader = reader;
                let depth = self.depth;
                seed.deserialize(Deserializer { session: self.session, node, depth }).map(Some)
            }
            None => absent(self.plan, at, seed).map(Some),
        }
    }
}
