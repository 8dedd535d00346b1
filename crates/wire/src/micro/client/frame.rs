//! What is around the messages of calls.

use bytes::{BufMut as _, Bytes, BytesMut};
use polywire_core::{Code, MethodName, Status};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::endpoint;
use crate::grpc::{PREFIX, envelope};
use crate::micro::{Content, Framing, MicroError};

/// A reply of JSON-RPC.
#[derive(Deserialize)]
struct JsonReply<'b> {
    #[serde(borrow, default)]
    result: Option<&'b RawValue>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

/// Puts around the argument of a call what its content type says.
///
/// # Errors
/// [`Code::InvalidArgument`] for a content type in which calls are not made from here,
/// [`Code::ResourceExhausted`] for a message that is too large for its frame.
pub fn enclose(
    content: Content,
    method: &MethodName,
    number: u64,
    message: &Bytes,
) -> Result<Bytes, Status> {
    match content.framing {
        Framing::Bare => Ok(message.clone()),
        Framing::Grpc => {
            let mut body = BytesMut::with_capacity(PREFIX.saturating_add(message.len()));
            body.put_slice(&envelope(0, message)?);
            body.put_slice(message);
            Ok(body.freeze())
        }
        Framing::JsonRpc => {
            let name = serde_json::to_string(&endpoint(method)).unwrap_or_default();
            let message: &[u8] = if message.is_empty() { b"{}" } else { message };
            // The number is a text, as Go's decoder wants it.
            let end = format!("],\"id\":\"{number}\",\"method\":{name}}}\n");
            Ok(Bytes::from([b"{\"params\":[", message, end.as_bytes()].concat()))
        }
        Framing::ProtoRpc => {
            let text = format!("calls are not made in {}", content.as_str());
            Err(Status::new(Code::InvalidArgument, text))
        }
    }
}

/// Takes the message out of the body of a reply.
///
/// # Errors
/// The error that the frame holds, or [`Code::Internal`] for a body that is framed otherwise or has
/// no message where there must be one.
pub fn disclose(content: Content, body: Bytes) -> Result<Bytes, Status> {
    let malformed = |why: &str| Status::new(Code::Internal, format!("malformed reply: {why}"));
    match content.framing {
        Framing::Bare => {
            super::check_body(content, &body)?;
            Ok(body)
        }
        Framing::Grpc => {
            let message = body.get(PREFIX..).unwrap_or_default();
            let expected = envelope(0, message)?;
            if body.get(..PREFIX) != Some(&expected[..]) {
                return Err(malformed("no message behind a prefix of gRPC"));
            }
            Ok(body.slice(PREFIX..))
        }
        Framing::JsonRpc => {
            let reply: JsonReply<'_> =
                serde_json::from_slice(&body).map_err(|error| malformed(&error.to_string()))?;
            match reply.error {
                None => {}
                Some(serde_json::Value::String(text)) if text.is_empty() => {}
                Some(serde_json::Value::String(text)) => {
                    return Err(MicroError::parse(&text).into());
                }
                Some(other) => return Err(MicroError::parse(&other.to_string()).into()),
            }
            let result = reply.result.ok_or_else(|| malformed("neither result nor error"))?;
            Ok(body.slice_ref(result.get().as_bytes()))
        }
        Framing::ProtoRpc => Err(malformed("an envelope that was not asked for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enclosed(content: Content, message: &'static [u8]) -> Bytes {
        let method = MethodName::new("x.y.HelloWorld", "Hello");
        enclose(content, &method, 7, &Bytes::from_static(message)).unwrap()
    }

    #[test]
    fn an_argument_is_enclosed_as_gos_clients_do() {
        assert_eq!(&enclosed(Content::JSON, b"{}")[..], b"{}");
        assert_eq!(
            &enclosed(Content::JSON_RPC, b"{\"name\":\"john\"}")[..],
            b"{\"params\":[{\"name\":\"john\"}],\"id\":\"7\",\"method\":\"HelloWorld.Hello\"}\n"
        );
        let grpc = Content::parse(Some("application/grpc")).unwrap();
        assert_eq!(&enclosed(grpc, b"\x0a\x04john")[..], b"\0\0\0\0\x06\x0a\x04john");
    }

    #[test]
    fn a_reply_gives_its_message() {
        for (content, body, message) in [
            (Content::JSON, &b"{\"msg\":1}\n"[..], &b"{\"msg\":1}\n"[..]),
            (
                Content::JSON_RPC,
                b"{\"id\":\"7\",\"result\":{\"a\":1},\"error\":null}\n",
                b"{\"a\":1}",
            ),
            (Content::JSON_RPC, b"{\"id\":\"7\",\"result\":7,\"error\":\"\"}\n", b"7"),
            (Content::parse(Some("application/grpc")).unwrap(), b"\0\0\0\0\x01x", b"x"),
        ] {
            assert_eq!(disclose(content, Bytes::from_static(body)).unwrap(), message);
        }
    }

    #[test]
    fn an_error_in_the_body_is_the_calls() {
        let body = &br#"{"id":"","result":null,"error":"rpc: can't find service X"}"#[..];
        let status = disclose(Content::JSON_RPC, Bytes::from_static(body)).unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        let body =
            &br#"{"result":null,"error":"{\"id\":\"a\",\"code\":404,\"detail\":\"x\"}"}"#[..];
        let status = disclose(Content::JSON_RPC, Bytes::from_static(body)).unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "x"));
    }

    #[test]
    fn a_reply_that_is_framed_otherwise_is_refused() {
        for (content, body) in [
            (Content::JSON, &b""[..]),
            (Content::JSON_RPC, b""),
            (Content::JSON_RPC, b"{}"),
            (Content::JSON_RPC, b"[1"),
            (Content::parse(Some("application/grpc")).unwrap(), b"\0\0\0\0\x02x"),
        ] {
            let status = disclose(content, Bytes::from_static(body)).unwrap_err();
            assert_eq!(status.code(), Code::Internal);
        }
    }
}
