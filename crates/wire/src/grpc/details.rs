//! The details of a status: messages that say more than its text.
//!
//! [`Status::details`] holds them as an encoded `google.rpc.Status` with its field 3, the list of
//! `google.protobuf.Any`, and without code and message, which the status has itself. gRPC sends it
//! in `grpc-status-details-bin` with both put in front, as [`status_message`] does; Connect sends
//! the list as JSON. [`parse`] takes a whole `google.rpc.Status` just as well.

use bytes::{BufMut as _, Bytes, BytesMut};
use polywire_core::Status;

/// One detail: an encoded message and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The message's type as `google.protobuf.Any` has it: a prefix, a slash and the name, such as
    /// `type.googleapis.com/google.rpc.RetryInfo`.
    pub type_url: String,
    /// The message, as Protocol Buffers encode it.
    pub value: Bytes,
}

impl Detail {
    /// A message of the type with this full name, such as `google.rpc.RetryInfo`.
    #[must_use]
    pub fn new(type_name: &str, value: Bytes) -> Self {
        Self { type_url: format!("{TYPE_PREFIX}{type_name}"), value }
    }

    /// The full name of the message's type: what follows the last slash.
    #[must_use]
    pub fn type_name(&self) -> &str {
        self.type_url.rsplit_once('/').map_or(&self.type_url, |(_, name)| name)
    }
}

/// The bytes are no `google.rpc.Status`; what they were to say is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed status details")]
pub struct MalformedDetails;

/// Reads the list of details; fields other than that list count for nothing.
///
/// # Errors
/// [`MalformedDetails`] if the bytes are no Protocol Buffers message, or an entry is none.
pub fn parse(details: &Bytes) -> Result<Vec<Detail>, MalformedDetails> {
    let mut list = Vec::new();
    let mut fields = Fields(details);
    while let Some(field) = fields.next()? {
        if field.number == DETAILS_FIELD {
            list.push(parse_any(details, field.bytes.ok_or(MalformedDetails)?)?);
        }
    }
    Ok(list)
}

/// Writes the list of details as [`Status::details`] holds it; empty if there are none.
#[must_use]
pub fn build(details: &[Detail]) -> Bytes {
    let mut out = BytesMut::new();
    for detail in details {
        let (url, value) = (detail.type_url.as_bytes(), &detail.value[..]);
        let len = field_len(url).saturating_add(field_len(value));
        put_key(&mut out, DETAILS_FIELD, LEN);
        put_varint(&mut out, wide(len));
        put_field(&mut out, TYPE_URL_FIELD, url);
        put_field(&mut out, VALUE_FIELD, value);
    }
    out.freeze()
}

/// The whole `google.rpc.Status` of a status that has details, as `grpc-status-details-bin` has it
/// before base64; `None` if it has none, or its details are no list of details.
#[must_use]
pub fn status_message(status: &Status) -> Option<Bytes> {
    let list = parse(status.details()).ok().filter(|list| !list.is_empty())?;
    let mut out = BytesMut::new();
    put_key(&mut out, CODE_FIELD, VARINT);
    put_varint(&mut out, u64::from(status.code().number()));
    put_field(&mut out, MESSAGE_FIELD, status.message().as_bytes());
    out.extend_from_slice(&build(&list));
    Some(out.freeze())
}

fn parse_any(whole: &Bytes, any: &[u8]) -> Result<Detail, MalformedDetails> {
    let mut detail = Detail { type_url: String::new(), value: Bytes::new() };
    let mut fields = Fields(any);
    while let Some(field) = fields.next()? {
        match (field.number, field.bytes) {
            (TYPE_URL_FIELD, Some(url)) => {
                let url = std::str::from_utf8(url).map_err(|_| MalformedDetails)?;
                url.clone_into(&mut detail.type_url);
            }
            (VALUE_FIELD, Some(value)) => detail.value = whole.slice_ref(value),
            (TYPE_URL_FIELD | VALUE_FIELD, None) => return Err(MalformedDetails),
            _ => {}
        }
    }
    Ok(detail)
}

/// One field of a message: its bytes, if it has a length; its value, if it is a varint.
pub(crate) struct Field<'a> {
    pub(crate) number: u64,
    pub(crate) bytes: Option<&'a [u8]>,
    pub(crate) varint: Option<u64>,
}

/// The fields of one message, in order.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next field; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, MalformedDetails> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let mut varint = None;
        let bytes = match key & 7 {
            VARINT => {
                varint = Some(self.varint()?);
                None
            }
            FIXED64 => self.take(8).map(|_| None)?,
            FIXED32 => self.take(4).map(|_| None)?,
            LEN => {
                let len = self.varint()?;
                Some(self.take(usize::try_from(len).map_err(|_| MalformedDetails)?)?)
            }
            _ => return Err(MalformedDetails),
        };
        Ok(Some(Field { number: key >> 3, bytes, varint }))
    }

    fn varint(&mut self) -> Result<u64, MalformedDetails> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.take(1)?.first().ok_or(MalformedDetails)?;
            // Bits past the 64th are dropped, as Protocol Buffers drop them.
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(MalformedDetails)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], MalformedDetails> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(MalformedDetails)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// The bytes of a field with a length, none if it is empty: proto3 leaves out what is empty.
fn field_len(value: &[u8]) -> usize {
    if value.is_empty() {
        return 0;
    }
    let mut len = BytesMut::new();
    put_varint(&mut len, wide(value.len()));
    value.len().saturating_add(len.len()).saturating_add(1)
}

pub(crate) fn put_field(out: &mut BytesMut, number: u64, value: &[u8]) {
    if value.is_empty() {
        return;
    }
    put_key(out, number, LEN);
    put_varint(out, wide(value.len()));
    out.extend_from_slice(value);
}

pub(crate) fn put_key(out: &mut BytesMut, number: u64, wire_type: u64) {
    put_varint(out, (number << 3) | wire_type);
}

pub(crate) fn put_varint(out: &mut BytesMut, mut value: u64) {
    while let rest @ 1.. = value >> 7 {
        out.put_u8(low_bits(value) | 0x80);
        value = rest;
    }
    out.put_u8(low_bits(value));
}

fn low_bits(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// What Go, Java and C++ put before the name of a type.
const TYPE_PREFIX: &str = "type.googleapis.com/";

// Fields of google.rpc.Status.
const CODE_FIELD: u64 = 1;
const MESSAGE_FIELD: u64 = 2;
const DETAILS_FIELD: u64 = 3;

// Fields of google.protobuf.Any.
const TYPE_URL_FIELD: u64 = 1;
const VALUE_FIELD: u64 = 2;

// Wire types of Protocol Buffers.
pub(crate) const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LEN: u64 = 2;
const FIXED32: u64 = 5;

#[cfg(test)]
mod tests;
