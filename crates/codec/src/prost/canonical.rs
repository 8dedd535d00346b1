//! Protobuf's canonical JSON, by the `.proto` files of a message.
//!
//! Prost's types do not know the names of their fields in JSON, nor what an `Any` may hold; the
//! files do. So a message goes through its protobuf form and a dynamic message on the way.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use serde::de::Error as _;

use super::Fields;
use crate::CodecError;
use crate::json::JsonError;
use crate::protobuf::ProtobufError;

/// The `.proto` files that a package needs, compiled.
pub struct Files {
    encoded: &'static [u8],
    pool: OnceLock<Option<DescriptorPool>>,
}

impl Files {
    /// Takes an encoded `google.protobuf.FileDescriptorSet`; it is read when it is first needed.
    #[must_use]
    pub const fn new(encoded: &'static [u8]) -> Self {
        Self { encoded, pool: OnceLock::new() }
    }

    /// The encoded `google.protobuf.FileDescriptorSet`.
    #[must_use]
    pub const fn encoded(&self) -> &'static [u8] {
        self.encoded
    }

    fn message(&self, name: &'static str) -> Result<MessageDescriptor, ProtobufError> {
        let pool = self.pool.get_or_init(|| DescriptorPool::decode(self.encoded).ok());
        let message = pool.as_ref().and_then(|pool| pool.get_message_by_name(name));
        message.ok_or_else(|| ProtobufError::UnsupportedType {
            at: name.to_owned(),
            why: "its `.proto` files are not at hand",
        })
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("bytes", &self.encoded.len()).finish_non_exhaustive()
    }
}

pub(super) fn to_bytes<T: Fields>(message: &T) -> Result<Bytes, CodecError> {
    let descriptor = T::files().message(T::FULL_NAME)?;
    let encoded = Bytes::from(message.encode_to_vec());
    let dynamic = DynamicMessage::decode(descriptor, encoded).map_err(|error| refused(&error))?;
    let mut json = serde_json::Serializer::new(Vec::with_capacity(128));
    dynamic.serialize_with_options(&mut json, &SerializeOptions::new()).map_err(wrong)?;
    Ok(json.into_inner().into())
}

pub(super) fn from_bytes<T: Fields>(json: &[u8]) -> Result<T, CodecError> {
    let descriptor = T::files().message(T::FULL_NAME)?;
    let mut json = serde_json::Deserializer::from_slice(json);
    // A peer may be newer than we are.
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let dynamic =
        DynamicMessage::deserialize_with_options(descriptor, &mut json, &options).map_err(wrong)?;
    json.end().map_err(wrong)?;
    T::decode(Bytes::from(prost::Message::encode_to_vec(&dynamic))).map_err(|error| refused(&error))
}

fn wrong(error: serde_json::Error) -> CodecError {
    JsonError::custom(error).into()
}

fn refused(error: &prost::DecodeError) -> CodecError {
    ProtobufError::Message(error.to_string()).into()
}
