//! Gob to JSON, for people and scripts to read.

use polywire::gob::{Dynamic, Shape as GobShape, ShapeKind, Struct, Timestamp, Value};
use polywire::reflection::{FieldInfo, Shape, VariantInfo};
use serde_json::{Map, Value as Json};

use super::{Known, base64};

/// Turns a reply into JSON. Fields have serde's names if the type is known, else Go's; what gob left
/// out is there as its zero value.
pub(crate) fn to_json(value: &Value, known: Option<Known<'_>>) -> Json {
    let known = known.map(Known::held);
    match value {
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Uint(value) => Json::from(*value),
        Value::Float(value) => serde_json::Number::from_f64(*value)
            .map_or_else(|| value.to_string().into(), Json::Number),
        Value::Complex(parts) => Json::from(vec![parts.0, parts.1]),
        Value::Bytes(bytes) => base64(bytes),
        Value::String(text) => String::from_utf8_lossy(text).into(),
        Value::List(list) => {
            let item = known.and_then(|known| known.item(0));
            list.items().iter().map(|value| to_json(value, item)).collect()
        }
        Value::Map(map) => {
            let item = known.and_then(|known| known.item(1));
            let entry = |(key, value): &(Value, Value)| (key_text(key), to_json(value, item));
            Json::Object(map.entries().iter().map(entry).collect())
        }
        Value::Struct(of) => record(of, &value.shape(), known),
        Value::Interface(None) => Json::Null,
        Value::Interface(Some(inner)) => interface(inner),
        Value::Opaque(opaque) => match (opaque.as_time(), opaque.as_big_int()) {
            (Some(time), _) => time_text(time).into(),
            (None, Some((negative, magnitude))) => big(negative, magnitude),
            (None, None) => base64(opaque.bytes()),
        },
        _ => format!("{value:?}").into(),
    }
}

impl<'d> Known<'d> {
    /// The type itself, or what it holds if it is optional.
    fn held(self) -> Self {
        match self.ty.shape {
            Shape::Option => self.item(0).map_or(self, Self::held),
            _ => self,
        }
    }

    /// Whether the value is one byte.
    pub(super) fn is_byte(self) -> bool {
        self.ty.shape == Shape::Uint && self.ty.bits == 8
    }

    /// Whether the value is an enum without data, which travels as a name.
    pub(super) fn is_name(self) -> bool {
        self.ty.variants.iter().all(|variant| variant.shape == Shape::Unit)
    }

    fn field(self, go: &str) -> Option<&'d FieldInfo> {
        self.ty.fields.iter().find(|field| field.go == go)
    }
}

fn record(of: &Struct, shape: &GobShape, known: Option<Known<'_>>) -> Json {
    if let Some(known) = known.filter(|known| known.ty.shape == Shape::Enum) {
        return choice(of, known);
    }
    if let Some(known) = known.filter(|known| known.ty.shape == Shape::Tuple) {
        let items = known.ty.items.iter().enumerate();
        return items
            .map(|(at, item)| match of.get(&format!("F{at}")) {
                Some(value) => to_json(value, known.at(*item)),
                None => Json::Null,
            })
            .collect();
    }
    let ShapeKind::Struct(fields) = shape.kind() else { return Json::Object(Map::new()) };
    let entries = fields.iter().map(|(go, shape)| {
        let field = known.and_then(|known| known.field(go));
        let ty = known.zip(field).and_then(|(known, field)| known.at(field.ty));
        let optional = ty.is_some_and(|ty| ty.ty.shape == Shape::Option);
        let value = match of.get(go) {
            Some(value) => to_json(value, ty),
            None if optional => Json::Null,
            None => zero(shape),
        };
        (field.map_or(go, |field| &field.name).clone(), value)
    });
    Json::Object(entries.collect())
}

/// A data-carrying enum: the one variant that is there.
fn choice(of: &Struct, known: Known<'_>) -> Json {
    let Some((go, value)) = of.fields().next() else { return Json::Null };
    let Some(variant) = known.ty.variants.iter().find(|variant| variant.go == go) else {
        return Json::Object(Map::from_iter([(go.to_owned(), to_json(value, None))]));
    };
    match variant.shape {
        Shape::Unit => variant.name.as_str().into(),
        _ => {
            let value = carried(value, variant, known);
            Json::Object(Map::from_iter([(variant.name.clone(), value)]))
        }
    }
}

fn carried(value: &Value, variant: &VariantInfo, known: Known<'_>) -> Json {
    if variant.shape == Shape::Option {
        return to_json(value, variant.items.first().and_then(|item| known.at(*item)));
    }
    let Value::Struct(of) = value else { return to_json(value, None) };
    let at = |go: &str| variant.fields.iter().find(|field| field.go == go);
    let named = |(go, value): (&str, &Value)| match at(go) {
        Some(field) => (field.name.clone(), to_json(value, known.at(field.ty))),
        None => (go.to_owned(), to_json(value, None)),
    };
    Json::Object(of.fields().map(named).collect())
}

/// What a field that was not sent holds.
fn zero(shape: &GobShape) -> Json {
    match shape.kind() {
        ShapeKind::Bool => false.into(),
        ShapeKind::Int | ShapeKind::Uint | ShapeKind::Float => 0.into(),
        ShapeKind::String | ShapeKind::Bytes => "".into(),
        ShapeKind::Slice(_) => Json::Array(Vec::new()),
        ShapeKind::Map(..) => Json::Object(Map::new()),
        _ => Json::Null,
    }
}

fn interface(inner: &Dynamic) -> Json {
    to_json(&inner.value, None)
}

fn key_text(key: &Value) -> String {
    match to_json(key, None) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

/// RFC 3339 with as many digits of the fraction as there are.
fn time_text(time: Timestamp) -> String {
    let text = time.to_text();
    let text = text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{text}Z")
}

/// Go's `big.Int`: a number if it fits, else hexadecimal text.
fn big(negative: bool, magnitude: &[u8]) -> Json {
    let digits: String = magnitude.iter().map(|byte| format!("{byte:02x}")).collect();
    let sign = if negative { "-" } else { "" };
    let digits = if digits.is_empty() { "0" } else { digits.as_str() };
    match i64::from_str_radix(&format!("{sign}{digits}"), 16) {
        Ok(number) => number.into(),
        Err(_) => format!("{sign}0x{digits}").into(),
    }
}
