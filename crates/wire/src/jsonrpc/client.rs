//! The client's side of a JSON-RPC connection.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use polywire_core::{Body, Code, Encoding, Origin, Payload, Reply, Request, Response, Status};

use super::error_code::read_error;
use super::split::{MESSAGE, Splitter};
use super::text::{Members, put_string, share, string};
use crate::{CallReader, CallWriter, ClientEvent, Limits, Outgoing, WireError};

/// Which JSON-RPC a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Version {
    /// 1.0 as Go's net/rpc/jsonrpc: the only one Go's servers understand.
    #[default]
    V1,
    /// 2.0.
    V2,
}

/// The client's side of a JSON-RPC connection.
#[must_use]
pub fn client(version: Version, limits: &Limits) -> (JsonrpcWriter, JsonrpcReader) {
    let writer = JsonrpcWriter { version, max_bytes: limits.message_bytes };
    (writer, JsonrpcReader { version, splitter: Splitter::new(limits) })
}

/// The half of a JSON-RPC client that writes calls.
#[derive(Debug)]
pub struct JsonrpcWriter {
    version: Version,
    max_bytes: usize,
}

impl CallWriter for JsonrpcWriter {
    /// Metadata and the time that remains have no place in JSON-RPC and are left out.
    fn write(
        &mut self,
        id: u64,
        call: &Request,
        _remaining: Option<Duration>,
        dst: &mut Outgoing,
    ) -> Result<(), Status> {
        let argument = argument(call, self.encoding())?;
        if argument.len() > self.max_bytes {
            let (size, limit) = (argument.len(), self.max_bytes);
            let why =
                format!("message bytes of {size} is over the limit of {limit} (message_bytes)");
            return Err(Status::new(Code::ResourceExhausted, why).with_origin(Origin::NotSent));
        }
        let dst = dst.tail();
        dst.put_slice(match self.version {
            Version::V1 => b"{\"method\":",
            Version::V2 => b"{\"jsonrpc\":\"2.0\",\"method\":",
        });
        put_string(call.method.as_str(), dst);
        put_params(self.version, argument, dst);
        dst.put_slice(format!(",\"id\":{id}}}\n").as_bytes());
        Ok(())
    }

    /// Writes nothing: JSON-RPC has no word for it.
    fn cancel(&mut self, _id: u64, _dst: &mut Outgoing) {}

    fn encoding(&self) -> Encoding {
        match self.version {
            Version::V1 => Encoding::GoJson,
            Version::V2 => Encoding::Json,
        }
    }
}

fn argument(call: &Request, wanted: Encoding) -> Result<&[u8], Status> {
    let why = match &call.body {
        Body::Empty => return Ok(b"null"),
        Body::Unary(payload) if payload.encoding == wanted => return Ok(&payload.bytes),
        Body::Unary(payload) => {
            format!("JSON-RPC carries arguments in {wanted}, not in {}", payload.encoding)
        }
        _ => "JSON-RPC carries one argument".to_owned(),
    };
    Err(Status::new(Code::Internal, why).with_origin(Origin::NotSent))
}

/// 1.0 wants exactly one element in an array; 2.0 an object, an array by position, or nothing.
fn put_params(version: Version, argument: &[u8], dst: &mut BytesMut) {
    if version == Version::V2 && argument == b"null" {
        return;
    }
    dst.put_slice(b",\"params\":");
    if version == Version::V2 && argument.first() == Some(&b'{') {
        dst.put_slice(argument);
        return;
    }
    dst.put_u8(b'[');
    dst.put_slice(argument);
    dst.put_u8(b']');
}

/// The half of a JSON-RPC client that reads replies.
#[derive(Debug)]
pub struct JsonrpcReader {
    version: Version,
    splitter: Splitter,
}

impl CallReader for JsonrpcReader {
    fn next(&mut self, src: &mut BytesMut) -> Result<Option<ClientEvent>, WireError> {
        let Some(text) = self.splitter.next(src)? else { return Ok(None) };
        let members = Members::read(&text, ["id", "result", "error"])
            .map_err(|error| malformed(error.to_string()))?;
        let (id, reply) = match self.version {
            Version::V1 => read_v1(&text, &members)?,
            Version::V2 => read_v2(&text, &members)?,
        };
        Ok(Some(ClientEvent::Reply { id, reply }))
    }

    fn finish(&mut self, src: &mut BytesMut) -> Result<(), WireError> {
        if src.is_empty() { Ok(()) } else { Err(WireError::UnexpectedEof) }
    }
}

/// As Go's client reads: names in any case, an id of null is 0, and neither result nor error is
/// the end of the connection.
fn read_v1(text: &Bytes, members: &Members<'_, 3>) -> Result<(u64, Reply), WireError> {
    let id = match members.folded("id") {
        None | Some("null") => 0,
        Some(raw) => id(raw)?,
    };
    let error = members.folded("error").filter(|raw| *raw != "null");
    let result = members.folded("result").filter(|raw| *raw != "null");
    let reply = match (error, result) {
        (Some(raw), _) => Err(match string(raw) {
            Some(text) if text.is_empty() => Status::new(Code::Unknown, "unspecified error"),
            Some(text) => Status::new(Code::Unknown, text),
            None => return Err(malformed(format!("invalid error {raw}"))),
        }),
        (None, Some(raw)) => Ok(payload(Encoding::GoJson, share(text, raw))),
        (None, None) => return Err(malformed("invalid error <nil>".to_owned())),
    };
    Ok((id, reply))
}

fn read_v2(text: &Bytes, members: &Members<'_, 3>) -> Result<(u64, Reply), WireError> {
    let error = members.exact("error").filter(|raw| *raw != "null");
    let reply =
        match (error, members.exact("result")) {
            (Some(raw), _) => Err(read_error(raw)
                .ok_or_else(|| malformed("the error is no error object".to_owned()))?),
            (None, Some(raw)) => Ok(payload(Encoding::Json, share(text, raw))),
            (None, None) => return Err(malformed("neither a result nor an error".to_owned())),
        };
    match (members.exact("id"), reply) {
        // The server could not make out which call it refuses.
        (None | Some("null"), Err(status)) => Err(malformed(status.message().to_owned())),
        (None, Ok(_)) => Err(malformed("a reply without an id".to_owned())),
        (Some(raw), reply) => Ok((id(raw)?, reply)),
    }
}

fn payload(encoding: Encoding, bytes: Bytes) -> Response {
    Response::unary(Payload::new(encoding, bytes))
}

fn id(raw: &str) -> Result<u64, WireError> {
    raw.parse().map_err(|_| malformed("an id that was never sent".to_owned()))
}

const fn malformed(why: String) -> WireError {
    WireError::Malformed { what: MESSAGE, why }
}

#[cfg(test)]
mod tests;
