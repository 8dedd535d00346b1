//! Bodies and the definitions they need, on their way out.

use std::any::Any;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use polywire_core::{Body, Code, EncodedValue, Encoding, Payload, Status};
use polywire_gob::raw::{put_int, put_uint, uint_len};
use polywire_gob::{Compiled, Definitions, Sent};

use super::header::types;
use crate::Outgoing;

/// A body that the wire can carry.
pub(super) enum Carried<'a> {
    /// No value: the empty struct.
    Nothing,
    /// A gob value and the types it needs.
    Gob(Encoded<'a>, &'a Definitions),
    /// A value in another encoding, as a gob byte string.
    Other(Encoding, Encoded<'a>),
}

/// The bytes of a value.
#[derive(Clone, Copy)]
pub(super) enum Encoded<'a> {
    /// May be kept until they are written.
    Shared(&'a Bytes),
    Lent(&'a [u8]),
}

impl Encoded<'_> {
    const fn len(self) -> usize {
        match self {
            Self::Shared(bytes) => bytes.len(),
            Self::Lent(bytes) => bytes.len(),
        }
    }

    fn put(self, dst: &mut Outgoing) {
        match self {
            Self::Shared(bytes) => dst.put_bytes(bytes),
            Self::Lent(bytes) => dst.put_slice(bytes),
        }
    }
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
        let bytes = Encoded::Shared(&payload.bytes);
        match payload.encoding {
            Encoding::Gob => Self::gob(bytes, payload.context.as_ref()),
            other if extended => Ok(Self::Other(other, bytes)),
            other => Err(internal(format!("plain net/rpc cannot carry {other}"))),
        }
    }

    /// As [`payload`](Self::payload), for peers that have shown the extension.
    ///
    /// # Errors
    /// When the wire cannot carry it.
    pub(super) fn lent(value: EncodedValue<'a>) -> Result<Self, Status> {
        let bytes = Encoded::Lent(value.bytes);
        match value.encoding {
            Encoding::Gob => Self::gob(bytes, value.context),
            other => Ok(Self::Other(other, bytes)),
        }
    }

    fn gob(
        bytes: Encoded<'a>,
        context: Option<&'a Arc<dyn Any + Send + Sync>>,
    ) -> Result<Self, Status> {
        definitions(context).map(|definitions| Self::Gob(bytes, definitions))
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
            Self::Other(encoding, _) => named(*encoding),
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
            Self::Gob(bytes, _) => bytes.put(dst),
            Self::Other(_, bytes) => put_byte_string(*bytes, dst),
        }
    }
}

/// What has to be defined before a value in gob.
///
/// # Errors
/// When the value was not encoded here.
pub(super) fn definitions(
    context: Option<&Arc<dyn Any + Send + Sync>>,
) -> Result<&Definitions, Status> {
    context.and_then(|any| any.downcast_ref()).ok_or_else(|| {
        let why = "gob from another connection must be decoded and encoded again";
        internal(why.to_owned())
    })
}

/// The name of an encoding in headers; empty for gob.
pub(super) const fn named(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Gob => "",
        other => other.as_str(),
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
fn put_byte_string(bytes: Encoded<'_>, dst: &mut Outgoing) {
    let count = length(bytes.len());
    let size = bytes.len().saturating_add(uint_len(count)).saturating_add(2);
    let tail = dst.tail();
    put_uint(tail, length(size));
    tail.put_slice(&[BYTES_ID, 0]);
    put_uint(tail, count);
    bytes.put(dst);
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
