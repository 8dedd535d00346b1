//! A status as Connect's JSON: the body of a unary reply that failed, and part of the last message
//! of a stream.

use bytes::Bytes;
use http::StatusCode;
use polywire_core::{Code, Status};
use serde::Serialize;
use serde_json::Value;

use super::code::{code_as_str, code_from_str};
use crate::grpc::details::{self, Detail};
use crate::http::{code_from_http, decode_binary, encode_binary};

/// The body of a unary reply that failed; its content type is `application/json`.
///
/// Details that are no list of details ([`details`]) are left out.
#[must_use]
pub fn encode_error(status: &Status) -> Bytes {
    to_json(&ErrorJson::from(status))
}

/// Reads the body of a unary reply whose HTTP status is not 200, whatever it is: a code that is
/// missing or not known comes from the HTTP status, and so does all of it if the body is no
/// JSON object.
#[must_use]
pub fn parse_error(http_status: StatusCode, body: &[u8]) -> Status {
    let inferred = code_from_http(http_status);
    match serde_json::from_slice(body) {
        Ok(error @ Value::Object(_)) => from_json(&error, inferred),
        _ => Status::new(inferred, format!("the answer is HTTP {http_status}")),
    }
}

/// A status as it is written.
#[derive(Debug, Serialize)]
pub(super) struct ErrorJson<'a> {
    code: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailJson>,
}

#[derive(Debug, Serialize)]
struct DetailJson {
    #[serde(rename = "type")]
    type_name: String,
    value: String,
}

impl<'a> From<&'a Status> for ErrorJson<'a> {
    fn from(status: &'a Status) -> Self {
        let details = details::parse(status.details()).unwrap_or_default();
        let details = details.iter().map(|detail| DetailJson {
            type_name: detail.type_name().to_owned(),
            value: encode_binary(&detail.value),
        });
        Self {
            code: code_as_str(status.code()),
            message: status.message(),
            details: details.collect(),
        }
    }
}

/// Reads an error as it should be; what is not is taken for missing.
pub(super) fn from_json(error: &Value, otherwise: Code) -> Status {
    let text = |name| error.get(name).and_then(Value::as_str);
    let code = text("code").and_then(code_from_str).unwrap_or(otherwise);
    let status = Status::new(code, text("message").unwrap_or_default());
    let list = error.get("details").and_then(Value::as_array);
    let list: Vec<_> = list.into_iter().flatten().filter_map(detail_from_json).collect();
    if list.is_empty() { status } else { status.with_details(details::build(&list)) }
}

fn detail_from_json(detail: &Value) -> Option<Detail> {
    let type_name = detail.get("type")?.as_str()?;
    let value = decode_binary(detail.get("value")?.as_str()?)?;
    Some(Detail::new(type_name, Bytes::from(value)))
}

/// Writes JSON whose parts cannot fail to be written: names, texts and lists of them.
pub(super) fn to_json(value: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec()))
}

#[cfg(test)]
mod tests;
