//! A field of every kind that both languages have.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use polywire::{Schema, service};
use serde::{Deserialize, Serialize};

/// A struct inside others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct Point {
    /// To the right.
    pub x: i64,
    /// Upwards.
    pub y: i64,
}

/// Holds itself in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct Tree {
    /// What the node is called.
    pub name: String,
    /// The nodes below.
    pub children: Vec<Self>,
}

/// Holds itself through a pointer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct List {
    /// The value of this element.
    pub value: i64,
    /// The elements behind it.
    pub next: Option<Box<Self>>,
}

/// Embedded in Go; gob sends it as a field of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct Base {
    /// `UserID` in Go.
    pub user_id: String,
}

/// A field of every kind; Go's `Many`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[expect(missing_docs, reason = "the types are the point")]
pub struct Many {
    pub base: Base,
    pub flag: bool,
    pub int: i64,
    pub int8: i8,
    pub int16: i16,
    pub int32: i32,
    pub int64: i64,
    pub uint: u64,
    pub uint8: u8,
    pub uint16: u16,
    pub uint32: u32,
    pub uint64: u64,
    pub float32: f32,
    pub float64: f64,
    pub text: String,
    pub bytes: Vec<u8>,
    pub nested: Point,
    pub points: Vec<Point>,
    pub texts: Vec<String>,
    pub matrix: Vec<Vec<i32>>,
    pub fixed: [u16; 4],
    pub fixed_bytes: [u8; 4],
    pub by_name: BTreeMap<String, Point>,
    pub by_number: HashMap<i64, String>,
    pub by_byte: BTreeMap<u8, f64>,
    pub deep: BTreeMap<String, Vec<BTreeMap<i16, u32>>>,
    pub at: SystemTime,
    pub took: Duration,
    pub number: Option<i64>,
    pub somewhere: Option<Point>,
    pub nowhere: Option<Point>,
    pub tree: Tree,
    pub list: Option<Box<List>>,
    pub blobs: Vec<Vec<u8>>,
}

impl Many {
    /// A value with something in every field but `nowhere`; the same as Go's.
    #[must_use]
    pub fn full() -> Self {
        let tree = |name: &str, children: Vec<Tree>| Tree { name: name.to_owned(), children };
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            base: Base { user_id: "u-1".to_owned() },
            flag: true,
            int: i64::MIN,
            int8: i8::MIN,
            int16: i16::MIN,
            int32: i32::MIN,
            int64: i64::MAX,
            uint: u64::MAX,
            uint8: u8::MAX,
            uint16: u16::MAX,
            uint32: u32::MAX,
            uint64: u64::MAX,
            float32: -1.25,
            float64: std::f64::consts::PI,
            text: "gr\u{fc}\u{df} <&> \u{2028} \u{1f30d} \"quoted\"".to_owned(),
            bytes: vec![0, 1, 127, 128, 255],
            nested: Point { x: 1, y: -1 },
            points: vec![Point { x: 1, y: 0 }, Point::default(), Point { x: 0, y: 2 }],
            texts: texts(&["", "a", ""]),
            matrix: vec![vec![1, 2], vec![-3]],
            fixed: [0, 1, 128, 65535],
            fixed_bytes: [10, 0, 200, 1],
            by_name: BTreeMap::from([
                (String::new(), Point::default()),
                ("a".to_owned(), Point { x: 3, y: 4 }),
            ]),
            by_number: HashMap::from([
                (-1, "minus".to_owned()),
                (0, String::new()),
                (i64::MAX, "max".to_owned()),
            ]),
            by_byte: BTreeMap::from([(0, 0.5), (255, -0.5)]),
            deep: BTreeMap::from([(
                "x".to_owned(),
                vec![BTreeMap::from([(-1, 1)]), BTreeMap::from([(2, 3), (4, 5)])],
            )]),
            // 2024-02-29 12:34:56.789012345 UTC
            at: UNIX_EPOCH + Duration::new(1_709_210_096, 789_012_345),
            took: Duration::new(90 * 60, 1),
            number: Some(-7),
            somewhere: Some(Point { x: 8, y: 9 }),
            nowhere: None,
            tree: tree("root", vec![tree("l", vec![]), tree("r", vec![tree("rl", vec![])])]),
            list: chain(50),
            blobs: vec![vec![1], vec![2, 3]],
        }
    }
}

/// A list of so many elements, the highest value first.
#[must_use]
pub fn chain(length: i64) -> Option<Box<List>> {
    (0..length).fold(None, |next, value| Some(Box::new(List { value, next })))
}

/// A pair of maps to be made large.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct Maps {
    /// Numbers by name.
    pub by_name: HashMap<String, i64>,
    /// Names by number.
    pub by_number: HashMap<i64, String>,
}

/// Fields that a wider sender can overflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct Narrow {
    /// Goes up to 127.
    pub n: i8,
    /// Goes up to 255.
    pub u: u8,
}

/// Answers with what it was sent.
#[derive(Debug, Default)]
pub struct Types;

#[service]
impl Types {
    /// Every kind of field.
    pub async fn echo(&self, many: Many) -> Many {
        many
    }

    /// Large maps.
    pub async fn maps(&self, maps: Maps) -> Maps {
        maps
    }

    /// Small numbers.
    pub async fn narrow(&self, narrow: Narrow) -> Narrow {
        narrow
    }

    /// A list that may be long.
    pub async fn list(&self, list: List) -> List {
        list
    }
}
