//! What is printed for other languages, compiled by a compiler of `.proto` files.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use polywire_codec::export::{ProtoFile, json_schema, openapi};
use polywire_codec::protobuf;
use polywire_core::{CallKind, MethodDescriptor, ServiceDescriptor};
use polywire_macros::Schema;
use polywire_schema::Schema as _;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use serde::{Deserialize, Serialize};

/// An order.
///
/// It has lines.
#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
struct Order {
    /// Who bought.
    #[schema(tag = 70)]
    user_id: u64,
    note: Option<String>,
    parent: Option<Box<Self>>,
    grid: Vec<Vec<u32>>,
    by_name: BTreeMap<String, Vec<u8>>,
    by_color: HashMap<Color, Option<i32>>,
    lines: Vec<(String, f32)>,
    shape: Shape,
    color: Option<Color>,
    placed: SystemTime,
    took: Duration,
    page: Page<u8>,
    other_page: Page<String>,
    #[serde(default)]
    retries: u16,
}

#[derive(Serialize, Deserialize, Schema, PartialEq, Eq, Hash)]
#[schema(crate = "polywire_codec")]
enum Color {
    /// Like wine.
    DarkRed,
    Blue,
}

mod other {
    use super::*;

    #[derive(Serialize, Deserialize, Schema)]
    #[schema(crate = "polywire_codec")]
    pub(super) enum Color {
        Blue,
        Green,
    }
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
enum Shape {
    None,
    Circle(f64),
    Points(Vec<i32>),
    Pair(u8, bool),
    Rect {
        /// Across.
        w: f64,
        kind: String,
    },
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
struct Page<T> {
    item: T,
}

macro_rules! method {
    ($name:ident, $request:ty, $reply:ty) => {
        MethodDescriptor::new(
            stringify!($name),
            concat!("Shop.", stringify!($name)),
            <$request>::schema,
            <$reply>::schema,
        )
    };
}

static METHODS: [MethodDescriptor; 8] = [
    method!(Buy, Order, Order).with_docs("Buys.\n\nOnce."),
    method!(Count, (), i64).idempotent(),
    method!(Colors, Color, Vec<other::Color>).with_kind(CallKind::ServerStreaming),
    method!(Order, Option<String>, HashMap<String, i8>).with_kind(CallKind::ClientStreaming),
    method!(Say, char, Shape).with_kind(CallKind::BidiStreaming),
    method!(Wide, u128, ()),
    method!(Wait, Duration, SystemTime),
    method!(Pair, (u8, String), Vec<u8>),
];
static SHOP: ServiceDescriptor =
    ServiceDescriptor::new("Shop", &METHODS).with_package("shop.v1").with_docs("Sells.");
static PLAIN: ServiceDescriptor = ServiceDescriptor::new("Shop", &METHODS);

#[derive(Debug)]
struct Text(String, String);

impl FileResolver for Text {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == self.0 {
            return File::from_source(name, &self.1);
        }
        Err(protox::Error::file_not_found(name))
    }
}

fn compile(file: &ProtoFile) -> Vec<FileDescriptorProto> {
    let text = file.to_text().expect("the services are plain Rust");
    let mut resolver = ChainFileResolver::new();
    resolver.add(Text(file.name().to_owned(), text.clone()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    if let Err(error) = compiler.open_file(file.name()) {
        panic!("{error:?}\n{text}");
    }
    compiler.file_descriptor_set().file
}

fn files() -> Vec<ProtoFile> {
    ProtoFile::of([("Shop", &SHOP), ("old.Shop", &PLAIN), ("Shop2", &PLAIN)])
}

#[test]
fn the_text_compiles_to_the_descriptor() {
    let files = files();
    assert_eq!(
        files.iter().map(ProtoFile::name).collect::<Vec<_>>(),
        ["services.proto", "old.proto", "shop/v1.proto"]
    );
    for file in &files {
        let compiled = compile(file);
        let mut own = compiled.into_iter().find(|known| known.name() == file.name()).unwrap();
        let mut ours = FileDescriptorProto::decode(file.to_descriptor().as_slice()).unwrap();
        let (described, compiled) = (comments(&mut ours), comments(&mut own));
        assert_eq!(ours, own, "{}", file.to_text().unwrap());
        assert!(!described.is_empty());
        for comment in &described {
            assert!(compiled.contains(comment), "{comment:?} in {compiled:?}");
        }
    }
}

/// Takes the comments out of a file: what they stand before, and their texts.
fn comments(file: &mut FileDescriptorProto) -> Vec<(Vec<i32>, String)> {
    let source = file.source_code_info.take().expect("comments were asked for");
    let locations = source.location;
    let described = locations.into_iter().filter_map(|l| Some((l.path, l.leading_comments?)));
    described.collect()
}

#[test]
fn the_files_of_google_are_googles() {
    for ours in ProtoFile::well_known() {
        let theirs = GoogleFileResolver::new().open_file(ours.name()).unwrap();
        let mut theirs = theirs.file_descriptor_proto().clone();
        (theirs.options, theirs.source_code_info) = (None, None);
        let ours = FileDescriptorProto::decode(ours.to_descriptor().as_slice()).unwrap();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn names_are_those_of_the_types_and_collisions_get_numbers() {
    let files = files();
    let text = files[2].to_text().unwrap();
    for line in [
        "// Sells.\nservice Shop {\n  // Buys.\n  //\n  // Once.\n",
        "  rpc Count(google.protobuf.Empty) returns (google.protobuf.Int64Value) {\n",
        "  rpc Colors(ColorValue) returns (stream ColorList);\n",
        "  rpc Say(stream google.protobuf.StringValue) returns (stream Shape);\n",
        "  // Left out: Wide: ",
        "// An order.\n//\n// It has lines.\nmessage Order {\n  // Who bought.\n  uint64 user_id = 70;\n",
        "  optional string note = 2;\n",
        "  repeated UInt32List grid = 4;\n",
        "  map<string, bytes> by_name = 5;\n",
        "  map<int32, OptionalInt32> by_color = 6;\n",
        "  Page page = 12;\n  Page2 other_page = 13;\n  optional uint32 retries = 14;\n",
        "message Shape {\n  oneof kind {\n    google.protobuf.Empty none = 1;\n",
        "message Color2 {\n  enum Enum {\n    COLOR_BLUE = 0;\n",
        "enum Color {\n  // Like wine.\n  COLOR_DARK_RED = 0;\n",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    assert_eq!(text, ProtoFile::of([("Shop", &SHOP)])[0].to_text().unwrap());
}

#[test]
fn bytes_of_the_codec_are_messages_of_the_file() {
    use prost_reflect::{DescriptorPool, DynamicMessage};

    let files = files();
    let set = prost_types::FileDescriptorSet { file: compile(&files[2]) };
    let pool = DescriptorPool::from_file_descriptor_set(set).unwrap();
    for shape in [
        Shape::None,
        Shape::Circle(2.5),
        Shape::Points(vec![1, -2]),
        Shape::Pair(3, true),
        Shape::Rect { w: 1.5, kind: "x".to_owned() },
    ] {
        let bytes = protobuf::to_bytes(&shape).unwrap();
        let descriptor = pool.get_message_by_name("shop.v1.Shape").unwrap();
        let read = DynamicMessage::decode(descriptor, bytes.clone()).unwrap();
        assert_eq!(read.unknown_fields().count(), 0);
        assert_eq!(read.encode_to_vec(), bytes);
        let json = serde_json::to_value(&read).unwrap();
        let style = polywire_codec::json::Style::Proto;
        let ours = polywire_codec::json::to_bytes(&shape, style).unwrap();
        assert_eq!(json, serde_json::from_slice::<serde_json::Value>(&ours).unwrap());
    }
}

#[test]
fn symbols_are_found_by_their_full_names() {
    let files = files();
    for symbol in [
        "shop.v1.Shop",
        "shop.v1.Shop.Buy",
        "shop.v1.Order",
        "shop.v1.Order.user_id",
        "shop.v1.Order.ByNameEntry",
        "shop.v1.Order.ByNameEntry.key",
        "shop.v1.Color2.Enum",
        "shop.v1.Color2.COLOR_BLUE",
        "shop.v1.COLOR_DARK_RED",
        "shop.v1.Shape.kind",
    ] {
        assert!(files[2].defines(symbol), "{symbol}");
    }
    for symbol in ["", "shop.v1", "shop.v1.", "Shop.Buy", "shop.v1.Sho", "shop.v1.Order.", "x"] {
        assert!(!files[2].defines(symbol), "{symbol}");
    }
}

#[test]
fn openapi_and_json_schema_refer_only_to_what_they_define() {
    let files = files();
    let document = openapi(&files, "shop", "1");
    let operation = &document["paths"]["/shop.v1.Shop/Buy"]["post"];
    assert_eq!(
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/shop.v1.Order"
    );
    assert!(document["paths"].get("/shop.v1.Shop/Say").is_none(), "a stream");
    let order = &json_schema(&files)["$defs"]["shop.v1.Order"];
    assert_eq!(order["properties"]["userId"]["format"], "uint64");
    assert_eq!(order["properties"]["placed"]["format"], "date-time");
    for document in [document, json_schema(&files)] {
        references(&document, &document);
    }
}

fn references(document: &serde_json::Value, part: &serde_json::Value) {
    if let Some(reference) = part.get("$ref").and_then(|reference| reference.as_str()) {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    match part {
        serde_json::Value::Array(items) => items.iter().for_each(|item| references(document, item)),
        serde_json::Value::Object(map) => map.values().for_each(|item| references(document, item)),
        _ => {}
    }
}
