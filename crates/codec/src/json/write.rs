//! Writes values as Go's encoding/json does.

mod compound;
mod text;

use polywire_schema::{EnumType, Kind, StructType, Type, TypeRef, Variant, VariantShape};
use serde::{Serialize, Serializer};

use self::compound::{ListWriter, MapWriter, SlotsWriter, StructWriter};
use super::cursor::MAX_DEPTH;
use super::time::{self, Moment};
use super::{JsonError, base64};

/// Appends one value of a type.
pub(super) struct Writer<'w> {
    out: &'w mut Vec<u8>,
    ty: &'static Type,
    depth: usize,
}

impl<'w> Writer<'w> {
    pub(super) const fn new(out: &'w mut Vec<u8>, ty: &'static Type) -> Self {
        Self { out, ty, depth: 0 }
    }

    /// One level further in.
    fn deeper(self) -> Result<Self, JsonError> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep { limit: MAX_DEPTH });
        }
        Ok(Self { depth, ..self })
    }

    fn mismatch(&self) -> JsonError {
        JsonError::Schema(self.ty.name())
    }

    fn number(self, number: impl std::fmt::Display) -> Result<(), JsonError> {
        text::put_display(self.out, number);
        Ok(())
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
        text::put_string(inner.out, variant.go);
        inner.out.push(b':');
        Ok((inner, variant))
    }

    fn fields(self, ty: &'static StructType, close: &'static str) -> StructWriter<'w> {
        self.out.push(b'{');
        StructWriter::fields(self.out, self.depth, ty.fields, close)
    }

    fn items(self, items: &'static [TypeRef], close: &'static str) -> SlotsWriter<'w> {
        self.out.push(b'{');
        SlotsWriter::named(self.out, self.depth, items, close)
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
        text::put_f32(self.out, value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), JsonError> {
        text::put_f64(self.out, value)
    }

    fn serialize_char(self, value: char) -> Result<(), JsonError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), JsonError> {
        if matches!(self.ty.kind, Kind::Time) {
            text::put_string(self.out, &time::format(time::parse(value)?)?);
        } else {
            text::put_string(self.out, value);
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
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        match self.ty.kind {
            Kind::Option(item) => value.serialize(Writer { ty: item(), ..self }),
            _ => value.serialize(self),
        }
    }

    fn serialize_unit(self) -> Result<(), JsonError> {
        self.out.extend_from_slice(b"{}");
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
        if self.enum_type()?.is_unit_only() {
            return self.serialize_str(variant);
        }
        let (inner, _) = self.variant(variant)?;
        inner.out.extend_from_slice(b"true}");
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
        let Writer { out, depth, .. } = inner;
        value.serialize(Writer { out: &mut *out, ty: item(), depth })?;
        out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<ListWriter<'w>, JsonError> {
        let Kind::List(item) = self.ty.kind else { return Err(self.mismatch()) };
        Ok(ListWriter::new(self.deeper()?, item()))
    }

    fn serialize_tuple(self, _len: usize) -> Result<SlotsWriter<'w>, JsonError> {
        let inner = self.deeper()?;
        match inner.ty.kind {
            Kind::Array(item, _) => {
                inner.out.push(b'[');
                Ok(SlotsWriter::array(inner.out, inner.depth, item))
            }
            Kind::Tuple(items) => Ok(inner.items(items, "}")),
            Kind::Struct(ty) => {
                inner.out.push(b'{');
                Ok(SlotsWriter::fields(inner.out, inner.depth, ty.fields))
            }
            _ => Err(inner.mismatch()),
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
        let Kind::Map(_, value) = self.ty.kind else { return Err(self.mismatch()) };
        Ok(MapWriter::new(self.deeper()?, value()))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<StructWriter<'w>, JsonError> {
        match self.ty.kind {
            Kind::Struct(ty) => Ok(self.deeper()?.fields(ty, "}")),
            Kind::Duration | Kind::Time => Ok(StructWriter::clock(self.out, self.ty)),
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
fn put_clock(out: &mut Vec<u8>, ty: &Type, [seconds, nanos]: [u64; 2]) -> Result<(), JsonError> {
    let too_far = || JsonError::UnsupportedValue(format!("{seconds} seconds"));
    if matches!(ty.kind, Kind::Duration) {
        let total = u128::from(seconds) * 1_000_000_000 + u128::from(nanos);
        text::put_display(out, i64::try_from(total).map_err(|_| too_far())?);
        return Ok(());
    }
    let seconds = i64::try_from(seconds).map_err(|_| too_far())?;
    let nanos = u32::try_from(nanos).map_err(|_| too_far())?;
    text::put_string(out, &time::format(Moment { seconds, nanos })?);
    Ok(())
}
