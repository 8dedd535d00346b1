//! What the derive says about structs.
#![deny(missing_docs, unused_qualifications, unreachable_pub, warnings)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use polywire_macros::Schema;
use polywire_schema::{Field, Kind, Schema, StructType, Type};
use serde::{Deserialize, Serialize};

fn struct_of(ty: &'static Type) -> &'static StructType {
    let Kind::Struct(described) = ty.kind else { panic!("{ty} is not a struct") };
    described
}

fn field(ty: &'static Type, serde: &str) -> &'static Field {
    let found = struct_of(ty).fields.iter().find(|field| field.serde == serde);
    found.unwrap_or_else(|| panic!("{ty} has no field {serde}"))
}

fn serde_names(ty: &'static Type) -> Vec<&'static str> {
    struct_of(ty).fields.iter().map(|field| field.serde).collect()
}

/// Someone who
/// has an account.
///
/// More about them.
#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema", java = "org.example.User")]
struct User {
    /// Given by the database.
    user_id: u64,
    r#type: Option<String>,
    #[serde(default)]
    tags: Vec<Cow<'static, str>>,
    #[schema(go = "HomeURL", java = "home", proto = "home_page", tag = 9)]
    base_url: String,
    #[serde(skip)]
    cached: Option<std::rc::Rc<str>>,
    limits: BTreeMap<i32, [u8; 4]>,
}

#[test]
fn a_struct_has_its_fields_in_order_without_skipped_ones() {
    assert_eq!(serde_names(User::TYPE), ["user_id", "type", "tags", "base_url", "limits"]);
    assert_eq!(User::TYPE.name(), "User");
    let tags: Vec<u32> = struct_of(User::TYPE).fields.iter().map(|field| field.tag).collect();
    assert_eq!(tags, [1, 2, 3, 9, 5]);
    let kinds: Vec<String> =
        struct_of(User::TYPE).fields.iter().map(|field| (field.ty)().to_string()).collect();
    assert_eq!(kinds, ["u64", "Option<String>", "Vec<String>", "String", "Map<i32, [u8; 4]>"]);
}

#[test]
fn names_follow_each_wires_style_unless_stated() {
    let id = field(User::TYPE, "user_id");
    assert_eq!((id.go, id.java, id.proto), ("UserID", "userId", "user_id"));
    let raw = field(User::TYPE, "type");
    assert_eq!((raw.go, raw.java, raw.proto), ("Type", "type", "type"));
    let url = field(User::TYPE, "base_url");
    assert_eq!((url.go, url.java, url.proto), ("HomeURL", "home", "home_page"));
}

#[test]
fn doc_comments_are_kept_line_by_line() {
    let user = struct_of(User::TYPE);
    assert_eq!(user.docs, "Someone who\nhas an account.\n\nMore about them.");
    assert_eq!(field(User::TYPE, "user_id").docs, "Given by the database.");
    assert_eq!((user.go, user.java), ("User", Some("org.example.User")));
}

#[test]
fn only_fields_that_serde_fills_in_have_a_default() {
    assert!(field(User::TYPE, "tags").has_default);
    assert!(!field(User::TYPE, "type").has_default);
}

#[test]
fn a_type_without_parameters_has_a_slot_of_its_own() {
    let slot = User::TYPE.slot.unwrap();
    assert_eq!(slot.get_or_init(0, || 7_u8), Some(&7));
    assert!(Ticket::TYPE.slot.unwrap().get::<u8>(0).is_none());
    assert_eq!((User::TYPE.id)(), std::any::TypeId::of::<User>());
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema", go = "TicketV2")]
#[serde(rename_all = "SCREAMING-KEBAB-CASE", default)]
#[derive(Default)]
struct Ticket {
    seat_row: u8,
    #[serde(rename = "@class-name", alias = "class")]
    class: String,
    #[serde(rename(serialize = "id", deserialize = "id"), skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
}

#[test]
fn renaming_follows_serde_and_an_explicit_word_reaches_every_wire() {
    assert_eq!(serde_names(Ticket::TYPE), ["SEAT-ROW", "@class-name", "id"]);
    let names: Vec<_> = struct_of(Ticket::TYPE)
        .fields
        .iter()
        .map(|field| [field.go, field.java, field.proto])
        .collect();
    assert_eq!(
        names,
        [
            ["SeatRow", "seatRow", "seat_row"],
            ["ClassName", "className", "class_name"],
            ["ID", "id", "id"]
        ]
    );
    assert_eq!(struct_of(Ticket::TYPE).go, "TicketV2");
    assert!(struct_of(Ticket::TYPE).fields.iter().all(|field| field.has_default));
}

#[test]
fn serde_writes_the_names_that_the_descriptor_has() {
    let ticket = serde_json::to_value(Ticket { number: Some(1), ..Ticket::default() }).unwrap();
    let mut written: Vec<&String> = ticket.as_object().unwrap().keys().collect();
    let mut described = serde_names(Ticket::TYPE);
    written.sort();
    described.sort_unstable();
    assert_eq!(written, described);
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
struct Point(i32, #[schema(go = "Height")] i64);

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
struct Partial(#[serde(skip)] (), u8);

#[test]
fn a_tuple_struct_has_numbered_fields() {
    let names: Vec<_> =
        struct_of(Point::TYPE).fields.iter().map(|f| (f.serde, f.go, f.java, f.tag)).collect();
    assert_eq!(names, [("0", "F0", "f0", 1), ("1", "Height", "f1", 2)]);
    assert_eq!(serde_names(Partial::TYPE), ["0"]);
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
struct Id(u64);

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
#[serde(transparent)]
struct Wrapped {
    #[serde(skip)]
    _note: (),
    id: Id,
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
struct Nothing;

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
struct Braces {}

#[test]
fn newtypes_are_what_they_hold_and_units_are_nothing() {
    assert_eq!((Id::TYPE.id)(), std::any::TypeId::of::<u64>());
    assert!(matches!(Wrapped::TYPE.kind, Kind::Uint(64)));
    assert!(matches!(Nothing::TYPE.kind, Kind::Unit));
    assert!(struct_of(Braces::TYPE).fields.is_empty());
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
#[expect(clippy::use_self, reason = "both spellings must work")]
struct Tree {
    value: u32,
    left: Option<Box<Tree>>,
    right: Option<Box<Self>>,
}

#[test]
fn a_recursive_type_reaches_itself() {
    for side in ["left", "right"] {
        let Kind::Option(item) = (field(Tree::TYPE, side).ty)().kind else { panic!("{side}") };
        assert!(std::ptr::eq(item().slot.unwrap(), Tree::TYPE.slot.unwrap()));
    }
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
#[serde(
    bound = "T: Serialize + serde::de::DeserializeOwned, K: Ord + Serialize + serde::de::DeserializeOwned"
)]
struct Page<T, K: Ord = String, const N: usize = 2>
where
    T: Clone,
{
    items: Vec<T>,
    next: Option<K>,
    sizes: BTreeMap<K, T>,
    #[serde(skip)]
    mark: Mark<N>,
}

#[derive(Default)]
struct Mark<const N: usize>;

#[test]
fn a_generic_type_is_described_per_instance_and_has_no_slot() {
    type Users = Page<u8, i64, 3>;
    assert!(Users::TYPE.slot.is_none());
    assert_eq!((field(Users::TYPE, "items").ty)().to_string(), "Vec<u8>");
    assert_eq!((field(Users::TYPE, "next").ty)().to_string(), "Option<i64>");
    assert_ne!((Users::TYPE.id)(), (<Page<u8>>::TYPE.id)());
    let page = Users { items: vec![1], next: None, sizes: BTreeMap::new(), mark: Mark };
    let Mark::<3> = page.mark;
}

mod millis {
    //! A duration as milliseconds.
    use super::{Deserialize, Duration};

    pub(super) fn serialize<S: serde::Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        d: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
struct Timeout {
    #[serde(with = "millis")]
    #[schema(as = "u64")]
    after: Duration,
}

#[derive(Clone, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema", as = "String")]
#[serde(from = "String", into = "String")]
struct Host(String);

impl From<String> for Host {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0
    }
}

#[test]
fn custom_code_is_described_by_the_type_it_names() {
    assert!(matches!((field(Timeout::TYPE, "after").ty)().kind, Kind::Uint(64)));
    assert!(matches!(Host::TYPE.kind, Kind::String));
}

#[test]
fn every_part_is_used() {
    let user = User {
        user_id: 1,
        r#type: None,
        tags: Vec::new(),
        base_url: String::new(),
        cached: None,
        limits: BTreeMap::new(),
    };
    assert!(user.cached.is_none());
    assert_eq!(serde_json::to_string(&Wrapped { _note: (), id: Id(7) }).unwrap(), "7");
    assert_eq!(
        serde_json::to_string(&Timeout { after: Duration::from_secs(1) }).unwrap(),
        r#"{"after":1000}"#
    );
    assert_eq!(serde_json::to_string(&Host::from(String::from("a"))).unwrap(), r#""a""#);
    assert_eq!(serde_json::to_string(&Point(1, 2)).unwrap(), "[1,2]");
    assert_eq!(serde_json::to_string(&Partial((), 2)).unwrap(), "[2]");
    assert_eq!(serde_json::to_string(&(Nothing, Braces {})).unwrap(), "[null,{}]");
    let tree = Tree { value: 1, left: None, right: None };
    assert_eq!(serde_json::to_value(tree).unwrap()["value"], 1);
}
