//! One encoded value, whole.

use bytes::Bytes;

use crate::error::DecodeError;
use crate::raw::{Cursor, unknown_type};
use crate::table::TypeTable;

/// One encoded value as it came, with the table that explains it.
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: Bytes,
    table: TypeTable,
}

impl Frame {
    /// Puts a value and its types together.
    #[must_use]
    pub fn new(bytes: Bytes, table: TypeTable) -> Self {
        Self { bytes, table }
    }

    /// The message, its length included; several if the value spans several.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The types the value is made of.
    #[must_use]
    pub fn table(&self) -> &TypeTable {
        &self.table
    }

    /// The id of the value's type; 0, which no type has, if there is none.
    #[must_use]
    pub fn type_id(&self) -> i32 {
        self.open().map_or(0, |(id, _)| id)
    }

    /// The value itself, for parsers written by hand: what follows the type's id in the first
    /// message.
    ///
    /// # Errors
    /// When the bytes are no message.
    pub fn body(&self) -> Result<Cursor<'_>, DecodeError> {
        Ok(self.open()?.1.cursor)
    }

    /// Takes bytes and table apart.
    #[must_use]
    pub fn into_parts(self) -> (Bytes, TypeTable) {
        (self.bytes, self.table)
    }

    pub(crate) fn open(&self) -> Result<(i32, Reader<'_>), DecodeError> {
        Reader::open(&self.bytes)
    }
}

/// Reads a value that may span messages.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    /// The rest of the current message.
    pub(crate) cursor: Cursor<'a>,
    /// The messages after it.
    pub(crate) later: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The type of a value and where it begins.
    #[inline(always)]
    pub(crate) fn open(message: &'a [u8]) -> Result<(i32, Self), DecodeError> {
        let (mut cursor, later) = split_message(message)?;
        let id = cursor.type_id()?;
        if id <= 0 {
            return Err(unknown_type());
        }
        Ok((id, Self { cursor, later }))
    }

    #[inline]
    pub(crate) fn next_message(&mut self) -> Result<(), DecodeError> {
        (self.cursor, self.later) = split_message(self.later)?;
        Ok(())
    }
}

/// Takes a message off, and what follows it.
#[inline]
fn split_message(bytes: &[u8]) -> Result<(Cursor<'_>, &[u8]), DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let len = cursor.try_uint().and_then(|len| usize::try_from(len).ok());
    match len.and_then(|len| cursor.take(len)) {
        Some(message) => Ok((Cursor::new(message), cursor.bytes)),
        None => Err(DecodeError::unexpected_eof()),
    }
}
