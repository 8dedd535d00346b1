//! Walking over a value without decoding it: to find its end, and to skip it.
//!
//! The stack is a `Vec`, so depth costs memory and not the thread's stack, and a walk can stop where
//! a message ends in the middle of a value and go on when the next one is there.

use crate::error::DecodeError;
use crate::frame::Reader;
use crate::raw::{Cursor, unknown_type};
use crate::table::{LentTable, TypeTable, WireType, basic, next_field};

/// The longest name of a concrete type in an interface, in bytes.
pub(crate) const MAX_INTERFACE_NAME: usize = 1_024;

/// Where a walk stands.
#[derive(Debug)]
pub(crate) struct Walk {
    stack: Vec<Step>,
    /// Whether definitions within the value were met, and recorded.
    pub(crate) has_defined: bool,
    records: bool,
}

#[derive(Debug)]
enum Step {
    /// A value of this type comes next.
    Value(i32),
    /// A delta of this struct type comes next; `next` is one past the last field's number.
    Fields { id: i32, next: usize },
    /// So many elements are left.
    Items { elem: i32, left: u64 },
    /// So many pairs are left, and of the current one perhaps the value.
    Pairs { key: i32, elem: i32, left: u64, in_pair: bool },
    /// The type of an interface's value comes next.
    Concrete,
    /// Counts as a level.
    Level,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// The value goes on in the next message.
    NeedMessage,
}

impl Walk {
    /// Over a value as it stands in a struct or list. Definitions within it are recorded.
    pub(crate) fn recording(id: i32) -> Self {
        Self { stack: vec![Step::Value(id)], has_defined: false, records: true }
    }

    /// The same, for a value that was walked before: definitions within it are known.
    fn skipping(id: i32) -> Self {
        Self { records: false, ..Self::recording(id) }
    }

    pub(crate) fn run(
        &mut self,
        cursor: &mut Cursor<'_>,
        table: &mut TypeTable,
    ) -> Result<Progress, DecodeError> {
        while let Some(step) = self.stack.pop() {
            match step {
                Step::Value(id) => self.value(id, cursor, table)?,
                Step::Fields { id, next } => {
                    let fields = table.struct_fields(id).unwrap_or_default();
                    if let Some(number) = next_field(cursor, next, fields.len())? {
                        self.stack.push(Step::Fields { id, next: number.saturating_add(1) });
                        let field = fields.get(number).map_or(0, |field| field.id);
                        self.stack.push(Step::Value(field));
                    }
                }
                Step::Items { left: 0, .. }
                | Step::Pairs { left: 0, in_pair: false, .. }
                | Step::Level => {}
                Step::Items { elem, left } => {
                    require(cursor)?;
                    self.stack.push(Step::Items { elem, left: left.saturating_sub(1) });
                    self.stack.push(Step::Value(elem));
                }
                Step::Pairs { key, elem, left, in_pair: false } => {
                    require(cursor)?;
                    let left = left.saturating_sub(1);
                    self.stack.push(Step::Pairs { key, elem, left, in_pair: true });
                    self.stack.push(Step::Value(key));
                }
                Step::Pairs { key, elem, left, in_pair: true } => {
                    require(cursor)?;
                    self.stack.push(Step::Pairs { key, elem, left, in_pair: false });
                    self.stack.push(Step::Value(elem));
                }
                Step::Concrete => {
                    if !self.concrete(cursor, table)? {
                        self.stack.push(Step::Concrete);
                        return Ok(Progress::NeedMessage);
                    }
                }
            }
        }
        Ok(Progress::Done)
    }

    fn value(
        &mut self,
        id: i32,
        cursor: &mut Cursor<'_>,
        table: &TypeTable,
    ) -> Result<(), DecodeError> {
        match id {
            basic::BOOL | basic::INT | basic::UINT | basic::FLOAT => drop(cursor.uint()?),
            basic::COMPLEX => {
                cursor.uint()?;
                cursor.uint()?;
            }
            basic::BYTES | basic::STRING => drop(cursor.bytes()?),
            basic::INTERFACE => {
                if !interface_name(cursor)?.is_empty() {
                    self.push(Step::Level, table)?;
                    self.stack.push(Step::Concrete);
                }
            }
            _ => self.composite(id, cursor, table)?,
        }
        Ok(())
    }

    fn composite(
        &mut self,
        id: i32,
        cursor: &mut Cursor<'_>,
        table: &TypeTable,
    ) -> Result<(), DecodeError> {
        match table.get(id).ok_or_else(unknown_type)?.ty {
            WireType::Struct { .. } => self.push(Step::Fields { id, next: 0 }, table),
            WireType::Slice { elem } => {
                let left = count(cursor, elem)?;
                self.push(Step::Items { elem, left }, table)
            }
            WireType::Array { elem, len } => {
                let left = count(cursor, elem)?;
                if left != len {
                    return Err(array_length());
                }
                self.push(Step::Items { elem, left }, table)
            }
            WireType::Map { key, elem } => {
                let left = cursor.uint()?;
                self.push(Step::Pairs { key, elem, left, in_pair: false }, table)
            }
            WireType::Opaque(_) => opaque(cursor).map(drop),
            WireType::Nothing => Err(no_kind()),
        }
    }

    /// Reads a sequence of types up to the concrete one; `false` if the message ended before it.
    fn concrete(
        &mut self,
        cursor: &mut Cursor<'_>,
        table: &mut TypeTable,
    ) -> Result<bool, DecodeError> {
        let Some(id) = concrete_id(cursor, &mut |id, cursor| {
            self.has_defined = true;
            if self.records { table.define(id, cursor) } else { skip_definition(cursor, table) }
        })?
        else {
            return Ok(false);
        };
        interface_value(cursor, table, id)?;
        self.stack.push(Step::Value(id));
        Ok(true)
    }

    fn push(&mut self, step: Step, table: &TypeTable) -> Result<(), DecodeError> {
        let limit = table.limits().value_depth;
        if self.stack.len() >= limit {
            return Err(too_deep(limit));
        }
        self.stack.push(step);
        Ok(())
    }
}

/// Skips one value that lies within one message.
pub(crate) fn skip(cursor: &mut Cursor<'_>, table: &TypeTable, id: i32) -> Result<(), DecodeError> {
    match id {
        basic::BOOL | basic::INT | basic::UINT | basic::FLOAT => cursor.uint().map(drop),
        basic::BYTES | basic::STRING => cursor.bytes().map(drop),
        _ => match Walk::skipping(id).run(cursor, &mut table.clone())? {
            Progress::Done => Ok(()),
            Progress::NeedMessage => Err(DecodeError::unexpected_eof()),
        },
    }
}

/// Skips one value that may span messages.
#[inline]
pub(crate) fn skip_reader(
    reader: &mut Reader<'_>,
    table: &LentTable<'_>,
    id: i32,
) -> Result<(), DecodeError> {
    match id {
        basic::BOOL | basic::INT | basic::UINT | basic::FLOAT => reader.cursor.uint().map(drop),
        basic::BYTES | basic::STRING => reader.cursor.bytes().map(drop),
        _ => {
            let (mut walk, mut table) = (Walk::skipping(id), table.to_table());
            while walk.run(&mut reader.cursor, &mut table)? == Progress::NeedMessage {
                reader.next_message()?;
            }
            Ok(())
        }
    }
}

/// Reads types up to the concrete one. A definition may be followed by the length of the next
/// piece of the value, or by the end of the message.
pub(crate) fn concrete_id<'a>(
    cursor: &mut Cursor<'a>,
    define: &mut dyn FnMut(i32, &mut Cursor<'a>) -> Result<(), DecodeError>,
) -> Result<Option<i32>, DecodeError> {
    while !cursor.is_empty() {
        let id = cursor.type_id()?;
        if id >= 0 {
            return Ok(Some(id));
        }
        define(id.checked_neg().ok_or_else(unknown_type)?, cursor)?;
        if !cursor.is_empty() {
            cursor.uint()?;
        }
    }
    Ok(None)
}

/// Reads a definition that is known already.
pub(crate) fn skip_definition(
    cursor: &mut Cursor<'_>,
    table: &TypeTable,
) -> Result<(), DecodeError> {
    TypeTable::new(*table.limits()).define(crate::table::FIRST_ID, cursor)
}

/// Reads the name of an interface's concrete type; empty for nil.
pub(crate) fn interface_name<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], DecodeError> {
    let len = cursor.uint()?;
    let name = usize::try_from(len).ok().and_then(|len| cursor.take(len)).ok_or_else(|| {
        DecodeError::malformed("gob: bad interface encoding: name too large for buffer")
    })?;
    if name.len() > MAX_INTERFACE_NAME {
        let start = String::from_utf8_lossy(name.get(..20).unwrap_or(name)).into_owned();
        return Err(DecodeError::malformed(format!(
            "gob: name too long ({len} bytes): {start:?}..."
        )));
    }
    Ok(name)
}

/// Reads what stands between the concrete type and the value: a length that Go does not check and
/// that may even be wrong, and the zero before values other than structs.
pub(crate) fn interface_value(
    cursor: &mut Cursor<'_>,
    table: &TypeTable,
    id: i32,
) -> Result<(), DecodeError> {
    cursor.uint()?;
    if table.struct_fields(id).is_none() {
        singleton(cursor)?;
    }
    Ok(())
}

/// Reads the zero before a value that stands alone and is no struct.
pub(crate) fn singleton(cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    match cursor.uint()? {
        0 => Ok(()),
        _ => Err(no_singleton()),
    }
}

#[cold]
#[inline(never)]
fn no_singleton() -> DecodeError {
    DecodeError::malformed("gob: decode: corrupted data: non-zero delta for singleton")
}

/// Reads the bytes of a type with an encoding of its own.
pub(crate) fn opaque<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], DecodeError> {
    let len = cursor.uint()?;
    usize::try_from(len)
        .ok()
        .and_then(|len| cursor.take(len))
        .ok_or_else(|| DecodeError::malformed("gob: GobDecoder: length too large for buffer"))
}

/// Reads the length of a list. Each element takes a byte at least, so that a length beyond what is
/// left is refused before anything is done; but those of an interface may lie in later messages.
pub(crate) fn count(cursor: &mut Cursor<'_>, elem: i32) -> Result<u64, DecodeError> {
    let count = cursor.uint()?;
    if (basic::BOOL..=basic::COMPLEX).contains(&elem) && count > cursor.bytes.len() as u64 {
        return Err(too_many(count));
    }
    Ok(count)
}

#[cold]
#[inline(never)]
pub(crate) fn too_many(count: u64) -> DecodeError {
    DecodeError::malformed(format!(
        "gob: decoding array or slice: length exceeds input size ({count} elements)"
    ))
}

/// An element or key takes a byte at least, so that a loop over them ends with the input.
#[inline]
pub(crate) fn require(cursor: &Cursor<'_>) -> Result<(), DecodeError> {
    if cursor.is_empty() { Err(DecodeError::eof()) } else { Ok(()) }
}

#[cold]
#[inline(never)]
pub(crate) fn too_deep(limit: usize) -> DecodeError {
    DecodeError::limit("values within values", limit, "value_depth")
}

#[cold]
#[inline(never)]
pub(crate) fn array_length() -> DecodeError {
    DecodeError::malformed("gob: length mismatch in decodeArray")
}

#[cold]
#[inline(never)]
pub(crate) fn no_kind() -> DecodeError {
    DecodeError::malformed("gob: bad data: ignore can't handle type <nil>")
}
