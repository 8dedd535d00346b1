//! The types the tests exchange.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use polywire_macros::Schema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Scalars {
    pub(crate) tiny: i8,
    pub(crate) short: i16,
    pub(crate) int: i32,
    pub(crate) long: i64,
    pub(crate) byte: u8,
    pub(crate) word: u16,
    pub(crate) uint: u32,
    pub(crate) ulong: u64,
    pub(crate) single: f32,
    pub(crate) double: f64,
    pub(crate) flag: bool,
    pub(crate) letter: char,
    pub(crate) text: String,
    #[schema(tag = 100)]
    pub(crate) blob: Vec<u8>,
    #[schema(tag = 200)]
    pub(crate) raw: Bytes,
    #[schema(tag = 20)]
    pub(crate) digest: [u8; 4],
    #[schema(tag = 21)]
    pub(crate) color: Color,
}

#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Schema,
)]
#[schema(crate = "polywire_codec")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Color {
    #[default]
    Black,
    DarkRed,
    #[schema(tag = 7)]
    Blue,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Optional {
    pub(crate) int: Option<i32>,
    pub(crate) text: Option<String>,
    pub(crate) blob: Option<Vec<u8>>,
    pub(crate) line: Option<Line>,
    pub(crate) color: Option<Color>,
    pub(crate) letter: Option<char>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Line {
    pub(crate) price: f64,
    pub(crate) count: u32,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Lists {
    pub(crate) ints: Vec<i32>,
    pub(crate) longs: Vec<u64>,
    pub(crate) doubles: Vec<f64>,
    pub(crate) singles: Vec<f32>,
    pub(crate) flags: Vec<bool>,
    pub(crate) texts: Vec<String>,
    pub(crate) blobs: Vec<Vec<u8>>,
    pub(crate) lines: Vec<Line>,
    pub(crate) colors: Vec<Color>,
    pub(crate) three: [u16; 3],
    pub(crate) two: [Line; 2],
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Maps {
    pub(crate) by_name: BTreeMap<String, Line>,
    pub(crate) by_number: BTreeMap<i64, String>,
    pub(crate) by_flag: BTreeMap<bool, Vec<u8>>,
    pub(crate) colors: BTreeMap<u32, Color>,
    pub(crate) lists: BTreeMap<String, Vec<i32>>,
    pub(crate) by_color: BTreeMap<Color, i32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Clock {
    pub(crate) took: Duration,
    pub(crate) at: SystemTime,
    pub(crate) until: Option<SystemTime>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) enum Shape {
    Nothing,
    Circle(f64),
    Segment(i32, i32),
    Rect { width_px: u32, height_px: u32 },
    Many(Vec<i32>),
    Named(Line),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Drawing {
    pub(crate) shapes: Vec<Shape>,
    pub(crate) main: Option<Shape>,
    pub(crate) pair: (i32, String),
    pub(crate) place: Pair,
    pub(crate) unit: (),
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Pair(pub(crate) u8, pub(crate) String);

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Wrapped {
    pub(crate) rows: Vec<Vec<i32>>,
    pub(crate) gaps: Vec<Option<i32>>,
    pub(crate) twice: Option<Option<i32>>,
    pub(crate) maybe: Option<Vec<String>>,
    pub(crate) maybe_map: Option<BTreeMap<String, i32>>,
    pub(crate) deep: Vec<Vec<Vec<i32>>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Defaults {
    #[serde(default = "seven")]
    pub(crate) count: u32,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

fn seven() -> u32 {
    7
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub(crate) struct Node {
    pub(crate) value: i64,
    pub(crate) next: Option<Box<Self>>,
}

pub(crate) fn scalars() -> Scalars {
    Scalars {
        tiny: -1,
        short: i16::MIN,
        int: -300,
        long: i64::MIN,
        byte: 255,
        word: 300,
        uint: u32::MAX,
        ulong: u64::MAX,
        single: -0.0,
        double: f64::INFINITY,
        flag: true,
        letter: 'ß',
        text: "häß".to_owned(),
        blob: vec![0, 255, 128],
        raw: Bytes::from_static(b"raw"),
        digest: [1, 2, 3, 4],
        color: Color::Blue,
    }
}

pub(crate) fn lists() -> Lists {
    Lists {
        ints: vec![0, -1, 150],
        longs: (0..100).map(|shift| 1 << (shift % 64)).collect(),
        doubles: vec![0.0, 1.5],
        singles: vec![-2.5],
        flags: vec![true, false],
        texts: vec![String::new(), "x".repeat(200)],
        blobs: vec![vec![], vec![9]],
        lines: vec![Line::default(), Line { price: 1.0, count: 2 }],
        colors: vec![Color::Black, Color::Blue],
        three: [1, 0, 3],
        two: [Line::default(), Line { price: 0.5, count: 0 }],
    }
}

pub(crate) fn maps() -> Maps {
    Maps {
        by_name: BTreeMap::from([
            (String::new(), Line::default()),
            ("a".to_owned(), Line { price: 2.0, count: 9 }),
        ]),
        by_number: BTreeMap::from([(-1, "minus".to_owned()), (0, String::new())]),
        by_flag: BTreeMap::from([(false, vec![1]), (true, vec![])]),
        colors: BTreeMap::from([(0, Color::Black), (5, Color::Blue)]),
        lists: BTreeMap::from([("e".to_owned(), vec![]), ("f".to_owned(), vec![1, 2])]),
        by_color: BTreeMap::from([(Color::Black, 1), (Color::Blue, 0)]),
    }
}

pub(crate) fn drawing() -> Drawing {
    Drawing {
        shapes: vec![
            Shape::Nothing,
            Shape::Circle(0.0),
            Shape::Segment(-1, 0),
            Shape::Rect { width_px: 3, height_px: 0 },
            Shape::Many(vec![]),
            Shape::Many(vec![1, 2]),
            Shape::Named(Line::default()),
        ],
        main: Some(Shape::Circle(2.5)),
        pair: (5, "five".to_owned()),
        place: Pair(1, "one".to_owned()),
        unit: (),
    }
}

pub(crate) fn wrapped() -> Wrapped {
    Wrapped {
        rows: vec![vec![], vec![1, 2]],
        gaps: vec![None, Some(0), Some(3)],
        twice: Some(None),
        maybe: Some(vec![]),
        maybe_map: Some(BTreeMap::from([("k".to_owned(), 1)])),
        deep: vec![vec![vec![1], vec![]], vec![]],
    }
}
