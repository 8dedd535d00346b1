//! JSON Schema of messages in their canonical JSON.

use serde_json::{Map, Value as Json, json};

use super::ProtoFile;
use super::model::{Enum, Field, FieldType, File, Label, Message, Scalar};
use super::well_known::wrapped_in;

/// A JSON Schema (draft 2020-12) whose `$defs` hold each message and enum of the files by its full
/// name, in the form of canonical protobuf JSON.
#[must_use]
pub fn json_schema(files: &[ProtoFile]) -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": definitions(files, "#/$defs/"),
    })
}

/// Each message and enum by its full name; `at` is where the names are found.
pub(super) fn definitions(files: &[ProtoFile], at: &str) -> Map<String, Json> {
    let mut all = Map::new();
    for file in files.iter().filter_map(ProtoFile::ours) {
        for message in &file.messages {
            let full = file.full_name(&message.name);
            if let Some(inner) = &message.inner {
                all.insert(format!("{full}.{}", inner.name), enumeration(inner));
            }
            all.insert(full, object(message, at));
        }
        for item in &file.enums {
            all.insert(file.full_name(&item.name), enumeration(item));
        }
    }
    for file in files.iter().filter_map(ProtoFile::ours) {
        for name in mentioned(file).filter(|name| !name.starts_with("google.protobuf.")) {
            // Of a message that others defined, that it is one.
            all.entry(name).or_insert_with(|| json!({ "type": "object" }));
        }
    }
    all
}

/// The messages of arguments, results and fields.
fn mentioned(file: &File) -> impl Iterator<Item = &String> {
    let methods = file.services.iter().flat_map(|service| &service.methods);
    let fields = file.messages.iter().flat_map(|message| &message.fields);
    let of_fields = fields.filter_map(|field| match &field.ty {
        FieldType::Message(name) => Some(name),
        _ => None,
    });
    methods.flat_map(|method| [&method.request, &method.reply]).chain(of_fields)
}

/// The schema of a message by its full name.
pub(super) fn refer(full: &str, at: &str) -> Json {
    match (full, wrapped_in(full)) {
        (_, Some(inner)) => scalar(inner),
        ("google.protobuf.Empty", _) => json!({ "type": "object" }),
        ("google.protobuf.Duration", _) => {
            json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$" })
        }
        ("google.protobuf.Timestamp", _) => json!({ "type": "string", "format": "date-time" }),
        _ => json!({ "$ref": format!("{at}{full}") }),
    }
}

fn object(message: &Message, at: &str) -> Json {
    let property = |field: &Field| (crate::protobuf::json_name(&field.name), value(field, at));
    let properties: Map<String, Json> = message.fields.iter().map(property).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if message.oneof.is_some() {
        put(&mut schema, "maxProperties", json!(1));
    }
    describe(&mut schema, message.docs);
    schema
}

fn value(field: &Field, at: &str) -> Json {
    let one = match &field.ty {
        FieldType::Scalar(kind) => scalar(*kind),
        FieldType::Message(full) | FieldType::Enum(full) => refer(full, at),
    };
    let mut schema = match field.label {
        Label::Plain | Label::Optional => one,
        Label::Repeated => json!({ "type": "array", "items": one }),
        Label::Map(_) => json!({ "type": "object", "additionalProperties": one }),
    };
    describe(&mut schema, field.docs);
    schema
}

fn scalar(kind: Scalar) -> Json {
    match kind {
        Scalar::BOOL => json!({ "type": "boolean" }),
        Scalar::INT32 => json!({ "type": "integer", "format": "int32" }),
        Scalar::UINT32 => json!({ "type": "integer", "format": "uint32", "minimum": 0 }),
        // Written as text, since JavaScript's numbers end at 2^53; read either way.
        Scalar::INT64 => json!({ "type": ["string", "integer"], "format": "int64" }),
        Scalar::UINT64 => json!({ "type": ["string", "integer"], "format": "uint64" }),
        Scalar::FLOAT | Scalar::DOUBLE => json!({
            "anyOf": [{ "type": "number" }, { "enum": ["NaN", "Infinity", "-Infinity"] }]
        }),
        Scalar::BYTES => json!({ "type": "string", "contentEncoding": "base64" }),
        _ => json!({ "type": "string" }),
    }
}

fn enumeration(item: &Enum) -> Json {
    let names: Vec<&str> = item.values.iter().map(|value| value.name.as_str()).collect();
    let mut schema = json!({ "type": "string", "enum": names });
    describe(&mut schema, item.docs);
    schema
}

fn describe(schema: &mut Json, docs: &str) {
    if !docs.is_empty() {
        put(schema, "description", json!(docs));
    }
}

fn put(schema: &mut Json, key: &str, value: Json) {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(key.to_owned(), value);
    }
}

/// The path at which a method is called with JSON.
pub(super) fn path(file: &File, service: &str, method: &str) -> String {
    format!("/{}/{method}", file.full_name(service))
}
