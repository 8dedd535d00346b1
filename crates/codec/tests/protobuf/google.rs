//! Messages written by Google's own implementation, version 7.36 for Python, from the `.proto`
//! definitions that the types of these tests amount to: in binary, and as canonical JSON.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use polywire_codec::json::{self, Style};
use polywire_codec::protobuf;
use polywire_schema::Schema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::values::{
    Clock, Color, Line, Lists, Node, Optional, drawing, lists, maps, scalars, wrapped,
};

/// Both forms are read as the value, and the value is written as both.
#[track_caller]
fn same<T>(value: &T, hex: &str, text: &str)
where
    T: Serialize + DeserializeOwned + Schema + PartialEq + Debug,
{
    let bytes = unhex(hex);
    assert_eq!(&protobuf::from_bytes::<T>(&bytes).unwrap(), value);
    assert_eq!(sorted(&protobuf::to_bytes(value).unwrap()), sorted(&bytes));
    assert_eq!(&json::from_bytes::<T>(text.as_bytes(), Style::Proto).unwrap(), value);
    let written = json::to_bytes(value, Style::Proto).unwrap();
    assert_eq!(parsed(&written), parsed(text.as_bytes()));
}

fn unhex(hex: &str) -> Vec<u8> {
    let digit = |byte: &u8| u8::try_from(char::from(*byte).to_digit(16).unwrap()).unwrap();
    hex.as_bytes().chunks(2).map(|pair| digit(&pair[0]) << 4 | digit(&pair[1])).collect()
}

/// Fields and entries may come in any order, so that it is the same bytes in another one.
fn sorted(bytes: &[u8]) -> Vec<u8> {
    let mut sorted = bytes.to_vec();
    sorted.sort_unstable();
    sorted
}

/// JSON in which `1` is `1.0`.
fn parsed(text: &[u8]) -> Value {
    fn floats(value: Value) -> Value {
        match value {
            Value::Number(number) => number.as_f64().unwrap().into(),
            Value::Array(items) => items.into_iter().map(floats).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(key, value)| (key, floats(value))).collect()
            }
            other => other,
        }
    }
    floats(serde_json::from_slice(text).unwrap())
}

#[test]
fn scalars_are_googles() {
    same(
        &scalars(),
        "08ffffffffffffffffff01108080feffffffffffff0118d4fdffffffffffffff0120808080808080\
         8080800128ff0130ac0238ffffffff0f40ffffffffffffffffff014d0000008051000000000000f0\
         7f58016202c39f6a0568c3a4c39fa2010401020304a80107a2060300ff80c20c03726177",
        r#"{"tiny":-1,"short":-32768,"int":-300,"long":"-9223372036854775808","byte":255,
            "word":300,"uint":4294967295,"ulong":"18446744073709551615","single":-0.0,
            "double":"Infinity","flag":true,"letter":"ß","text":"häß","digest":"AQIDBA==",
            "color":"COLOR_BLUE","blob":"AP+A","raw":"cmF3"}"#,
    );
}

#[test]
fn options_are_googles() {
    let value = Optional {
        int: Some(0),
        text: Some(String::new()),
        blob: Some(vec![]),
        line: Some(Line::default()),
        color: Some(Color::Black),
        letter: Some('x'),
    };
    same(
        &value,
        "080012001a0022002800320178",
        r#"{"int":0,"text":"","blob":"","line":{},"color":"COLOR_BLACK","letter":"x"}"#,
    );
}

#[test]
fn lists_are_googles() {
    let value = Lists {
        longs: vec![1, 1 << 63],
        // NaN is no other value's equal, so that it has a test of its own.
        doubles: vec![0.0, 1.5, f64::NEG_INFINITY],
        texts: vec![String::new(), "a\"b".to_owned()],
        ..lists()
    };
    same(
        &value,
        "0a0d00ffffffffffffffffff019601120b01808080808080808080011a1800000000000000000000\
         00000000f83f000000000000f0ff2204000020c02a020100320032036122623a003a01094200420b\
         09000000000000f03f10024a02000752030100035a005a0909000000000000e03f",
        r#"{"ints":[0,-1,150],"longs":["1","9223372036854775808"],"doubles":[0.0,1.5,
            "-Infinity"],"singles":[-2.5],"flags":[true,false],"texts":["","a\"b"],"blobs":["",
            "CQ=="],"lines":[{},{"price":1.0,"count":2}],"colors":["COLOR_BLACK","COLOR_BLUE"],
            "three":[1,0,3],"two":[{},{"price":0.5}]}"#,
    );
}

#[test]
fn maps_are_googles() {
    same(
        &maps(),
        "0a100a0161120b09000000000000004010090a040a001200121208ffffffffffffffffff0112056d\
         696e75731204080012001a04080112001a0508001201012204080510072204080010002a050a0165\
         12002a090a016612040a020102320408071000320408001001",
        r#"{"byName":{"":{},"a":{"price":2.0,"count":9}},"byNumber":{"-1":"minus","0":""},
            "byFlag":{"false":"AQ==","true":""},"colors":{"0":"COLOR_BLACK","5":"COLOR_BLUE"},
            "lists":{"e":{},"f":{"value":[1,2]}},"byColor":{"0":1,"7":0}}"#,
    );
}

#[test]
fn durations_and_times_are_googles() {
    let at = |nanos| SystemTime::UNIX_EPOCH + Duration::new(1_709_210_096, nanos);
    let value =
        Clock { took: Duration::from_millis(1500), at: at(789_012_345), until: Some(at(10_000)) };
    same(
        &value,
        "0a0808011080cab5ee01120c08f0f381af0610f9be9df8021a0908f0f381af0610904e",
        r#"{"took":"1.500s","at":"2024-02-29T12:34:56.789012345Z",
            "until":"2024-02-29T12:34:56.000010Z"}"#,
    );
}

#[test]
fn enums_and_tuples_are_googles() {
    same(
        &drawing(),
        "0a020a000a091100000000000000000a0d1a0b08ffffffffffffffffff010a04220208030a022a00\
         0a062a040a0201020a02320012091100000000000004401a0808051204666976652207080112036f\
         6e652a00",
        r#"{"shapes":[{"nothing":{}},{"circle":0.0},{"segment":{"f0":-1}},
            {"rect":{"widthPx":3}},{"many":{}},{"many":{"value":[1,2]}},{"named":{}}],
            "main":{"circle":2.5},"pair":{"f0":5,"f1":"five"},"place":{"f0":1,"f1":"one"},
            "unit":{}}"#,
    );
}

#[test]
fn wrapped_values_are_googles() {
    same(
        &wrapped(),
        "0a000a040a020102120012020800120208031a0022002a070a050a016b100132070a030a01010a00\
         3200",
        r#"{"rows":[{},{"value":[1,2]}],"gaps":[{},{"value":0},{"value":3}],"twice":{},
            "maybe":{},"maybeMap":{"value":{"k":1}},"deep":[{"value":[{"value":[1]},{}]},{}]}"#,
    );
}

#[test]
fn recursive_types_are_googles() {
    let value = Node { value: 0, next: Some(Box::new(Node { value: -5, next: None })) };
    same(&value, "120b08fbffffffffffffffff01", r#"{"next":{"value":"-5"}}"#);
}
