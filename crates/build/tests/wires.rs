//! Messages and services from `tests/proto`, on every wire.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};
use polywire::core::{Encoding, Payload};
use polywire::prelude::*;
use polywire::{CallKind, Message, ServiceDefinition as _};
use prost::Message as _;
use serde_json::json;

/// As `polywire::include_proto!` does it in a build of one's own.
#[expect(
    unreachable_pub,
    unnameable_types,
    clippy::use_self,
    reason = "generated for whoever includes it"
)]
mod proto {
    pub mod kinds {
        pub mod v1 {
            include!("generated/kinds.v1.rs");
        }
    }
    pub mod common {
        pub mod v1 {
            include!("generated/common.v1.rs");
        }
    }
}

use self::proto::common::v1::{Axis, Point};
use self::proto::kinds::v1::everything::{Inner, Subject, inner};
use self::proto::kinds::v1::{
    Everything, Kinds, KindsClient, KindsServer, Nothing, Type, Warmth, WellKnown, r#type,
    well_known,
};

fn point(x: f64) -> Point {
    Point { x, y: None, axis: Some(Axis::First.into()), path: vec![1, -2, 3] }
}

fn everything() -> Everything {
    Everything {
        name: "Zoë".into(),
        flag: true,
        small: -1,
        large: i64::MIN,
        count: u32::MAX,
        huge: u64::MAX,
        zig: -2,
        zag: -3,
        four: 4,
        eight: 8,
        minus_four: -4,
        minus_eight: -8,
        third: 0.25,
        half: -0.5,
        raw: vec![0, 255, 254],
        warmth: Warmth::Hot.into(),
        point: Some(point(1.0)),
        child: Some(Box::new(Everything { name: "child".into(), ..Everything::default() })),
        tags: vec!["a".into(), String::new()],
        numbers: vec![1, i64::MAX],
        warmths: vec![1, 0, 17],
        children: vec![Everything::default(), Everything { flag: true, ..Everything::default() }],
        chunks: vec![vec![1], vec![]],
        scores: HashMap::from([("one".into(), 1)]),
        points: HashMap::from([(-7, point(2.0))]),
        forecast: HashMap::from([("monday".into(), Warmth::Cold.into())]),
        blobs: HashMap::from([(true, vec![9])]),
        maybe_small: Some(0),
        maybe_name: Some(String::new()),
        maybe_warmth: Some(Warmth::Below.into()),
        maybe_raw: Some(vec![]),
        subject: Some(Subject::Other(Box::default())),
        inner: Some(Inner {
            state: inner::State::On.into(),
            deepest: Some(inner::Deepest { r#type: "deep".into() }),
            state_of: Some(inner::StateOf::On(false)),
        }),
        odd: "odd".into(),
        camel_case: "camel".into(),
    }
}

fn well_known() -> WellKnown {
    use prost_types::value::Kind;
    let number = prost_types::Value { kind: Some(Kind::NumberValue(1.5)) };
    let null = prost_types::Value { kind: Some(Kind::NullValue(0)) };
    let time = |seconds, nanos| prost_types::Timestamp { seconds, nanos };
    WellKnown {
        at: Some(time(-1, 500_000_000)),
        lasts: Some(prost_types::Duration { seconds: -1, nanos: -500_000_000 }),
        any: Some(prost_types::Any {
            type_url: "type.googleapis.com/common.v1.Point".into(),
            value: point(3.0).encode_to_vec(),
        }),
        empty: Some(()),
        fields: Some(prost_types::Struct { fields: [("n".into(), number.clone())].into() }),
        value: Some(null.clone()),
        list: Some(prost_types::ListValue { values: vec![number, null] }),
        mask: Some(prost_types::FieldMask { paths: vec!["a.b_c".into(), "d".into()] }),
        bool_value: Some(false),
        int64_value: Some(7),
        string_value: Some(String::new()),
        bytes_value: Some(vec![1, 2]),
        double_value: Some(0.5),
        uint32_value: None,
        times: vec![time(0, 0), time(1_709_210_096, 0)],
        laps: HashMap::from([("one".into(), prost_types::Duration { seconds: 61, nanos: 0 })]),
        null: 0,
        when: Some(well_known::When::Later(prost_types::Duration { seconds: 0, nanos: 1 })),
    }
}

fn round_trip<T: Message + Clone + PartialEq + std::fmt::Debug>(value: &T) {
    for encoding in
        [Encoding::Protobuf, Encoding::ProtoJson, Encoding::Gob, Encoding::Json, Encoding::GoJson]
    {
        let payload =
            Message::encode(value, encoding).unwrap_or_else(|e| panic!("{encoding}: {e}"));
        let back = <T as Message>::decode(&payload);
        let back = back.unwrap_or_else(|e| panic!("{encoding}: {e}, of {:?}", payload.bytes));
        assert_eq!(back, *value, "{encoding}: {:?}", payload.bytes);
    }
}

fn json_of(value: &impl Message, encoding: Encoding) -> serde_json::Value {
    let payload = Message::encode(value, encoding).expect("a value that JSON can say");
    serde_json::from_slice(&payload.bytes).expect("JSON")
}

fn from_json<T: Message>(text: &str) -> Result<T, String> {
    let payload = Payload::new(Encoding::ProtoJson, text.to_owned().into());
    <T as Message>::decode(&payload).map_err(|error| error.to_string())
}

#[test]
fn every_field_survives_every_encoding() {
    round_trip(&Everything::default());
    round_trip(&everything());
    round_trip(&point(0.0));
    round_trip(&Nothing {});
    round_trip(&WellKnown::default());
    for subject in [
        Subject::Word(String::new()),
        Subject::Number(0),
        Subject::Place(point(0.5)),
        Subject::Feeling(17),
        Subject::Nothing(()),
        Subject::Data(vec![]),
    ] {
        round_trip(&Everything { subject: Some(subject), ..Everything::default() });
    }
    round_trip(&Type {
        r#type: "t".into(),
        super_: "s".into(),
        r#match: "m".into(),
        r#ref: Some(Box::default()),
        r#loop: Some(r#type::Loop::Self_("a".into())),
        option: Some(r#type::Option { string: "x".into() }),
    });
}

#[test]
fn googles_types_survive_every_encoding() {
    round_trip(&well_known());
}

#[test]
fn protobuf_is_what_prost_writes() {
    let payload = Message::encode(&everything(), Encoding::Protobuf).unwrap();
    assert_eq!(<Everything as prost::Message>::decode(payload.bytes).unwrap(), everything());
    let payload = Message::encode(&point(1.0), Encoding::Protobuf).unwrap();
    assert_eq!(*payload.bytes, *b"\x09\0\0\0\0\0\0\xf0\x3f\x18\x01\x22\x0c\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x03");
    let broken = Payload::new(Encoding::Protobuf, b"\x0a\x05ab"[..].into());
    <Everything as Message>::decode(&broken).unwrap_err();
}

#[test]
fn canonical_json_has_the_names_and_forms_of_the_specification() {
    let value = Everything {
        large: 1,
        raw: vec![251, 255],
        warmth: Warmth::Hot.into(),
        maybe_small: Some(0),
        third: f32::NAN,
        subject: Some(Subject::Feeling(17)),
        odd: "o".into(),
        camel_case: "c".into(),
        ..Everything::default()
    };
    assert_eq!(
        json_of(&value, Encoding::ProtoJson),
        json!({
            "large": "1", "third": "NaN", "raw": "+/8=", "warmth": "HOT", "maybeSmall": 0,
            "feeling": 17, "@odd": "o", "camelCase": "c",
        })
    );
    assert_eq!(
        json_of(&well_known(), Encoding::ProtoJson),
        json!({
            "at": "1969-12-31T23:59:59.500Z", "lasts": "-1.500s",
            "any": {
                "@type": "type.googleapis.com/common.v1.Point",
                "x": 3.0, "axis": "FIRST", "path": [1, -2, 3],
            },
            "empty": {}, "fields": { "n": 1.5 }, "value": null, "list": [1.5, null],
            "mask": "a.bC,d", "boolValue": false, "int64Value": "7", "stringValue": "",
            "bytesValue": "AQI=", "doubleValue": 0.5,
            "times": ["1970-01-01T00:00:00Z", "2024-02-29T12:34:56Z"],
            "laps": { "one": "61s" }, "later": "0.000000001s",
        })
    );
}

#[test]
fn canonical_json_is_read_with_either_name_and_either_kind_of_number() {
    let expected = Everything {
        maybe_small: Some(3),
        large: 4,
        minus_eight: 5,
        warmth: Warmth::Cold.into(),
        ..Everything::default()
    };
    for text in [
        r#"{"maybeSmall":3,"large":"4","minusEight":"5","warmth":"WARMTH_COLD"}"#,
        r#"{"maybe_small":"3","large":4,"minus_eight":5.0,"warmth":1,"of_the_future":[{}],"feeling":"LUKEWARM"}"#,
    ] {
        assert_eq!(from_json::<Everything>(text).unwrap(), expected, "{text}");
    }
    for wrong in
        [r#"{"word":"a","number":1}"#, r#"{"large":"x"}"#, r#"{"name":"a"} {}"#, r#"{"name":"#, ""]
    {
        from_json::<Everything>(wrong).unwrap_err();
    }
    let deep = r#"{"child":"#.repeat(5000);
    from_json::<Everything>(&deep).unwrap_err();
}

#[test]
fn other_json_has_the_names_of_the_file_or_of_gos_generator() {
    let value = Everything {
        maybe_small: Some(0),
        warmths: vec![2, 17],
        subject: Some(Subject::Word("w".into())),
        ..Everything::default()
    };
    let json = json_of(&value, Encoding::Json);
    assert_eq!(json["maybe_small"], 0);
    assert_eq!(json["warmths"], json!(["HOT", "17"]));
    assert_eq!((&json["word"], &json["number"]), (&json!("w"), &json!(null)));
    let json = json_of(&value, Encoding::GoJson);
    assert_eq!((&json["MaybeSmall"], &json["Word"]), (&json!(0), &json!("w")));
}

#[test]
fn two_members_of_a_oneof_are_refused_everywhere() {
    let payload = Payload::new(Encoding::Json, r#"{"word":"a","number":1}"#.into());
    <Everything as Message>::decode(&payload).unwrap_err();
}

struct Impl;

impl Kinds for Impl {
    async fn echo(&self, _: &Context, request: Everything) -> Result<Everything, Status> {
        Ok(request)
    }

    async fn count_to(&self, _: &Context, request: Point) -> Result<BoxStream<Point>, Status> {
        let mut x = 0.0;
        let points = std::iter::from_fn(move || {
            x += 1.0;
            (x <= request.x).then(|| Ok(point(x)))
        });
        Ok(stream::iter(points.collect::<Vec<_>>()).boxed())
    }

    async fn sum(&self, _: &Context, mut requests: Streaming<Point>) -> Result<Point, Status> {
        let mut sum = 0.0;
        while let Some(point) = requests.message().await? {
            sum += point.x;
        }
        Ok(point(sum))
    }

    async fn chat(
        &self,
        _: &Context,
        requests: Streaming<Type>,
    ) -> Result<BoxStream<Type>, Status> {
        Ok(requests.boxed())
    }

    async fn r#type(&self, _: &Context, (): ()) -> Result<i64, Status> {
        Ok(7)
    }

    async fn connect_(&self, _: &Context, _: Nothing) -> Result<WellKnown, Status> {
        Ok(well_known())
    }
}

fn client() -> KindsClient<Router> {
    KindsClient::new(Router::new().add(KindsServer::new(Impl)).expect("types that travel"))
}

#[tokio::test]
async fn all_four_kinds_of_methods_answer() {
    let client = client();
    assert_eq!(client.echo(everything()).await.unwrap(), everything());
    let counted: Vec<_> = client.count_to(point(2.0)).await.unwrap().collect().await;
    assert_eq!(counted.into_iter().map(|p| p.unwrap().x).collect::<Vec<_>>(), [1.0, 2.0]);
    assert_eq!(client.sum(stream::iter([point(1.5), point(2.0)])).await.unwrap().x, 3.5);
    let said = Type { r#type: "hi".into(), ..Type::default() };
    let mut heard = client.chat(stream::iter([said.clone()])).await.unwrap();
    assert_eq!(heard.message().await.unwrap(), Some(said));
    assert_eq!(heard.message().await.unwrap(), None);
    assert_eq!(client.r#type(()).await.unwrap(), 7);
    assert_eq!(client.connect_(Nothing {}).await.unwrap(), well_known());
}

#[test]
fn descriptors_have_the_names_options_and_comments_of_the_file() {
    let server = KindsServer::new(Impl);
    let service = server.descriptor();
    assert_eq!((service.name, service.package), ("Kinds", "kinds.v1"));
    assert_eq!(service.docs, "Methods of every kind.");
    let methods: Vec<_> = service.methods.iter().map(|m| (m.name, m.kind, m.idempotent)).collect();
    assert_eq!(
        methods,
        [
            ("Echo", CallKind::Unary, true),
            ("CountTo", CallKind::ServerStreaming, false),
            ("Sum", CallKind::ClientStreaming, true),
            ("Chat", CallKind::BidiStreaming, false),
            ("type", CallKind::Unary, false),
            ("Connect", CallKind::Unary, false),
        ]
    );
    let docs = service.methods[0].docs;
    assert_eq!(docs, "Gives back what it is given.\n\nTwice, if asked twice.");
    let schema = <Everything as polywire::schema::Schema>::TYPE;
    let polywire::schema::Kind::Struct(ty) = schema.kind else { panic!("{schema}") };
    assert_eq!((ty.docs, ty.fields[0].docs), ("One of each.", "A name, as people say it."));
    assert_eq!((ty.fields[10].go, ty.fields[10].tag), ("MinusFour", 11));
}

#[test]
fn services_from_files_are_described_by_those_files() {
    use polywire::codec::export::ProtoFile;
    use prost_types::{FileDescriptorProto, FileDescriptorSet};

    let server = KindsServer::new(Impl);
    let files = ProtoFile::of([("Kinds", server.descriptor())]);
    let set = FileDescriptorSet::decode(&include_bytes!("generated/kinds.v1.bin")[..]).unwrap();
    assert_eq!(files.len(), set.file.len(), "nothing is made up");
    for theirs in &set.file {
        let ours = files.iter().find(|file| file.name() == theirs.name()).unwrap();
        let read = FileDescriptorProto::decode(ours.to_descriptor().as_slice()).unwrap();
        assert_eq!(&read, theirs);
        assert_eq!(ours.imports(), theirs.dependency);
        assert!(ours.to_text().is_none(), "those who wrote it have it");
    }
    let kinds = files.iter().find(|file| file.defines("kinds.v1.Kinds")).unwrap();
    assert_eq!(kinds.services(), ["kinds.v1.Kinds"]);
    for symbol in ["kinds.v1.Everything.name", "kinds.v1.Everything.Inner", "kinds.v1.Nothing"] {
        assert!(kinds.defines(symbol), "{symbol}");
    }
    assert!(!kinds.defines("common.v1.Point"), "it is imported");
}

#[tokio::test]
async fn who_wants_such_services_exported_is_told_of_the_files() {
    use polywire::reflection::{ExportForm, ReflectionClient};

    let app = App::new("kinds").serve(KindsServer::new(Impl)).private();
    let running = app.listen("127.0.0.1:0").start().await.unwrap();
    let url = format!("netrpc://{}", running.address());
    let reflection = ReflectionClient::connect(&url).await.unwrap();
    for form in [ExportForm::Proto, ExportForm::OpenApi] {
        let refused = reflection.export(form, "kinds.v1.Kinds".to_owned()).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        let text = "written in `.proto` files, which describe it: kinds.proto";
        assert_eq!(refused.message(), text);
    }
    running.shutdown().await;
}

/// A service of plain Rust, with messages from files.
struct Mixed;

#[polywire::service(package = "common.v1")]
#[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
impl Mixed {
    pub(crate) async fn far(&self, point: Point) -> Result<Vec<Point>, Status> {
        Ok(vec![point])
    }
}

#[test]
fn services_of_plain_rust_import_the_files_of_their_messages() {
    use polywire::codec::export::ProtoFile;

    let server = MixedServer::new(Mixed);
    let files = ProtoFile::of([("Mixed", server.descriptor())]);
    assert_eq!(files[0].name(), "common/v1.proto");
    assert_eq!(files[0].imports(), ["common.proto"]);
    let text = files[0].to_text().unwrap();
    assert!(text.contains("rpc Far(Point) returns (PointList);"), "{text}");
    assert!(!text.contains("message Point {"), "{text}");
}
