//! The files of `google.protobuf` that described services import.

use super::model::{Field, FieldType, File, Label, Message, Scalar};

pub(super) const EMPTY: (&str, &str) = ("google/protobuf/empty.proto", "Empty");
pub(super) const DURATION: (&str, &str) = ("google/protobuf/duration.proto", "Duration");
pub(super) const TIMESTAMP: (&str, &str) = ("google/protobuf/timestamp.proto", "Timestamp");
const WRAPPERS: &str = "google/protobuf/wrappers.proto";

/// In the order of Google's own file.
const WRAPPED: [(&str, Scalar); 9] = [
    ("DoubleValue", Scalar::DOUBLE),
    ("FloatValue", Scalar::FLOAT),
    ("Int64Value", Scalar::INT64),
    ("UInt64Value", Scalar::UINT64),
    ("Int32Value", Scalar::INT32),
    ("UInt32Value", Scalar::UINT32),
    ("BoolValue", Scalar::BOOL),
    ("StringValue", Scalar::STRING),
    ("BytesValue", Scalar::BYTES),
];

/// The message around a scalar that is an argument or result.
pub(super) fn wrapper_of(scalar: Scalar) -> (&'static str, &'static str) {
    let found = WRAPPED.iter().find(|(_, wrapped)| *wrapped == scalar);
    (WRAPPERS, found.map_or("BytesValue", |(name, _)| name))
}

/// The scalar inside a wrapper of this full name.
pub(super) fn wrapped_in(full_name: &str) -> Option<Scalar> {
    let name = full_name.strip_prefix("google.protobuf.")?;
    WRAPPED.iter().find(|(wrapper, _)| *wrapper == name).map(|(_, scalar)| *scalar)
}

pub(super) fn files() -> Vec<File> {
    let clock = [("seconds", Scalar::INT64), ("nanos", Scalar::INT32)];
    let wrappers = WRAPPED.iter().map(|(name, scalar)| message(name, &[("value", *scalar)]));
    vec![
        file(DURATION.0, vec![message(DURATION.1, &clock)]),
        file(EMPTY.0, vec![message(EMPTY.1, &[])]),
        file(TIMESTAMP.0, vec![message(TIMESTAMP.1, &clock)]),
        file(WRAPPERS, wrappers.collect()),
    ]
}

fn file(name: &str, messages: Vec<Message>) -> File {
    let (name, package) = (name.to_owned(), "google.protobuf".to_owned());
    File { name, package, messages, ..File::default() }
}

fn message(name: &str, fields: &[(&str, Scalar)]) -> Message {
    let field = |(tag, (name, scalar)): (u32, &(&str, Scalar))| Field {
        name: (*name).to_owned(),
        docs: "",
        tag,
        label: Label::Plain,
        ty: FieldType::Scalar(*scalar),
    };
    let fields = (1..).zip(fields).map(field).collect();
    Message { name: name.to_owned(), fields, ..Message::default() }
}
