//! The forms of Google's well-known types.

use std::fmt;
use std::str::FromStr;

use polywire_schema::{EnumType, Field, Kind, Schema, StructType, Type, Variant, VariantShape};
use prost_types::value::Kind as ValueKind;
use prost_types::{ListValue, Struct, Value};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
use serde_json::Value as Json;

use super::fields::{Fields, Source};
use super::{Enumeration, Files, Form, Many, Plain, Raw, deserialize, put, serialize};

/// A `google.protobuf.Timestamp` as RFC 3339 text, which every encoding makes its own kind of time.
#[derive(Debug)]
pub struct Timestamp;

impl Schema for Timestamp {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Time);
}

impl Form<prost_types::Timestamp> for Timestamp {
    fn write<S: Serializer>(value: &prost_types::Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<prost_types::Timestamp, D::Error> {
        from.deserialize_str(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = prost_types::Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time in RFC 3339")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        // What is absent is text without a letter to some.
        if text.is_empty() {
            return Ok(Self::Value::default());
        }
        prost_types::Timestamp::from_str(text).map_err(E::custom)
    }
}

/// A `google.protobuf.Duration` in nanoseconds.
#[derive(Debug)]
pub struct Duration;

impl Schema for Duration {
    const TYPE: &'static Type = i64::TYPE;
}

impl Form<prost_types::Duration> for Duration {
    fn write<S: Serializer>(value: &prost_types::Duration, to: S) -> Result<S::Ok, S::Error> {
        let nanos = value.seconds.checked_mul(NANOS);
        match nanos.and_then(|nanos| nanos.checked_add(value.nanos.into())) {
            Some(nanos) => to.serialize_i64(nanos),
            None => Err(S::Error::custom("a duration of more than 292 years")),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<prost_types::Duration, D::Error> {
        let nanos = i64::deserialize(from)?;
        let rest = i32::try_from(nanos % NANOS).map_err(D::Error::custom)?;
        Ok(prost_types::Duration { seconds: nanos / NANOS, nanos: rest })
    }
}

const NANOS: i64 = 1_000_000_000;

/// A `google.protobuf.Struct`, `Value` or `ListValue` as JSON in a text, since it may hold anything
/// where typed encodings want to know what.
#[derive(Debug)]
pub struct JsonText;

impl Schema for JsonText {
    const TYPE: &'static Type = String::TYPE;
}

impl Form<Value> for JsonText {
    fn write<S: Serializer>(value: &Value, to: S) -> Result<S::Ok, S::Error> {
        json(value).map_err(S::Error::custom)?.to_string().serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(Value { kind: Some(ValueKind::NullValue(0)) });
        }
        serde_json::from_str(&text).map(value).map_err(D::Error::custom)
    }
}

impl Form<Struct> for JsonText {
    fn write<S: Serializer>(value: &Struct, to: S) -> Result<S::Ok, S::Error> {
        object(value).map_err(S::Error::custom)?.to_string().serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Struct, D::Error> {
        match <Self as Form<Value>>::read(from)?.kind {
            Some(ValueKind::StructValue(value)) => Ok(value),
            Some(ValueKind::NullValue(_)) => Ok(Struct::default()),
            _ => Err(D::Error::custom("expected a JSON object")),
        }
    }
}

impl Form<ListValue> for JsonText {
    fn write<S: Serializer>(value: &ListValue, to: S) -> Result<S::Ok, S::Error> {
        array(value).map_err(S::Error::custom)?.to_string().serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<ListValue, D::Error> {
        match <Self as Form<Value>>::read(from)?.kind {
            Some(ValueKind::ListValue(value)) => Ok(value),
            Some(ValueKind::NullValue(_)) => Ok(ListValue::default()),
            _ => Err(D::Error::custom("expected a JSON array")),
        }
    }
}

fn json(value: &Value) -> Result<Json, &'static str> {
    match &value.kind {
        None | Some(ValueKind::NullValue(_)) => Ok(Json::Null),
        Some(ValueKind::BoolValue(value)) => Ok(Json::Bool(*value)),
        Some(ValueKind::StringValue(text)) => Ok(Json::String(text.clone())),
        Some(ValueKind::StructValue(value)) => object(value),
        Some(ValueKind::ListValue(value)) => array(value),
        Some(ValueKind::NumberValue(number)) => serde_json::Number::from_f64(*number)
            .map(Json::Number)
            .ok_or("JSON has no NaN and no infinity"),
    }
}

fn object(value: &Struct) -> Result<Json, &'static str> {
    let fields = value.fields.iter().map(|(name, value)| Ok((name.clone(), json(value)?)));
    fields.collect::<Result<_, _>>().map(Json::Object)
}

fn array(value: &ListValue) -> Result<Json, &'static str> {
    value.values.iter().map(json).collect::<Result<_, _>>().map(Json::Array)
}

fn value(json: Json) -> Value {
    let kind = match json {
        Json::Null => ValueKind::NullValue(0),
        Json::Bool(value) => ValueKind::BoolValue(value),
        // Without arbitrary precision every number of serde_json is a float too.
        Json::Number(number) => ValueKind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => ValueKind::StringValue(text),
        Json::Array(items) => {
            ValueKind::ListValue(ListValue { values: items.into_iter().map(value).collect() })
        }
        Json::Object(fields) => ValueKind::StructValue(Struct {
            fields: fields.into_iter().map(|(name, field)| (name, value(field))).collect(),
        }),
    };
    Value { kind: Some(kind) }
}

/// A `google.protobuf.Empty` as a struct without fields, which unlike `()` is not null in JSON.
#[derive(Debug)]
pub struct Empty;

impl Schema for Empty {
    const TYPE: &'static Type =
        &Type::new::<Self>(Kind::Struct(&StructType::new("Empty", "Empty", &[])));
}

impl Form<()> for Empty {
    fn write<S: Serializer>(_: &(), to: S) -> Result<S::Ok, S::Error> {
        to.serialize_struct("Empty", 0)?.end()
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
        from.deserialize_struct("Empty", &[], NoFields)
    }
}

struct NoFields;

impl<'de> Visitor<'de> for NoFields {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message without fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Makes a form of one of Google's messages out of its fields.
macro_rules! record {
    ($form:ident, $message:ident, $docs:literal) => {
        #[doc = $docs]
        #[derive(Debug)]
        pub struct $form;

        impl Schema for $form {
            const TYPE: &'static Type =
                &Type::new::<Self>(Kind::Struct(<prost_types::$message as Fields>::STRUCT));
        }

        impl Form<prost_types::$message> for $form {
            fn write<S: Serializer>(
                value: &prost_types::$message,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                serialize(value, to)
            }

            fn read<'de, D: Deserializer<'de>>(from: D) -> Result<prost_types::$message, D::Error> {
                deserialize(from)
            }
        }
    };
}

record!(Any, Any, "A `google.protobuf.Any` as its two fields: the type, and the bytes.");
record!(FieldMask, FieldMask, "A `google.protobuf.FieldMask` as its list of paths.");

/// Of messages that stand within others only, so that nobody asks.
static NO_FILES: Files = Files::new(&[]);

impl Fields for prost_types::Any {
    const STRUCT: &'static StructType = &StructType::new(
        "Any",
        "Any",
        &[
            Field::new(["type_url", "TypeUrl", "typeUrl", "type_url"], 1, String::schema),
            Field::new(["value", "Value", "value", "value"], 2, Raw::schema),
        ],
    );
    const NAMES: &'static [&'static str] = &["type_url", "value"];
    const FULL_NAME: &'static str = "google.protobuf.Any";

    fn files() -> &'static Files {
        &NO_FILES
    }

    fn put<S: SerializeStruct>(&self, to: &mut S) -> Result<(), S::Error> {
        put::<Plain<String>, _, S>(to, "type_url", &self.type_url)?;
        put::<Raw, _, S>(to, "value", &self.value)
    }

    fn take<'de, S: Source<'de>>(&mut self, field: usize, from: &mut S) -> Result<(), S::Error> {
        match field {
            0 => self.type_url = from.next::<Plain<String>, _>()?,
            1 => self.value = from.next::<Raw, _>()?,
            _ => {}
        }
        Ok(())
    }
}

impl Fields for prost_types::FieldMask {
    const STRUCT: &'static StructType = &StructType::new(
        "FieldMask",
        "FieldMask",
        &[Field::new(["paths", "Paths", "paths", "paths"], 1, Many::<Plain<String>>::schema)],
    );
    const NAMES: &'static [&'static str] = &["paths"];
    const FULL_NAME: &'static str = "google.protobuf.FieldMask";

    fn files() -> &'static Files {
        &NO_FILES
    }

    fn put<S: SerializeStruct>(&self, to: &mut S) -> Result<(), S::Error> {
        put::<Many<Plain<String>>, _, S>(to, "paths", &self.paths)
    }

    fn take<'de, S: Source<'de>>(&mut self, field: usize, from: &mut S) -> Result<(), S::Error> {
        if field == 0 {
            self.paths = from.next::<Many<Plain<String>>, _>()?;
        }
        Ok(())
    }
}

impl Enumeration for prost_types::NullValue {
    const VALUES: &'static [(&'static str, i32)] = &[("NULL_VALUE", 0)];
    const ENUM: &'static EnumType = &EnumType::new(
        "NullValue",
        "NullValue",
        &[Variant::new("NULL_VALUE", "NULL_VALUE", 0, VariantShape::Unit)],
    );
}
