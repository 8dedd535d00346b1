//! prost, whose messages are written by hand as the exported `.proto` would have them, reads what
//! is written here, and the other way round.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use polywire_codec::protobuf::{from_bytes, to_bytes};
use polywire_schema::Schema;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::values::{
    Clock, Color, Line, Node, Optional, Pair, Scalars, Shape, Wrapped, drawing, lists, maps,
    scalars, wrapped,
};

mod mirror {
    use std::collections::HashMap;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Scalars {
        #[prost(int32, tag = "1")]
        pub(crate) tiny: i32,
        #[prost(int32, tag = "2")]
        pub(crate) short: i32,
        #[prost(int32, tag = "3")]
        pub(crate) int: i32,
        #[prost(int64, tag = "4")]
        pub(crate) long: i64,
        #[prost(uint32, tag = "5")]
        pub(crate) byte: u32,
        #[prost(uint32, tag = "6")]
        pub(crate) word: u32,
        #[prost(uint32, tag = "7")]
        pub(crate) uint: u32,
        #[prost(uint64, tag = "8")]
        pub(crate) ulong: u64,
        #[prost(float, tag = "9")]
        pub(crate) single: f32,
        #[prost(double, tag = "10")]
        pub(crate) double: f64,
        #[prost(bool, tag = "11")]
        pub(crate) flag: bool,
        #[prost(string, tag = "12")]
        pub(crate) letter: String,
        #[prost(string, tag = "13")]
        pub(crate) text: String,
        #[prost(bytes = "vec", tag = "20")]
        pub(crate) digest: Vec<u8>,
        #[prost(enumeration = "Color", tag = "21")]
        pub(crate) color: i32,
        #[prost(bytes = "vec", tag = "100")]
        pub(crate) blob: Vec<u8>,
        #[prost(bytes = "vec", tag = "200")]
        pub(crate) raw: Vec<u8>,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
    #[repr(i32)]
    pub(crate) enum Color {
        Black = 0,
        DarkRed = 1,
        Blue = 7,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Optional {
        #[prost(int32, optional, tag = "1")]
        pub(crate) int: Option<i32>,
        #[prost(string, optional, tag = "2")]
        pub(crate) text: Option<String>,
        #[prost(bytes = "vec", optional, tag = "3")]
        pub(crate) blob: Option<Vec<u8>>,
        #[prost(message, optional, tag = "4")]
        pub(crate) line: Option<Line>,
        #[prost(enumeration = "Color", optional, tag = "5")]
        pub(crate) color: Option<i32>,
        #[prost(string, optional, tag = "6")]
        pub(crate) letter: Option<String>,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(crate) struct Line {
        #[prost(double, tag = "1")]
        pub(crate) price: f64,
        #[prost(uint32, tag = "2")]
        pub(crate) count: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Lists {
        #[prost(int32, repeated, tag = "1")]
        pub(crate) ints: Vec<i32>,
        #[prost(uint64, repeated, tag = "2")]
        pub(crate) longs: Vec<u64>,
        #[prost(double, repeated, tag = "3")]
        pub(crate) doubles: Vec<f64>,
        #[prost(float, repeated, tag = "4")]
        pub(crate) singles: Vec<f32>,
        #[prost(bool, repeated, tag = "5")]
        pub(crate) flags: Vec<bool>,
        #[prost(string, repeated, tag = "6")]
        pub(crate) texts: Vec<String>,
        #[prost(bytes = "vec", repeated, tag = "7")]
        pub(crate) blobs: Vec<Vec<u8>>,
        #[prost(message, repeated, tag = "8")]
        pub(crate) lines: Vec<Line>,
        #[prost(enumeration = "Color", repeated, tag = "9")]
        pub(crate) colors: Vec<i32>,
        #[prost(uint32, repeated, tag = "10")]
        pub(crate) three: Vec<u32>,
        #[prost(message, repeated, tag = "11")]
        pub(crate) two: Vec<Line>,
    }

    /// The same fields as in proto2: nothing is packed.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Unpacked {
        #[prost(int32, repeated, packed = "false", tag = "1")]
        pub(crate) ints: Vec<i32>,
        #[prost(uint64, repeated, packed = "false", tag = "2")]
        pub(crate) longs: Vec<u64>,
        #[prost(double, repeated, packed = "false", tag = "3")]
        pub(crate) doubles: Vec<f64>,
        #[prost(float, repeated, packed = "false", tag = "4")]
        pub(crate) singles: Vec<f32>,
        #[prost(bool, repeated, packed = "false", tag = "5")]
        pub(crate) flags: Vec<bool>,
        #[prost(enumeration = "Color", repeated, packed = "false", tag = "9")]
        pub(crate) colors: Vec<i32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Ints {
        #[prost(int32, repeated, tag = "1")]
        pub(crate) value: Vec<i32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Maps {
        #[prost(map = "string, message", tag = "1")]
        pub(crate) by_name: HashMap<String, Line>,
        #[prost(map = "int64, string", tag = "2")]
        pub(crate) by_number: HashMap<i64, String>,
        #[prost(map = "bool, bytes", tag = "3")]
        pub(crate) by_flag: HashMap<bool, Vec<u8>>,
        #[prost(map = "uint32, enumeration(Color)", tag = "4")]
        pub(crate) colors: HashMap<u32, i32>,
        #[prost(map = "string, message", tag = "5")]
        pub(crate) lists: HashMap<String, Ints>,
        #[prost(map = "int32, int32", tag = "6")]
        pub(crate) by_color: HashMap<i32, i32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Clock {
        #[prost(message, optional, tag = "1")]
        pub(crate) took: Option<prost_types::Duration>,
        #[prost(message, optional, tag = "2")]
        pub(crate) at: Option<prost_types::Timestamp>,
        #[prost(message, optional, tag = "3")]
        pub(crate) until: Option<prost_types::Timestamp>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Segment {
        #[prost(int32, tag = "1")]
        pub(crate) f0: i32,
        #[prost(int32, tag = "2")]
        pub(crate) f1: i32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Rect {
        #[prost(uint32, tag = "1")]
        pub(crate) width_px: u32,
        #[prost(uint32, tag = "2")]
        pub(crate) height_px: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Shape {
        #[prost(oneof = "AnyShape", tags = "1, 2, 3, 4, 5, 6")]
        pub(crate) any: Option<AnyShape>,
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(crate) enum AnyShape {
        #[prost(message, tag = "1")]
        Nothing(()),
        #[prost(double, tag = "2")]
        Circle(f64),
        #[prost(message, tag = "3")]
        Segment(Segment),
        #[prost(message, tag = "4")]
        Rect(Rect),
        #[prost(message, tag = "5")]
        Many(Ints),
        #[prost(message, tag = "6")]
        Named(Line),
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Pair {
        #[prost(uint32, tag = "1")]
        pub(crate) f0: u32,
        #[prost(string, tag = "2")]
        pub(crate) f1: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Drawing {
        #[prost(message, repeated, tag = "1")]
        pub(crate) shapes: Vec<Shape>,
        #[prost(message, optional, tag = "2")]
        pub(crate) main: Option<Shape>,
        #[prost(message, optional, tag = "3")]
        pub(crate) pair: Option<Pair>,
        #[prost(message, optional, tag = "4")]
        pub(crate) place: Option<Pair>,
        #[prost(message, optional, tag = "5")]
        pub(crate) unit: Option<()>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Maybe {
        #[prost(int32, optional, tag = "1")]
        pub(crate) value: Option<i32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Texts {
        #[prost(string, repeated, tag = "1")]
        pub(crate) value: Vec<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Numbers {
        #[prost(map = "string, int32", tag = "1")]
        pub(crate) value: HashMap<String, i32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Table {
        #[prost(message, repeated, tag = "1")]
        pub(crate) value: Vec<Ints>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Wrapped {
        #[prost(message, repeated, tag = "1")]
        pub(crate) rows: Vec<Ints>,
        #[prost(message, repeated, tag = "2")]
        pub(crate) gaps: Vec<Maybe>,
        #[prost(message, optional, tag = "3")]
        pub(crate) twice: Option<Maybe>,
        #[prost(message, optional, tag = "4")]
        pub(crate) maybe: Option<Texts>,
        #[prost(message, optional, tag = "5")]
        pub(crate) maybe_map: Option<Numbers>,
        #[prost(message, repeated, tag = "6")]
        pub(crate) deep: Vec<Table>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Node {
        #[prost(int64, tag = "1")]
        pub(crate) value: i64,
        #[prost(message, optional, boxed, tag = "2")]
        pub(crate) next: Option<Box<Self>>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Wrapper {
        #[prost(enumeration = "Color", tag = "1")]
        pub(crate) value: i32,
    }
}

/// The peer reads what is written here as its own value, and what it writes is read back here.
#[track_caller]
fn exchange<T, M>(ours: &T, theirs: &M)
where
    T: Serialize + DeserializeOwned + Schema + PartialEq + Debug,
    M: Message + Default + PartialEq + Debug,
{
    let written = to_bytes(ours).unwrap();
    assert_eq!(&M::decode(written.clone()).unwrap(), theirs, "{written:02x?}");
    assert_eq!(&from_bytes::<T>(&theirs.encode_to_vec()).unwrap(), ours);
    assert_eq!(&from_bytes::<T>(&written).unwrap(), ours);
}

#[test]
fn scalars_are_the_peers_scalars() {
    let ours = scalars();
    let theirs = mirror::Scalars {
        tiny: -1,
        short: i16::MIN.into(),
        int: -300,
        long: i64::MIN,
        byte: 255,
        word: 300,
        uint: u32::MAX,
        ulong: u64::MAX,
        single: -0.0,
        double: f64::INFINITY,
        flag: true,
        letter: "ß".to_owned(),
        text: "häß".to_owned(),
        digest: vec![1, 2, 3, 4],
        color: 7,
        blob: vec![0, 255, 128],
        raw: b"raw".to_vec(),
    };
    exchange(&ours, &theirs);
}

#[test]
fn zero_values_are_left_out_and_come_back() {
    let zero = Scalars::default();
    let written = to_bytes(&zero).unwrap();
    // The array of bytes has a length of its own, which the peer's empty bytes have not.
    assert_eq!(written, [0xa2, 0x01, 4, 0, 0, 0, 0].as_slice());
    assert_eq!(from_bytes::<Scalars>(&[]).unwrap(), zero);
    exchange(&Optional::default(), &mirror::Optional::default());
    exchange(&Line::default(), &mirror::Line::default());
}

#[test]
fn an_option_that_holds_a_zero_value_is_there() {
    let ours = Optional {
        int: Some(0),
        text: Some(String::new()),
        blob: Some(vec![]),
        line: Some(Line::default()),
        color: Some(Color::Black),
        letter: Some('x'),
    };
    let theirs = mirror::Optional {
        int: Some(0),
        text: Some(String::new()),
        blob: Some(vec![]),
        line: Some(mirror::Line::default()),
        color: Some(0),
        letter: Some("x".to_owned()),
    };
    exchange(&ours, &theirs);
    assert_eq!(to_bytes(&ours).unwrap(), theirs.encode_to_vec());
}

#[test]
fn lists_and_arrays_are_repeated_fields() {
    let ours = lists();
    let theirs = mirror::Lists {
        ints: ours.ints.clone(),
        longs: ours.longs.clone(),
        doubles: ours.doubles.clone(),
        singles: ours.singles.clone(),
        flags: ours.flags.clone(),
        texts: ours.texts.clone(),
        blobs: ours.blobs.clone(),
        lines: vec![mirror::Line::default(), mirror::Line { price: 1.0, count: 2 }],
        colors: vec![0, 7],
        three: vec![1, 0, 3],
        two: vec![mirror::Line::default(), mirror::Line { price: 0.5, count: 0 }],
    };
    exchange(&ours, &theirs);
    assert_eq!(to_bytes(&ours).unwrap(), theirs.encode_to_vec());
}

#[test]
fn lists_that_are_not_packed_are_read_too() {
    let ours = lists();
    let theirs = mirror::Unpacked {
        ints: ours.ints.clone(),
        longs: ours.longs.clone(),
        doubles: ours.doubles.clone(),
        singles: ours.singles.clone(),
        flags: ours.flags.clone(),
        colors: vec![0, 7],
    };
    let read: crate::values::Lists = from_bytes(&theirs.encode_to_vec()).unwrap();
    assert_eq!(read.ints, ours.ints);
    assert_eq!(read.longs, ours.longs);
    assert_eq!(read.doubles, ours.doubles);
    assert_eq!(read.singles, ours.singles);
    assert_eq!(read.flags, ours.flags);
    assert_eq!(read.colors, ours.colors);
    assert_eq!(read.three, [0; 3], "an array that is absent is zero");
}

#[test]
fn maps_are_maps() {
    let ours = maps();
    let line = mirror::Line { price: 2.0, count: 9 };
    let theirs = mirror::Maps {
        by_name: HashMap::from([(String::new(), mirror::Line::default()), ("a".to_owned(), line)]),
        by_number: HashMap::from([(-1, "minus".to_owned()), (0, String::new())]),
        by_flag: HashMap::from([(false, vec![1]), (true, vec![])]),
        colors: HashMap::from([(0, 0), (5, 7)]),
        lists: HashMap::from([
            ("e".to_owned(), mirror::Ints::default()),
            ("f".to_owned(), mirror::Ints { value: vec![1, 2] }),
        ]),
        by_color: HashMap::from([(0, 1), (7, 0)]),
    };
    exchange(&ours, &theirs);
}

#[test]
fn durations_and_times_are_the_well_known_messages() {
    let instant = SystemTime::UNIX_EPOCH + Duration::new(1_709_210_096, 789_012_345);
    let stamp = prost_types::Timestamp { seconds: 1_709_210_096, nanos: 789_012_345 };
    let ours = Clock { took: Duration::from_millis(1500), at: instant, until: Some(instant) };
    let theirs = mirror::Clock {
        took: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
        at: Some(stamp),
        until: Some(stamp),
    };
    exchange(&ours, &theirs);
    let none = Clock { took: Duration::ZERO, at: SystemTime::UNIX_EPOCH, until: None };
    assert_eq!(from_bytes::<Clock>(&[]).unwrap(), none);
}

#[test]
fn enums_with_data_are_messages_with_one_member_set() {
    use mirror::AnyShape;
    let shape = |any| mirror::Shape { any: Some(any) };
    let theirs = mirror::Drawing {
        shapes: vec![
            shape(AnyShape::Nothing(())),
            shape(AnyShape::Circle(0.0)),
            shape(AnyShape::Segment(mirror::Segment { f0: -1, f1: 0 })),
            shape(AnyShape::Rect(mirror::Rect { width_px: 3, height_px: 0 })),
            shape(AnyShape::Many(mirror::Ints::default())),
            shape(AnyShape::Many(mirror::Ints { value: vec![1, 2] })),
            shape(AnyShape::Named(mirror::Line::default())),
        ],
        main: Some(shape(AnyShape::Circle(2.5))),
        pair: Some(mirror::Pair { f0: 5, f1: "five".to_owned() }),
        place: Some(mirror::Pair { f0: 1, f1: "one".to_owned() }),
        unit: Some(()),
    };
    exchange(&drawing(), &theirs);
    exchange(&Shape::Circle(0.0), &shape(AnyShape::Circle(0.0)));
}

#[test]
fn what_cannot_stand_alone_is_wrapped() {
    let ints = |value: &[i32]| mirror::Ints { value: value.to_vec() };
    let theirs = mirror::Wrapped {
        rows: vec![ints(&[]), ints(&[1, 2])],
        gaps: [None, Some(0), Some(3)].map(|value| mirror::Maybe { value }).to_vec(),
        twice: Some(mirror::Maybe { value: None }),
        maybe: Some(mirror::Texts { value: vec![] }),
        maybe_map: Some(mirror::Numbers { value: HashMap::from([("k".to_owned(), 1)]) }),
        deep: vec![
            mirror::Table { value: vec![ints(&[1]), ints(&[])] },
            mirror::Table { value: vec![] },
        ],
    };
    exchange(&wrapped(), &theirs);
    exchange(&Wrapped::default(), &mirror::Wrapped::default());
}

#[test]
fn recursive_types_are_nested_messages() {
    let leaf = Node { value: -5, next: None };
    let ours = Node { value: 0, next: Some(Box::new(leaf)) };
    let leaf = mirror::Node { value: -5, next: None };
    exchange(&ours, &mirror::Node { value: 0, next: Some(Box::new(leaf)) });
}

#[test]
fn an_argument_that_is_no_message_is_wrapped_as_google_does() {
    // prost implements `Message` for these types as the well-known wrappers.
    exchange(&-5_i64, &-5_i64);
    exchange(&7_u32, &7_u32);
    exchange(&0_i32, &0_i32);
    exchange(&u64::MAX, &u64::MAX);
    exchange(&1.5_f64, &1.5_f64);
    exchange(&2.5_f32, &2.5_f32);
    exchange(&true, &true);
    exchange(&"text".to_owned(), &"text".to_owned());
    exchange(&vec![1_u8, 2], &vec![1_u8, 2]);
    exchange(&bytes::Bytes::from_static(b"b"), &bytes::Bytes::from_static(b"b"));
    exchange(&(), &());
    exchange(&Duration::from_nanos(1), &prost_types::Duration { seconds: 0, nanos: 1 });
    exchange(&vec![1, 2, -3], &mirror::Ints { value: vec![1, 2, -3] });
    exchange(&Vec::<i32>::new(), &mirror::Ints::default());
    exchange(&Some(0), &mirror::Maybe { value: Some(0) });
    exchange(&None::<i32>, &mirror::Maybe { value: None });
    exchange(
        &vec![vec![1], vec![]],
        &mirror::Table { value: vec![mirror::Ints { value: vec![1] }, mirror::Ints::default()] },
    );
    exchange(
        &BTreeMap::from([("k".to_owned(), 1)]),
        &mirror::Numbers { value: HashMap::from([("k".to_owned(), 1)]) },
    );
    exchange(&Color::Blue, &mirror::Wrapper { value: 7 });
    exchange(&(5_u32, "five".to_owned()), &mirror::Pair { f0: 5, f1: "five".to_owned() });
    exchange(&Pair(1, "one".to_owned()), &mirror::Pair { f0: 1, f1: "one".to_owned() });
}

#[test]
fn fields_in_any_order_and_with_values_that_no_longer_count_are_what_the_peer_reads() {
    let (value, written) = (scalars(), to_bytes(&scalars()).unwrap());
    let mut fields = cut(&written);
    let stale: Vec<&[u8]> = vec![&[0x08, 1], &[0x58, 0], &[0x6a, 1, b'x']];
    for turn in 0..fields.len() {
        fields.rotate_left(1);
        let mut order: Vec<&[u8]> = fields.clone();
        if turn % 2 == 1 {
            order.reverse();
        }
        let bytes = [stale.concat(), order.concat()].concat();
        let theirs = mirror::Scalars::decode(&*bytes).unwrap();
        assert_eq!(theirs, mirror::Scalars::decode(&*written).unwrap());
        assert_eq!(from_bytes::<Scalars>(&bytes).unwrap(), value, "{bytes:x?}");
    }
}

/// The fields of a message, each with its key.
fn cut(message: &[u8]) -> Vec<&[u8]> {
    let (mut fields, mut rest) = (Vec::new(), message);
    while !rest.is_empty() {
        let from = rest;
        let (tag, wire_type) = prost::encoding::decode_key(&mut rest).unwrap();
        prost::encoding::skip_field(wire_type, tag, &mut rest, Default::default()).unwrap();
        fields.push(&from[..from.len() - rest.len()]);
    }
    fields
}
