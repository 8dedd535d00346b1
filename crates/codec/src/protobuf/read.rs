//! Reads values of known types.
//!
//! Fields may come in any order and more than once, and serde gets each of them once. Writers put
//! them in the order of their tags: a value is read in that belief at first, and if anything is
//! wrong, from the start once more, with each message looked over for where its fields are.

mod choice;
mod list;
mod members;
mod place;

use std::borrow::Cow;

use polywire_schema::{Kind, StructType, Type};
use serde::Deserializer;
use serde::de::Visitor;
use serde::de::value::SeqDeserializer;

use self::choice::Choice;
use self::list::{ByteItems, read_array, read_list, read_map};
use self::members::{Found, Members, Parts, Slots, located};
use self::place::Place;
use super::error::Failure;
use super::form::{is_bytes, is_message, spreads};
use super::wire::{Fields, Flaw, Raw};
use super::{MAX_DEPTH, ProtobufError};
use crate::json::time::{self, Moment};

/// Where a value is.
#[derive(Clone, Copy)]
enum Input<'a> {
    /// Nowhere: it is the zero value.
    Absent,
    /// In one occurrence of a field, the only one or an element of a list.
    One(Raw<'a>),
    /// In all occurrences of a field that comes more than once.
    Several(Found<'a>),
    /// In the contents of a message.
    Contents(&'a [u8]),
}

/// How the fields of a message are found.
#[derive(Clone, Copy)]
pub(super) enum Search {
    /// Each where its turn comes.
    Rising,
    /// By looking the message over first.
    Anywhere,
}

/// How far inside a value is, and how it is read.
#[derive(Clone, Copy)]
struct Depth {
    search: Search,
    messages: u8,
    /// Those of the messages that came in several parts and were put together.
    joined: u8,
}

impl Depth {
    #[inline]
    fn within(self, joined: bool) -> Result<Self, Failure> {
        let joined = self.joined + u8::from(joined);
        let depth = Self { search: self.search, messages: self.messages + 1, joined };
        // Each takes a copy of what is in it, and all of them are there at the same time.
        if depth.joined > MAX_JOINED {
            let why = "more than 8 messages within each other come in parts";
            return Err(ProtobufError::Malformed { field: String::new(), why }.into());
        }
        if usize::from(depth.messages) > MAX_DEPTH {
            return Err(ProtobufError::TooDeep { limit: MAX_DEPTH }.into());
        }
        Ok(depth)
    }
}

/// Messages within each other that may come in parts; writers make none at all.
const MAX_JOINED: u8 = 8;

/// One value to be read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r, 'a> {
    input: Input<'a>,
    ty: &'static Type,
    /// Whether exactly one value stands here, so that lists and their like have a message around.
    single: bool,
    depth: Depth,
    place: Option<&'r Place<'r>>,
}

impl<'r, 'a> Reader<'r, 'a> {
    /// Reads an argument or result.
    #[inline]
    pub(super) fn root(
        bytes: &'a [u8],
        ty: &'static Type,
        search: Search,
    ) -> Result<Self, Failure> {
        let whole = Self {
            input: Input::Contents(bytes),
            ty,
            single: false,
            depth: Depth { search, messages: 0, joined: 0 },
            place: None,
        };
        if is_message(ty) { Ok(whole) } else { whole.inside(bytes) }
    }

    /// The value in the message around it.
    #[inline]
    fn inside<'b>(self, contents: &'b [u8]) -> Result<Reader<'r, 'b>, Failure> {
        let input = Input::scan(contents, 1).map_err(|flaw| self.flaw(flaw))?;
        let Self { ty, place, .. } = self;
        Ok(Reader { input, ty, single: false, depth: self.deeper()?, place })
    }

    /// Whether a message is around the value, to be opened first.
    fn is_wrapped(&self) -> bool {
        self.single && spreads(self.ty)
    }

    /// The depth within the message that is here.
    #[inline]
    fn deeper(&self) -> Result<Depth, Failure> {
        self.depth.within(matches!(self.input, Input::Several(_)))
    }

    fn field(&self) -> String {
        self.place.map(Place::describe).unwrap_or_default()
    }

    fn flaw(&self, flaw: Flaw) -> Failure {
        located(self.place, flaw)
    }

    fn mismatch(&self) -> Failure {
        ProtobufError::Schema(self.ty.name()).into()
    }

    fn wire_type(&self, found: Raw<'_>, expected: &'static str) -> Failure {
        ProtobufError::WireType { field: self.field(), found: found.found(), expected }.into()
    }

    fn value(&self, found: impl Into<String>) -> Failure {
        let expected = self.ty.name();
        ProtobufError::Value { field: self.field(), found: found.into(), expected }.into()
    }

    /// The value that counts: of several the last.
    #[inline]
    fn raw(&self) -> Result<Option<Raw<'a>>, Failure> {
        match self.input {
            Input::Absent => Ok(None),
            Input::One(raw) => Ok(Some(raw)),
            Input::Several(found) => found.last().map_err(|flaw| self.flaw(flaw)),
            Input::Contents(_) => Err(self.mismatch()),
        }
    }

    #[inline]
    fn varint(&self) -> Result<u64, Failure> {
        match self.raw()? {
            None => Ok(0),
            Some(Raw::Varint(value)) => Ok(value),
            Some(other) => Err(self.wire_type(other, "a varint")),
        }
    }

    #[inline]
    fn bytes(&self) -> Result<&'a [u8], Failure> {
        match self.raw()? {
            None => Ok(&[]),
            Some(Raw::Bytes(bytes)) => Ok(bytes),
            Some(other) => Err(self.wire_type(other, "a length")),
        }
    }

    fn text(&self) -> Result<&'a str, Failure> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.flaw(NOT_UTF8))
    }

    /// A message's contents; several occurrences are one message, cut apart.
    #[inline]
    fn contents(&self) -> Result<Cow<'a, [u8]>, Failure> {
        match self.input {
            Input::Contents(bytes) => Ok(Cow::Borrowed(bytes)),
            Input::Several(found) => self.joined(found).map(Cow::Owned),
            _ => self.bytes().map(Cow::Borrowed),
        }
    }

    fn joined(&self, found: Found<'a>) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        let mut all = found.all();
        while let Some(raw) = all.next().map_err(|flaw| self.flaw(flaw))? {
            let Raw::Bytes(part) = raw else { return Err(self.wire_type(raw, "a length")) };
            whole.extend_from_slice(part);
        }
        Ok(whole)
    }

    fn int<'de, V: Visitor<'de>>(self, bits: u8, visitor: V) -> Result<V::Value, Failure> {
        let wide = self.varint()?.cast_signed();
        // A 32-bit number is the low half of what is sent, as all readers of the format have it.
        let value = if bits < 64 { (wide << 32) >> 32 } else { wide };
        match bits {
            8 => match i8::try_from(value) {
                Ok(value) => visitor.visit_i8(value),
                Err(_) => Err(self.value(value.to_string())),
            },
            16 => match i16::try_from(value) {
                Ok(value) => visitor.visit_i16(value),
                Err(_) => Err(self.value(value.to_string())),
            },
            32 | 64 => visitor.visit_i64(value),
            _ => Err(self.unsupported()),
        }
    }

    fn uint<'de, V: Visitor<'de>>(self, bits: u8, visitor: V) -> Result<V::Value, Failure> {
        let wide = self.varint()?;
        let value = if bits < 64 { wide & u64::from(u32::MAX) } else { wide };
        match bits {
            8 | 16 if value >> bits != 0 => Err(self.value(value.to_string())),
            8 | 16 | 32 | 64 => visitor.visit_u64(value),
            _ => Err(self.unsupported()),
        }
    }

    fn unsupported(&self) -> Failure {
        ProtobufError::UnsupportedType { at: self.ty.name(), why: "it has no 128-bit integers" }
            .into()
    }

    fn float<'de, V: Visitor<'de>>(self, bits: u8, visitor: V) -> Result<V::Value, Failure> {
        match (self.raw()?, bits) {
            (None, _) => visitor.visit_f64(0.0),
            (Some(Raw::Fixed32(value)), 32) => visitor.visit_f32(f32::from_bits(value)),
            (Some(Raw::Fixed64(value)), 64) => visitor.visit_f64(f64::from_bits(value)),
            (Some(other), 32) => Err(self.wire_type(other, "32 bits")),
            (Some(other), _) => Err(self.wire_type(other, "64 bits")),
        }
    }

    fn char<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let mut chars = self.text()?.chars();
        match (chars.next(), chars.next()) {
            (first, None) => visitor.visit_char(first.unwrap_or_default()),
            _ => Err(self.value("text of several characters")),
        }
    }

    /// Seconds and nanoseconds of a duration or of a point in time.
    fn clock(self) -> Result<Moment, Failure> {
        let contents = self.contents()?;
        let number = |tag| -> Result<i64, Failure> {
            let input = Input::scan(&contents, tag).map_err(|flaw| self.flaw(flaw))?;
            Ok(Reader { input, single: true, ..self }.varint()?.cast_signed())
        };
        let (seconds, nanos) = (number(1)?, number(2)?);
        match u32::try_from(nanos) {
            Ok(nanos) if nanos < 1_000_000_000 => Ok(Moment { seconds, nanos }),
            _ => Err(self.value(format!("{nanos} nanoseconds"))),
        }
    }

    /// The same, as serde's own implementations for std's types want it.
    fn std_clock<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let Moment { seconds, nanos } = self.clock()?;
        let Ok(seconds) = u64::try_from(seconds) else {
            let is_time = matches!(self.ty.kind, Kind::Time);
            return Err(self.value(if is_time {
                "a time before 1970"
            } else {
                "less than nothing"
            }));
        };
        visitor.visit_seq(SeqDeserializer::new([seconds, u64::from(nanos)].into_iter()))
    }

    fn by_type<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.is_wrapped() {
            let contents = self.contents()?;
            return self.inside(&contents)?.by_type(visitor);
        }
        match self.ty.kind {
            Kind::Bool => visitor.visit_bool(self.varint()? != 0),
            Kind::Int(bits) => self.int(bits, visitor),
            Kind::Uint(bits) => self.uint(bits, visitor),
            Kind::Float(bits) => self.float(bits, visitor),
            Kind::Char => self.char(visitor),
            Kind::String => visitor.visit_str(self.text()?),
            Kind::Bytes => visitor.visit_bytes(self.bytes()?),
            Kind::List(_) if is_bytes(self.ty) => visitor.visit_seq(ByteItems::new(self.bytes()?)),
            Kind::Array(_, len) if is_bytes(self.ty) => self.byte_array(len, visitor),
            Kind::List(item) => read_list(self, item(), visitor),
            Kind::Array(item, len) => read_array(self, item(), len, visitor),
            Kind::Map(key, value) => read_map(self, [key(), value()], visitor),
            Kind::Option(item) => match self.input {
                Input::Absent => visitor.visit_none(),
                _ => visitor.visit_some(Self { ty: item(), single: true, ..self }),
            },
            Kind::Struct(ty) => self.members(ty, visitor),
            Kind::Tuple(items) => Slots::read(self, Parts::Types(items), visitor),
            Kind::Duration => self.std_clock(visitor),
            Kind::Time => {
                let text =
                    time::format(self.clock()?).map_err(<Failure as serde::de::Error>::custom)?;
                visitor.visit_str(&text)
            }
            Kind::Unit => self.unit(visitor),
            _ => Err(self.mismatch()),
        }
    }

    /// What there is most of, without looking at everything else a type may be.
    #[inline]
    fn scalar<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.ty.kind {
            Kind::Bool => visitor.visit_bool(self.varint()? != 0),
            Kind::Int(bits) => self.int(bits, visitor),
            Kind::Uint(bits) => self.uint(bits, visitor),
            Kind::Float(bits) => self.float(bits, visitor),
            Kind::String => visitor.visit_str(self.text()?),
            _ => self.by_type(visitor),
        }
    }

    /// A struct; out of line, for all who get here by what the type is.
    #[inline(never)]
    fn members<'de, V: Visitor<'de>>(
        self,
        ty: &'static StructType,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        Members::read(self, ty, visitor)
    }

    fn unit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let contents = self.contents()?;
        let mut fields = Fields::new(&contents);
        while fields.next().map_err(|flaw| self.flaw(flaw))?.is_some() {}
        visitor.visit_unit()
    }

    /// An array of bytes; one that a peer left out is as long as it ought to be.
    fn byte_array<'de, V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        match (self.input, self.bytes()?) {
            (Input::Absent, _) => {
                visitor.visit_seq(SeqDeserializer::new(std::iter::repeat_n(0_u8, len)))
            }
            (_, bytes) if bytes.len() == len => visitor.visit_seq(ByteItems::new(bytes)),
            (_, bytes) => Err(self.value(format!("a string of {} bytes", bytes.len()))),
        }
    }

    /// What serde takes for values by position.
    fn tuple<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.ty.kind {
            Kind::Struct(ty) => Slots::read(self, Parts::Fields(ty.fields), visitor),
            _ => self.by_type(visitor),
        }
    }
}

const NOT_UTF8: Flaw = Flaw("text is not UTF-8");

macro_rules! by_type {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.by_type(visitor)
        })*
    };
}

macro_rules! scalars {
    ($($method:ident)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.scalar(visitor)
        })*
    };
}

/// Nothing is lent to the value, so that it may outlive the bytes.
impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = Failure;

    by_type! {
        deserialize_any deserialize_i128 deserialize_u128 deserialize_char deserialize_seq
        deserialize_map deserialize_identifier
    }

    scalars! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32
        deserialize_f64 deserialize_str deserialize_string
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if is_bytes(self.ty) { visitor.visit_bytes(self.bytes()?) } else { self.by_type(visitor) }
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.ty.kind {
            Kind::Option(_) => self.by_type(visitor),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.ty.kind {
            Kind::Unit => self.unit(visitor),
            _ => Err(self.mismatch()),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.tuple(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.tuple(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.ty.kind {
            Kind::Struct(ty) => Members::read(self, ty, visitor),
            Kind::Time => self.std_clock(visitor),
            _ => self.by_type(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let Kind::Enum(ty) = self.ty.kind else { return Err(self.mismatch()) };
        if ty.is_unit_only() {
            return visitor.visit_enum(Choice::by_number(self, ty)?);
        }
        let contents = self.contents()?;
        visitor.visit_enum(Choice::find(self, &contents, ty)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}
