//! What both sides do with frames that come in.

use bytes::{Bytes, BytesMut};
use polywire_core::{Body, Code, Encoding, Payload, Status};
use polywire_gob::raw::Cursor;
use polywire_gob::{DecodeError, DecodeErrorKind, Splitter, TypeTable};

use super::header::KIND_MESSAGE;
use super::plan::Header;
use crate::{ValueRun, WireError};

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

/// A header, and how much of what belongs to it has not come yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) header: Header,
    /// What the header was read from.
    pub(super) bytes: Bytes,
    /// How many values are to come.
    left: u64,
}

impl Waiting {
    pub(super) const fn new(header: Header, bytes: Bytes) -> Self {
        let left = header.values();
        Self { header, bytes, left }
    }

    /// As [`new`](Self::new), of a header that takes the first `at` of these bytes. If many values
    /// belong to it, it does not keep the buffer that they are in.
    #[inline]
    pub(super) fn of(header: Header, bytes: &Bytes, at: usize) -> Self {
        let bytes = match header.values() {
            1 => bytes.clone(),
            _ => Bytes::copy_from_slice(bytes.get(..at).unwrap_or_default()),
        };
        Self::new(header, bytes)
    }

    pub(super) const fn is_of_stream(&self) -> bool {
        self.header.kind == KIND_MESSAGE
    }

    /// One value of a stream, which has come.
    #[inline]
    pub(super) fn message(&self, value: Value<'_>) -> Result<Payload, Status> {
        match self.header.encoding.is_empty() {
            true => Ok(value.gob()),
            false => value.payload(&self.header, &self.bytes),
        }
    }

    /// What is to come behind a value.
    #[inline]
    pub(super) fn rest(mut self) -> Option<Self> {
        self.left = self.left.saturating_sub(1);
        (self.left > 0).then_some(self)
    }
}

/// Takes one more value behind its header off the buffer, if it is there as a whole and of a type
/// that was met before.
#[inline]
pub(super) fn whole_value(
    waiting: &mut Option<Waiting>,
    splitter: &mut Splitter,
    src: &mut BytesMut,
) -> Option<(u64, Result<Payload, Status>)> {
    let of_stream = waiting.as_mut().filter(|waiting| waiting.is_of_stream())?;
    let body = splitter.peek(src, 0)?;
    let bytes = src.split_to(body.end).freeze();
    splitter.taken();
    let value = of_stream.message(Value { bytes, table: splitter.table() });
    let seq = of_stream.header.seq;
    of_stream.left = of_stream.left.saturating_sub(1);
    if of_stream.left == 0 {
        *waiting = None;
    }
    Some((seq, value))
}

/// As [`whole_value`], of all the values in gob that are there, up to [`MAX_RUN`].
pub(super) fn whole_values(
    waiting: &mut Option<Waiting>,
    splitter: &mut Splitter,
    src: &mut BytesMut,
) -> Option<(u64, ValueRun)> {
    let is_of_gob = |waiting: &&mut Waiting| waiting.header.encoding.is_empty();
    let of_stream = waiting.as_mut().filter(|waiting| waiting.is_of_stream()).filter(is_of_gob)?;
    let wanted = usize::try_from(of_stream.left).unwrap_or(MAX_RUN).min(MAX_RUN);
    let (mut lens, mut end) = (Vec::new(), 0_usize);
    while lens.len() < wanted {
        let Some(body) = splitter.peek(src, end) else { break };
        // It grows by what is there: a header may promise more than comes.
        lens.push(body.end.saturating_sub(end));
        end = body.end;
    }
    if lens.is_empty() {
        return None;
    }
    splitter.taken();
    let count = u64::try_from(lens.len()).unwrap_or(u64::MAX);
    let seq = of_stream.header.seq;
    of_stream.left = of_stream.left.saturating_sub(count);
    if of_stream.left == 0 {
        *waiting = None;
    }
    let bytes = src.split_to(end).freeze();
    Some((seq, ValueRun { bytes, lens, context: Some(splitter.table().to_context()) }))
}

/// How many values are handed out at once at most.
const MAX_RUN: usize = 128;

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
    match error.kind() {
        DecodeErrorKind::Eof => WireError::EmptyMessage,
        DecodeErrorKind::UnexpectedEof => WireError::UnexpectedEof,
        other => WireError::Malformed { what: "gob stream", why: other.to_string() },
    }
}

/// The id of gob's byte strings.
const BYTES: i64 = 5;
