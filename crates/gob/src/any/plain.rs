//! Values as formats without Go's types have them: numbers, text, lists, maps.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::Any;
use crate::big_int::BigInt;
use crate::table::OpaqueKind;
use crate::value::{Opaque, Shape, ShapeKind, Struct, Value};

/// Writes a value without its types.
pub(super) struct Plain<'a>(pub(super) &'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(n) => serializer.serialize_i64(*n),
            Value::Uint(n) => serializer.serialize_u64(*n),
            Value::Float(x) => serializer.serialize_f64(*x),
            Value::Complex(parts) => parts.serialize(serializer),
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::String(text) => serializer.serialize_str(&String::from_utf8_lossy(text)),
            Value::List(list) => serializer.collect_seq(list.items().iter().map(Plain)),
            Value::Map(map) => serializer
                .collect_map(map.entries().iter().map(|(key, value)| (Key(key), Plain(value)))),
            Value::Struct(of) => fields(of, &self.0.shape(), serializer),
            Value::Interface(None) => serializer.serialize_unit(),
            Value::Interface(Some(held)) => Plain(&held.value).serialize(serializer),
            Value::Opaque(opaque) => special(opaque, serializer),
        }
    }
}

/// A key of a map, as text, since formats may ask for it.
struct Key<'a>(&'a Value);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => serializer.serialize_str(&String::from_utf8_lossy(text)),
            other => serializer.collect_str(&format_args!("{other:?}")),
        }
    }
}

/// All fields of the type; those that were not sent are zero.
fn fields<S: Serializer>(of: &Struct, shape: &Shape, serializer: S) -> Result<S::Ok, S::Error> {
    let ShapeKind::Struct(all) = shape.kind() else {
        return serializer.collect_map(of.fields().map(|(name, value)| (name, Plain(value))));
    };
    let mut map = serializer.serialize_map(Some(all.len()))?;
    for (name, shape) in &all {
        match of.get(name) {
            Some(value) => map.serialize_entry(name, &Plain(value))?,
            None => map.serialize_entry(name, &Zero(shape))?,
        }
    }
    map.end()
}

/// What a field that was not sent holds. It may be a pointer, so that a struct is nothing.
struct Zero<'a>(&'a Shape);

impl Serialize for Zero<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.kind() {
            ShapeKind::Bool => serializer.serialize_bool(false),
            ShapeKind::Int | ShapeKind::Uint => serializer.serialize_u64(0),
            ShapeKind::Float => serializer.serialize_f64(0.0),
            ShapeKind::String => serializer.serialize_str(""),
            ShapeKind::Bytes => serializer.serialize_bytes(&[]),
            ShapeKind::Slice(_) => serializer.collect_seq([(); 0]),
            ShapeKind::Map(..) => serializer.collect_map([((), ()); 0]),
            _ => serializer.serialize_unit(),
        }
    }
}

/// A time as text, a whole number as such or as text; other types as their bytes.
fn special<S: Serializer>(opaque: &Opaque, serializer: S) -> Result<S::Ok, S::Error> {
    if opaque.kind() == OpaqueKind::Gob {
        if let Some(time) = opaque.as_time() {
            return serializer.serialize_str(&time.to_short_text());
        }
        if let Ok(number) = BigInt::from_gob(opaque.bytes())
            && !number.is_long()
        {
            return match number.to_i128().and_then(|number| i64::try_from(number).ok()) {
                Some(number) => serializer.serialize_i64(number),
                None => serializer.collect_str(&number),
            };
        }
    }
    serializer.serialize_bytes(opaque.bytes())
}

/// Reads a plain value, and gives it Go's types.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
    deserializer.deserialize_any(PlainVisitor)
}

/// A part of a plain value.
struct Part(Any);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: de::Error>(self, b: bool) -> Result<Any, E> {
        Ok(Any::new("bool", Value::Bool(b)))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Any, E> {
        Ok(Any::new("int", Value::Int(n)))
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Any, E> {
        match i64::try_from(n) {
            Ok(n) => self.visit_i64(n),
            Err(_) => Ok(Any::new("uint64", Value::Uint(n))),
        }
    }

    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Any, E> {
        Ok(Any::new("float64", Value::Float(x)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Any, E> {
        Ok(Any::new("string", Value::from(text)))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Any, E> {
        Ok(Any::new("[]uint8", Value::Bytes(bytes.into())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Any, E> {
        Ok(Any::nil())
    }

    fn visit_none<E: de::Error>(self) -> Result<Any, E> {
        Ok(Any::nil())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Any, D::Error> {
        read(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Any, D::Error> {
        read(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Any, A::Error> {
        let mut items = Vec::new();
        while let Some(Part(part)) = parts.next_element()? {
            items.push(Value::Interface(part.0));
        }
        Ok(Any::new("[]interface {}", Value::slice(&Shape::interface(), items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Any, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, Part(part))) = parts.next_entry::<String, Part>()? {
            entries.push((Value::from(key.as_str()), Value::Interface(part.0)));
        }
        let map = Value::map(&Shape::string(), &Shape::interface(), entries);
        Ok(Any::new("map[string]interface {}", map))
    }
}
