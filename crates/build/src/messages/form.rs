//! Which form a field has.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};

use crate::CompileError;
use crate::names::Paths;

/// Whether a field is a member of a `oneof` that the file has, and not of one that stands for
/// `optional`.
pub(super) fn is_real_oneof_member(field: &FieldDescriptorProto) -> bool {
    field.oneof_index.is_some() && !field.proto3_optional()
}

/// The forms of the fields of one message.
pub(super) struct Forms<'a> {
    pub(super) paths: &'a Paths<'a>,
    pub(super) message: &'a DescriptorProto,
    /// The message's full name.
    pub(super) place: &'a str,
    pub(super) proto2: bool,
}

impl Forms<'_> {
    /// The form, as a path in Rust.
    ///
    /// # Errors
    /// When the field is one of Google's messages that has none.
    pub(super) fn of(&self, field: &FieldDescriptorProto) -> Result<String, CompileError> {
        if let Some([key, value]) = self.entry(field) {
            return Ok(format!(
                "__p::prost::Mapped<{}, {}>",
                scalar(key.r#type()),
                self.one(value)?
            ));
        }
        let one = self.one(field)?;
        Ok(match field.label() {
            Label::Repeated => format!("__p::prost::Many<{one}>"),
            Label::Optional if self.may_be_absent(field) => format!("__p::prost::Maybe<{one}>"),
            Label::Optional | Label::Required => one,
        })
    }

    fn may_be_absent(&self, field: &FieldDescriptorProto) -> bool {
        let is_message = matches!(field.r#type(), Type::Message | Type::Group);
        !is_real_oneof_member(field) && (field.proto3_optional() || is_message || self.proto2)
    }

    /// The key and the value, if the field is a map.
    fn entry(&self, field: &FieldDescriptorProto) -> Option<&[FieldDescriptorProto; 2]> {
        let name = field.type_name().strip_prefix(self.place)?.strip_prefix('.')?;
        let nested = self.message.nested_type.iter().find(|nested| nested.name() == name)?;
        let is_entry = nested.options.as_ref().is_some_and(|options| options.map_entry());
        if is_entry { nested.field.first_chunk() } else { None }
    }

    /// The form of one value of a field.
    fn one(&self, field: &FieldDescriptorProto) -> Result<String, CompileError> {
        let path = || self.paths.of(field.type_name());
        Ok(match field.r#type() {
            Type::Bytes => "__p::prost::Raw".to_owned(),
            Type::Enum if field.type_name() == ".google.protobuf.NullValue" => {
                "__p::prost::Open<__p::prost::NullValue>".to_owned()
            }
            Type::Enum => format!("__p::prost::Open<{}>", path()),
            Type::Message | Type::Group => match well_known(field.type_name()) {
                Some(form) => form.to_owned(),
                None if field.type_name().starts_with(".google.protobuf.") => {
                    let at = format!("{}.{}", self.place.trim_start_matches('.'), field.name());
                    let ty = field.type_name().trim_start_matches('.');
                    let why = format!("{ty} has no form outside of protobuf; carry it as bytes");
                    return Err(CompileError::Unsupported { at, why });
                }
                None => format!("__p::prost::Plain<{}>", path()),
            },
            other => format!("__p::prost::Plain<{}>", scalar(other)),
        })
    }
}

/// The forms of Google's well-known types.
fn well_known(full_name: &str) -> Option<&'static str> {
    Some(match full_name.strip_prefix(".google.protobuf.")? {
        "Timestamp" => "__p::prost::Timestamp",
        "Duration" => "__p::prost::Duration",
        "Any" => "__p::prost::Any",
        "FieldMask" => "__p::prost::FieldMask",
        "Struct" | "Value" | "ListValue" => "__p::prost::JsonText",
        "BytesValue" => "__p::prost::Raw",
        "Empty" => "__p::prost::Empty",
        "BoolValue" => "__p::prost::Plain<bool>",
        "DoubleValue" => "__p::prost::Plain<f64>",
        "FloatValue" => "__p::prost::Plain<f32>",
        "Int32Value" => "__p::prost::Plain<i32>",
        "Int64Value" => "__p::prost::Plain<i64>",
        "UInt32Value" => "__p::prost::Plain<u32>",
        "UInt64Value" => "__p::prost::Plain<u64>",
        "StringValue" => "__p::prost::Plain<::std::string::String>",
        _ => return None,
    })
}

/// The Rust type of a scalar.
const fn scalar(ty: Type) -> &'static str {
    match ty {
        Type::Double => "f64",
        Type::Float => "f32",
        Type::Int64 | Type::Sint64 | Type::Sfixed64 => "i64",
        Type::Uint64 | Type::Fixed64 => "u64",
        Type::Int32 | Type::Sint32 | Type::Sfixed32 | Type::Enum => "i32",
        Type::Uint32 | Type::Fixed32 => "u32",
        Type::Bool => "bool",
        Type::String | Type::Bytes | Type::Message | Type::Group => "::std::string::String",
    }
}
