//! Reads values of known types, in one pass over the text.

mod choice;
mod sequence;
mod structure;
mod zero;

use polywire_schema::{Field, Kind, Schema, Type, TypeRef};
use serde::Deserializer;
use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{IntoDeserializer, Visitor};

use self::choice::Choice;
use self::sequence::{Items, Slots, read_slots};
use self::structure::{Members, read_map};
use self::zero::Zero;
use super::cursor::Cursor;
use super::error::WrongType;
use super::names::{go_type, is_bytes, part};
use super::time::{self, Moment};
use super::{JsonError, Style, base64};
use crate::protobuf::form::{defaults_by_serde, is_bytes as is_proto_bytes, is_wrapped_root};

/// The fields on the way to a value, for error texts.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Self>,
    owner: &'static str,
    field: &'static Field,
}

/// One value to be read.
pub(super) struct Reader<'r, 'a> {
    cursor: &'r mut Cursor<'a>,
    ty: &'static Type,
    place: Option<&'r Place<'r>>,
    /// Whether protobuf wants exactly one value here, so that lists and their like are wrapped.
    single: bool,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(super) fn new(cursor: &'r mut Cursor<'a>, ty: &'static Type) -> Self {
        Self { cursor, ty, place: None, single: is_wrapped_root(ty) }
    }

    /// A value that may be a list or its like as it is.
    const fn at(
        cursor: &'r mut Cursor<'a>,
        ty: &'static Type,
        place: Option<&'r Place<'r>>,
    ) -> Self {
        Self { cursor, ty, place, single: false }
    }

    /// A value that stands alone.
    const fn alone(
        cursor: &'r mut Cursor<'a>,
        ty: &'static Type,
        place: Option<&'r Place<'r>>,
    ) -> Self {
        Self { cursor, ty, place, single: true }
    }

    /// The text in protobuf's wrapper of a value, and steps over the wrapper; `None` if the value
    /// is here as it is.
    fn unwrap(&mut self) -> Result<Option<Option<Cursor<'a>>>, JsonError> {
        let wrapped = self.single && is_wrapped_root(self.ty);
        if self.cursor.style != Style::Proto || !wrapped || self.cursor.peek()? != b'{' {
            return Ok(None);
        }
        let (mut value, mut first) = (None, true);
        self.cursor.enter()?;
        while self.cursor.key_follows(&mut first)? {
            let is_value = self.cursor.key()? == "value";
            let start = *self.cursor;
            self.cursor.skip()?;
            if is_value {
                value = Some(start);
            }
        }
        Ok(Some(value))
    }

    /// The error for a value of another type; `found` is what stands here unless given.
    fn wrong(&mut self, found: Option<String>) -> JsonError {
        let found = match found {
            Some(found) => found,
            None => match self.cursor.peek() {
                Err(end) => return end,
                Ok(b'"' | b'{' | b'[' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                    self.cursor.found().to_owned()
                }
                Ok(_) => return self.cursor.unexpected("looking for beginning of value"),
            },
        };
        let go = self.cursor.style == Style::Go;
        let expected = if go { go_type(self.ty) } else { self.ty.name() };
        let field = self.place.map(|place| place.describe(go)).unwrap_or_default();
        JsonError::WrongType(WrongType { found, expected, field, go })
    }

    /// Whether one of these bytes comes next; else the error for a value of another type.
    fn expect(&mut self, first: &[u8]) -> Result<(), JsonError> {
        let next = self.cursor.peek()?;
        if first.contains(&next) { Ok(()) } else { Err(self.wrong(None)) }
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, JsonError> {
        if self.cursor.style == Style::Proto {
            return self.lenient_number();
        }
        self.expect(b"-0123456789")?;
        let digits = self.cursor.number()?;
        digits.parse().map_err(|_| self.wrong(Some(format!("number {digits}"))))
    }

    /// A whole number, or text of one; `1e3` and `2.0` are whole.
    fn lenient_number<T: std::str::FromStr>(&mut self) -> Result<T, JsonError> {
        self.expect(b"\"-0123456789")?;
        let digits = match self.cursor.peek()? {
            b'"' => self.cursor.string()?,
            _ => self.cursor.number()?.into(),
        };
        let is_number = digits.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        let whole = || {
            let value: f64 = digits.parse().ok().filter(|value: &f64| value.fract() == 0.0)?;
            format!("{value:.0}").parse().ok()
        };
        let number = if is_number { digits.parse().ok().or_else(whole) } else { None };
        number.ok_or_else(|| {
            let digits: String = digits.chars().take(40).collect();
            self.wrong(Some(format!("number {digits}")))
        })
    }

    fn int<V: Visitor<'a>>(mut self, bits: u8, visitor: V) -> Result<V::Value, JsonError> {
        match bits {
            8 => visitor.visit_i8(self.number()?),
            16 => visitor.visit_i16(self.number()?),
            32 => visitor.visit_i32(self.number()?),
            128 => visitor.visit_i128(self.number()?),
            _ => visitor.visit_i64(self.number()?),
        }
    }

    fn uint<V: Visitor<'a>>(mut self, bits: u8, visitor: V) -> Result<V::Value, JsonError> {
        match bits {
            8 => visitor.visit_u8(self.number()?),
            16 => visitor.visit_u16(self.number()?),
            32 => visitor.visit_u32(self.number()?),
            128 => visitor.visit_u128(self.number()?),
            _ => visitor.visit_u64(self.number()?),
        }
    }

    fn float<V: Visitor<'a>>(mut self, bits: u8, visitor: V) -> Result<V::Value, JsonError> {
        let digits = if self.cursor.style == Style::Proto && self.cursor.peek()? == b'"' {
            let text = self.cursor.string()?;
            match text.as_ref() {
                "NaN" => return visitor.visit_f64(f64::NAN),
                "Infinity" => return visitor.visit_f64(f64::INFINITY),
                "-Infinity" => return visitor.visit_f64(f64::NEG_INFINITY),
                _ => text,
            }
        } else {
            self.expect(b"-0123456789")?;
            self.cursor.number()?.into()
        };
        let infinite = |reader: &mut Self| {
            let digits: String = digits.chars().take(40).collect();
            reader.wrong(Some(format!("number {digits}")))
        };
        if bits == 32 {
            match digits.parse::<f32>() {
                Ok(value) if value.is_finite() => visitor.visit_f32(value),
                _ => Err(infinite(&mut self)),
            }
        } else {
            match digits.parse::<f64>() {
                Ok(value) if value.is_finite() => visitor.visit_f64(value),
                _ => Err(infinite(&mut self)),
            }
        }
    }

    fn text<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.expect(b"\"")?;
        let text = self.cursor.string()?;
        if !matches!(self.ty.kind, Kind::Char) {
            return visitor.visit_str(&text);
        }
        if text.is_empty() && self.cursor.style == Style::Proto {
            return visitor.visit_char('\0');
        }
        let one = text.chars().nth(1).is_none() && !text.is_empty();
        if one { visitor.visit_str(&text) } else { Err(self.wrong(Some("string".to_owned()))) }
    }

    /// A whole number of any size: a number, or text of one.
    fn big_int<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.expect(b"\"-0123456789")?;
        match self.cursor.peek()? {
            b'"' => visitor.visit_str(&self.cursor.string()?),
            _ => visitor.visit_str(self.cursor.number()?),
        }
    }

    /// Whatever is here, and within it whatever is there.
    fn any<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        match self.cursor.peek()? {
            b'"' => visitor.visit_str(&self.cursor.string()?),
            b't' | b'f' => visitor.visit_bool(self.cursor.bool()?),
            b'[' => {
                let item = self.ty;
                Items::read(self, item, visitor)
            }
            b'{' => {
                let value = self.ty;
                read_map(self, String::TYPE, value, visitor)
            }
            b'-' | b'0'..=b'9' => {
                let digits = self.cursor.number()?;
                if let Ok(number) = digits.parse() {
                    return visitor.visit_i64(number);
                }
                if let Ok(number) = digits.parse() {
                    return visitor.visit_u64(number);
                }
                match digits.parse::<f64>() {
                    Ok(number) if number.is_finite() => visitor.visit_f64(number),
                    _ => {
                        let digits: String = digits.chars().take(40).collect();
                        Err(self.wrong(Some(format!("number {digits}"))))
                    }
                }
            }
            _ if self.cursor.null()? => visitor.visit_unit(),
            _ => Err(self.wrong(None)),
        }
    }

    /// Base64 text, or an array of numbers.
    fn bytes<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        let is_list = matches!(self.ty.kind, Kind::List(_) | Kind::Array(..));
        self.expect(b"\"[")?;
        if self.cursor.peek()? == b'"' {
            let text = self.cursor.string()?;
            let bytes = match self.cursor.style {
                Style::Proto => base64::decode_any(&text)?,
                Style::Serde | Style::Go => base64::decode(&text)?,
            };
            if let Kind::Array(_, len) = self.ty.kind
                && len != bytes.len()
            {
                return Err(self.wrong(Some(format!("string of {} bytes", bytes.len()))));
            }
            return if is_list {
                visitor.visit_seq(SeqDeserializer::new(bytes.into_iter()))
            } else {
                visitor.visit_byte_buf(bytes)
            };
        }
        if is_list {
            return Items::read(self, u8::TYPE, visitor);
        }
        let mut bytes = Vec::new();
        let mut first = true;
        self.cursor.enter()?;
        while self.cursor.item_follows(&mut first)? {
            bytes.push(self.number()?);
        }
        visitor.visit_byte_buf(bytes)
    }

    /// A duration: nanoseconds, serde's object, or protobuf's text.
    fn duration<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        if self.cursor.style == Style::Proto && self.cursor.peek()? == b'"' {
            let text = self.cursor.string()?;
            return match time::parse_duration(&text) {
                Some(parts) => clock(visitor, parts),
                None => Err(self.wrong(Some("string".to_owned()))),
            };
        }
        if self.cursor.peek()? == b'{' {
            return clock(visitor, self.clock_object(["secs", "nanos"])?);
        }
        let nanos: u64 = self.number()?;
        clock(visitor, [nanos / 1_000_000_000, nanos % 1_000_000_000])
    }

    /// A time for std's type, which begins in 1970: RFC 3339 text, or serde's object.
    fn time<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        if self.cursor.peek()? == b'{' {
            let names = ["secs_since_epoch", "nanos_since_epoch"];
            return clock(visitor, self.clock_object(names)?);
        }
        self.expect(b"\"")?;
        let text = self.cursor.string()?;
        let Moment { seconds, nanos } = time::parse(&text)?;
        // Go's zero time, the year 1, is how its programs say "no time".
        let seconds = if time::ZERO.seconds == seconds { 0 } else { seconds };
        match u64::try_from(seconds) {
            Ok(seconds) => clock(visitor, [seconds, nanos.into()]),
            Err(_) => {
                Err(JsonError::Time { text: text.chars().take(40).collect(), why: "before 1970" })
            }
        }
    }

    fn clock_object(&mut self, names: [&str; 2]) -> Result<[u64; 2], JsonError> {
        let (mut parts, mut first) = ([0; 2], true);
        self.cursor.enter()?;
        while self.cursor.key_follows(&mut first)? {
            let key = self.cursor.key()?;
            match names.iter().position(|name| *name == key).and_then(|at| parts.get_mut(at)) {
                Some(part) => *part = self.number()?,
                None => self.cursor.skip()?,
            }
        }
        Ok(parts)
    }

    /// Whether a null is here that stands for the zero value.
    fn is_zero(&mut self) -> Result<bool, JsonError> {
        Ok(self.cursor.style.fills_zeros() && self.cursor.null()?)
    }

    fn zero(&self) -> Zero {
        Zero { ty: self.ty, style: self.cursor.style }
    }

    fn is_bytes(&self) -> bool {
        match self.cursor.style {
            Style::Proto => is_proto_bytes(self.ty),
            Style::Serde | Style::Go => is_bytes(self.ty),
        }
    }

    fn by_type<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        if let Some(value) = self.unwrap()? {
            return match value {
                Some(mut cursor) => Reader::at(&mut cursor, self.ty, self.place).by_type(visitor),
                None => self.zero().deserialize_any(visitor),
            };
        }
        if let Kind::Option(item) = self.ty.kind {
            return if self.cursor.null()? {
                visitor.visit_none()
            } else {
                visitor.visit_some(Self { ty: item(), single: true, ..self })
            };
        }
        if self.is_zero()? {
            return self.zero().deserialize_any(visitor);
        }
        match self.ty.kind {
            Kind::Unit => {
                self.cursor.skip()?;
                visitor.visit_unit()
            }
            Kind::Bool => {
                self.expect(b"tf")?;
                visitor.visit_bool(self.cursor.bool()?)
            }
            Kind::Int(bits) => self.int(bits, visitor),
            Kind::Uint(bits) => self.uint(bits, visitor),
            Kind::Float(bits) => self.float(bits, visitor),
            Kind::Complex(bits) => read_slots(self, Slots::Same(part(bits), 2), visitor),
            Kind::BigInt => self.big_int(visitor),
            Kind::Any => self.any(visitor),
            Kind::Duration => self.duration(visitor),
            Kind::List(_) | Kind::Array(..) | Kind::Bytes if self.is_bytes() => self.bytes(visitor),
            Kind::List(item) => {
                self.expect(b"[")?;
                Items::read(self, item(), visitor)
            }
            Kind::Map(key, value) => {
                self.expect(b"{")?;
                read_map(self, key(), value(), visitor)
            }
            Kind::Array(item, len) => read_slots(self, Slots::Same(item, len), visitor),
            Kind::Tuple(items) => read_slots(self, Slots::Types(items), visitor),
            Kind::Struct(ty) => Members::read(self, ty, visitor),
            _ => self.text(visitor),
        }
    }
}

fn clock<'a, V: Visitor<'a>>(visitor: V, parts: [u64; 2]) -> Result<V::Value, JsonError> {
    visitor.visit_seq(SeqDeserializer::new(parts.into_iter()))
}

impl Place<'_> {
    /// The field as Go 1.19 to 1.26 print it: the innermost struct, then the whole path.
    fn describe(&self, go: bool) -> String {
        let mut path = Vec::new();
        let mut next = Some(self);
        while let Some(place) = next {
            path.push(if go { place.field.go } else { place.field.serde });
            next = place.parent;
        }
        path.push(self.owner);
        path.reverse();
        path.join(".")
    }
}

macro_rules! by_type {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, JsonError> {
            self.by_type(visitor)
        })*
    };
}

impl<'a> Deserializer<'a> for Reader<'_, 'a> {
    type Error = JsonError;

    by_type! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_seq
        deserialize_map deserialize_identifier
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.ty.kind {
            Kind::Option(_) => self.by_type(visitor),
            _ if self.cursor.null()? => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.cursor.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'a>>(
        mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if self.is_zero()? {
            return self.zero().deserialize_tuple(len, visitor);
        }
        match self.ty.kind {
            Kind::Struct(ty) => read_slots(self, Slots::Fields(ty), visitor),
            _ => self.by_type(visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        mut self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if !matches!(self.ty.kind, Kind::Time) {
            return self.by_type(visitor);
        }
        if self.is_zero()? { clock(visitor, [0; 2]) } else { self.time(visitor) }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        mut self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let Kind::Enum(ty) = self.ty.kind else { return Err(JsonError::Schema(self.ty.name())) };
        if let Some(value) = self.unwrap()? {
            return match value {
                Some(mut cursor) => {
                    let reader = Reader::at(&mut cursor, self.ty, self.place);
                    visitor.visit_enum(Choice::find(reader, ty)?)
                }
                None => visitor.visit_enum(Choice::zero(ty)?),
            };
        }
        if self.cursor.style == Style::Proto && ty.is_unit_only() && self.cursor.null()? {
            return visitor.visit_enum(Choice::zero(ty)?);
        }
        visitor.visit_enum(Choice::find(self, ty)?)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.cursor.skip()?;
        visitor.visit_unit()
    }
}

/// A field's name as serde knows it.
fn name<'a>(name: &'static str) -> StrDeserializer<'a, JsonError> {
    name.into_deserializer()
}

/// Whether a field that a peer left out has a zero value that serde does not know better.
fn has_zero(field: &Field, style: Style) -> bool {
    let ty = (field.ty)();
    match (style, ty.kind) {
        (Style::Proto, Kind::Enum(inner)) if !inner.is_unit_only() => false,
        (Style::Proto, _) => !defaults_by_serde(field, ty),
        (_, Kind::Option(_) | Kind::Enum(_)) => false,
        _ => !field.has_default,
    }
}

/// A reference to a type, called.
fn called(ty: TypeRef) -> &'static Type {
    ty()
}
