//! Rust types out and back, and the bytes they become.

#![expect(clippy::unwrap_used, reason = "a failure is what a test shows")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use polywire_gob::{Schema, from_slice, to_vec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn round<T: Serialize + DeserializeOwned + Schema + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = to_vec(value).unwrap();
    assert_eq!(from_slice::<T>(&bytes).unwrap(), *value, "{bytes:02x?}");
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Point {
    x: i64,
    y: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
enum Color {
    Red,
    Green,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
enum Shape {
    Nothing,
    Circle(f64),
    Line(Point, Point),
    Text { text: String, at: Option<Point> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Node {
    value: u32,
    next: Option<Box<Self>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Everything {
    flag: bool,
    small: i8,
    large: u64,
    half: f32,
    letter: char,
    text: String,
    bytes: Vec<u8>,
    buffer: serde_bytes::ByteBuf,
    maybe: Option<i32>,
    list: Vec<String>,
    array: [u16; 3],
    map: BTreeMap<String, Point>,
    pair: (u8, String),
    color: Color,
    shape: Shape,
    took: Duration,
    at: SystemTime,
    date: chrono::DateTime<chrono::Utc>,
    id: uuid::Uuid,
    nested: Point,
    unit: (),
}

fn everything() -> Everything {
    Everything {
        flag: true,
        small: -128,
        large: u64::MAX,
        half: 1.5,
        letter: 'ж',
        text: "hello".into(),
        bytes: vec![0, 255, 3],
        buffer: serde_bytes::ByteBuf::from(vec![9; 40]),
        maybe: Some(0),
        list: vec!["a".into(), String::new()],
        array: [1, 0, 65_535],
        map: BTreeMap::from([("p".into(), Point { x: 0, y: -9 })]),
        pair: (200, "two".into()),
        color: Color::Green,
        shape: Shape::Text { text: "t".into(), at: Some(Point::default()) },
        took: Duration::new(3, 5),
        at: SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 7),
        date: chrono::DateTime::from_timestamp(-99_999_999_999, 123_000_000).unwrap(),
        id: uuid::Uuid::from_u128(77),
        nested: Point { x: 1, y: 0 },
        unit: (),
    }
}

#[test]
fn every_kind_of_field_comes_back() {
    round(&everything());
}

#[test]
fn whole_values_of_all_kinds_come_back() {
    round(&());
    round(&true);
    round(&-5_i16);
    round(&u64::MAX);
    round(&f64::MIN_POSITIVE);
    round(&String::from("тест"));
    round(&vec![1_u8, 2, 3]);
    round(&vec![vec![1_i32], vec![], vec![i32::MIN]]);
    round(&[[1_u8, 2], [3, 200]]);
    round(&HashMap::from([(1_u16, vec![true]), (2, vec![])]));
    round(&(1_u8, "x".to_owned(), vec![Point::default()]));
    round(&Color::Red);
    round(&Duration::ZERO);
    round(&SystemTime::UNIX_EPOCH);
}

#[test]
fn every_shape_of_variant_comes_back() {
    for shape in [
        Shape::Nothing,
        Shape::Circle(0.0),
        Shape::Line(Point::default(), Point { x: 1, y: 2 }),
        Shape::Text { text: String::new(), at: None },
    ] {
        round(&shape.clone());
        round(&vec![shape]);
    }
}

#[test]
fn a_recursive_type_comes_back() {
    let mut list = None;
    for value in 0..90 {
        list = Some(Box::new(Node { value, next: list }));
    }
    round(&*list.unwrap());
}

#[test]
fn a_point_is_the_example_of_gos_documentation() {
    let message = polywire_gob::encode(&Point { x: 22, y: 33 }).unwrap().0;
    let compiled = polywire_gob::compile(Point::TYPE).unwrap();
    let mut expected = bytes::BytesMut::new();
    polywire_gob::raw::put_int(&mut expected, i64::from(compiled.id()));
    expected.extend_from_slice(&[0x01, 0x2c, 0x01, 0x42, 0x00]);
    assert_eq!(message[1..], expected[..]);
    assert_eq!(usize::from(message[0]), expected.len());
}

#[test]
fn what_gob_cannot_carry_is_refused_by_name() {
    let refused = |ty| polywire_gob::compile(ty).unwrap_err().to_string();
    assert_eq!(
        refused(<Vec<Option<u8>>>::TYPE),
        "Vec<Option<u8>>[] cannot travel over gob: Go can leave out fields only, not elements or \
         whole values"
    );
    assert_eq!(
        refused(<(u8, i128)>::TYPE),
        "(u8, i128).1 cannot travel over gob: Go has no integers of 128 bits"
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Grown {
    #[serde(default = "seven")]
    z: i64,
    y: i64,
    extra: Option<String>,
}

fn seven() -> i64 {
    7
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Swapped {
    y: i64,
    x: i64,
}

#[test]
fn fields_are_matched_by_name_and_absent_ones_are_zero_or_left_to_serde() {
    let bytes = to_vec(&Point { x: 1, y: 2 }).unwrap();
    assert_eq!(from_slice::<Grown>(&bytes).unwrap(), Grown { z: 7, y: 2, extra: None });
    assert_eq!(from_slice::<Swapped>(&bytes).unwrap(), Swapped { y: 2, x: 1 });
    let bytes = to_vec(&Grown { z: 0, y: 0, extra: None }).unwrap();
    assert_eq!(from_slice::<Grown>(&bytes).unwrap(), Grown { z: 0, y: 0, extra: None });
}

mod any_value {
    use super::*;
    use proptest::prelude::*;

    type Parts = (Vec<i32>, BTreeMap<i16, String>, Option<u64>, Vec<u8>, Vec<Vec<bool>>, f64);

    fn parts() -> impl Strategy<Value = Parts> {
        (
            any::<Vec<i32>>(),
            any::<BTreeMap<i16, String>>(),
            any::<Option<u64>>(),
            any::<Vec<u8>>(),
            any::<Vec<Vec<bool>>>(),
            any::<f64>(),
        )
    }

    proptest! {
        #[test]
        fn comes_back(parts in parts(), x: i64, y: i64, text: String, letter: char, at: bool) {
            round(&parts);
            let at = at.then_some(Point { x, y });
            round(&vec![Shape::Text { text, at }, Shape::Line(Point { x: y, y: x }, Point { x, y: 0 })]);
            round(&letter);
            round(&(x, Some(y), [letter; 4]));
        }
    }
}

#[test]
fn what_is_appended_is_what_is_encoded_whatever_its_length() {
    for len in [0, 1, 100, 121, 122, 123, 124, 250, 251, 252, 65_528, 65_530, 65_540] {
        let text = "x".repeat(len);
        let (encoded, definitions) = polywire_gob::encode(&text).unwrap();
        let mut out = b"before".to_vec();
        let needed = polywire_gob::append(&text, &mut out).unwrap();
        assert_eq!(out.strip_prefix(b"before"), Some(&*encoded), "{len}");
        assert_eq!(needed.root(), definitions.root());
    }
    let mut out = b"before".to_vec();
    let late = [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 62)];
    polywire_gob::append(&late.to_vec(), &mut out).unwrap_err();
    assert_eq!(out, b"before", "half a value does not stay");
}

#[test]
fn numbers_take_as_few_bytes_as_go_gives_them() {
    for n in [0_u64, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, u64::MAX] {
        let (mut pushed, mut put) = (Vec::new(), Vec::new());
        polywire_gob::append(&n, &mut pushed).unwrap();
        polywire_gob::raw::put_uint(&mut put, n);
        assert!(pushed.ends_with(&put), "{n:#x}: {pushed:x?}");
        assert_eq!(pushed.len(), 3 + put.len(), "{n:#x}: {pushed:x?}");
    }
}

#[test]
fn a_table_that_is_lent_is_kept_by_what_needs_it() {
    #[derive(Serialize, Schema)]
    #[schema(crate = "polywire_gob")]
    struct Wide {
        first: i64,
        skipped: Vec<Point>,
        held: polywire_gob::Any,
        last: i64,
    }

    #[derive(Debug, PartialEq, Deserialize, Schema)]
    #[schema(crate = "polywire_gob")]
    struct Narrow {
        first: i64,
        held: polywire_gob::Any,
        last: i64,
    }

    let held = polywire_gob::Any::of(&vec![1_i64, 2]).unwrap();
    let skipped = vec![Point { x: 1, y: 2 }];
    let wide = Wide { first: 1, skipped, held: held.clone(), last: -1 };
    let (bytes, definitions) = polywire_gob::encode(&wide).unwrap();
    let sent: Arc<dyn std::any::Any + Send + Sync> = definitions;
    for context in [&sent, &polywire_gob::TypeTable::from_context(&sent).to_context()] {
        let narrow: Narrow = polywire_gob::decode_in_context(&bytes, Some(context)).unwrap();
        assert_eq!(narrow, Narrow { first: 1, held: held.clone(), last: -1 });
    }
}
