//! `google.protobuf.FileDescriptorProto`, in bytes; the numbers are those of `descriptor.proto`.

use super::comments;
use super::model::{Enum, Field, FieldType, File, Label, Message, Method, Service};
use crate::protobuf::json_name;
use crate::protobuf::wire::{LEN, VARINT, put_key, put_varint};

const MESSAGE: u8 = 11;
const ENUM: u8 = 14;
const LABEL_ONE: u64 = 1;
const LABEL_REPEATED: u64 = 3;
const IDEMPOTENT: u64 = 2;

pub(super) fn encode(file: &File) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, 1, &file.name);
    if !file.package.is_empty() {
        put_text(&mut out, 2, &file.package);
    }
    file.imports.iter().for_each(|import| put_text(&mut out, 3, import));
    file.messages.iter().for_each(|item| put(&mut out, 4, &encode_message(file, item)));
    file.enums.iter().for_each(|item| put(&mut out, 5, &encode_enum(item)));
    file.services.iter().for_each(|service| put(&mut out, 6, &encode_service(service)));
    let comments = comments::encode(file);
    if !comments.is_empty() {
        put(&mut out, 9, &comments);
    }
    put_text(&mut out, 12, "proto3");
    out
}

fn encode_message(file: &File, message: &Message) -> Vec<u8> {
    let full = file.full_name(&message.name);
    let mut out = Vec::new();
    put_text(&mut out, 1, &message.name);
    let mut oneofs: Vec<String> = message.oneof.iter().cloned().collect();
    for field in &message.fields {
        let mut oneof = message.oneof.is_some().then_some(0);
        if field.label == Label::Optional {
            // What tells absence from zero is, in descriptors, a group of one.
            oneof = Some(oneofs.len());
            oneofs.push(format!("_{}", field.name));
        }
        put(&mut out, 2, &encode_field(&full, field, oneof));
    }
    for field in &message.fields {
        if let Label::Map(key) = field.label {
            put(&mut out, 3, &encode_entry(field, &FieldType::Scalar(key)));
        }
    }
    message.inner.iter().for_each(|inner| put(&mut out, 4, &encode_enum(inner)));
    for oneof in oneofs {
        let mut declaration = Vec::new();
        put_text(&mut declaration, 1, &oneof);
        put(&mut out, 8, &declaration);
    }
    out
}

fn encode_field(message: &str, field: &Field, oneof: Option<usize>) -> Vec<u8> {
    let entry = FieldType::Message(format!("{message}.{}", field.entry_name()));
    let (label, ty) = match field.label {
        Label::Map(_) => (LABEL_REPEATED, &entry),
        Label::Repeated => (LABEL_REPEATED, &field.ty),
        Label::Plain | Label::Optional => (LABEL_ONE, &field.ty),
    };
    let mut out = encode_plain(&field.name, field.tag, label, ty);
    if let Some(oneof) = oneof {
        put_number(&mut out, 9, oneof as u64);
    }
    if field.label == Label::Optional {
        put_number(&mut out, 17, 1);
    }
    out
}

fn encode_plain(name: &str, tag: u32, label: u64, ty: &FieldType) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, 1, name);
    put_number(&mut out, 3, tag.into());
    put_number(&mut out, 4, label);
    let (number, full) = match ty {
        FieldType::Scalar(scalar) => (scalar.1, None),
        FieldType::Message(full) => (MESSAGE, Some(full)),
        FieldType::Enum(full) => (ENUM, Some(full)),
    };
    put_number(&mut out, 5, number.into());
    if let Some(full) = full {
        put_text(&mut out, 6, &format!(".{full}"));
    }
    put_text(&mut out, 10, &json_name(name));
    out
}

/// The message of one entry of a map.
fn encode_entry(field: &Field, key: &FieldType) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, 1, &field.entry_name());
    put(&mut out, 2, &encode_plain("key", 1, LABEL_ONE, key));
    put(&mut out, 2, &encode_plain("value", 2, LABEL_ONE, &field.ty));
    let mut options = Vec::new();
    put_number(&mut options, 7, 1);
    put(&mut out, 7, &options);
    out
}

fn encode_enum(item: &Enum) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, 1, &item.name);
    for value in &item.values {
        let mut encoded = Vec::new();
        put_text(&mut encoded, 1, &value.name);
        put_number(&mut encoded, 2, i64::from(value.number).cast_unsigned());
        put(&mut out, 2, &encoded);
    }
    out
}

fn encode_service(service: &Service) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, 1, &service.name);
    service.methods.iter().for_each(|method| put(&mut out, 2, &encode_method(method)));
    out
}

fn encode_method(method: &Method) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, 1, method.name);
    put_text(&mut out, 2, &format!(".{}", method.request));
    put_text(&mut out, 3, &format!(".{}", method.reply));
    if method.idempotent {
        let mut options = Vec::new();
        put_number(&mut options, 34, IDEMPOTENT);
        put(&mut out, 4, &options);
    }
    for (tag, streams) in [(5, method.kind.client_streams()), (6, method.kind.server_streams())] {
        if streams {
            put_number(&mut out, tag, 1);
        }
    }
    out
}

fn put_number(out: &mut Vec<u8>, tag: u32, number: u64) {
    put_key(out, tag, VARINT);
    put_varint(out, number);
}

fn put_text(out: &mut Vec<u8>, tag: u32, text: &str) {
    put(out, tag, text.as_bytes());
}

pub(super) fn put(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    put_key(out, tag, LEN);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
