//! Writes values as Go's encoding/json does, or in protobuf's canonical form.

mod compound;
mod text;

use polywire_schema::{EnumType, Kind, Schema, StructType, Type, TypeRef, Variant, VariantShape};
use serde::{Serialize, Serializer};

use self::compound::{ListWriter, MapWriter, SlotsWriter, StructWriter};
use super::cursor::MAX_DEPTH;
use super::time::{self, Moment};
use super::{JsonError, Style, base64, names};
use crate::protobuf::form::{is_bytes, is_wrapped_root, spreads};

/// Where a value stands.
#[derive(Clone, Copy)]
struct Spot {
    style: Style,
    depth: usize,
    /// Whether protobuf wants exactly one value here, so that lists and their like are wrapped.
    single: bool,
}

impl Spot {
    const fn single(self) -> Self {
        Self { single: true, ..self }
    }

    const fn field(self) -> Self {
        Self { single: false, ..self }
    }
}

/// Appends one value of a type.
pub(super) struct Writer<'w> {
    out: &'w mut Vec<u8>,
    ty: &'static Type,
    spot: Spot,
}

impl<'w> Writer<'w> {
    pub(super) const fn new(out: &'w mut Vec<u8>, ty: &'static Type, style: Style) -> Self {
        Self { out, ty, spot: Spot { style, depth: 0, single: true } }
    }

    /// One level further in.
    fn deeper(self) -> Result<Self, JsonError> {
        let depth = self.spot.depth + 1;
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep { limit: MAX_DEPTH });
        }
        Ok(Self { spot: Spot { depth, ..self.spot }, ..self })
    }

    fn is_proto(&self) -> bool {
        self.spot.style == Style::Proto
    }

    /// Opens the message around a value that cannot stand here by itself.
    fn wrapped(self) -> Result<(Self, Around), JsonError> {
        let root = self.spot.depth == 0 && is_wrapped_root(self.ty);
        if !self.is_proto() || !self.spot.single || !(root || spreads(self.ty)) {
            return Ok((self, Around::NOTHING));
        }
        let inner = self.deeper()?;
        inner.out.push(b'{');
        let name = inner.out.len();
        inner.out.extend_from_slice(b"\"value\":");
        let around = Around { ty: Some(inner.ty), name, value: inner.out.len() };
        Ok((Self { spot: inner.spot.field(), ..inner }, around))
    }

    fn mismatch(&self) -> JsonError {
        JsonError::Schema(self.ty.name())
    }

    fn number(self, number: impl std::fmt::Display) -> Result<(), JsonError> {
        // Readers of protobuf's form may have only floats, which hold 53 bits.
        let quoted = self.is_proto() && matches!(self.ty.kind, Kind::Int(64..) | Kind::Uint(64..));
        let quote: &[u8] = if quoted { b"\"" } else { b"" };
        self.out.extend_from_slice(quote);
        text::put_display(self.out, number);
        self.out.extend_from_slice(quote);
        Ok(())
    }

    /// Text for a float that JSON has no number for; only protobuf's form has it.
    fn special(&self, value: f64) -> Option<&'static [u8]> {
        match value {
            _ if !self.is_proto() => None,
            value if value.is_nan() => Some(b"\"NaN\""),
            f64::INFINITY => Some(b"\"Infinity\""),
            f64::NEG_INFINITY => Some(b"\"-Infinity\""),
            _ => None,
        }
    }

    fn enum_type(&self) -> Result<&'static EnumType, JsonError> {
        match self.ty.kind {
            Kind::Enum(ty) => Ok(ty),
            _ => Err(self.mismatch()),
        }
    }

    /// Opens `{"Variant":`, behind which the variant's value goes.
    fn variant(self, serde: &str) -> Result<(Self, &'static Variant), JsonError> {
        let ty = self.enum_type()?;
        let variant = ty.variants.iter().find(|variant| variant.serde == serde);
        let Some(variant) = variant else { return Err(self.mismatch()) };
        let inner = self.deeper()?;
        inner.out.push(b'{');
        match inner.spot.style {
            Style::Proto => text::put_name(inner.out, names::proto_member(variant)),
            Style::Go | Style::Serde => text::put_string(inner.out, variant.go),
        }
        inner.out.push(b':');
        Ok((Self { spot: inner.spot.single(), ..inner }, variant))
    }

    fn fields(self, ty: &'static StructType, close: &'static str) -> StructWriter<'w> {
        self.out.push(b'{');
        StructWriter::fields(self.out, self.spot, ty.fields, close)
    }

    fn array(self, item: TypeRef) -> Result<SlotsWriter<'w>, JsonError> {
        let (array, around) = self.wrapped()?;
        let Writer { out, spot, .. } = array.deeper()?;
        out.push(b'[');
        Ok(SlotsWriter::array(out, spot, item, around))
    }

    fn items(self, items: &'static [TypeRef], close: &'static str) -> SlotsWriter<'w> {
        self.out.push(b'{');
        SlotsWriter::named(self.out, self.spot, items, close)
    }
}

/// The message around a value, to be closed behind it.
#[derive(Clone, Copy)]
struct Around {
    /// The type of the value, if there is a message at all.
    ty: Option<&'static Type>,
    /// Where the name of its only field begins, and where the value does.
    name: usize,
    value: usize,
}

impl Around {
    const NOTHING: Self = Self { ty: None, name: 0, value: 0 };

    fn close(self, out: &mut Vec<u8>) {
        let Some(ty) = self.ty else { return };
        if out.get(self.value..).is_some_and(|text| names::is_proto_zero(ty, text)) {
            out.truncate(self.name);
        }
        out.push(b'}');
    }
}

impl<'w> Serializer for Writer<'w> {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = ListWriter<'w>;
    type SerializeTuple = SlotsWriter<'w>;
    type SerializeTupleStruct = SlotsWriter<'w>;
    type SerializeTupleVariant = SlotsWriter<'w>;
    type SerializeMap = MapWriter<'w>;
    type SerializeStruct = StructWriter<'w>;
    type SerializeStructVariant = StructWriter<'w>;

    fn serialize_bool(self, value: bool) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), JsonError> {
        self.number(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), JsonError> {
        match self.special(value.into()) {
            Some(text) => self.out.extend_from_slice(text),
            None => text::put_f32(self.out, value)?,
        }
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), JsonError> {
        match self.special(value) {
            Some(text) => self.out.extend_from_slice(text),
            None => text::put_f64(self.out, value)?,
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), JsonError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), JsonError> {
        match self.ty.kind {
            Kind::Time => put_time(self.out, self.spot.style, time::parse(value)?)?,
            // Go's big.Int writes itself as a number.
            Kind::BigInt if self.spot.style == Style::Go => {
                self.out.extend_from_slice(value.as_bytes());
            }
            _ => text::put_string(self.out, value),
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), JsonError> {
        self.out.push(b'"');
        base64::encode(value, self.out);
        self.out.push(b'"');
        Ok(())
    }

    fn serialize_none(self) -> Result<(), JsonError> {
        let (Writer { out, .. }, around) = self.wrapped()?;
        out.extend_from_slice(b"null");
        around.close(out);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        let Kind::Option(item) = self.ty.kind else { return value.serialize(self) };
        let (Writer { out, spot, .. }, around) = self.wrapped()?;
        value.serialize(Writer { out: &mut *out, ty: item(), spot: spot.single() })?;
        around.close(out);
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), JsonError> {
        let is_any = matches!(self.ty.kind, Kind::Any);
        self.out.extend_from_slice(if is_any { b"null" } else { b"{}" });
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), JsonError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), JsonError> {
        let ty = self.enum_type()?;
        if !ty.is_unit_only() {
            let (inner, _) = self.variant(variant)?;
            inner.out.extend_from_slice(if inner.is_proto() { b"{}}" } else { b"true}" });
            return Ok(());
        }
        if !self.is_proto() {
            return self.serialize_str(variant);
        }
        let found = ty.variants.iter().find(|known| known.serde == variant);
        let Some(found) = found else { return Err(self.mismatch()) };
        let (Writer { out, .. }, around) = self.wrapped()?;
        text::put_name(out, names::proto_value(ty, found));
        around.close(out);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        let (inner, variant) = self.variant(variant)?;
        let VariantShape::Newtype(item) = variant.shape else { return Err(inner.mismatch()) };
        let Writer { out, spot, .. } = inner;
        value.serialize(Writer { out: &mut *out, ty: item(), spot })?;
        out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<ListWriter<'w>, JsonError> {
        let item = match self.ty.kind {
            Kind::List(item) => item(),
            Kind::Any => self.ty,
            _ => return Err(self.mismatch()),
        };
        let (list, around) = self.wrapped()?;
        Ok(ListWriter::new(list.deeper()?, item, around))
    }

    fn serialize_tuple(self, _len: usize) -> Result<SlotsWriter<'w>, JsonError> {
        match self.ty.kind {
            Kind::Array(..) if self.is_proto() && is_bytes(self.ty) => {
                Ok(SlotsWriter::bytes(self.out, self.spot))
            }
            Kind::Array(item, _) => self.array(item),
            Kind::Complex(bits) => self.array(names::part(bits)),
            // The only tuple in it is a complex number.
            Kind::Any => self.array(names::part(64)),
            Kind::Tuple(items) => Ok(self.deeper()?.items(items, "}")),
            Kind::Struct(ty) => {
                let Writer { out, spot, .. } = self.deeper()?;
                out.push(b'{');
                Ok(SlotsWriter::fields(out, spot, ty.fields))
            }
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<SlotsWriter<'w>, JsonError> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<SlotsWriter<'w>, JsonError> {
        let (inner, variant) = self.variant(variant)?;
        match variant.shape {
            VariantShape::Tuple(items) => Ok(inner.items(items, "}}")),
            _ => Err(inner.mismatch()),
        }
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<MapWriter<'w>, JsonError> {
        let types = match self.ty.kind {
            Kind::Map(key, value) => [key(), value()],
            Kind::Any => [String::TYPE, self.ty],
            _ => return Err(self.mismatch()),
        };
        let (map, around) = self.wrapped()?;
        Ok(MapWriter::new(map.deeper()?, types, around))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<StructWriter<'w>, JsonError> {
        match self.ty.kind {
            Kind::Struct(ty) => Ok(self.deeper()?.fields(ty, "}")),
            Kind::Duration | Kind::Time => Ok(StructWriter::clock(self.out, self.ty, self.spot)),
            _ => Err(self.mismatch()),
        }
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<StructWriter<'w>, JsonError> {
        let (inner, variant) = self.variant(variant)?;
        match variant.shape {
            VariantShape::Struct(ty) => Ok(inner.fields(ty, "}}")),
            _ => Err(inner.mismatch()),
        }
    }
}

/// Writes the seconds and nanoseconds that serde makes of a duration or time.
fn put_clock(
    out: &mut Vec<u8>,
    ty: &Type,
    style: Style,
    [seconds, nanos]: [u64; 2],
) -> Result<(), JsonError> {
    let too_far = || JsonError::UnsupportedValue(format!("{seconds} seconds"));
    let nanos = u32::try_from(nanos).map_err(|_| too_far())?;
    match (ty.kind, style) {
        (Kind::Duration, Style::Proto) => {
            text::put_string(out, &time::format_duration(seconds, nanos)?);
            Ok(())
        }
        (Kind::Duration, Style::Go | Style::Serde) => {
            let total = u128::from(seconds) * 1_000_000_000 + u128::from(nanos);
            text::put_display(out, i64::try_from(total).map_err(|_| too_far())?);
            Ok(())
        }
        _ => {
            let seconds = i64::try_from(seconds).map_err(|_| too_far())?;
            put_time(out, style, Moment { seconds, nanos })
        }
    }
}

fn put_time(out: &mut Vec<u8>, style: Style, moment: Moment) -> Result<(), JsonError> {
    let text = match style {
        Style::Proto => time::format_in_threes(moment)?,
        Style::Go | Style::Serde => time::format(moment)?,
    };
    text::put_string(out, &text);
    Ok(())
}
