use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use polywire::core::{MethodDescriptor, Payload, ServiceDescriptor};
use polywire::gob::{Frame, TypeTable, decode_value};
use polywire::prelude::*;
use polywire::schema::Schema as _;
use polywire::{Message, codec};
use serde_json::json;

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Everything {
    user_id: u32,
    ratio: f32,
    tags: Vec<String>,
    blob: Vec<u8>,
    pair: (u8, String),
    fixed: [i16; 2],
    counts: BTreeMap<i32, u64>,
    note: Option<String>,
    took: Duration,
    at: SystemTime,
    color: Color,
    shapes: Vec<Figure>,
    tree: Tree,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(rename_all = "snake_case")]
enum Color {
    DarkRed,
    Blue,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
enum Figure {
    Nothing,
    Circle(f64),
    Segment(i32, i32),
    Rect { width_px: u32 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Tree {
    name: String,
    children: Vec<Self>,
}

static METHODS: [MethodDescriptor; 1] =
    [MethodDescriptor::new("Do", "All.Do", Everything::schema, Everything::schema)];
static SERVICE: ServiceDescriptor = ServiceDescriptor::new("All", &METHODS);

fn everything() -> Json {
    json!({
        "user_id": 7,
        "ratio": 0.5,
        "tags": ["a", ""],
        "blob": "AQID",
        "pair": [1, "x"],
        "fixed": [-1, 2],
        "counts": { "-3": 18_446_744_073_709_551_615_u64 },
        "note": null,
        "took": 1_500_000_000,
        "at": "2024-02-29T12:34:56.5Z",
        "color": "dark_red",
        "shapes": ["Nothing", { "Circle": 0.0 }, { "Rect": { "width_px": 3 } }],
        "tree": { "name": "a", "children": [{ "name": "b", "children": [] }] },
    })
}

#[track_caller]
fn sent<T: Message>(json: &Json, types: &[&str]) -> T {
    let types: Vec<String> = types.iter().map(|text| (*text).to_owned()).collect();
    let payload = to_payload(json, None, &Hints::parse(&types).unwrap()).unwrap();
    T::decode(&payload).unwrap()
}

fn value_of(payload: &Payload) -> polywire::gob::Value {
    let table = payload.context.as_ref().map(TypeTable::from_context).unwrap();
    decode_value(&Frame::new(payload.bytes.clone(), table)).unwrap()
}

#[test]
fn what_a_server_says_of_its_types_directs_both_ways() {
    let description = Description::of([("All", &SERVICE)]);
    let known = Known::new(&description, description.method("All.Do").unwrap().request);
    let payload = to_payload(&everything(), known, &Hints::default()).unwrap();
    let value = Everything::decode(&payload).unwrap();
    assert_eq!(value.pair, (1, "x".to_owned()));
    assert_eq!(value.shapes[2], Figure::Rect { width_px: 3 });
    assert_eq!(value.at, SystemTime::UNIX_EPOCH + Duration::new(1_709_210_096, 500_000_000));

    let reply = codec::encode(&value, polywire::core::Encoding::Gob).unwrap();
    assert_eq!(to_json(&value_of(&reply), known), everything());
}

#[test]
fn a_mistake_is_pointed_at() {
    let description = Description::of([("All", &SERVICE)]);
    let known = Known::new(&description, description.method("All.Do").unwrap().request);
    for (json, text) in [
        (json!({ "user": 1 }), "no field `user`; "),
        (json!({ "user_id": -1 }), "UserID: expected an unsigned integer, found -1"),
        (json!({ "tree": { "children": [5] } }), "Tree.Children[]: expected an object, found 5"),
        (json!({ "fixed": [1] }), "Fixed: expected 2 elements, found [1]"),
        (json!({ "shapes": ["Square"] }), "expected one variant of the enum"),
    ] {
        let error = to_payload(&json, known, &Hints::default()).unwrap_err();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn without_a_description_json_is_taken_as_a_go_program_would_mean_it() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    struct Args {
        a: i64,
        user_id: u64,
        ratio: f64,
        items: Vec<Item>,
        blob: Vec<u8>,
        counts: BTreeMap<String, i64>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    struct Item {
        n: f64,
        s: String,
    }
    let json = json!({
        "a": -1,
        "UserID": 5,
        "ratio": 1,
        "items": [{ "n": 1 }, { "n": 1.5, "s": "x" }],
        "blob": "AQID",
        "counts": { "x": 1 },
    });
    let types = ["UserID=uint", "ratio=float", "blob=bytes", "counts=map"];
    let args: Args = sent(&json, &types);
    let item = |n, s: &str| Item { n, s: s.to_owned() };
    assert_eq!(args.items, [item(1.0, ""), item(1.5, "x")]);
    assert_eq!((args.user_id, args.ratio, args.counts["x"]), (5, 1.0, 1));
    assert_eq!(args.blob, [1, 2, 3]);
    assert_eq!(sent::<i64>(&json!(41), &[]), 41);
    assert_eq!(sent::<u64>(&json!(41), &[".=uint"]), 41);
    sent::<()>(&json!({}), &[]);
    Hints::parse(&["a=b".to_owned()]).unwrap_err();
    Hints::parse(&["a".to_owned()]).unwrap_err();
}

#[test]
fn an_unknown_reply_has_gos_names_and_its_zero_values() {
    #[derive(Serialize, Deserialize, Schema)]
    struct Reply {
        total_ms: i64,
        names: Vec<String>,
    }
    let reply = Reply { total_ms: 0, names: Vec::new() };
    let payload = codec::encode(&reply, polywire::core::Encoding::Gob).unwrap();
    assert_eq!(to_json(&value_of(&payload), None), json!({ "TotalMs": 0, "Names": [] }));
}
