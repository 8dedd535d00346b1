//! Structs being written, and what serde takes for structs.
//!
//! Small parts of the caller: a serializer that is handed from call to call is copied by each.

use polywire_schema::Kind;
use serde::{Serialize, ser};

use super::capture::Number;
use super::compound::{Fields, unknown_field};
use super::serializer::{Place, Serializer};
use crate::error::EncodeError;
use crate::time::Timestamp;

/// A struct, of which those fields that are not zero are sent.
pub(super) struct Record<'o> {
    out: &'o mut Vec<u8>,
    fields: Fields,
    /// The field expected next.
    next: usize,
    /// One past the field sent last.
    last: usize,
    /// How many structs end with this one.
    ends: usize,
}

impl<'o> Record<'o> {
    #[inline]
    pub(super) fn new(out: &'o mut Vec<u8>, fields: Fields, ends: usize) -> Self {
        Self { out, fields, next: 0, last: 0, ends }
    }

    #[inline(always)]
    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        name: Option<&str>,
        value: &T,
    ) -> Result<(), EncodeError> {
        let at = match (name, self.fields) {
            (Some(name), Fields::Named(fields)) => match fields.get(self.next) {
                Some(field) if field.serde == name => self.next,
                _ => find(self.fields, self.next, name)?,
            },
            _ => self.next,
        };
        let Some(ty) = self.fields.ty(at) else { return Err(unknown_field()) };
        let after = at.wrapping_add(1);
        let place = Place::Field(after.wrapping_sub(self.last) as u64);
        if value.serialize(Serializer { out: self.out, ty, place })? {
            self.last = after;
        }
        self.next = after;
        Ok(())
    }

    /// Says that it was sent, as a struct always is.
    #[inline]
    pub(super) fn finish(self) -> bool {
        self.out.push(0);
        if self.ends > 1 {
            self.out.push(0);
        }
        true
    }
}

/// Fields come in the order of the schema, but for those that are skipped.
#[inline(never)]
fn find(fields: Fields, next: usize, name: &str) -> Result<usize, EncodeError> {
    let Fields::Named(named) = fields else { return Ok(next) };
    let rest = named.get(next..).unwrap_or_default();
    match rest.iter().position(|field| field.serde == name) {
        Some(skipped) => Ok(next.wrapping_add(skipped)),
        None => Err(unknown_field()),
    }
}

/// What serde takes for a struct.
pub(super) enum Named<'o> {
    Struct(Record<'o>),
    Pair(Pair<'o>),
}

/// A `Duration` or `SystemTime`, which serde takes for structs of seconds and nanoseconds, or a
/// complex number.
pub(super) struct Pair<'o> {
    serializer: Serializer<'o>,
    parts: [u64; 2],
    at: usize,
}

impl<'o> Pair<'o> {
    #[inline]
    pub(super) fn new(serializer: Serializer<'o>) -> Self {
        Self { serializer, parts: [0, 0], at: 0 }
    }

    #[inline(never)]
    fn field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let number = value.serialize(Number)?;
        let part = self.parts.get_mut(self.at).ok_or_else(unknown_field)?;
        *part = number;
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    #[inline(never)]
    fn finish(self) -> Result<bool, EncodeError> {
        let Self { serializer, parts: [first, second], .. } = self;
        match serializer.ty.kind {
            Kind::Duration => serializer.put_nanos(first, second),
            Kind::Complex(_) => serializer.put_complex(first, second),
            _ => {
                let time = Timestamp::from_unix(first, second)
                    .ok_or_else(|| EncodeError::value("time out of range"))?;
                serializer.put_time(time)
            }
        }
    }
}

macro_rules! named {
    ($($trait:ident),* $(,)?) => {
        $(impl ser::$trait for Named<'_> {
            type Ok = bool;
            type Error = EncodeError;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                match self {
                    Self::Struct(record) => record.field(Some(name), value),
                    Self::Pair(pair) => pair.field(value),
                }
            }

            #[inline]
            fn end(self) -> Result<bool, EncodeError> {
                match self {
                    Self::Struct(record) => Ok(record.finish()),
                    Self::Pair(pair) => pair.finish(),
                }
            }
        })*
    };
}

named!(SerializeStruct, SerializeStructVariant);
