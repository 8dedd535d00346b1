//! Arrays, objects and maps while they are being written.

use polywire_schema::{Field, Kind, Type, TypeRef};
use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};
use serde_json::Value;

use super::super::names::{self, is_bytes};
use super::super::{JsonError, Style, base64};
use super::text::{put_display, put_name, put_string};
use super::{Around, Spot, Writer, put_clock};
use crate::protobuf::form::defaults_by_serde;

/// A list; one of bytes becomes base64.
pub(in super::super) struct ListWriter<'w> {
    out: &'w mut Vec<u8>,
    spot: Spot,
    item: &'static Type,
    bytes: Option<Vec<u8>>,
    first: bool,
    around: Around,
}

impl<'w> ListWriter<'w> {
    pub(super) fn new(writer: Writer<'w>, item: &'static Type, around: Around) -> Self {
        let Writer { out, ty, spot } = writer;
        let bytes = is_bytes(ty).then(Vec::new);
        out.push(if bytes.is_some() { b'"' } else { b'[' });
        Self { out, spot: spot.single(), item, bytes, first: true, around }
    }
}

impl SerializeSeq for ListWriter<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        if let Some(bytes) = &mut self.bytes {
            bytes.push(u8::try_from(whole(value)?).map_err(JsonError::custom)?);
            return Ok(());
        }
        comma(self.out, &mut self.first);
        value.serialize(Writer { out: &mut *self.out, ty: self.item, spot: self.spot })
    }

    fn end(self) -> Result<(), JsonError> {
        match self.bytes {
            Some(bytes) => {
                base64::encode(&bytes, self.out);
                self.out.push(b'"');
            }
            None => self.out.push(b']'),
        }
        self.around.close(self.out);
        Ok(())
    }
}

/// Values by position: the elements of an array, or the fields `F0`, `F1` and so on of a tuple.
pub(in super::super) struct SlotsWriter<'w> {
    out: &'w mut Vec<u8>,
    spot: Spot,
    slots: Slots,
    next: usize,
    first: bool,
    close: &'static str,
    around: Around,
}

enum Slots {
    Array(TypeRef),
    Named(&'static [TypeRef]),
    Fields(&'static [Field]),
    /// Bytes until now, to be base64.
    Bytes(Vec<u8>),
}

impl<'w> SlotsWriter<'w> {
    const fn new(out: &'w mut Vec<u8>, spot: Spot, slots: Slots, close: &'static str) -> Self {
        Self { out, spot, slots, next: 0, first: true, close, around: Around::NOTHING }
    }

    pub(super) fn array(out: &'w mut Vec<u8>, spot: Spot, item: TypeRef, around: Around) -> Self {
        Self { around, ..Self::new(out, spot.single(), Slots::Array(item), "]") }
    }

    pub(super) fn bytes(out: &'w mut Vec<u8>, spot: Spot) -> Self {
        out.push(b'"');
        Self::new(out, spot, Slots::Bytes(Vec::new()), "\"")
    }

    pub(super) const fn named(
        out: &'w mut Vec<u8>,
        spot: Spot,
        items: &'static [TypeRef],
        close: &'static str,
    ) -> Self {
        Self::new(out, spot.field(), Slots::Named(items), close)
    }

    pub(super) const fn fields(out: &'w mut Vec<u8>, spot: Spot, fields: &'static [Field]) -> Self {
        Self::new(out, spot.field(), Slots::Fields(fields), "}")
    }

    fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        let at = self.next;
        self.next += 1;
        let extra = || JsonError::Schema(format!("a tuple of {at}"));
        let (ty, field) = match &mut self.slots {
            Slots::Bytes(bytes) => {
                bytes.push(u8::try_from(whole(value)?).map_err(JsonError::custom)?);
                return Ok(());
            }
            Slots::Array(item) => (*item, None),
            Slots::Named(items) => (*items.get(at).ok_or_else(extra)?, None),
            Slots::Fields(fields) => {
                let field = fields.get(at).ok_or_else(extra)?;
                (field.ty, Some(field))
            }
        };
        let before = (self.out.len(), self.first);
        comma(self.out, &mut self.first);
        match (&self.slots, field, self.spot.style) {
            (_, Some(field), style) => put_field(self.out, field, style),
            (Slots::Named(_), None, style) => {
                let letter = if style == Style::Proto { 'f' } else { 'F' };
                put_display(self.out, format_args!("\"{letter}{at}\":"));
            }
            _ => {}
        }
        let start = self.out.len();
        value.serialize(Writer { out: &mut *self.out, ty: ty(), spot: self.spot })?;
        let member = !matches!(self.slots, Slots::Array(_));
        if member && leaves_out(self.spot, ty(), field, self.out.get(start..)) {
            self.out.truncate(before.0);
            self.first = before.1;
        }
        Ok(())
    }

    fn close(self) -> Result<(), JsonError> {
        if let Slots::Bytes(bytes) = &self.slots {
            base64::encode(bytes, self.out);
        }
        self.out.extend_from_slice(self.close.as_bytes());
        self.around.close(self.out);
        Ok(())
    }
}

macro_rules! slots {
    ($($name:ident $method:ident),* $(,)?) => {
        $(impl $name for SlotsWriter<'_> {
            type Ok = ();
            type Error = JsonError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
                self.put(value)
            }

            fn end(self) -> Result<(), JsonError> {
                self.close()
            }
        })*
    };
}

slots! {
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

/// A map; Go sorts the keys, so its entries are kept until the end.
pub(in super::super) struct MapWriter<'w> {
    out: &'w mut Vec<u8>,
    spot: Spot,
    types: [&'static Type; 2],
    key: String,
    entries: Vec<(String, Vec<u8>)>,
    around: Around,
}

impl<'w> MapWriter<'w> {
    pub(super) fn new(writer: Writer<'w>, types: [&'static Type; 2], around: Around) -> Self {
        let Writer { out, spot, .. } = writer;
        Self { out, spot: spot.single(), types, key: String::new(), entries: Vec::new(), around }
    }
}

impl SerializeMap for MapWriter<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonError> {
        let [ty, _] = self.types;
        self.key = match serde_json::to_value(key).map_err(JsonError::custom)? {
            Value::String(text) => match (ty.kind, self.spot.style) {
                // Protobuf has no enums as keys, so that their numbers stand for them.
                (Kind::Enum(ty), Style::Proto) => names::variant(ty.variants, &text)
                    .map_or(text, |variant| variant.number.to_string()),
                _ => text,
            },
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(JsonError::UnsupportedValue("a map key that is no scalar".to_owned()));
            }
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        let mut bytes = Vec::new();
        let [_, ty] = self.types;
        value.serialize(Writer { out: &mut bytes, ty, spot: self.spot })?;
        self.entries.push((std::mem::take(&mut self.key), bytes));
        Ok(())
    }

    fn end(mut self) -> Result<(), JsonError> {
        self.entries.sort_by(|a, b| a.0.cmp(&b.0));
        self.out.push(b'{');
        let mut first = true;
        for (key, value) in &self.entries {
            comma(self.out, &mut first);
            put_string(self.out, key);
            self.out.push(b':');
            self.out.extend_from_slice(value);
        }
        self.out.push(b'}');
        self.around.close(self.out);
        Ok(())
    }
}

/// A struct with named fields, or serde's struct of a duration or time.
pub(in super::super) struct StructWriter<'w> {
    out: &'w mut Vec<u8>,
    spot: Spot,
    form: Form,
    first: bool,
}

enum Form {
    Fields { fields: &'static [Field], next: usize, close: &'static str },
    Clock { ty: &'static Type, parts: [u64; 2], next: usize },
}

impl<'w> StructWriter<'w> {
    pub(super) const fn fields(
        out: &'w mut Vec<u8>,
        spot: Spot,
        fields: &'static [Field],
        close: &'static str,
    ) -> Self {
        let form = Form::Fields { fields, next: 0, close };
        Self { out, spot: spot.field(), form, first: true }
    }

    pub(super) const fn clock(out: &'w mut Vec<u8>, ty: &'static Type, spot: Spot) -> Self {
        Self { out, spot, form: Form::Clock { ty, parts: [0; 2], next: 0 }, first: true }
    }

    fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), JsonError> {
        let field = match &mut self.form {
            Form::Fields { fields, next, .. } => {
                // Serde comes by in the order of declaration, with those it skips left out.
                let rest = fields.get(*next..).unwrap_or_default();
                let found = rest.iter().position(|field| field.serde == key);
                let Some(found) = found.map(|found| found + *next) else {
                    return Err(JsonError::Schema(format!("a struct with the field `{key}`")));
                };
                *next = found + 1;
                fields.get(found)
            }
            Form::Clock { parts, next, .. } => {
                if let Some(part) = parts.get_mut(*next) {
                    *part = whole(value)?;
                }
                *next += 1;
                None
            }
        };
        let Some(field) = field else { return Ok(()) };
        let before = (self.out.len(), self.first);
        comma(self.out, &mut self.first);
        put_field(self.out, field, self.spot.style);
        let (ty, start) = ((field.ty)(), self.out.len());
        value.serialize(Writer { out: &mut *self.out, ty, spot: self.spot })?;
        if leaves_out(self.spot, ty, Some(field), self.out.get(start..)) {
            self.out.truncate(before.0);
            self.first = before.1;
        }
        Ok(())
    }

    fn close(self) -> Result<(), JsonError> {
        match self.form {
            Form::Fields { close, .. } => {
                self.out.extend_from_slice(close.as_bytes());
                Ok(())
            }
            Form::Clock { ty, parts, .. } => put_clock(self.out, ty, self.spot.style, parts),
        }
    }
}

/// Writes a field's name and the colon behind it.
fn put_field(out: &mut Vec<u8>, field: &Field, style: Style) {
    match style {
        Style::Proto => put_name(out, names::proto_field(field)),
        Style::Go | Style::Serde => put_string(out, field.go),
    }
    out.push(b':');
}

/// Whether a field, now that its value is written, is to be taken back: in protobuf's form zero
/// values are not written.
fn leaves_out(spot: Spot, ty: &Type, field: Option<&Field>, text: Option<&[u8]>) -> bool {
    spot.style == Style::Proto
        && !field.is_some_and(|field| defaults_by_serde(field, ty))
        && text.is_some_and(|text| names::is_proto_zero(ty, text))
}

macro_rules! structs {
    ($($name:ident),* $(,)?) => {
        $(impl $name for StructWriter<'_> {
            type Ok = ();
            type Error = JsonError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), JsonError> {
                self.put(key, value)
            }

            fn end(self) -> Result<(), JsonError> {
                self.close()
            }
        })*
    };
}

structs!(SerializeStruct, SerializeStructVariant);

fn comma(out: &mut Vec<u8>, first: &mut bool) {
    if !std::mem::replace(first, false) {
        out.push(b',');
    }
}

/// The whole number a value serializes as.
fn whole<T: Serialize + ?Sized>(value: &T) -> Result<u64, JsonError> {
    let value = serde_json::to_value(value).map_err(JsonError::custom)?;
    value.as_u64().ok_or_else(|| JsonError::Schema("a whole number".to_owned()))
}
