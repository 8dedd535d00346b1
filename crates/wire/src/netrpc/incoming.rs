//! What both sides do with frames that come in.

use bytes::Bytes;
use polywire_core::{Body, Code, Encoding, Payload, Status};
use polywire_gob::{DecodeError, Frame};

use crate::WireError;

/// The encoding of a body by the name in its header; none is gob.
///
/// # Errors
/// When there is no such encoding.
pub(super) fn encoding(name: &[u8]) -> Result<Encoding, Status> {
    if name.is_empty() {
        return Ok(Encoding::Gob);
    }
    std::str::from_utf8(name).ok().and_then(Encoding::from_name).ok_or_else(|| {
        let why = format!("encoding `{}` is not known here", name.escape_ascii());
        Status::new(Code::Unimplemented, why)
    })
}

/// A frame as a body: gob with its types, or what a byte string holds.
///
/// # Errors
/// When another encoding than gob is not in a byte string.
pub(super) fn body(frame: Frame, encoding: Encoding) -> Result<Body, Status> {
    if encoding == Encoding::Gob {
        let (bytes, table) = frame.into_parts();
        let payload = Payload::new(encoding, bytes).with_context(table.to_context());
        return Ok(Body::Unary(payload));
    }
    let bytes = byte_string(&frame).ok_or_else(|| {
        let why = format!("a body in {encoding} must be a byte string");
        Status::new(Code::InvalidArgument, why)
    })?;
    Ok(Body::Unary(Payload::new(encoding, bytes)))
}

fn byte_string(frame: &Frame) -> Option<Bytes> {
    let mut cursor = frame.body().ok()?;
    let (BYTES, 0) = (frame.type_id(), cursor.uint().ok()?) else { return None };
    Some(frame.bytes().slice_ref(cursor.bytes().ok()?))
}

/// What ends a connection whose gob stream is broken.
pub(super) fn stream_error(error: &DecodeError) -> WireError {
    match error {
        DecodeError::Fatal(error) => stream_error(error),
        DecodeError::Eof => WireError::EmptyMessage,
        DecodeError::UnexpectedEof => WireError::UnexpectedEof,
        other => WireError::Malformed { what: "gob stream", why: other.to_string() },
    }
}

/// The id of gob's byte strings.
const BYTES: i32 = 5;
