//! A message, taken out of the body it came in.

use bytes::Bytes;
use polywire_core::{Code, Encoding, Payload, Status};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::content::{Content, Framing};
use super::envelope;
use crate::grpc::{PREFIX, envelope as grpc_prefix};

/// A message, and what the frame around it said.
#[derive(Debug)]
#[non_exhaustive]
pub struct Argument {
    /// The message.
    pub payload: Payload,
    /// `Type.Method`, where the frame says it.
    pub endpoint: Option<String>,
    pub(super) mark: Mark,
}

/// What the frame of a reply repeats of the call's.
#[derive(Debug, Clone, Default)]
pub(super) enum Mark {
    #[default]
    None,
    /// The id of JSON-RPC, as JSON.
    Json(Box<str>),
    /// Method and number of proto-rpc.
    Proto(Bytes, u64),
}

#[derive(Deserialize)]
struct Call<'b> {
    #[serde(default)]
    method: String,
    #[serde(borrow, default)]
    params: Option<[&'b RawValue; 1]>,
    #[serde(borrow, default)]
    id: Option<&'b RawValue>,
}

impl Argument {
    /// Takes a message out of a body. An empty body of JSON is an object without members: what Go's
    /// handlers get for it is a value with nothing set.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a body that is not framed as the content type says.
    pub fn read(content: Content, body: Bytes) -> Result<Self, Status> {
        let bare = |bytes| Self {
            payload: payload(content.codec, bytes),
            endpoint: None,
            mark: Mark::None,
        };
        if body.is_empty() {
            return Ok(bare(body));
        }
        match content.framing {
            Framing::Bare => Ok(bare(body)),
            Framing::Grpc => grpc(&body).map(bare),
            Framing::JsonRpc => json_rpc(&body),
            Framing::ProtoRpc => {
                let (envelope, message) = envelope::read(&body)?;
                let endpoint = text(&envelope.method)?;
                let mark = Mark::Proto(envelope.method, envelope.seq);
                Ok(Self { payload: payload(content.codec, message), endpoint, mark })
            }
        }
    }
}

fn payload(codec: Encoding, bytes: Bytes) -> Payload {
    if bytes.is_empty() && codec == Encoding::ProtoJson {
        return Payload::new(codec, Bytes::from_static(b"{}"));
    }
    Payload::new(codec, bytes)
}

fn json_rpc(body: &Bytes) -> Result<Argument, Status> {
    let call: Call<'_> = serde_json::from_slice(body).map_err(|error| {
        Status::new(Code::InvalidArgument, format!("the body is no call of JSON-RPC: {error}"))
    })?;
    let message = call.params.map(|[message]| body.slice_ref(message.get().as_bytes()));
    let id = call.id.map_or("\"\"", RawValue::get);
    Ok(Argument {
        payload: payload(Encoding::ProtoJson, message.unwrap_or_default()),
        endpoint: Some(call.method).filter(|method| !method.is_empty()),
        mark: Mark::Json(id.into()),
    })
}

/// The only message behind gRPC's prefix.
fn grpc(body: &Bytes) -> Result<Bytes, Status> {
    let whole = body.get(PREFIX..).unwrap_or_default();
    let expected = grpc_prefix(0, whole)?;
    if body.get(..PREFIX) == Some(&expected[..]) {
        return Ok(body.slice(PREFIX..));
    }
    let text = "the body is no message, uncompressed, behind a prefix of gRPC";
    Err(Status::new(Code::InvalidArgument, text))
}

fn text(bytes: &Bytes) -> Result<Option<String>, Status> {
    match String::from_utf8(bytes.to_vec()) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(_) => Err(Status::new(Code::InvalidArgument, "the method's name is no UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &'static [u8]) -> Result<Argument, Status> {
        Argument::read(Content::parse(Some(content_type))?, Bytes::from_static(body))
    }

    #[test]
    fn messages_of_go_clients_are_taken_out_of_their_bodies() {
        for (content_type, body, message, endpoint) in [
            ("application/json", &b"{\"name\":\"john\"}\n"[..], &b"{\"name\":\"john\"}\n"[..], None),
            ("application/protobuf", b"\x0a\x04john", b"\x0a\x04john", None),
            ("application/grpc", b"\0\0\0\0\x06\x0a\x04john", b"\x0a\x04john", None),
            (
                "application/json-rpc",
                b"{\"params\":[{\"name\":\"john\"}],\"id\":\"0\",\"method\":\"HelloWorld.Hello\"}\n",
                b"{\"name\":\"john\"}",
                Some("HelloWorld.Hello"),
            ),
            (
                "application/proto-rpc",
                b"\0\0\0\x1b\x0a\x10HelloWorld.Hello\x11\x01\0\0\0\0\0\0\0\0\0\0\x06\x0a\x04john",
                b"\x0a\x04john",
                Some("HelloWorld.Hello"),
            ),
        ] {
            let argument = read(content_type, body).unwrap();
            assert_eq!(&argument.payload.bytes[..], message, "{content_type}");
            assert_eq!(argument.endpoint.as_deref(), endpoint, "{content_type}");
        }
    }

    #[test]
    fn an_empty_body_is_a_value_with_nothing_set() {
        assert_eq!(&read("application/json", b"").unwrap().payload.bytes[..], b"{}");
        assert_eq!(&read("application/json-rpc", b"").unwrap().payload.bytes[..], b"{}");
        assert_eq!(&read("application/protobuf", b"").unwrap().payload.bytes[..], b"");
        assert_eq!(&read("application/grpc+json", b"\0\0\0\0\0").unwrap().payload.bytes[..], b"{}");
    }

    #[test]
    fn a_body_that_is_framed_otherwise_is_refused() {
        for (content_type, body) in [
            ("application/json-rpc", &b"7"[..]),
            ("application/json-rpc", b"{\"params\":[1,2],\"method\":\"A.B\"}"),
            ("application/proto-rpc", b"\0\0\0\xffx"),
            ("application/grpc", b"\0\0\0\0\x07\x0a\x04john"),
            ("application/grpc", b"\x01\0\0\0\x01x"),
            ("application/grpc", b"\0\0\0"),
        ] {
            let status = read(content_type, body).unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{content_type}");
        }
    }
}
