//! What both sides do with frames that come in.

use bytes::Bytes;
use polywire_core::{Body, Code, Encoding, Payload, Status};
use polywire_gob::raw::Cursor;
use polywire_gob::{DecodeError, TypeTable};

use super::plan::Header;
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

/// A value that came in.
pub(super) struct Value<'a> {
    /// Its message.
    pub(super) bytes: Bytes,
    pub(super) table: &'a TypeTable,
}

impl Value<'_> {
    /// The value as a body: gob with its types, or what a byte string holds.
    ///
    /// # Errors
    /// When another encoding than gob is not in a byte string.
    #[inline]
    pub(super) fn body(self, encoding: Encoding) -> Result<Body, Status> {
        if encoding == Encoding::Gob {
            return Ok(Body::Unary(self.gob()));
        }
        let bytes = self.byte_string().ok_or_else(|| {
            let why = format!("a body in {encoding} must be a byte string");
            Status::new(Code::InvalidArgument, why)
        })?;
        Ok(Body::Unary(Payload::new(encoding, bytes)))
    }

    /// The value with its types.
    #[inline]
    pub(super) fn gob(self) -> Payload {
        Payload::new(Encoding::Gob, self.bytes).with_context(self.table.to_context())
    }

    /// The value as one of a stream; `bytes` is what its header was read from.
    ///
    /// # Errors
    /// As [`body`](Self::body), and when the encoding is not known here.
    #[inline]
    pub(super) fn payload(self, header: &Header, bytes: &[u8]) -> Result<Payload, Status> {
        match self.body(encoding(header.encoding.of(bytes))?)? {
            Body::Unary(payload) => Ok(payload),
            _ => Err(Status::new(Code::Internal, "a message of a stream is one value")),
        }
    }

    /// Length, id, the zero in front of what is no struct, byte count, bytes.
    fn byte_string(&self) -> Option<Bytes> {
        let mut cursor = Cursor::new(&self.bytes);
        let _length = cursor.uint().ok()?;
        let (BYTES, 0) = (cursor.int().ok()?, cursor.uint().ok()?) else { return None };
        Some(self.bytes.slice_ref(cursor.bytes().ok()?))
    }
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
const BYTES: i64 = 5;
