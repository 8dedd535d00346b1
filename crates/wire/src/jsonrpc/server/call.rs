//! One call object.

use bytes::Bytes;
use polywire_core::{Body, Code, Encoding, MethodName, Payload, Request, Status};

use super::batch::BatchId;
use super::{Event, Form, INVALID_REQUEST, JsonrpcTicket, NULL, malformed};
use crate::jsonrpc::text::{Members, compact, elements, kind, share, string};
use crate::{Limits, ServerEvent, WireError};

/// What came of a call object.
pub(super) enum Call {
    V1 {
        id: Bytes,
        request: Result<Request, Status>,
    },
    V2 {
        id: Option<Bytes>,
        request: Result<Request, Status>,
    },
    /// A 2.0 object that is no call, and why.
    Invalid(&'static str),
}

type CallMembers<'a> = Members<'a, 4>;

/// Reads an object: 2.0 if it says so, else 1.0 as Go reads it.
///
/// # Errors
/// When Go would close the connection.
pub(super) fn read(text: &Bytes, limits: &Limits) -> Result<Call, WireError> {
    let members = members(text).map_err(|error| malformed(&error))?;
    if is_v2(&members) {
        return Ok(read_v2(text, &members, limits));
    }
    read_v1(text, &members, limits)
}

/// Reads a member of a batch.
pub(super) fn read_member(text: &Bytes, limits: &Limits) -> Call {
    match members(text) {
        Ok(members) if is_v2(&members) => read_v2(text, &members, limits),
        _ => Call::Invalid("a member of a batch is not a JSON-RPC 2.0 object"),
    }
}

impl Call {
    pub(super) const fn is_v2(&self) -> bool {
        !matches!(self, Self::V1 { .. })
    }

    /// What the engine is to do with it.
    pub(super) fn event(self, batch: Option<BatchId>) -> Event {
        let (form, request) = match self {
            Self::V1 { id, request } => (Form::V1(id), request),
            Self::V2 { id, request } => (Form::V2 { id, refused: None, batch }, request),
            Self::Invalid(why) => return super::refuse(batch, INVALID_REQUEST, why.to_owned()),
        };
        let ticket = JsonrpcTicket(form);
        match request {
            Ok(request) => ServerEvent::Call { ticket, key: 0, request, timeout: None },
            Err(status) => ServerEvent::Reject { ticket, status },
        }
    }
}

fn members(text: &Bytes) -> serde_json::Result<CallMembers<'_>> {
    Members::read(text, ["jsonrpc", "method", "params", "id"])
}

fn is_v2(members: &CallMembers<'_>) -> bool {
    members.exact("jsonrpc").and_then(string).is_some_and(|version| version == "2.0")
}

fn read_v1(text: &Bytes, members: &CallMembers<'_>, limits: &Limits) -> Result<Call, WireError> {
    let method = match members.folded("method") {
        None | Some("null") => Ok(text.slice(..0)),
        Some(raw) => method_text(text, raw),
    };
    let Ok(method) = method else {
        let why = "the method is not a string".to_owned();
        return Err(WireError::Malformed { what: super::MESSAGE, why });
    };
    let id = match members.folded("id") {
        None | Some("null") => Bytes::from_static(NULL),
        Some(raw) => compact(raw),
    };
    let request = name(method, limits).and_then(|name| {
        let argument = first_param(text, members.folded("params"))?;
        Ok(request(name, Encoding::GoJson, argument))
    });
    Ok(Call::V1 { id, request })
}

fn read_v2(text: &Bytes, members: &CallMembers<'_>, limits: &Limits) -> Call {
    let Some(Ok(method)) = members.exact("method").map(|raw| method_text(text, raw)) else {
        return Call::Invalid("the method is missing or not a string");
    };
    let id = match members.exact("id") {
        Some(raw) if !matches!(kind(raw), "number" | "string" | "null") => {
            return Call::Invalid("the id is neither a number nor a string");
        }
        raw => raw.map(compact),
    };
    let request = name(method, limits).and_then(|name| {
        let argument = params(text, members.exact("params"))?;
        Ok(request(name, Encoding::Json, argument))
    });
    Call::V2 { id, request }
}

fn request(name: MethodName, encoding: Encoding, argument: Bytes) -> Request {
    Request::new(name, Body::Unary(Payload::new(encoding, argument)))
}

/// The method's name, sharing the message unless it has escapes.
fn method_text(text: &Bytes, raw: &str) -> Result<Bytes, ()> {
    let method = string(raw).ok_or(())?;
    Ok(match method {
        std::borrow::Cow::Borrowed(method) => share(text, method),
        std::borrow::Cow::Owned(method) => Bytes::from(method),
    })
}

fn name(method: Bytes, limits: &Limits) -> Result<MethodName, Status> {
    if method.len() > limits.name_bytes {
        let (size, limit) = (method.len(), limits.name_bytes);
        let why = format!("method name bytes of {size} is over the limit of {limit} (name_bytes)");
        return Err(Status::new(Code::ResourceExhausted, why));
    }
    let method = polywire_core::ByteStr::from_utf8(method)
        .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))?;
    MethodName::from_dotted(method)
        .map_err(|error| Status::new(Code::Unimplemented, error.to_string()))
}

/// 1.0: the argument is the first element; an empty array and null stand for a zero value.
fn first_param(text: &Bytes, params: Option<&str>) -> Result<Bytes, Status> {
    let wrong = |why: String| Err(Status::new(Code::InvalidArgument, why));
    match params {
        None | Some("null") => wrong("jsonrpc: request body missing params".to_owned()),
        Some(raw) => match elements(raw.as_bytes(), 1) {
            Ok((first, _)) => Ok(argument(text, &first)),
            Err(_) => {
                let kind = kind(raw);
                wrong(format!(
                    "json: cannot unmarshal {kind} into Go value of type [1]interface {{}}"
                ))
            }
        },
    }
}

/// 2.0: an object is the argument; an array holds the arguments by position, of which a single one
/// is the argument itself.
fn params(text: &Bytes, params: Option<&str>) -> Result<Bytes, Status> {
    let Some(raw) = params else { return Ok(Bytes::from_static(NULL)) };
    match kind(raw) {
        "null" => Ok(Bytes::from_static(NULL)),
        "array" => match elements(raw.as_bytes(), 1) {
            Ok((_, count)) if count > 1 => Ok(share(text, raw)),
            Ok((first, _)) => Ok(argument(text, &first)),
            Err(error) => Err(Status::new(Code::InvalidArgument, error.to_string())),
        },
        "object" => Ok(share(text, raw)),
        other => {
            let why = format!("params must be an object or an array, not a {other}");
            Err(Status::new(Code::InvalidArgument, why))
        }
    }
}

fn argument(text: &Bytes, first: &[&str]) -> Bytes {
    first.first().map_or(Bytes::from_static(NULL), |raw| share(text, raw))
}
