//! Decoding typed values.

mod compound;
mod deserializer;
mod enums;
mod zero;

use std::any::Any;
use std::sync::Arc;

use bytes::BytesMut;
use polywire_schema::Schema;
use serde::de::DeserializeOwned;

use self::deserializer::{Deserializer, Session};
use crate::compile::compile;
use crate::error::DecodeError;
use crate::frame::{Frame, Reader};
use crate::limits::Limits;
use crate::split::Splitter;
use crate::table::{LentTable, TypeTable};
use crate::walk::singleton;

/// Decodes a value into a local type. Fields are matched by name; those that the remote type lacks
/// become zero, or what `#[serde(default)]` says.
///
/// # Errors
/// When the bytes are malformed or the types do not fit; the texts are Go's. Never fatal: the frame
/// was whole, so the stream is in step.
pub fn decode<T: DeserializeOwned + Schema>(frame: &Frame) -> Result<T, DecodeError> {
    decode_lent(frame.bytes(), frame.table())
}

/// As [`decode`], of a frame that nobody has to own: its bytes and its table.
///
/// # Errors
/// As [`decode`].
#[inline]
pub fn decode_lent<T: DeserializeOwned + Schema>(
    bytes: &[u8],
    table: &TypeTable,
) -> Result<T, DecodeError> {
    read(bytes, &table.into())
}

/// As [`decode_lent`], with the table in a payload's context, as [`TypeTable::from_context`] has it;
/// without one, no type is defined.
///
/// # Errors
/// As [`decode`].
#[inline]
pub fn decode_in_context<T: DeserializeOwned + Schema>(
    bytes: &[u8],
    context: Option<&Arc<dyn Any + Send + Sync>>,
) -> Result<T, DecodeError> {
    let none;
    let table = match context.and_then(LentTable::of_context) {
        Some(table) => table,
        None => {
            none = TypeTable::default();
            LentTable::from(&none)
        }
    };
    read(bytes, &table)
}

#[inline]
fn read<T: DeserializeOwned + Schema>(
    bytes: &[u8],
    table: &LentTable<'_>,
) -> Result<T, DecodeError> {
    let local = compile(T::TYPE)?;
    let (id, mut reader) = Reader::open(bytes)?;
    let made;
    let plan = match table.plans().known(id, local) {
        Some(plan) => plan,
        None => {
            made = table.plans().make(table, id, T::TYPE, local)?;
            &made
        }
    };
    if plan.is_singleton {
        singleton(&mut reader.cursor)?;
    }
    let mut session = Session { reader, table, plan, limit: table.limits().value_depth };
    T::deserialize(Deserializer { session: &mut session, node: 0, depth: 0 })
}

/// Decodes the first value of a stream, definitions and all. What follows it is ignored.
///
/// # Errors
/// As [`decode`], and when the input ends before the value does.
pub fn from_slice<T: DeserializeOwned + Schema>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut splitter = Splitter::new(Limits::default());
    let mut src = BytesMut::from(bytes);
    match splitter.next(&mut src)? {
        Some(frame) => decode(&frame),
        None => Err(splitter.end_of_input(&src)),
    }
}
