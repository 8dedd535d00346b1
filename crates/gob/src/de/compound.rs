//! Values of several parts: structs, lists, maps.

use serde::de::value::U8Deserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer};

use super::deserializer::{Deserializer, Session, zero};
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
    /// Local fields handed to serde by name; empty if they go in order.
    seen: Vec<bool>,
}

impl<'s, 'a> Fields<'s, 'a> {
    #[inline]
    pub(super) fn new(session: &'s mut Session<'a>, plan: &'a StructPlan, depth: usize) -> Self {
        let seen = Vec::new();
        Self { session, plan, depth, next: 0, pending: None, is_over: false, at: 0, seen }
    }

    /// Reads up to the next field that has a place in the local type.
    #[inline]
    fn peek(&mut self) -> Result<Option<(usize, usize)>, DecodeError> {
        while self.pending.is_none() && !self.is_over {
            let cursor = &mut self.session.reader.cursor;
            let Some(number) = next_field(cursor, self.next, self.plan.remote.len())? else {
                self.is_over = true;
                break;
            };
            self.next = number.wrapping_add(1);
            let Some(field) = self.plan.remote.get(number) else { break };
            match field.local {
                Some(_) => self.pending = field.local,
                None => self.session.skip(field.id)?,
            }
        }
        Ok(self.pending)
    }

    /// Reads what is left once all local fields are there.
    #[inline]
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        match self.peek()? {
            None => Ok(()),
            // Only an implementation of `Deserialize` that stops early gets here.
            Some(_) => Err(de::Error::custom("gob: struct was not read to its end")),
        }
    }

    #[inline]
    fn value(&mut self, node: usize) -> Deserializer<'_, 'a> {
        self.pending = None;
        Deserializer { session: self.session, node, depth: self.depth }
    }
}

impl<'de> de::SeqAccess<'de> for &mut Fields<'_, '_> {
    type Error = DecodeError;

    #[inline]
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
            _ => seed.deserialize(zero(self.plan, at)).map(Some),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.plan.local.0.len().saturating_sub(self.at))
    }
}

impl<'de> de::MapAccess<'de> for &mut Fields<'_, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let local = match self.peek()? {
            Some((local, _)) => {
                self.see(local);
                local
            }
            // Declared but not sent means zero; not declared at all is left to serde.
            None => match self.absent() {
                Some(at) => at,
                None => return Ok(None),
            },
        };
        let name = self.plan.local.0.name(local);
        let name: de::value::StrDeserializer<'_, DecodeError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        match self.pending {
            Some((_, node)) => seed.deserialize(self.value(node)),
            None => seed.deserialize(zero(self.plan, self.at.wrapping_sub(1))),
        }
    }
}

impl<'a> Fields<'_, 'a> {
    /// The next local field that was not sent and is not left to serde.
    fn absent(&mut self) -> Option<usize> {
        let locals = self.plan.local.0;
        while self.at < locals.len() {
            let at = self.at;
            self.at = at.wrapping_add(1);
            let is_seen = self.seen.get(at).copied().unwrap_or(false);
            let is_declared = || {
                let mut remote = self.plan.remote.iter();
                remote.any(|field| field.local.is_some_and(|(local, _)| local == at))
            };
            if !is_seen && (!locals.has_default(at) || is_declared()) {
                return Some(at);
            }
        }
        None
    }

    fn see(&mut self, at: usize) {
        if self.seen.is_empty() {
            self.seen.resize(self.plan.local.0.len(), false);
        }
        if let Some(seen) = self.seen.get_mut(at) {
            *seen = true;
        }
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
            None => seed.deserialize(zero(self.plan, at)).map(Some),
        }
    }
}
