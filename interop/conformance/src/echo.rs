//! What both sides tell of calls: metadata, messages and errors in the runner's own words.

use bytes::Bytes;
use polywire::{Code, Metadata, Status};
use polywire_wire::grpc::details::{self, Detail};
use prost::Message;
use prost_types::Any;

use crate::proto::{Error, Header};

/// A message of the runner's package, with its name.
pub fn pack(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("{PREFIX}{name}"), value: message.encode_to_vec() }
}

/// Metadata as the runner lists it: a name, and all of its values.
#[must_use]
pub fn headers(metadata: &Metadata) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for (name, value) in metadata.iter() {
        match headers.iter_mut().find(|header| header.name.eq_ignore_ascii_case(name)) {
            Some(header) => header.value.push(value.to_owned()),
            None => headers.push(Header { name: name.to_owned(), value: vec![value.to_owned()] }),
        }
    }
    headers
}

/// Names and values, one for each.
pub fn entries(headers: Vec<Header>) -> impl Iterator<Item = (String, String)> {
    headers.into_iter().flat_map(|Header { name, value }| {
        value.into_iter().map(move |value| (name.clone(), value))
    })
}

/// The status that the runner asks for.
#[must_use]
pub fn status(error: Error) -> Status {
    let code = Code::from_number(u64::try_from(error.code).unwrap_or_default());
    let details: Vec<Detail> = error.details.into_iter().map(detail).collect();
    Status::new(code, error.message.unwrap_or_default()).with_details(details::build(&details))
}

/// A status as the runner wants to hear of it.
#[must_use]
pub fn error(status: &Status) -> Error {
    let details = details::parse(status.details()).unwrap_or_default();
    let details = details
        .into_iter()
        .map(|detail| Any { type_url: detail.type_url, value: detail.value.into() });
    Error {
        code: i32::from(status.code().number()),
        message: Some(status.message().to_owned()),
        details: details.collect(),
    }
}

fn detail(any: Any) -> Detail {
    Detail { type_url: any.type_url, value: Bytes::from(any.value) }
}

/// What stands before the names of the runner's messages.
const PREFIX: &str = "type.googleapis.com/connectrpc.conformance.v1.";
