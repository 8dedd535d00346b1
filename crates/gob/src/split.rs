//! Cutting a stream of bytes into whole values.

use std::collections::HashSet;
use std::fmt;

use bytes::{Buf, BytesMut};

use crate::error::DecodeError;
use crate::frame::Frame;
use crate::limits::Limits;
use crate::raw::Cursor;
use crate::table::{TypeTable, WireType, basic};
use crate::walk::{Progress, Walk, singleton};

/// Splits incoming bytes into whole values, and keeps the types the peer defines between them.
///
/// Does no I/O: append what was read to a buffer, then call [`Splitter::next`] until it gives `None`.
pub struct Splitter {
    table: TypeTable,
    limits: Limits,
    state: State,
    /// What is known about types: that a value is one message, or may be several.
    spans: Vec<(i32, Span)>,
    has_definition: bool,
}

/// Where a value lies in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peeked {
    /// The id of its type.
    pub id: i32,
    /// Where it begins, behind the length and the id.
    pub start: usize,
    /// Where its message ends.
    pub end: usize,
}

/// `Between -> Within -> Between`. A value whose type reaches no interface never enters `Within`.
enum State {
    Between,
    /// Part of a value was walked: all messages up to `end`.
    Within {
        walk: Walk,
        end: usize,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Span {
    /// The type reaches no interface.
    OneMessage,
    /// The type reaches an interface.
    Several,
    /// Some type is not defined yet.
    Unknown,
}

impl Splitter {
    /// Starts at the beginning of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            table: TypeTable::new(limits),
            limits,
            state: State::Between,
            spans: Vec::new(),
            has_definition: false,
        }
    }

    /// The types defined so far.
    #[must_use]
    pub fn table(&self) -> &TypeTable {
        &self.table
    }

    /// Whether the input so far ends where a value does, so that it may end there. `src` is the
    /// buffer after [`Splitter::next`] gave `None`.
    #[must_use]
    pub fn is_between_values(&self, src: &BytesMut) -> bool {
        matches!(self.state, State::Between) && src.is_empty() && !self.has_definition
    }

    /// Looks at the value that begins at `at` in `src`: a parser written by hand can read it in
    /// place, and take it off the buffer itself, which [`Splitter::taken`] is then told. `None`
    /// unless it is whole, in one message, and of a type seen before: [`Splitter::next`] sees to
    /// all else.
    #[inline]
    #[must_use]
    pub fn peek(&self, src: &[u8], at: usize) -> Option<Peeked> {
        let State::Between = self.state else { return None };
        let mut cursor = Cursor::new(src.get(at..)?);
        let len = usize::try_from(cursor.try_uint()?).ok()?;
        let mut message = Cursor::new(cursor.take(len)?);
        // A positive number is even, and twice itself.
        let id = message.try_uint().filter(|id| id % 2 == 0)?;
        let id = i32::try_from(id >> 1).ok()?;
        let one = self.spans.contains(&(id, Span::OneMessage));
        if !one || len > self.limits.message_bytes {
            return None;
        }
        let end = src.len().saturating_sub(cursor.bytes.len());
        Some(Peeked { id, start: end.saturating_sub(message.bytes.len()), end })
    }

    /// Says that values seen with [`Splitter::peek`] were taken off the buffer.
    #[inline]
    pub fn taken(&mut self) {
        self.has_definition = false;
    }

    /// What it means that no more input comes: Go tells an end between values from one within.
    #[must_use]
    pub fn end_of_input(&self, src: &BytesMut) -> DecodeError {
        if self.is_between_values(src) {
            DecodeError::eof()
        } else {
            DecodeError::unexpected_eof().into_fatal()
        }
    }

    /// Takes one whole value off `src`; `None` means "read more". Between calls `src` may only grow.
    ///
    /// # Errors
    /// When the bytes are no gob or exceed a limit. All errors are fatal: where the next value
    /// begins is unknown.
    pub fn next(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        self.advance(src).map_err(DecodeError::into_fatal)
    }

    fn advance(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        if matches!(self.state, State::Within { .. }) {
            return self.resume(src);
        }
        loop {
            let Some((start, end)) = self.message(src, 0)? else { return Ok(None) };
            let mut cursor = Cursor::new(src.get(start..end).unwrap_or_default());
            let id = cursor.type_id()?;
            if id < 0 {
                self.table.define(id.checked_neg().unwrap_or(0), &mut cursor)?;
                if !cursor.is_empty() {
                    return Err(DecodeError::malformed("extra data in buffer"));
                }
                self.has_definition = true;
                self.spans.retain(|known| known.1 != Span::Unknown);
                src.advance(end);
                continue;
            }
            self.has_definition = false;
            if self.span(id) == Span::OneMessage {
                return Ok(Some(self.frame(src, end)));
            }
            let mut walk = Walk::recording(id);
            let walked = if self.table.struct_fields(id).is_some() {
                Ok(())
            } else {
                singleton(&mut cursor)
            };
            let walked = walked.and_then(|()| walk.run(&mut cursor, &mut self.table));
            return match walked {
                Ok(Progress::NeedMessage) => {
                    self.state = State::Within { walk, end };
                    self.resume(src)
                }
                Err(error) if walk.has_defined => Err(error),
                // The message is the value, or it is malformed, which decoding it will tell: the
                // next message is the next value in either case.
                Ok(Progress::Done) | Err(_) => Ok(Some(self.frame(src, end))),
            };
        }
    }

    /// Goes on with a value that did not end with the messages seen so far.
    fn resume(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        loop {
            let State::Within { end: before, .. } = self.state else { return Ok(None) };
            let Some((start, after)) = self.message(src, before)? else { return Ok(None) };
            if after > self.limits.value_bytes {
                return Err(DecodeError::limit(
                    "bytes of a value",
                    self.limits.value_bytes,
                    "value_bytes",
                ));
            }
            let State::Within { walk, end } = &mut self.state else { return Ok(None) };
            let mut cursor = Cursor::new(src.get(start..after).unwrap_or_default());
            *end = after;
            if walk.run(&mut cursor, &mut self.table)? == Progress::Done {
                self.state = State::Between;
                return Ok(Some(self.frame(src, after)));
            }
        }
    }

    fn frame(&self, src: &mut BytesMut, end: usize) -> Frame {
        Frame::new(src.split_to(end).freeze(), self.table.clone())
    }

    /// Where the message that begins at `at` has its content; `None` if it is not whole.
    fn message(&self, src: &BytesMut, at: usize) -> Result<Option<(usize, usize)>, DecodeError> {
        let bytes = src.get(at..).unwrap_or_default();
        let mut cursor = Cursor::new(bytes);
        let len = match cursor.uint() {
            Ok(len) => len,
            // A length of up to eight bytes, of which not all are here.
            Err(_) if bytes.first().is_none_or(|&byte| byte >= 0xf8) => return Ok(None),
            Err(_) => return Err(DecodeError::malformed("invalid message length")),
        };
        if len == 0 {
            return Err(DecodeError::eof());
        }
        if len >= GO_MESSAGE_LIMIT {
            return Err(DecodeError::malformed("invalid message length"));
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > self.limits.message_bytes {
            return Err(DecodeError::limit(
                "bytes of a message",
                self.limits.message_bytes,
                "message_bytes",
            ));
        }
        if len > cursor.bytes.len() {
            return Ok(None);
        }
        let start = src.len().saturating_sub(cursor.bytes.len());
        Ok(Some((start, start.saturating_add(len))))
    }

    fn span(&mut self, id: i32) -> Span {
        if let Some(&(_, span)) = self.spans.iter().find(|known| known.0 == id) {
            return span;
        }
        let span = match reaches_interface(&self.table, id) {
            Some(false) => Span::OneMessage,
            Some(true) => Span::Several,
            None => Span::Unknown,
        };
        // Ids nobody defined are not kept: there is no bound to their number.
        if id <= basic::INTERFACE || self.table.get(id).is_some() {
            self.spans.push((id, span));
        }
        span
    }
}

impl fmt::Debug for Splitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = match self.state {
            State::Between => 0,
            State::Within { end, .. } => end,
        };
        f.debug_struct("Splitter")
            .field("types", &self.table.len())
            .field("bytes_of_value_so_far", &within)
            .finish_non_exhaustive()
    }
}

/// Go refuses longer messages on 64-bit machines.
const GO_MESSAGE_LIMIT: u64 = 1 << 33;

/// Whether values of a type may hold interfaces, and so span messages; `None` if a part of the type
/// is not defined.
pub(crate) fn reaches_interface(table: &TypeTable, id: i32) -> Option<bool> {
    let (mut seen, mut to_do) = (HashSet::from([id]), vec![id]);
    let mut found = Some(false);
    while let Some(id) = to_do.pop() {
        if (basic::BOOL..=basic::COMPLEX).contains(&id) {
            continue;
        }
        if id == basic::INTERFACE {
            return Some(true);
        }
        let Some(definition) = table.get(id) else {
            found = None;
            continue;
        };
        let mut reach = |id| {
            if seen.insert(id) {
                to_do.push(id);
            }
        };
        match &definition.ty {
            WireType::Array { elem, .. } | WireType::Slice { elem } => reach(*elem),
            WireType::Map { key, elem } => {
                reach(*key);
                reach(*elem);
            }
            WireType::Struct { fields } => fields.iter().for_each(|field| reach(field.id)),
            WireType::Opaque(_) | WireType::Nothing => {}
        }
    }
    found
}
