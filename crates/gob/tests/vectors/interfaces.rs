//! Interfaces, complex numbers and big integers captured from Go, in typed structs.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::notation::matches;
use super::stream::{entries, frames, hex};
use polywire_gob::{
    Any, BigInt, Complex, Encoder, Schema, Value, decode, decode_value, encode, to_vec,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

macro_rules! structs {
    ($($name:ident $go:literal { $($field:ident: $ty:ty),* $(,)? })*) => {
        $(#[derive(Debug, Serialize, Deserialize, Schema)]
        #[schema(crate = "polywire_gob", go = $go)]
        struct $name { $($field: $ty),* })*
    };
}

structs! {
    AnyOne "Any" { i: Any }
    AnyTwo "Any2" { a: Any, b: Any, c: Any }
    AnyN "AnyN" { n: i64, i: Any, tail: String }
    ShapeBox "ShapeBox" { s: Any, ss: Vec<Any> }
    ErrBox "ErrBox" { e: Any }
}

/// Both Go versions' streams of an entry, decoded into a type, written again and read as a value.
fn again<T: DeserializeOwned + Serialize + Schema + Debug>(stream: &[u8]) -> Value {
    let frame = &frames(stream).unwrap()[0];
    let typed: T = decode(frame).unwrap();
    let mut encoder = Encoder::new(Vec::new());
    encoder.encode(&typed).unwrap();
    encoder.encode(&typed).unwrap();
    let sent = encoder.into_inner();
    // All types are known by the second time, and are not sent again.
    let (once, message) = (to_vec(&typed).unwrap(), encode(&typed).unwrap().0);
    assert_eq!(sent.len(), once.len() + message.len());
    let all = frames(&sent).unwrap();
    let values: Vec<Value> = all.iter().map(|frame| decode_value(frame).unwrap()).collect();
    // Text, since NaN equals nothing. Go does not send the name of a type met as a pointer.
    let text = |value: &Value| format!("{value:?}").replace("Int(", "(");
    assert_eq!(text(&values[0]), text(&decode_value(frame).unwrap()));
    assert_eq!(format!("{:?}", values[0]), format!("{:?}", values[1]));
    values.into_iter().next().unwrap()
}

fn mirror(go: &str) -> Option<fn(&[u8]) -> Value> {
    Some(match go.split(" where ").next().unwrap() {
        "main.Any" => again::<AnyOne>,
        "main.Any2" => again::<AnyTwo>,
        "main.AnyN" => again::<AnyN>,
        "main.ShapeBox" => again::<ShapeBox>,
        "main.ErrBox" => again::<ErrBox>,
        "*interface {}" | "*shapes.Shape" => again::<Any>,
        "[]interface {}" => again::<Vec<Any>>,
        "[2]interface {}" => again::<[Any; 2]>,
        "map[string]interface {}" => again::<BTreeMap<String, Any>>,
        "complex64" => again::<Complex<f32>>,
        "complex128" => again::<Complex<f64>>,
        "*big.Int" => again::<BigInt>,
        _ => return None,
    })
}

#[test]
fn interfaces_complex_numbers_and_big_integers_go_through_typed_values() {
    let (mut checked, mut left_out) = (0, Vec::new());
    for entry in entries() {
        let category = entry["category"].as_str().unwrap();
        let go = entry["go_type"].as_str().unwrap();
        let is_ours = matches!(category, "interface" | "complex") || go.starts_with("*big.");
        // Go could not encode some; there is no value to read.
        if !is_ours || entry.get("error").is_some() {
            continue;
        }
        let Some(again) = mirror(go) else {
            left_out.push(go.to_owned());
            continue;
        };
        for stream in ["hex", "hex_go1_27"].iter().filter_map(|key| entry[key].as_str()) {
            let value = again(&hex(stream));
            assert!(matches(Some(&value), &entry["value"]), "{}: {value:?}", entry["name"]);
            checked += 1;
        }
    }
    // Rationals and floats of any size have no counterpart here.
    assert_eq!(left_out, ["*big.Rat", "*big.Float"]);
    assert_eq!(checked, 76);
}
