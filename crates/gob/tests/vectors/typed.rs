//! Bytes captured from Go, decoded into Rust types that mirror those Go decoded them into.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::notation::matches;
use super::stream::{entries, frames, hex_of};
use polywire_gob::{
    Any, Complex, DecodeError, Schema, Shape, decode_value, encode_value, from_slice,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

macro_rules! structs {
    ($($name:ident { $($field:ident: $ty:ty),* $(,)? })*) => {
        $(#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
        #[schema(crate = "polywire_gob")]
        struct $name { $($field: $ty),* })*
    };
}

structs! {
    Point { x: i64, y: i64 }
    YX { y: i64, x: i64 }
    Xyz { x: i64, y: i64, z: i64 }
    YOnly { y: i64 }
    CD { c: i64, d: i64 }
    Empty {}
    XUint { x: u64, y: u64 }
    XStr { x: String, y: String }
    XFloat { x: f64, y: f64 }
    Args { a: i64, b: i64 }
    Arr2 { a: [i64; 2] }
    Flat { id: i64, name: String }
    PI { n: Option<i64> }
    I64 { n: i64 }
    I8 { n: i8 }
    I16 { n: i16 }
    I32 { n: i32 }
    U8 { n: u8 }
    U16 { n: u16 }
    U32 { n: u32 }
    F32 { n: f32 }
    JustN { n: i64 }
    HasBytes { t: Vec<u8>, n: i64 }
    HasTime { t: chrono::DateTime<chrono::Utc>, n: i64 }
    AnyHole { n: i64, tail: String }
    AnyN { n: i64, i: Any, tail: String }
    C64 { n: Complex<f32> }
    Inner { n: i64, s: String }
}

/// Decodes into a type, and gives back what is in it in the notation of dynamic values.
fn decode<T>(stream: &[u8]) -> Result<polywire_gob::Value, DecodeError>
where
    T: DeserializeOwned + Serialize + Schema + Debug,
{
    let value: T = from_slice(stream)?;
    let again = polywire_gob::to_vec(&value).unwrap();
    let decoded = decode_value(&frames(&again).unwrap()[0])?;
    assert_eq!(decoded.shape(), Shape::of::<T>().unwrap());
    encode_value(&decoded).unwrap();
    Ok(decoded)
}

type Decode = fn(&[u8]) -> Result<polywire_gob::Value, DecodeError>;

fn mirror(go: &str) -> Option<Decode> {
    Some(match go.split(" where ").next().unwrap() {
        "main.Point" => decode::<Point>,
        "main.YX" => decode::<YX>,
        "main.XYZ" => decode::<Xyz>,
        "main.YOnly" => decode::<YOnly>,
        "main.CD" => decode::<CD>,
        "main.Empty" => decode::<Empty>,
        "main.XUint" => decode::<XUint>,
        "main.XStr" => decode::<XStr>,
        "main.XFloat" => decode::<XFloat>,
        "main.Args" => decode::<Args>,
        "main.Arr2" => decode::<Arr2>,
        "main.Flat" => decode::<Flat>,
        "main.PI" => decode::<PI>,
        "main.I64" => decode::<I64>,
        "main.I8" => decode::<I8>,
        "main.I16" => decode::<I16>,
        "main.I32" => decode::<I32>,
        "main.U8" => decode::<U8>,
        "main.U16" => decode::<U16>,
        "main.U32" => decode::<U32>,
        "main.F32" => decode::<F32>,
        "main.JustN" => decode::<JustN>,
        "main.HasBytes" => decode::<HasBytes>,
        "main.HasTime" => decode::<HasTime>,
        "main.AnyHole" => decode::<AnyHole>,
        "main.Inner" => decode::<Inner>,
        "main.AnyN" => decode::<AnyN>,
        "main.C64" => decode::<C64>,
        "interface {}" => decode::<Any>,
        "[]interface {}" => decode::<Vec<Any>>,
        "int" => decode::<i64>,
        "uint" => decode::<u64>,
        "int8" => decode::<i8>,
        "bool" => decode::<bool>,
        "float64" => decode::<f64>,
        "string" => decode::<String>,
        "[]int" | "[]*int" => decode::<Vec<i64>>,
        "[]int8" => decode::<Vec<i8>>,
        "[]uint8" => decode::<Vec<u8>>,
        "[]string" => decode::<Vec<String>>,
        "[2]int" => decode::<[i64; 2]>,
        "[3]int" => decode::<[i64; 3]>,
        "[3]uint8" => decode::<[u8; 3]>,
        "map[string]int" => decode::<BTreeMap<String, i64>>,
        "map[string]int8" => decode::<BTreeMap<String, i8>>,
        "map[string]string" => decode::<BTreeMap<String, String>>,
        "map[int]int" => decode::<BTreeMap<i64, i64>>,
        _ => return None,
    })
}

#[test]
fn local_types_take_and_refuse_what_gos_do_with_the_same_texts() {
    let (mut checked, mut left_out, mut differing) = (0, Vec::new(), Vec::new());
    for entry in entries() {
        let Some(go) = entry["decode_into"].as_str() else { continue };
        let name = entry["name"].as_str().unwrap().to_owned();
        let Some(decode) = mirror(go) else {
            left_out.push(name);
            continue;
        };
        let outcome = decode(&hex_of(&entry));
        // Rust's types have no package.
        let expected = entry["error"].as_str().map(|text| text.replace("main.", ""));
        let is_same = match (&outcome, &expected) {
            (Ok(value), None) => matches(Some(value), &entry["decoded"]),
            (Err(error), Some(expected)) => error.to_string() == *expected,
            _ => false,
        };
        checked += usize::from(is_same);
        if !is_same {
            differing.push((
                name,
                outcome.map_or_else(|error| error.to_string(), |value| format!("{value:?}")),
            ));
        }
    }
    let left_out: Vec<&str> = left_out.iter().map(String::as_str).collect();
    assert_eq!(left_out, LEFT_OUT);
    let differing: Vec<_> =
        differing.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(differing, DIFFERING);
    assert_eq!(checked, 102);
}

/// Entries that decode into types without a counterpart here: interfaces with methods, embedded
/// structs, types with an encoding of their own, and nothing at all.
const LEFT_OUT: &[&str] = &[
    "dec_discard",
    "dec_struct_into_shape",
    "dec_flat_to_embedded",
    "dec_flat_to_embedded_nil_ptr",
    "dec_time_into_other_gobdecoder",
    "dec_binner_into_gobber",
    "dec_gobdecode_error",
    "dec_discard_top_nil_iface",
    "dec_iface_not_assignable",
    "raw_map_count_cpu_burn",
    "raw_slice_zero_size_count",
    "raw_wiretype_empty_discard",
    "raw_go_badData_4",
    "raw_go_badData_5",
    "raw_go_badData_6",
    "raw_go_badData_7",
    "raw_go_badData_8",
    "raw_go_rec_ignored",
];

/// Where this crate answers otherwise, on purpose.
const DIFFERING: &[(&str, &str)] = &[
    // Go skips by a length that says nothing, and loses its way.
    ("dec_ignore_iface_nested_new_types", "AnyHole { N: 1, Tail: \"out\" }"),
    ("dec_ignore_slice_any_with_nil", "JustN { N: 9 }"),
    // A limit of ours.
    (
        "raw_huge_length_minus1",
        "gob: exceeds the limit of 67108864 bytes of a message (message_bytes)",
    ),
    // Go forgets the length it complains about.
    ("raw_string_too_long", "gob: bad string slice length: 127"),
    // Go takes the kind it needs.
    ("raw_wiretype_two_kinds_struct", "gob: type definition of two kinds"),
    ("raw_wiretype_two_kinds_slice", "gob: type definition of two kinds"),
    // Go reads on after an id it does not know.
    ("raw_go_badData_3", "gob: unknown type id or corrupted data"),
    // Any name is taken into an `Any`.
    ("raw_iface_unknown_name", "foo(3)"),
];
