//! Bytes written by hand, the first of them those of the encoding guide on protobuf.dev.

use polywire_codec::protobuf::{check, from_bytes, to_bytes};
use polywire_codec::{Message, decode, encode};
use polywire_core::Encoding;
use polywire_macros::Schema;
use polywire_schema::Schema;
use serde::{Deserialize, Serialize};

use crate::values::{Color, Defaults, Line, Lists, Optional, Shape};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
struct Test1 {
    a: i32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
struct Test2 {
    #[schema(tag = 2)]
    b: String,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
struct Test3 {
    #[schema(tag = 3)]
    c: Test1,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
struct Test4 {
    #[schema(tag = 4)]
    d: String,
    #[schema(tag = 6)]
    e: Vec<i32>,
}

#[test]
fn the_examples_of_the_encoding_guide_come_out_as_printed_there() {
    let value = Test1 { a: 150 };
    assert_eq!(to_bytes(&value).unwrap(), [0x08, 0x96, 0x01].as_slice());
    let value = Test2 { b: "testing".to_owned() };
    assert_eq!(to_bytes(&value).unwrap(), b"\x12\x07testing".as_slice());
    let value = Test3 { c: Test1 { a: 150 } };
    assert_eq!(to_bytes(&value).unwrap(), [0x1a, 0x03, 0x08, 0x96, 0x01].as_slice());
    let value = Test4 { d: "hello".to_owned(), e: vec![3, 270, 86_942] };
    let packed = b"\x22\x05hello\x32\x06\x03\x8e\x02\x9e\xa7\x05";
    assert_eq!(to_bytes(&value).unwrap(), packed.as_slice());
    assert_eq!(from_bytes::<Test4>(packed).unwrap(), value);
    let unpacked = b"\x30\x03\x22\x05hello\x30\x8e\x02\x30\x9e\xa7\x05";
    assert_eq!(from_bytes::<Test4>(unpacked).unwrap(), value);
    let mixed = b"\x32\x01\x03\x30\x8e\x02\x22\x05hello\x32\x03\x9e\xa7\x05";
    assert_eq!(from_bytes::<Test4>(mixed).unwrap(), value);
    let minus_two = b"\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_eq!(to_bytes(&Test1 { a: -2 }).unwrap(), minus_two.as_slice());
    assert_eq!(from_bytes::<Test1>(minus_two).unwrap(), Test1 { a: -2 });
}

#[test]
fn of_several_values_the_last_one_counts_and_messages_are_joined() {
    assert_eq!(from_bytes::<Test1>(&[0x08, 1, 0x08, 2]).unwrap(), Test1 { a: 2 });
    let twice = [0x22, 0x02, 0x10, 5, 0x08, 1, 0x22, 0x09, 0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f];
    let value: Optional = from_bytes(&twice).unwrap();
    assert_eq!(value.line, Some(Line { price: 1.5, count: 5 }));
    assert_eq!(value.int, Some(1));
    // Rect { width_px: 1 }, Circle, Rect { height_px: 2 }: the last member, joined with its like.
    let shape = [0x22, 2, 0x08, 1, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0x22, 2, 0x10, 2];
    let rect = Shape::Rect { width_px: 1, height_px: 2 };
    assert_eq!(from_bytes::<Shape>(&shape).unwrap(), rect);
}

#[test]
fn fields_that_are_not_known_are_skipped_groups_included() {
    let bytes = [
        0x50, 0x01, 0x59, 1, 2, 3, 4, 5, 6, 7, 8, 0x62, 2, 9, 9, 0x6d, 1, 2, 3, 4, 0x73, 0x08, 9,
        0x74, 0x08, 7,
    ];
    assert_eq!(from_bytes::<Test1>(&bytes).unwrap(), Test1 { a: 7 });
}

#[test]
fn a_default_of_serdes_is_taken_when_the_field_is_absent_and_zero_is_sent() {
    let absent: Defaults = from_bytes(b"\x12\x01n").unwrap();
    assert_eq!(absent, Defaults { count: 7, name: "n".to_owned(), tags: vec![] });
    let zero = Defaults { count: 0, name: String::new(), tags: vec![] };
    let written = to_bytes(&zero).unwrap();
    assert_eq!(written, [0x08, 0].as_slice());
    assert_eq!(from_bytes::<Defaults>(&written).unwrap(), zero);
}

#[test]
fn numbers_that_do_not_fit_are_refused_by_name() {
    let complaint =
        |bytes: &[u8]| from_bytes::<crate::values::Scalars>(bytes).unwrap_err().to_string();
    assert_eq!(complaint(&[0x08, 0x80, 0x01]), "field Scalars.tiny: 128 is no i8");
    assert_eq!(complaint(&[0x28, 0x80, 0x02]), "field Scalars.byte: 256 is no u8");
    assert_eq!(
        complaint(&[0xa8, 0x01, 0x05]),
        "field Scalars.color: enum Color has no variant with the number 5"
    );
    assert_eq!(
        complaint(&[0x62, 2, b'a', b'b']),
        "field Scalars.letter: text of several characters is no char"
    );
    assert_eq!(complaint(&[0x6a, 1, 0xff]), "field Scalars.text: text is not UTF-8");
    assert_eq!(
        complaint(&[0x09, 0, 0, 0, 0, 0, 0, 0, 0]),
        "field Scalars.tiny: expected a varint, found 64 bits"
    );
    let digest = "field Scalars.digest: a string of 3 bytes is no [u8; 4]";
    assert_eq!(complaint(&[0xa2, 0x01, 3, 1, 2, 3]), digest);
    assert_eq!(complaint(&[0x6a, 9, 0]), "a length goes beyond the end of the message");
    let lists = |bytes: &[u8]| from_bytes::<Lists>(bytes).unwrap_err().to_string();
    assert_eq!(
        lists(&[0x52, 2, 1, 2]),
        "field Lists.three: invalid length 2, expected an array of length 3"
    );
    assert_eq!(
        lists(&[0x52, 4, 1, 2, 3, 4]),
        "field Lists.three: invalid length 4, expected fewer elements"
    );
    assert_eq!(
        lists(&[0x42, 2, 0x08, 1]),
        "field Lists.lines.price: expected 64 bits, found a varint"
    );
    assert_eq!(from_bytes::<Shape>(&[]).unwrap_err().to_string(), "no known variant of enum Shape");
    let past = [0x12, 0x0b, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(
        from_bytes::<crate::values::Clock>(&past).unwrap_err().to_string(),
        "field Clock.at: a time before 1970 is no SystemTime"
    );
}

#[test]
fn numbers_of_32_bits_are_the_low_half_of_what_is_sent() {
    let wide = b"\x08\x85\x80\x80\x80\x80\x80\x01";
    assert_eq!(from_bytes::<Test1>(wide).unwrap(), Test1 { a: 5 });
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
enum Level {
    #[schema(tag = 3)]
    Low,
    #[schema(tag = 4)]
    High(u32),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
enum NoZero {
    #[schema(tag = 2)]
    Two,
}

#[test]
fn numbers_that_are_stated_are_tags_as_they_are() {
    assert_eq!(to_bytes(&Level::High(1)).unwrap(), [0x20, 1].as_slice());
    assert_eq!(to_bytes(&Level::Low).unwrap(), [0x1a, 0].as_slice());
    assert_eq!(from_bytes::<Level>(&[0x1a, 0]).unwrap(), Level::Low);
    assert_eq!(to_bytes(&NoZero::Two).unwrap(), [0x08, 2].as_slice());
    assert_eq!(
        from_bytes::<NoZero>(&[]).unwrap_err().to_string(),
        "enum NoZero has no variant with the number 0"
    );
}

#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
struct Wide {
    name: String,
    amounts: Vec<u128>,
}

#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
struct ByBytes {
    map: std::collections::BTreeMap<bytes::Bytes, i32>,
}

#[test]
fn types_that_protobuf_cannot_say_are_named_before_they_travel() {
    assert_eq!(
        check(Wide::TYPE).unwrap_err().to_string(),
        "Wide.amounts[] cannot travel as protobuf: it has no 128-bit integers"
    );
    assert_eq!(
        check(ByBytes::TYPE).unwrap_err().to_string(),
        "ByBytes.map cannot travel as protobuf: the keys of a map must be text, integers or bool"
    );
    for ty in [crate::values::Maps::TYPE, crate::values::Drawing::TYPE, crate::values::Node::TYPE] {
        check(ty).unwrap();
    }
    to_bytes(&Wide { name: String::new(), amounts: vec![1] }).unwrap_err();
}

#[test]
fn payloads_say_that_they_are_protobuf() {
    let payload = encode(&Test1 { a: 150 }, Encoding::Protobuf).unwrap();
    assert_eq!(payload.encoding, Encoding::Protobuf);
    assert_eq!(payload.bytes, [0x08, 0x96, 0x01].as_slice());
    assert_eq!(decode::<Test1>(&payload).unwrap(), Test1 { a: 150 });
    let color = Color::DarkRed.encode(Encoding::Protobuf).unwrap();
    assert_eq!(Color::decode(&color).unwrap(), Color::DarkRed);
}
