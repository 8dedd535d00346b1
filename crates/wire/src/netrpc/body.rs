//! Bodies and the definitions they need, on their way out.

use bytes::{BufMut, Bytes};
use polywire_core::{Body, Code, Encoding, Payload, Status};
use polywire_gob::raw::{put_int, put_uint, uint_len};
use polywire_gob::{Compiled, Definitions, Sent};

use super::header::types;
use crate::Outgoing;

/// A body that the wire can carry.
pub(super) enum Carried<'a> {
    /// No value: the empty struct.
    Nothing,
    /// A gob value and the types it needs.
    Gob(&'a Bytes, &'a Definitions),
    /// A value in another encoding, as a gob byte string.
    Other(Encoding, &'a Bytes),
}

impl<'a> Carried<'a> {
    /// Sees whether the wire can carry a body. Only peers that have shown the extension understand
    /// other encodings than gob.
    ///
    /// # Errors
    /// When it cannot: a bug on this side of the connection.
    pub(super) fn new(body: &'a Body, extended: bool) -> Result<Self, Status> {
        match body {
            Body::Empty => Ok(Self::Nothing),
            Body::Unary(payload) => Self::payload(payload, extended),
            _ => Err(Status::new(Code::Unimplemented, NO_STREAM)),
        }
    }

    /// As [`new`](Self::new), for one value.
    ///
    /// # Errors
    /// When the wire cannot carry it.
    pub(super) fn payload(payload: &'a Payload, extended: bool) -> Result<Self, Status> {
        match payload.encoding {
            Encoding::Gob => Self::gob(payload),
            other if extended => Ok(Self::Other(other, &payload.bytes)),
            other => Err(internal(format!("plain net/rpc cannot carry {other}"))),
        }
    }

    fn gob(payload: &'a Payload) -> Result<Self, Status> {
        let definitions = payload.context.as_ref().and_then(|any| any.downcast_ref());
        let Some(definitions) = definitions else {
            let why = "gob from another connection must be decoded and encoded again";
            return Err(internal(why.to_owned()));
        };
        Ok(Self::Gob(&payload.bytes, definitions))
    }

    /// Refuses a value that the peer would take for an attack.
    ///
    /// # Errors
    /// When it has more than `max` bytes.
    pub(super) fn within(self, max: usize) -> Result<Self, Status> {
        let size = match &self {
            Self::Nothing => 0,
            Self::Gob(bytes, _) | Self::Other(_, bytes) => bytes.len(),
        };
        if size > max {
            let why = format!("message bytes of {size} is over the limit of {max} (message_bytes)");
            return Err(Status::new(Code::ResourceExhausted, why));
        }
        Ok(self)
    }

    /// The name of the encoding in the header; empty for gob.
    pub(super) const fn encoding(&self) -> &'static str {
        match self {
            Self::Nothing | Self::Gob(..) => "",
            Self::Other(encoding, _) => encoding.as_str(),
        }
    }

    /// Appends the definitions that the stream has not had, of the header and of the body.
    pub(super) fn define(&self, header: &Compiled, sent: &mut Sent, dst: &mut Outgoing) {
        define(header.definitions(), sent, dst);
        self.define_body(sent, dst);
    }

    /// As [`define`](Self::define), of the body alone.
    pub(super) fn define_body(&self, sent: &mut Sent, dst: &mut Outgoing) {
        match self {
            Self::Nothing => define(types().nothing.definitions(), sent, dst),
            Self::Gob(_, definitions) => define(definitions, sent, dst),
            Self::Other(..) => {}
        }
    }

    /// Appends the value as one message.
    pub(super) fn put(&self, dst: &mut Outgoing) {
        match self {
            Self::Nothing => put_nothing(dst),
            Self::Gob(bytes, _) => dst.put_bytes(bytes),
            Self::Other(_, bytes) => put_byte_string(bytes, dst),
        }
    }
}

/// Appends the definitions that the stream has not had.
pub(super) fn define(definitions: &Definitions, sent: &mut Sent, dst: &mut Outgoing) {
    for (_, message) in sent.missing(definitions) {
        dst.put_slice(message);
    }
    sent.mark(definitions);
}

/// Length, id, end of the struct.
fn put_nothing(dst: &mut Outgoing) {
    let id = types().nothing.id();
    let tail = dst.tail();
    put_uint(tail, length(int_len(id).saturating_add(1)));
    put_int(tail, i64::from(id));
    tail.put_u8(0);
}

/// Length, id, the zero in front of what is no struct, byte count, bytes.
fn put_byte_string(bytes: &Bytes, dst: &mut Outgoing) {
    let count = length(bytes.len());
    let size = bytes.len().saturating_add(uint_len(count)).saturating_add(2);
    let tail = dst.tail();
    put_uint(tail, length(size));
    tail.put_slice(&[BYTES_ID, 0]);
    put_uint(tail, count);
    dst.put_bytes(bytes);
}

fn int_len(id: i32) -> usize {
    uint_len(u64::from(id.unsigned_abs()).saturating_mul(2))
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn internal(why: String) -> Status {
    Status::new(Code::Internal, why)
}

/// What a caller is told that cannot take a stream.
const NO_STREAM: &str = "the method answers with a stream, which a plain call cannot take";

/// The id of gob's byte strings, 5, as gob writes it.
const BYTES_ID: u8 = 10;
