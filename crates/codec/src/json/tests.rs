//! Expected texts are what Go 1.26's encoding/json prints for the Go type of the same shape.

mod any;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use polywire_macros::Schema;
use polywire_schema::Schema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Style::{Go, Serde};
use super::{JsonError, check, from_bytes, to_bytes};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
struct Args {
    a: i64,
    b: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
struct Order {
    user_id: u32,
    lines: Vec<Line>,
    note: Option<String>,
    blob: Vec<u8>,
    took: Duration,
    at: SystemTime,
    by_name: BTreeMap<String, Line>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
struct Line {
    price: f64,
    small: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
struct Pair(u8, String);

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[serde(rename_all = "snake_case")]
enum Color {
    DarkRed,
    Blue,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
enum Shape {
    Nothing,
    Circle(f64),
    Segment(i32, i32),
    Rect { width_px: u32, height_px: u32 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
struct Node {
    value: i64,
    next: Option<Box<Self>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
struct Defaults {
    #[serde(default = "seven")]
    count: u32,
    name: String,
}

/// Takes whatever comes.
#[derive(Debug)]
struct Anything;

impl Schema for Anything {
    const TYPE: &'static polywire_schema::Type = <()>::TYPE;
}

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(reader).map(|_| Self)
    }
}

fn seven() -> u32 {
    7
}

fn go<T: Serialize + Schema + ?Sized>(value: &T) -> String {
    String::from_utf8(to_bytes(value, Go).unwrap().to_vec()).unwrap()
}

#[track_caller]
fn round<T: Serialize + DeserializeOwned + Schema + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(go(value), text);
    assert_eq!(&from_bytes::<T>(text.as_bytes(), Go).unwrap(), value);
    let plain = to_bytes(value, Serde).unwrap();
    assert_eq!(&from_bytes::<T>(&plain, Serde).unwrap(), value, "{plain:?}");
}

#[track_caller]
fn complaint<T: DeserializeOwned + Schema + Debug>(text: &str, style: super::Style) -> String {
    from_bytes::<T>(text.as_bytes(), style).unwrap_err().to_string()
}

#[test]
fn values_have_the_form_go_gives_them() {
    round(&Args { a: 7, b: -8 }, r#"{"A":7,"B":-8}"#);
    round(&Vec::<i32>::new(), "[]");
    round(&vec![1_u8, 2, 3, 4], r#""AQIDBA==""#);
    round(&Bytes::from_static(b"abc"), r#""YWJj""#);
    round(&[1_u8, 2, 3], "[1,2,3]");
    round(&Duration::from_millis(1500), "1500000000");
    round(&(1_u8, "x".to_owned()), r#"{"F0":1,"F1":"x"}"#);
    round(&Pair(1, "x".to_owned()), r#"{"F0":1,"F1":"x"}"#);
    round(&Some(5_i32), "5");
    round(&None::<i32>, "null");
    round(&(), "{}");
    round(&u64::MAX, "18446744073709551615");
    let keys: HashMap<i32, String> =
        [(10, "a".into()), (9, "b".into()), (-1, "c".into())].into_iter().collect();
    round(&keys, r#"{"-1":"c","10":"a","9":"b"}"#);
    round(&BTreeMap::from([(Color::Blue, true)]), r#"{"blue":true}"#);
}

#[test]
fn a_struct_of_many_kinds_travels_in_both_styles() {
    let order = Order {
        user_id: 5,
        lines: vec![Line { price: 1.0, small: 0 }],
        note: None,
        blob: Vec::new(),
        took: Duration::from_nanos(5),
        at: SystemTime::UNIX_EPOCH + Duration::new(1_709_210_096, 500_000_000),
        by_name: BTreeMap::from([("x".to_owned(), Line::default())]),
    };
    round(
        &order,
        r#"{"UserID":5,"Lines":[{"Price":1,"Small":0}],"Note":null,"Blob":"","Took":5,"At":"2024-02-29T12:34:56.5Z","ByName":{"x":{"Price":0,"Small":0}}}"#,
    );
    let plain = to_bytes(&order, Serde).unwrap();
    assert_eq!(plain, serde_json::to_vec(&order).unwrap());
}

#[test]
fn enums_are_a_name_or_a_struct_with_one_field() {
    round(&Color::DarkRed, r#""dark_red""#);
    round(&Shape::Nothing, r#"{"Nothing":true}"#);
    round(&Shape::Circle(0.0), r#"{"Circle":0}"#);
    round(&Shape::Segment(1, 2), r#"{"Segment":{"F0":1,"F1":2}}"#);
    round(&Shape::Rect { width_px: 1, height_px: 2 }, r#"{"Rect":{"WidthPx":1,"HeightPx":2}}"#);
    let whole = r#"{"Nothing":false,"Circle":null,"Segment":null,"Rect":{"WidthPx":1}}"#;
    let rect = Shape::Rect { width_px: 1, height_px: 0 };
    assert_eq!(from_bytes::<Shape>(whole.as_bytes(), Go).unwrap(), rect);
    assert_eq!(
        complaint::<Shape>(r#"{"Circle":1,"Rect":{}}"#, Go),
        "json: several variants of enum Shape"
    );
    assert_eq!(complaint::<Shape>("{}", Go), "json: no variant of enum Shape");
    assert_eq!(
        complaint::<Color>(r#""green""#, Go),
        "json: unknown variant \"green\" of enum Color"
    );
    assert_eq!(
        complaint::<Shape>(r#""Circle""#, Go),
        "json: no value for variant \"Circle\" of enum Shape"
    );
}

#[test]
fn floats_have_gos_digits() {
    for (value, text) in [
        (1.0, "1"),
        (-0.0, "-0"),
        (1.5, "1.5"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (9.99e-7, "9.99e-7"),
        (1e-10, "1e-10"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
    ] {
        round(&value, text);
    }
    round(&0.1_f32, "0.1");
    round(&f32::MAX, "3.4028235e+38");
    round(&1e21_f32, "1e+21");
    for (value, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "+Inf"), (f64::NEG_INFINITY, "-Inf")] {
        let error = to_bytes(&value, Go).unwrap_err();
        assert_eq!(error.to_string(), format!("json: unsupported value: {text}"));
    }
}

#[test]
fn text_is_escaped_as_go_escapes_it() {
    let text = "<a&b>\u{2028}\u{2029}\"\\\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}é世😀";
    let escaped =
        concat!(r#""\u003ca\u0026b\u003e\u2028\u2029\"\\\b\f\n\r\t\u0000\u001f"#, "\u{7f}é世😀\"");
    round(&text.to_owned(), escaped);
    assert_eq!(
        from_bytes::<String>(br#""\ud83d\ude00\/\ud83dx\ude00""#, Go).unwrap(),
        "😀/\u{fffd}x\u{fffd}"
    );
    assert_eq!(from_bytes::<String>(b"\"a\xff\"", Go).unwrap(), "a\u{fffd}");
}

#[test]
fn fields_are_known_by_each_of_their_names() {
    for text in [r#"{"user_id":5}"#, r#"{"UserID":5}"#, r#"{"userId":5}"#, r#"{"USERID":5}"#] {
        assert_eq!(from_bytes::<Order>(text.as_bytes(), Go).unwrap().user_id, 5, "{text}");
    }
    for text in [r#"{"a":1,"b":2,"q":[{"x":"\""}]}"#, r#" { "A" : 1 , "B" : 2 } "#, "[1,2]"] {
        assert_eq!(from_bytes::<Args>(text.as_bytes(), Serde).unwrap(), Args { a: 1, b: 2 });
    }
    complaint::<Args>("[1,2,3]", Serde);
    complaint::<Args>("[1]", Serde);
}

#[test]
fn what_go_leaves_out_is_zero_and_what_serde_misses_is_an_error() {
    let order: Order = from_bytes(b"{}", Go).unwrap();
    assert_eq!((order.user_id, order.at), (0, SystemTime::UNIX_EPOCH));
    assert_eq!(from_bytes::<Args>(b"null", Go).unwrap(), Args::default());
    assert_eq!(from_bytes::<Args>(br#"{"A":null,"B":2}"#, Go).unwrap(), Args { a: 0, b: 2 });
    assert_eq!(from_bytes::<[u8; 3]>(b"[1]", Go).unwrap(), [1, 0, 0]);
    assert_eq!(from_bytes::<[u8; 1]>(b"[1,2]", Go).unwrap(), [1]);
    assert_eq!(from_bytes::<Vec<u8>>(b"null", Go).unwrap(), Vec::<u8>::new());
    let defaults: Defaults = from_bytes(br#"{"Count":null}"#, Go).unwrap();
    assert_eq!(defaults, Defaults { count: 7, name: String::new() });
    assert_eq!(complaint::<Args>(r#"{"a":1}"#, Serde), "missing field `b`");
    assert_eq!(
        complaint::<Args>(r#"{"a":null,"b":1}"#, Serde),
        "field Args.a: expected i64, found null"
    );
    let zero = r#"{"At":"0001-01-01T00:00:00Z"}"#;
    assert_eq!(from_bytes::<Order>(zero.as_bytes(), Go).unwrap().at, SystemTime::UNIX_EPOCH);
}

#[test]
fn bytes_durations_and_times_are_read_in_either_form() {
    for style in [Go, Serde] {
        assert_eq!(from_bytes::<Vec<u8>>(b"\"YWJj\"", style).unwrap(), b"abc");
        assert_eq!(from_bytes::<Vec<u8>>(b"[97,98,99]", style).unwrap(), b"abc");
        assert_eq!(from_bytes::<Bytes>(b"[97,98,99]", style).unwrap(), "abc");
        let second = Duration::from_secs(1);
        assert_eq!(from_bytes::<Duration>(b"1000000000", style).unwrap(), second);
        assert_eq!(from_bytes::<Duration>(br#"{"secs":1,"nanos":0}"#, style).unwrap(), second);
        let at = SystemTime::UNIX_EPOCH + second;
        assert_eq!(from_bytes::<SystemTime>(b"\"1970-01-01T01:00:01+01:00\"", style).unwrap(), at);
    }
}

#[test]
fn wrong_types_are_refused_in_gos_words() {
    for (text, error) in [
        (r#"{"A":"x"}"#, "string into Go struct field Args.A of type int"),
        (r#"{"A":1.5}"#, "number 1.5 into Go struct field Args.A of type int"),
        (
            r#"{"A":99999999999999999999}"#,
            "number 99999999999999999999 into Go struct field Args.A of type int",
        ),
        ("5", "number into Go value of type main.Args"),
        ("[]", "array into Go value of type main.Args"),
    ] {
        assert_eq!(complaint::<Args>(text, Go), format!("json: cannot unmarshal {error}"));
    }
    for (text, error) in [
        (
            r#"{"Lines":[{"Price":true}]}"#,
            "bool into Go struct field Line.Lines.Price of type float64",
        ),
        (
            r#"{"Lines":[{"Small":300}]}"#,
            "number 300 into Go struct field Line.Lines.Small of type uint8",
        ),
        (r#"{"Blob":5}"#, "number into Go struct field Order.Blob of type []uint8"),
        (
            r#"{"ByName":[]}"#,
            "array into Go struct field Order.ByName of type map[string]main.Line",
        ),
        (r#"{"Took":"1s"}"#, "string into Go struct field Order.Took of type time.Duration"),
    ] {
        assert_eq!(complaint::<Order>(text, Go), format!("json: cannot unmarshal {error}"));
    }
    assert_eq!(
        complaint::<HashMap<i32, i32>>(r#"{"x":1}"#, Go),
        "json: cannot unmarshal number x into Go value of type int32"
    );
    complaint::<HashMap<i8, i32>>(r#"{"200":1}"#, Go);
    complaint::<HashMap<u8, i32>>(r#"{"256":1}"#, Go);
    assert_eq!(complaint::<Vec<u8>>("\"!!\"", Go), "illegal base64 data at input byte 0");
}

#[test]
fn malformed_json_is_refused_at_every_cut() {
    let whole = r#"{"Lines":[{"Price":1.5e3,"Small":0}],"Note":"\u00e9\n","x":{"y":[true,null,-1]},"ByName":{"k":{}}}"#;
    from_bytes::<Order>(whole.as_bytes(), Go).unwrap();
    for cut in 0..whole.len() {
        let error = from_bytes::<Order>(&whole.as_bytes()[..cut], Go).unwrap_err();
        assert_eq!(error, JsonError::End, "cut at {cut}");
    }
    for (text, error) in [
        ("{a", "invalid character 'a' looking for beginning of object key string"),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("\"\n\"", "invalid character '\\n' in string literal"),
        ("\"\\x\"", "invalid character 'x' in string escape code"),
        ("01", "invalid character '1' after top-level value"),
        ("?", "invalid character '?' looking for beginning of value"),
        ("-", "unexpected end of JSON input"),
    ] {
        assert_eq!(complaint::<Anything>(text, Go), error, "{text}");
    }
}

#[test]
fn nesting_has_a_limit_in_both_directions() {
    let mut text = String::from("null");
    for _ in 0..128 {
        text = format!(r#"{{"Value":1,"Next":{text}}}"#);
    }
    let mut deep: Node = from_bytes(text.as_bytes(), Go).unwrap();
    assert_eq!(go(&deep), text);
    deep = Node { value: 1, next: Some(Box::new(deep)) };
    assert_eq!(to_bytes(&deep, Go).unwrap_err(), JsonError::TooDeep { limit: 128 });
    for text in ["[".repeat(1_000_000), r#"{"q":"#.repeat(200_000)] {
        let error = from_bytes::<Args>(format!(r#"{{"q":{text}"#).as_bytes(), Serde).unwrap_err();
        assert_eq!(error, JsonError::TooDeep { limit: 128 });
    }
}

#[test]
fn types_json_cannot_carry_are_refused_by_name() {
    check(Order::TYPE).unwrap();
    check(Node::TYPE).unwrap();
    let error = check(<Vec<HashMap<(u8, u8), u8>>>::TYPE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Vec<Map<(u8, u8), u8>>[] cannot travel as JSON: the keys of a map must be text, numbers \
         or bool"
    );
}
