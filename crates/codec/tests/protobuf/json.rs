//! Canonical JSON: what is written, and all that is read.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use polywire_codec::json::{self, Style};
use polywire_codec::{decode, encode};
use polywire_core::Encoding;
use polywire_schema::Schema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::values::{
    Clock, Color, Defaults, Drawing, Line, Lists, Maps, Optional, Scalars, Shape, Wrapped,
};

fn write<T: Serialize + Schema>(value: &T) -> String {
    String::from_utf8(json::to_bytes(value, Style::Proto).unwrap().to_vec()).unwrap()
}

#[track_caller]
fn read<T: DeserializeOwned + Schema>(text: &str) -> T {
    json::from_bytes(text.as_bytes(), Style::Proto).unwrap()
}

#[track_caller]
fn complaint<T: DeserializeOwned + Schema + Debug>(text: &str) -> String {
    json::from_bytes::<T>(text.as_bytes(), Style::Proto).unwrap_err().to_string()
}

#[track_caller]
fn round<T: Serialize + DeserializeOwned + Schema + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(write(value), text);
    assert_eq!(&read::<T>(text), value);
}

#[test]
fn zero_values_are_left_out_and_come_back() {
    round(&Scalars::default(), r#"{"digest":"AAAAAA=="}"#);
    assert_eq!(read::<Scalars>("{}"), Scalars::default());
    round(&Optional::default(), "{}");
    round(&Wrapped::default(), "{}");
    round(&Maps::default(), "{}");
    let lists = Lists::default();
    assert_eq!(read::<Lists>("{}"), lists);
    assert_eq!(read::<Lists>(&write(&lists)), lists);
    let clock = Clock { took: Duration::ZERO, at: SystemTime::UNIX_EPOCH, until: None };
    round(&clock, r#"{"took":"0s","at":"1970-01-01T00:00:00Z"}"#);
    assert_eq!(read::<Clock>("{}"), clock);
}

#[test]
fn null_is_a_zero_value_everywhere() {
    let nulls = r#"{"tiny":null,"ulong":null,"double":null,"flag":null,"letter":null,"text":null,
        "blob":null,"raw":null,"digest":null,"color":null}"#;
    assert_eq!(read::<Scalars>(nulls), Scalars::default());
    assert_eq!(read::<Optional>(r#"{"int":null,"line":null,"color":null}"#), Optional::default());
    assert_eq!(read::<Lists>(r#"{"ints":null,"three":null,"two":null}"#), Lists::default());
    assert_eq!(read::<Drawing>(r#"{"main":null,"pair":null}"#).pair, (0, String::new()));
    assert_eq!(read::<i64>("null"), 0);
    assert_eq!(read::<Color>("null"), Color::Black);
}

#[test]
fn numbers_may_be_text_and_text_numbers() {
    let value: Scalars = read(
        r#"{"tiny":"-1","short":1e2,"int":"7.0","long":12,"ulong":"18446744073709551615",
            "uint":4.294967295e9,"single":"1.5","double":"-Infinity"}"#,
    );
    assert_eq!((value.tiny, value.short, value.int, value.long), (-1, 100, 7, 12));
    assert_eq!((value.ulong, value.uint, value.single), (u64::MAX, u32::MAX, 1.5));
    assert_eq!(value.double, f64::NEG_INFINITY);
    for text in [r#"{"int":1.5}"#, r#"{"int":"x"}"#, r#"{"int":""}"#, r#"{"int":" 1"}"#] {
        complaint::<Scalars>(text);
    }
    for text in [r#"{"tiny":128}"#, r#"{"tiny":"128"}"#, r#"{"tiny":1.28e2}"#] {
        let text = complaint::<Scalars>(text);
        assert!(text.starts_with("field Scalars.tiny: expected i8, found number 1"), "{text}");
    }
    for text in
        [r#"{"ulong":-1}"#, r#"{"ulong":1e20}"#, r#"{"single":1e39}"#, r#"{"double":"inf"}"#]
    {
        complaint::<Scalars>(text);
    }
}

#[test]
fn floats_that_are_no_numbers_are_text() {
    assert_eq!(write(&f64::NAN), r#""NaN""#);
    assert_eq!(write(&f32::INFINITY), r#""Infinity""#);
    assert_eq!(write(&f64::NEG_INFINITY), r#""-Infinity""#);
    assert!(read::<f64>(r#""NaN""#).is_nan());
    assert!(read::<f32>(r#""NaN""#).is_nan());
}

#[test]
fn both_names_of_a_field_are_known_and_other_fields_are_skipped() {
    let map = BTreeMap::from([(-5, "x".to_owned())]);
    for text in [r#"{"byNumber":{"-5":"x"}}"#, r#"{"by_number":{"-5":"x"}, "other":[{"a":1}]}"#] {
        assert_eq!(read::<Maps>(text).by_number, map);
    }
}

#[test]
fn bytes_are_read_in_both_alphabets_with_and_without_padding() {
    for text in ["+/8=", "-_8=", "+/8", "-_8"] {
        assert_eq!(read::<Vec<u8>>(&format!("\"{text}\"")), [0xfb, 0xff]);
    }
    assert_eq!(write(&vec![0xfb_u8, 0xff]), r#""+/8=""#);
    for text in ["+/8==", "a", "a b=", "===="] {
        complaint::<Vec<u8>>(&format!("\"{text}\""));
    }
    assert_eq!(
        complaint::<Scalars>(r#"{"digest":"AAA="}"#),
        "field Scalars.digest: expected [u8; 4], found string of 2 bytes"
    );
}

#[test]
fn durations_and_times_have_no_digits_of_a_fraction_or_three_or_six_or_nine() {
    for (nanos, text) in
        [(0, "3s"), (500_000_000, "3.500s"), (1_000, "3.000001s"), (1, "3.000000001s")]
    {
        round(&Duration::new(3, nanos), &format!("\"{text}\""));
        let at = SystemTime::UNIX_EPOCH + Duration::new(3, nanos);
        let text = text.replace('s', "Z");
        round(&at, &format!("\"1970-01-01T00:00:0{text}\""));
    }
    assert_eq!(read::<Duration>(r#""1.5s""#), Duration::from_millis(1500));
    assert_eq!(read::<SystemTime>(r#""1970-01-01T01:00:00+01:00""#), SystemTime::UNIX_EPOCH);
    for text in ["1", "s", "-1s", "1.s", "+1s", ".5s", "1.5", "315576000001s", "1 s"] {
        complaint::<Duration>(&format!("\"{text}\""));
    }
    json::to_bytes(&Duration::MAX, Style::Proto).unwrap_err();
}

#[test]
fn enums_are_known_by_their_names_and_numbers() {
    round(&vec![Color::DarkRed], r#"{"value":["COLOR_DARK_RED"]}"#);
    for text in [r#""COLOR_DARK_RED""#, r#""dark_red""#, r#""DarkRed""#, "1", r#"{"value":1}"#] {
        assert_eq!(read::<Color>(text), Color::DarkRed, "{text}");
    }
    assert_eq!(complaint::<Color>("5"), r#"json: unknown variant "5" of enum Color"#);
    assert_eq!(complaint::<Color>(r#""RED""#), r#"json: unknown variant "RED" of enum Color"#);
    let by_color: Maps = read(r#"{"byColor":{"COLOR_BLUE":1,"1":2}}"#);
    assert_eq!(by_color.by_color, BTreeMap::from([(Color::Blue, 1), (Color::DarkRed, 2)]));
}

#[test]
fn enums_with_data_have_one_member() {
    round(&Shape::Nothing, r#"{"nothing":{}}"#);
    round(&Shape::Circle(0.0), r#"{"circle":0}"#);
    round(&Shape::Segment(0, 2), r#"{"segment":{"f1":2}}"#);
    round(&Shape::Rect { width_px: 1, height_px: 0 }, r#"{"rect":{"widthPx":1}}"#);
    round(&Shape::Many(vec![1]), r#"{"many":{"value":[1]}}"#);
    assert_eq!(read::<Shape>(r#"{"circle":1,"later":{"a":[]},"rect":null}"#), Shape::Circle(1.0));
    assert_eq!(read::<Shape>(r#"{"many":[1]}"#), Shape::Many(vec![1]), "without the wrapper");
    assert_eq!(complaint::<Shape>("{}"), "json: no variant of enum Shape");
    let two = complaint::<Shape>(r#"{"circle":1,"nothing":{}}"#);
    assert_eq!(two, "json: several variants of enum Shape");
}

#[test]
fn arguments_that_are_no_messages_are_googles_wrappers() {
    round(&5_i64, r#""5""#);
    round(&5_u32, "5");
    round(&true, "true");
    round(&"a\u{2028}<".to_owned(), r#""a\u2028\u003c""#);
    round(&(), "{}");
    round(&Some(Line::default()), r#"{"value":{}}"#);
    round(&Some(0), r#"{"value":0}"#);
    round(&vec![1_i64], r#"{"value":["1"]}"#);
    round(&Vec::<i64>::new(), "{}");
    round(&None::<i32>, "{}");
    round(&Color::Black, "{}");
    round(&BTreeMap::from([("value".to_owned(), 1)]), r#"{"value":{"value":1}}"#);
    round(&[1_u8, 2], r#""AQI=""#);
    round(&(1_i32, 0_i32), r#"{"f0":1}"#);
    assert_eq!(read::<Vec<Vec<i32>>>("[[1],[]]"), [vec![1], vec![]], "without the wrappers");
    assert_eq!(read::<Option<i32>>("{}"), None);
    assert_eq!(read::<Option<i32>>("5"), Some(5));
    assert!(read::<Vec<i32>>("{}").is_empty());
}

#[test]
fn a_default_of_serdes_is_taken_when_the_field_is_absent_and_zero_is_written() {
    let zero = Defaults { count: 0, name: String::new(), tags: vec![] };
    round(&zero, r#"{"count":0}"#);
    assert_eq!(read::<Defaults>("{}").count, 7);
}

#[test]
fn payloads_say_that_they_are_protobufs_json() {
    let payload = encode(&Line { price: 0.0, count: 3 }, Encoding::ProtoJson).unwrap();
    assert_eq!(payload.encoding, Encoding::ProtoJson);
    assert_eq!(payload.bytes, r#"{"count":3}"#);
    assert_eq!(decode::<Line>(&payload).unwrap(), Line { price: 0.0, count: 3 });
}
