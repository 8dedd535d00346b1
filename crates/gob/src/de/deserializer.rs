//! The deserializer: reads a value in step with its plan.

use serde::de::{self, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::compound::{ByteSeq, Fields, Items, Named, Pairs, Positions};
use super::enums::{DataEnum, UnitEnum};
use super::zero::Numbers;
use crate::any;
use crate::error::DecodeError;
use crate::frame::Reader;
use crate::plan::{ListPlan, Node, Order, Plan, StructPlan};
use crate::raw::unknown_type;
use crate::table::LentTable;
use crate::time::Timestamp;
use crate::value;
use crate::walk::{self, opaque, too_deep, too_many};

/// One value being decoded.
pub(super) struct Session<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) table: &'a LentTable<'a>,
    pub(super) plan: &'a Plan,
    pub(super) limit: usize,
}

impl<'a> Session<'a> {
    #[inline]
    pub(super) fn node(&self, node: usize) -> &'a Node {
        self.plan.nodes.get(node).unwrap_or(&Node::Pending)
    }

    /// Skips a field that has no place in the local type.
    #[inline]
    pub(super) fn skip(&mut self, id: i32) -> Result<(), DecodeError> {
        walk::skip_reader(&mut self.reader, self.table, id)
    }
}

pub(super) struct Deserializer<'s, 'a> {
    pub(super) session: &'s mut Session<'a>,
    pub(super) node: usize,
    pub(super) depth: usize,
}

impl<'a> Deserializer<'_, 'a> {
    #[inline]
    fn plan(&self) -> &'a Node {
        self.session.node(self.node)
    }

    #[inline]
    fn deeper(&self) -> Result<usize, DecodeError> {
        if self.depth >= self.session.limit {
            return Err(too_deep(self.session.limit));
        }
        Ok(self.depth.wrapping_add(1))
    }

    #[inline]
    fn int<'de, V: Visitor<'de>>(
        self,
        bits: u8,
        at: &str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let n = self.session.reader.cursor.int()?;
        if bits < 64 && n >> bits.wrapping_sub(1) != n >> 63 {
            return Err(DecodeError::out_of_range(at));
        }
        visitor.visit_i64(n)
    }

    #[inline]
    fn uint<'de, V: Visitor<'de>>(
        self,
        bits: u8,
        at: &str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let n = self.session.reader.cursor.uint()?;
        if bits < 64 && n >> bits != 0 {
            return Err(DecodeError::out_of_range(at));
        }
        visitor.visit_u64(n)
    }

    #[inline]
    fn float<'de, V: Visitor<'de>>(
        self,
        bits: u8,
        at: &str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let x = self.session.reader.cursor.float()?;
        if bits == 32 && x.is_finite() && x.abs() > f64::from(f32::MAX) {
            return Err(DecodeError::out_of_range(at));
        }
        visitor.visit_f64(x)
    }

    fn complex<'de, V: Visitor<'de>>(
        self,
        bits: u8,
        at: &str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let cursor = &mut self.session.reader.cursor;
        let parts = [cursor.float()?, cursor.float()?];
        let too_large = |x: &f64| x.is_finite() && x.abs() > f64::from(f32::MAX);
        if bits == 32 && parts.iter().any(too_large) {
            return Err(DecodeError::out_of_range(at));
        }
        visitor.visit_seq(Numbers(parts.into_iter()))
    }

    /// Hands what an interface holds to the one type that can take it.
    fn interface<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if !matches!(self.plan(), Node::Any) {
            return visitor.visit_newtype_struct(self);
        }
        let Session { reader, table, .. } = self.session;
        let held = value::interface(reader, &table.to_table(), self.depth)?;
        any::hand_over(held, || visitor.visit_unit())
    }

    #[inline]
    fn text(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.session.reader.cursor.bytes()?;
        std::str::from_utf8(bytes)
            .map_err(|_| DecodeError::malformed("gob: string is not UTF-8; decode it as bytes"))
    }

    fn char<'de, V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        let text = self.text()?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            // An absent character is zero, and so is an empty string.
            (None, _) => visitor.visit_char('\0'),
            (Some(c), None) => visitor.visit_char(c),
            _ => Err(de::Error::invalid_value(Unexpected::Str(text), &"one character")),
        }
    }

    fn time(&mut self, at: &str) -> Result<Timestamp, DecodeError> {
        let bytes = opaque(&mut self.session.reader.cursor)?;
        let time = Timestamp::from_bytes(bytes).map_err(DecodeError::malformed)?;
        if time.nanoseconds < 1_000_000_000 { Ok(time) } else { Err(DecodeError::out_of_range(at)) }
    }

    fn list<'de, V: Visitor<'de>>(
        self,
        plan: &ListPlan,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let depth = self.deeper()?;
        let cursor = &mut self.session.reader.cursor;
        let count = cursor.uint()?;
        if plan.len.is_some_and(|len| len != count) {
            return Err(walk::array_length());
        }
        let present = cursor.bytes.len();
        if !plan.spans && count > present as u64 {
            return Err(refuse_count(plan, count));
        }
        visitor.visit_seq(Items { session: self.session, elem: plan.elem, left: count, depth })
    }

    fn map<'de, V: Visitor<'de>>(
        self,
        (key, elem, spans): (usize, usize, bool),
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let depth = self.deeper()?;
        let cursor = &mut self.session.reader.cursor;
        let left = cursor.uint()?;
        // A key and a value take a byte each at least.
        if !spans && left > (cursor.bytes.len() >> 1) as u64 {
            return Err(DecodeError::eof());
        }
        visitor.visit_map(Pairs { session: self.session, key, elem, left, depth })
    }

    /// Part of its caller: a value that is handed from call to call is copied by each.
    #[inline(always)]
    pub(super) fn fields<'de, V: Visitor<'de>>(
        self,
        plan: &'a StructPlan,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let depth = self.deeper()?;
        if plan.order != Order::Sequence {
            return out_of_sequence(self.session, plan, depth, visitor);
        }
        let mut fields = Fields::new(self.session, plan, depth);
        let value = visitor.visit_seq(&mut fields)?;
        fields.finish()?;
        Ok(value)
    }

    fn duration<'de, V: Visitor<'de>>(self, at: &str, visitor: V) -> Result<V::Value, DecodeError> {
        let nanos = self.session.reader.cursor.int()?;
        let nanos = u64::try_from(nanos).map_err(|_| DecodeError::out_of_range(at))?;
        let (secs, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        visitor.visit_seq(Numbers([secs, nanos].into_iter()))
    }

    /// As `SystemTime` reads itself. Go's zero time means "no time", as does the epoch here.
    fn clock<'de, V: Visitor<'de>>(
        mut self,
        at: &str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let time = self.time(at)?;
        let secs = if time.unix_seconds == Timestamp::GO_ZERO.unix_seconds {
            0
        } else {
            u64::try_from(time.unix_seconds).map_err(|_| DecodeError::out_of_range(at))?
        };
        visitor.visit_seq(Numbers([secs, u64::from(time.nanoseconds)].into_iter()))
    }

    #[inline(never)]
    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Struct(plan) => self.fields(plan, visitor),
            _ => self.no_struct(visitor),
        }
    }

    /// As [`any`](Self::any), where structs are read already: one place to read them, and it is
    /// part of its caller.
    #[inline(never)]
    fn no_struct<'de, V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Bool => visitor.visit_bool(self.session.reader.cursor.uint()? != 0),
            Node::Int { bits, at } => self.int(*bits, at, visitor),
            Node::Uint { bits, at } => self.uint(*bits, at, visitor),
            Node::Float { bits, at } => self.float(*bits, at, visitor),
            Node::Complex { bits, at } => self.complex(*bits, at, visitor),
            Node::Char => self.char(visitor),
            Node::String | Node::UnitEnum => visitor.visit_str(self.text()?),
            Node::Bytes => visitor.visit_bytes(self.session.reader.cursor.bytes()?),
            Node::Duration { at } => self.duration(at, visitor),
            Node::Time { at } => visitor.visit_string(self.time(at)?.to_text()),
            Node::Option(_) => de::Deserializer::deserialize_option(self, visitor),
            Node::List(plan) => self.list(plan, visitor),
            Node::Map { key, elem, spans } => self.map((*key, *elem, *spans), visitor),
            Node::Enum(_) => visitor.visit_enum(DataEnum { of: self }),
            Node::BigInt => visitor.visit_bytes(opaque(&mut self.session.reader.cursor)?),
            Node::Any => Err(de::Error::custom("gob: only `Any` can take what an interface holds")),
            Node::Struct(_) | Node::Pending => Err(unknown_type()),
        }
    }
}

/// Reads a struct that serde does not take as it comes.
#[inline(never)]
fn out_of_sequence<'de, 'a, V: Visitor<'de>>(
    session: &mut Session<'a>,
    plan: &'a StructPlan,
    depth: usize,
    visitor: V,
) -> Result<V::Value, DecodeError> {
    let fields = Fields::new(session, plan, depth);
    if plan.order == Order::Names {
        return visitor.visit_map(Named::new(fields));
    }
    let mut positions = Positions::find(fields)?;
    let value = visitor.visit_seq(&mut positions)?;
    positions.finish();
    Ok(value)
}

#[cold]
fn refuse_count(plan: &ListPlan, count: u64) -> DecodeError {
    const GO_SLICE_LIMIT: u64 = 1 << 33;
    let Some((name, size)) = plan.scalar else { return too_many(count) };
    let text = if count.checked_mul(size).is_none_or(|bytes| bytes > GO_SLICE_LIMIT) {
        format!("gob: {name} slice too big: {count} elements of {size} bytes")
    } else {
        format!("gob: decoding {name} array or slice: length exceeds input size ({count} elements)")
    };
    DecodeError::malformed(text)
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match self.plan() {
                Node::Int { bits, at } => self.int(*bits, at, visitor),
                Node::Uint { bits, at } => self.uint(*bits, at, visitor),
                _ => self.any(visitor),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for Deserializer<'_, '_> {
    type Error = DecodeError;

    forward_to_deserialize_any! {
        ignored_any identifier
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Bool => visitor.visit_bool(self.session.reader.cursor.uint()? != 0),
            _ => self.any(visitor),
        }
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_f64(visitor)
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Float { bits, at } => self.float(*bits, at, visitor),
            _ => self.any(visitor),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.any(visitor)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.any(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::String => visitor.visit_str(self.text()?),
            _ => self.any(visitor),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Bytes => visitor.visit_bytes(self.session.reader.cursor.bytes()?),
            _ => self.any(visitor),
        }
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Bytes => visitor.visit_byte_buf(self.session.reader.cursor.bytes()?.to_vec()),
            _ => self.any(visitor),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Option(item) => {
                let (node, depth) = (*item, self.depth);
                visitor.visit_some(Deserializer { session: self.session, node, depth })
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Struct(plan) => {
                let depth = self.deeper()?;
                Fields::new(self.session, plan, depth).finish()?;
                visitor.visit_unit()
            }
            _ => self.any(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == any::NAME {
            return self.interface(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Bytes => visitor.visit_seq(ByteSeq(self.session.reader.cursor.bytes()?.iter())),
            Node::List(plan) => self.list(plan, visitor),
            _ => self.any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Map { key, elem, spans } => self.map((*key, *elem, *spans), visitor),
            _ => self.any(visitor),
        }
    }

    #[inline(always)]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::Struct(plan) => self.fields(plan, visitor),
            Node::Time { at } => self.clock(at, visitor),
            _ => self.no_struct(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.plan() {
            Node::UnitEnum | Node::String => visitor.visit_enum(UnitEnum(self.text()?)),
            _ => visitor.visit_enum(DataEnum { of: self }),
        }
    }

    /// These have forms of their own here, and others where they are read.
    fn is_human_readable(&self) -> bool {
        !matches!(self.plan(), Node::BigInt | Node::Complex { .. })
    }
}
