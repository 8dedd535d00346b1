//! Descriptors and serde agree: what the derive describes, gob writes and reads.

use std::collections::BTreeMap;
use std::time::Duration;

use polywire_gob::Value;
use polywire_macros::Schema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Writes a value with its definitions and reads it again.
fn returns<T>(value: &T)
where
    T: Serialize + DeserializeOwned + polywire_schema::Schema + PartialEq + std::fmt::Debug,
{
    let bytes = polywire_gob::to_vec(value).expect("it can be written");
    let read: T = polywire_gob::from_slice(&bytes).expect("it can be read");
    assert_eq!(&read, value);
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: u64,
    #[serde(skip)]
    seen: bool,
    #[serde(rename = "@lines", default)]
    lines: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    by_name: BTreeMap<String, Id>,
    #[serde(with = "secs")]
    #[schema(as = "u64")]
    wait: Duration,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Line(#[serde(skip)] bool, u8, f64);

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Id(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Page<T> {
    items: Vec<T>,
    next: Option<Box<Self>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
#[serde(rename_all = "kebab-case")]
enum Level {
    #[serde(skip)]
    Unknown,
    VeryLow,
    High,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
#[serde(rename_all = "snake_case", rename_all_fields = "PascalCase")]
enum Event {
    #[serde(skip)]
    Never,
    Started,
    Failed(String),
    Moved(i32, i32),
    #[serde(rename = "done")]
    Finished {
        exit_code: i32,
        #[serde(skip)]
        seen: bool,
    },
}

mod secs {
    //! A duration as whole seconds.
    use super::{Deserialize, Duration};

    pub(super) fn serialize<S: serde::Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(d.as_secs())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        d: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_secs)
    }
}

fn order() -> Order {
    Order {
        order_id: 7,
        seen: false,
        lines: vec![Line(false, 1, 0.5), Line(false, 0, 0.0)],
        note: Some(String::new()),
        by_name: BTreeMap::from([("a".into(), Id(3))]),
        wait: Duration::from_secs(9),
    }
}

#[test]
fn structs_return_as_they_were() {
    returns(&Order::default());
    returns(&order());
}

#[test]
fn a_generic_type_may_hold_itself() {
    let last = Page { items: vec![Id(3)], next: None };
    returns(&Page { items: vec![Id(1), Id(2)], next: Some(Box::new(last)) });
}

#[test]
fn enums_return_as_they_were_beside_skipped_variants() {
    for level in [Level::VeryLow, Level::High] {
        returns(&level);
    }
    let finished = Event::Finished { exit_code: 0, seen: false };
    for event in [Event::Started, Event::Failed("x".into()), Event::Moved(1, -1), finished] {
        returns(&event);
    }
    assert!(polywire_gob::to_vec(&Level::Unknown).is_err());
    assert!(polywire_gob::to_vec(&Event::Never).is_err());
}

#[test]
fn a_peer_sees_gos_names() {
    let bytes = polywire_gob::to_vec(&order()).unwrap();
    let value: Option<Value> = polywire_gob::Decoder::new(bytes.as_slice()).decode_value().unwrap();
    let text = format!("{value:?}");
    for name in ["OrderID", "Lines", "Note", "ByName", "Wait"] {
        assert!(text.contains(name), "{name} in {text}");
    }
}
