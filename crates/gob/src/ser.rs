//! Encoding typed values.

mod capture;
mod compound;
mod record;
mod serializer;

use std::cell::Cell;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use polywire_schema::Schema;
use serde::Serialize;

pub(crate) use self::capture::Number;
pub(crate) use self::compound::Fields;
use self::serializer::{Place, Serializer};
use crate::any::Needed;
use crate::compile::{Compiled, compile};
use crate::definitions::Definitions;
use crate::error::EncodeError;
use crate::raw::{push_int, put_uint, uint_len};

/// Encodes a value as one whole message - length, type id, value - and names the definitions that a
/// stream must have had before it.
///
/// # Errors
/// When gob cannot carry the type, or the `Serialize` implementation fails.
pub fn encode<T: Serialize + Schema + ?Sized>(
    value: &T,
) -> Result<(Bytes, Arc<Definitions>), EncodeError> {
    let compiled = compile(T::TYPE)?;
    if compiled.is_open && !Needed::has_begun() {
        let needed = Needed::begin();
        let (message, definitions) = encode(value)?;
        return Ok((message, needed.with(&definitions)));
    }
    let mut scratch = SCRATCH.take();
    let start = match message(value, T::TYPE, compiled, &mut scratch) {
        Ok(start) => start,
        Err(error) => {
            SCRATCH.set(scratch);
            return Err(error);
        }
    };
    Ok((finish(scratch, start), Arc::clone(compiled.definitions())))
}

/// Appends a value's message, without definitions; gives the definitions it needs.
///
/// # Errors
/// As [`encode`]; then `out` is as it was.
#[inline]
pub fn append<T: Serialize + Schema + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<Arc<Definitions>, EncodeError> {
    let compiled = compile(T::TYPE)?;
    if compiled.is_open && !Needed::has_begun() {
        let (message, definitions) = encode(value)?;
        out.extend_from_slice(&message);
        return Ok(definitions);
    }
    let start = out.len();
    // Short messages need no more; longer ones are moved behind their length.
    out.push(0);
    let written = write(value, T::TYPE, compiled, out);
    match written {
        Ok(()) => put_length(out, start),
        Err(_) => out.truncate(start),
    }
    written.map(|()| Arc::clone(compiled.definitions()))
}

/// Encodes a value with all its definitions: a whole stream of one value.
///
/// # Errors
/// As [`encode`].
pub fn to_vec<T: Serialize + Schema + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let (message, definitions) = encode(value)?;
    let mut stream = Vec::with_capacity(message.len());
    for (_, definition) in definitions.iter() {
        stream.extend_from_slice(definition);
    }
    stream.extend_from_slice(&message);
    Ok(stream)
}

thread_local! {
    /// Room to encode in; taken while in use, so that an implementation of `Serialize` that encodes
    /// by itself finds an empty one.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Up to which length of a message the scratch buffer is kept; longer ones take it along.
const MAX_COPIED: usize = 4 << 10;

/// Room in front of a message for its length.
const PREFIX: usize = 9;

#[inline]
fn finish(scratch: Vec<u8>, start: usize) -> Bytes {
    if scratch.len() > MAX_COPIED {
        return Bytes::from(scratch).slice(start..);
    }
    let bytes = Bytes::copy_from_slice(scratch.get(start..).unwrap_or_default());
    SCRATCH.set(scratch);
    bytes
}

/// Writes a message into `out`, and returns where in it the message begins.
#[inline]
fn message<T: Serialize + ?Sized>(
    value: &T,
    ty: &'static polywire_schema::Type,
    compiled: &Compiled,
    out: &mut Vec<u8>,
) -> Result<usize, EncodeError> {
    begin(out);
    write(value, ty, compiled, out)?;
    Ok(end(out))
}

/// Appends a message without its length.
#[inline]
fn write<T: Serialize + ?Sized>(
    value: &T,
    ty: &'static polywire_schema::Type,
    compiled: &Compiled,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    put_type(out, compiled.id(), compiled.is_struct);
    value.serialize(Serializer { out, ty, place: Place::Element })?;
    Ok(())
}

/// Leaves room for the length.
#[inline]
pub(crate) fn begin(out: &mut Vec<u8>) {
    out.clear();
    out.resize(PREFIX, 0);
}

/// The id of a value's type; a value that is no struct is preceded by a zero.
#[inline]
pub(crate) fn put_type(out: &mut Vec<u8>, id: i32, is_struct: bool) {
    push_int(out, i64::from(id));
    if !is_struct {
        out.push(0);
    }
}

/// Puts the length of the message that began with one byte of room for it.
#[inline]
fn put_length(out: &mut Vec<u8>, start: usize) {
    let begin = start.saturating_add(1);
    let len = out.len().saturating_sub(begin);
    match (u8::try_from(len), out.get_mut(start)) {
        (Ok(short @ ..0x80), Some(place)) => *place = short,
        _ => put_long_length(out, start),
    }
}

#[inline(never)]
fn put_long_length(out: &mut Vec<u8>, start: usize) {
    let begin = start.saturating_add(1);
    let end = out.len();
    let len = end.saturating_sub(begin);
    let more = uint_len(len as u64).saturating_sub(1);
    out.resize(end.saturating_add(more), 0);
    out.copy_within(begin..end, begin.saturating_add(more));
    if let Some(mut prefix) = out.get_mut(start..begin.saturating_add(more)) {
        put_uint(&mut prefix, len as u64);
    }
}

/// Writes the length before the message; returns where it begins.
#[inline]
pub(crate) fn end(out: &mut [u8]) -> usize {
    let len = out.len().saturating_sub(PREFIX) as u64;
    let start = PREFIX.saturating_sub(uint_len(len));
    if let Some(mut prefix) = out.get_mut(start..PREFIX) {
        debug_assert_eq!(prefix.remaining_mut(), uint_len(len));
        put_uint(&mut prefix, len);
    }
    start
}
