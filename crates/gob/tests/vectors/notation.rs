//! The notation of values in the captured vectors.

use polywire_gob::Value;
use serde_json::Value as Json;

use super::stream::hex;

/// Whether a value is what the notation says; absent fields have to be zero.
pub(crate) fn matches(value: Option<&Value>, json: &Json) -> bool {
    let Some(value) = value else { return is_zero(json) };
    match value {
        Value::Bool(b) => json.as_bool() == Some(*b),
        Value::Int(n) => json.as_i64() == Some(*n),
        Value::Uint(n) => json.as_u64() == Some(*n),
        Value::Float(x) => float(json).is_some_and(|expected| same(*x, expected)),
        Value::Complex(parts) => json["$complex"].as_array().is_some_and(|expected| {
            let [re, im] = &expected[..] else { return false };
            same(parts.0, float(re).unwrap()) && same(parts.1, float(im).unwrap())
        }),
        Value::Bytes(bytes) => match json {
            Json::Null => bytes.is_empty(),
            _ => json["$bytes"].as_str().map(hex).is_some_and(|expected| **bytes == expected[..]),
        },
        Value::String(text) => match json {
            Json::String(expected) => **text == *expected.as_bytes(),
            _ => json["$string_hex"].as_str().map(hex).is_some_and(|other| **text == other[..]),
        },
        Value::List(list) => match json {
            Json::Null => list.items().is_empty(),
            Json::Array(all) => {
                let items = list.items();
                items.len() == all.len()
                    && items.iter().zip(all).all(|(item, json)| matches(Some(item), json))
            }
            _ => false,
        },
        Value::Map(map) => match json {
            Json::Null => map.entries().is_empty(),
            _ => json["$map"].as_array().is_some_and(|all| {
                all.len() == map.entries().len()
                    && all.iter().all(|pair| {
                        map.entries().iter().any(|(key, value)| {
                            matches(Some(key), &pair[0]) && matches(Some(value), &pair[1])
                        })
                    })
            }),
        },
        Value::Struct(of) => json.as_object().is_some_and(|fields| {
            of.fields().all(|(name, _)| fields.contains_key(name))
                && fields.iter().all(|(name, json)| matches(of.get(name), json))
        }),
        Value::Interface(None) => json.is_null(),
        Value::Interface(Some(dynamic)) => {
            json.get("$iface").is_some() && matches(Some(&dynamic.value), &json["value"])
        }
        Value::Opaque(opaque) => json["bytes"].as_str().map(hex).as_deref() == Some(opaque.bytes()),
        other => panic!("no notation for {other:?}"),
    }
}

fn float(json: &Json) -> Option<f64> {
    match json.get("$float").and_then(Json::as_str) {
        Some("+Inf") => Some(f64::INFINITY),
        Some("-Inf") => Some(f64::NEG_INFINITY),
        Some("-0") => Some(-0.0),
        Some(_) => Some(f64::from_bits(u64::from_str_radix(json["bits"].as_str()?, 16).ok()?)),
        None => json.as_f64(),
    }
}

/// Bit for bit, but for the last digit, which reading the notation may round.
fn same(x: f64, expected: f64) -> bool {
    x.to_bits().abs_diff(expected.to_bits()) <= u64::from(x.is_normal())
}

fn is_zero(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Bool(b) => !b,
        Json::Number(n) => n.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(all) => all.iter().all(is_zero),
        Json::Object(fields) => match fields.iter().next() {
            Some((key, Json::Array(all))) if key == "$map" => all.is_empty(),
            Some((key, Json::Array(all))) if key == "$complex" => {
                all.iter().all(|part| float(part) == Some(0.0))
            }
            Some((key, Json::String(text))) if key == "$float" => text == "-0",
            Some((key, Json::String(bytes))) if key == "$bytes" => bytes.is_empty(),
            _ if fields.contains_key("$gob") || fields.contains_key("$binary") => true,
            _ => fields.values().all(is_zero),
        },
    }
}
