//! The last message of a stream's reply.

use std::collections::BTreeMap;

use bytes::Bytes;
use polywire_core::{Code, Metadata, Status};
use serde::Serialize;
use serde_json::Value;

use super::error::{ErrorJson, from_json, to_json};
use crate::http::{collect, has_binary_suffix, is_reserved, normal_binary};

/// The flag of the message that ends a stream's reply.
pub const END_STREAM: u8 = 2;

/// What the last message of a stream's reply says.
#[derive(Debug, Clone)]
pub struct EndStream {
    /// How the call went; a failure has the metadata too.
    pub status: Result<(), Status>,
    /// The trailing metadata.
    pub metadata: Metadata,
}

impl EndStream {
    /// Writes the message, without its prefix. The metadata of a failure goes out with the rest;
    /// names that are reserved, and values of names that end in `-bin` which are no base64, do not.
    #[must_use]
    pub fn encode(status: Result<(), &Status>, metadata: &Metadata) -> Bytes {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let of_status = status.err().map(Status::metadata);
        for (name, value) in of_status.into_iter().chain([metadata]).flat_map(Metadata::iter) {
            let key = name.to_ascii_lowercase();
            let binary = has_binary_suffix(name);
            let value = if binary { normal_binary(value) } else { Some(value.to_owned()) };
            if let Some(value) = value.filter(|_| !is_reserved(&key)) {
                fields.entry(key).or_default().push(value);
            }
        }
        to_json(&EndStreamJson { error: status.err().map(ErrorJson::from), metadata: fields })
    }

    /// Reads the message, without its prefix and decompressed. An error that is `null` is none;
    /// one whose code is missing or not known is [`Code::Unknown`]; metadata is taken as from
    /// headers.
    ///
    /// # Errors
    /// [`Code::Internal`] if it is no JSON object.
    pub fn parse(message: &[u8]) -> Result<Self, Status> {
        let Ok(end @ Value::Object(_)) = serde_json::from_slice(message) else {
            return Err(Status::new(Code::Internal, "malformed end of stream: not a JSON object"));
        };
        let metadata = read_metadata(end.get("metadata"));
        let status = match end.get("error") {
            None | Some(Value::Null) => Ok(()),
            Some(error) => Err(from_json(error, Code::Unknown).with_metadata(metadata.clone())),
        };
        Ok(Self { status, metadata })
    }
}

#[derive(Debug, Serialize)]
struct EndStreamJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorJson<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, Vec<String>>,
}

/// Names to lists of texts; what is otherwise is left out.
fn read_metadata(fields: Option<&Value>) -> Metadata {
    let Some(fields) = fields.and_then(Value::as_object) else { return Metadata::new() };
    let names: Vec<_> = fields.keys().map(|name| name.to_ascii_lowercase()).collect();
    let unreserved = names.iter().zip(fields.values()).filter(|(name, _)| !is_reserved(name));
    let entries = unreserved.flat_map(|(name, values)| {
        let texts = values.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(move |text| (name.as_str(), text.as_bytes()))
    });
    collect(entries).metadata
}

#[cfg(test)]
mod tests;
