//! Arrays, objects and maps while they are being written.

use polywire_schema::{Field, Type, TypeRef};
use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};
use serde_json::Value;

use super::super::names::is_bytes;
use super::super::{JsonError, base64};
use super::text::put_string;
use super::{Writer, put_clock};

/// A list; one of bytes becomes base64.
pub(in super::super) struct ListWriter<'w> {
    out: &'w mut Vec<u8>,
    depth: usize,
    item: &'static Type,
    bytes: Option<Vec<u8>>,
    first: bool,
}

impl<'w> ListWriter<'w> {
    pub(super) fn new(writer: Writer<'w>, item: &'static Type) -> Self {
        let Writer { out, ty, depth } = writer;
        let bytes = is_bytes(ty).then(Vec::new);
        out.push(if bytes.is_some() { b'"' } else { b'[' });
        Self { out, depth, item, bytes, first: true }
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
        value.serialize(Writer { out: &mut *self.out, ty: self.item, depth: self.depth })
    }

    fn end(self) -> Result<(), JsonError> {
        match self.bytes {
            Some(bytes) => {
                base64::encode(&bytes, self.out);
                self.out.push(b'"');
            }
            None => self.out.push(b']'),
        }
        Ok(())
    }
}

/// Values by position: the elements of an array, or the fields `F0`, `F1` and so on of a tuple.
pub(in super::super) struct SlotsWriter<'w> {
    out: &'w mut Vec<u8>,
    depth: usize,
    slots: Slots,
    next: usize,
    close: &'static str,
}

enum Slots {
    Array(TypeRef),
    Named(&'static [TypeRef]),
    Fields(&'static [Field]),
}

impl<'w> SlotsWriter<'w> {
    pub(super) const fn array(out: &'w mut Vec<u8>, depth: usize, item: TypeRef) -> Self {
        Self { out, depth, slots: Slots::Array(item), next: 0, close: "]" }
    }

    pub(super) const fn named(
        out: &'w mut Vec<u8>,
        depth: usize,
        items: &'static [TypeRef],
        close: &'static str,
    ) -> Self {
        Self { out, depth, slots: Slots::Named(items), next: 0, close }
    }

    pub(super) const fn fields(
        out: &'w mut Vec<u8>,
        depth: usize,
        fields: &'static [Field],
    ) -> Self {
        Self { out, depth, slots: Slots::Fields(fields), next: 0, close: "}" }
    }

    fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        let at = self.next;
        self.next += 1;
        comma(self.out, &mut (at == 0));
        let extra = || JsonError::Schema(format!("a tuple of {at}"));
        let ty = match self.slots {
            Slots::Array(item) => item,
            Slots::Named(items) => {
                put_string(self.out, &format!("F{at}"));
                self.out.push(b':');
                *items.get(at).ok_or_else(extra)?
            }
            Slots::Fields(fields) => {
                let field = fields.get(at).ok_or_else(extra)?;
                put_string(self.out, field.go);
                self.out.push(b':');
                field.ty
            }
        };
        value.serialize(Writer { out: &mut *self.out, ty: ty(), depth: self.depth })
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
                self.out.extend_from_slice(self.close.as_bytes());
                Ok(())
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
    depth: usize,
    value: &'static Type,
    key: String,
    entries: Vec<(String, Vec<u8>)>,
}

impl<'w> MapWriter<'w> {
    pub(super) fn new(writer: Writer<'w>, value: &'static Type) -> Self {
        let Writer { out, depth, .. } = writer;
        Self { out, depth, value, key: String::new(), entries: Vec::new() }
    }
}

impl SerializeMap for MapWriter<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonError> {
        self.key = match serde_json::to_value(key).map_err(JsonError::custom)? {
            Value::String(text) => text,
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
        value.serialize(Writer { out: &mut bytes, ty: self.value, depth: self.depth })?;
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
        Ok(())
    }
}

/// A struct with named fields, or serde's struct of a duration or time.
pub(in super::super) struct StructWriter<'w> {
    out: &'w mut Vec<u8>,
    depth: usize,
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
        depth: usize,
        fields: &'static [Field],
        close: &'static str,
    ) -> Self {
        Self { out, depth, form: Form::Fields { fields, next: 0, close }, first: true }
    }

    pub(super) const fn clock(out: &'w mut Vec<u8>, ty: &'static Type) -> Self {
        Self { out, depth: 0, form: Form::Clock { ty, parts: [0; 2], next: 0 }, first: true }
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
        if let Some(field) = field {
            comma(self.out, &mut self.first);
            put_string(self.out, field.go);
            self.out.push(b':');
            let (ty, depth) = ((field.ty)(), self.depth);
            value.serialize(Writer { out: &mut *self.out, ty, depth })?;
        }
        Ok(())
    }

    fn close(self) -> Result<(), JsonError> {
        match self.form {
            Form::Fields { close, .. } => {
                self.out.extend_from_slice(close.as_bytes());
                Ok(())
            }
            Form::Clock { ty, parts, .. } => put_clock(self.out, ty, parts),
        }
    }
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
