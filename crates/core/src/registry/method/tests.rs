use polywire_schema::{Field, Kind, Schema, StructType, Type};

use super::*;
use crate::CallKind;

/// As `type Inner struct { A int64 json:"a"; B []string json:"b" }` and so on, down to a level that
/// is not shown.
static DEEP: StructType = StructType::new("Deep", "Deep", &[field("x", || i64::TYPE)]);
static INNER: StructType = StructType::new(
    "Inner",
    "Inner",
    &[field("a", || i64::TYPE), field("b", || Vec::<String>::TYPE), field("deep", deep)],
);
static REQ: StructType = StructType::new(
    "Req",
    "Req",
    &[field("name", || String::TYPE), field("in", inner), field("raw", bytes)],
);

const fn field(name: &'static str, ty: fn() -> &'static Type) -> Field {
    Field::new([name; 4], 1, ty)
}

fn deep() -> &'static Type {
    static TYPE: Type = Type::new::<u8>(Kind::Struct(&DEEP));
    &TYPE
}

fn inner() -> &'static Type {
    static TYPE: Type = Type::new::<u16>(Kind::Struct(&INNER));
    &TYPE
}

fn req() -> &'static Type {
    static TYPE: Type = Type::new::<u32>(Kind::Struct(&REQ));
    &TYPE
}

fn bytes() -> &'static Type {
    static TYPE: Type = Type::new::<u64>(Kind::Bytes);
    &TYPE
}

#[test]
fn a_struct_is_shown_as_go_reflects_it_three_levels_deep() {
    let deep = ValueShape::new("deep", "Deep");
    let inner = ValueShape::new("in", "Inner").with_fields(vec![
        ValueShape::new("a", "int64"),
        ValueShape::new("b", "[]string"),
        deep,
    ]);
    let expected = ValueShape::new("Req", "Req").with_fields(vec![
        ValueShape::new("name", "string"),
        inner,
        ValueShape::new("raw", "[]uint8"),
    ]);
    assert_eq!(ValueShape::of(req()), expected);
}

#[test]
fn methods_are_sorted_and_streams_say_so() {
    static METHODS: &[MethodDescriptor] = &[
        MethodDescriptor::new("Watch", "S.Watch", req, req).with_kind(CallKind::ServerStreaming),
        MethodDescriptor::new("Add", "S.Add", || <Option<i32>>::TYPE, || f64::TYPE)
            .with_docs(" Adds. "),
    ];
    let found = InstanceMethod::all_of("Sums", &ServiceDescriptor::new("S", METHODS));
    let add = InstanceMethod::new("Sums.Add")
        .with_request(ValueShape::new("int32", "int32"))
        .with_reply(ValueShape::new("float64", "float64"))
        .with_metadata("description", "Adds.");
    let watch = InstanceMethod::new("Sums.Watch")
        .with_request(ValueShape::new("Context", "Context"))
        .with_reply(ValueShape::new("Stream", "Stream"))
        .with_metadata("stream", "true");
    assert_eq!(found, [add, watch]);
}
