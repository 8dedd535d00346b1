//! The headers a peer sends: any struct with fields of the right names.

use bytes::Bytes;
use polywire_core::{ByteStr, Metadata};
use polywire_gob::raw::{Cursor, skip};
use polywire_gob::{DecodeError, Frame, TypeTable};

use super::header::KIND_MESSAGE;
use crate::{Limits, WireError};

/// What a header says; what it leaves out is zero. Texts are places in the bytes it was read from.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) method: Place,
    pub(super) seq: u64,
    pub(super) error: Place,
    pub(super) ext: u64,
    pub(super) meta: Meta,
    pub(super) timeout: i64,
    pub(super) encoding: Place,
    pub(super) kind: u64,
    pub(super) window: u64,
    pub(super) count: u64,
    pub(super) code: u64,
    pub(super) details: Place,
}

impl Header {
    /// How many values follow, each a body.
    pub(super) const fn values(&self) -> u64 {
        if self.kind == KIND_MESSAGE && self.count > 0 { self.count } else { 1 }
    }
}

/// Where a text stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    start: usize,
    end: usize,
}

/// Names and values in turn.
#[derive(Debug, Default)]
pub(super) struct Meta {
    parts: Vec<Place>,
    /// How many bytes they have together.
    pub(super) bytes: usize,
}

/// Where a header was read from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) bytes: &'a [u8],
    /// Where its value begins and ends.
    pub(super) value: Place,
    pub(super) id: i32,
    pub(super) table: &'a TypeTable,
}

/// A field that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Method,
    Seq,
    Error,
    Ext,
    Meta,
    Timeout,
    Encoding,
    Kind,
    Window,
    Count,
    Code,
    Details,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Read(Known),
    Skip(i32),
}

/// How to read the headers of one remote type, worked out when the first one comes.
#[derive(Debug)]
struct Plan {
    id: i32,
    steps: Vec<Step>,
}

/// Which header a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

/// Reads the headers of one stream.
#[derive(Debug)]
pub(super) struct HeaderReader {
    side: Side,
    /// Above so many bytes of metadata they are only counted.
    max_metadata: usize,
    /// The types of headers met last; a stream has one, or two where the extension was found out
    /// on the way.
    plans: Vec<Plan>,
}

impl HeaderReader {
    pub(super) const fn new(side: Side, limits: &Limits) -> Self {
        Self { side, max_metadata: limits.metadata_bytes, plans: Vec::new() }
    }

    /// Reads one header.
    ///
    /// # Errors
    /// When it is no header; the stream is of no use then.
    pub(super) fn read(&mut self, from: Source<'_>) -> Result<Header, WireError> {
        let at = match self.plans.iter().position(|plan| plan.id == from.id) {
            Some(at) => at,
            None => self.learn(from.table, from.id)?,
        };
        let Some(plan) = self.plans.get(at) else { return Err(malformed("no plan")) };
        plan.read(from, self.max_metadata).ok_or_else(|| malformed("gob: bad data"))
    }

    /// Reads the header in a frame of its own.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn read_frame(&mut self, frame: &Frame) -> Result<Header, WireError> {
        let (bytes, table) = (frame.bytes(), frame.table());
        // The value is what ends the first message, which begins with its length.
        let mut cursor = Cursor::new(bytes);
        let (Ok(_), Ok(value)) = (cursor.bytes(), frame.body()) else {
            return Err(malformed("it is no message"));
        };
        let end = bytes.len().saturating_sub(cursor.rest().len());
        let value = Place::new(end.saturating_sub(value.rest().len()), end);
        self.read(Source { bytes, value, id: frame.type_id(), table })
    }

    fn learn(&mut self, table: &TypeTable, id: i32) -> Result<usize, WireError> {
        let plan = Plan::new(self.side, table, id)?;
        if self.plans.len() >= MAX_PLANS {
            self.plans.remove(0);
        }
        self.plans.push(plan);
        Ok(self.plans.len().saturating_sub(1))
    }
}

impl Plan {
    /// # Errors
    /// As Go has it: when the type is no struct, when it has fields but none of Go's, and when one
    /// of Go's has another type. What the extension adds is skipped if it has another type.
    fn new(side: Side, table: &TypeTable, id: i32) -> Result<Self, WireError> {
        let Some(fields) = table.struct_fields(id) else {
            let local = side.name();
            let why = format!(
                "gob: type mismatch in decoder: want struct type rpc.{local}; got non-struct"
            );
            return Err(malformed(&why));
        };
        let mut steps = Vec::with_capacity(fields.len());
        let mut matched = fields.is_empty();
        for field in fields {
            let (name, id) = (field.name(), field.id());
            let known = side.known(name);
            let fits = known.is_some_and(|known| known.fits(table, id));
            if let Some(known) = known
                && side.is_gos(known)
            {
                if !fits {
                    let why = format!("gob: wrong type for received field {}.{name}", side.name());
                    return Err(malformed(&why));
                }
                matched = true;
            }
            steps.push(known.filter(|_| fits).map_or(Step::Skip(id), Step::Read));
        }
        if !matched {
            let local = side.name();
            let why =
                format!("gob: type mismatch: no fields matched compiling decoder for {local}");
            return Err(malformed(&why));
        }
        Ok(Self { id, steps })
    }

    /// `None` when the bytes are no such struct.
    #[inline]
    fn read(&self, from: Source<'_>, max: usize) -> Option<Header> {
        let mut cursor = Cut { bytes: from.bytes.get(..from.value.end)?, at: from.value.start };
        let mut header = Header::default();
        let mut number = 0_usize;
        // A struct ends with a zero, or with its message.
        while cursor.at < cursor.bytes.len() {
            let delta = usize::try_from(cursor.uint()?).ok()?;
            if delta == 0 {
                break;
            }
            number = number.checked_add(delta)?;
            match self.steps.get(number.checked_sub(1)?)? {
                Step::Read(Known::Method) => header.method = cursor.text()?,
                Step::Read(Known::Seq) => header.seq = cursor.uint()?,
                Step::Read(Known::Error) => header.error = cursor.text()?,
                Step::Read(Known::Ext) => header.ext = cursor.uint()?,
                Step::Read(Known::Meta) => header.meta = Meta::read(&mut cursor, max)?,
                Step::Read(Known::Timeout) => header.timeout = cursor.int()?,
                Step::Read(Known::Encoding) => header.encoding = cursor.text()?,
                Step::Read(Known::Kind) => header.kind = cursor.uint()?,
                Step::Read(Known::Window) => header.window = cursor.uint()?,
                Step::Read(Known::Count) => header.count = cursor.uint()?,
                Step::Read(Known::Code) => header.code = cursor.uint()?,
                Step::Read(Known::Details) => header.details = cursor.text()?,
                Step::Skip(id) => cursor.skip(from.table, *id)?,
            }
        }
        Some(header)
    }
}

/// Reads forward and remembers where.
struct Cut<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cut<'a> {
    #[inline]
    fn uint(&mut self) -> Option<u64> {
        let mut cursor = Cursor::new(self.bytes.get(self.at..)?);
        let number = cursor.try_uint()?;
        self.at = self.bytes.len().checked_sub(cursor.rest().len())?;
        Some(number)
    }

    fn int(&mut self) -> Option<i64> {
        self.by_cursor(Cursor::int)
    }

    #[inline]
    fn text(&mut self) -> Option<Place> {
        let len = usize::try_from(self.uint()?).ok()?;
        let place = Place { start: self.at, end: self.at.checked_add(len)? };
        self.at = place.end;
        (place.end <= self.bytes.len()).then_some(place)
    }

    fn skip(&mut self, table: &TypeTable, id: i32) -> Option<()> {
        self.by_cursor(|cursor| skip(cursor, table, id))
    }

    #[inline(never)]
    fn by_cursor<T>(
        &mut self,
        read: impl FnOnce(&mut Cursor<'a>) -> Result<T, DecodeError>,
    ) -> Option<T> {
        let mut cursor = Cursor::new(self.bytes.get(self.at..)?);
        let value = read(&mut cursor).ok()?;
        self.at = self.bytes.len().checked_sub(cursor.rest().len())?;
        Some(value)
    }
}

impl Place {
    pub(super) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(super) const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The text in the bytes it was read from.
    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The text, sharing the bytes it was read from.
    #[inline]
    pub(super) fn share(self, bytes: &Bytes) -> Bytes {
        if self.is_empty() || self.end > bytes.len() {
            return Bytes::new();
        }
        bytes.slice(self.start..self.end)
    }
}

impl Meta {
    /// Reads a list of strings. Each takes a byte at least, so that a false count ends with the
    /// bytes; nothing is reserved for it.
    fn read(cursor: &mut Cut<'_>, max: usize) -> Option<Self> {
        let mut meta = Self::default();
        for _ in 0..cursor.uint()? {
            let part = cursor.text()?;
            meta.bytes = meta.bytes.saturating_add(part.len()).saturating_add(1);
            if meta.bytes <= max {
                meta.parts.push(part);
            }
        }
        Some(meta)
    }

    /// The pairs, sharing the bytes they were read from. What is no text is left out.
    pub(super) fn metadata(&self, bytes: &Bytes) -> Metadata {
        let mut metadata = Metadata::new();
        let text = |part: &Place| ByteStr::from_utf8(part.share(bytes));
        for pair in self.parts.chunks_exact(2) {
            if let [name, value] = pair
                && let (Ok(name), Ok(value)) = (text(name), text(value))
            {
                metadata.append(name, value);
            }
        }
        metadata
    }
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Response => "Response",
        }
    }

    /// The field of that name, if this header has one.
    fn known(self, name: &str) -> Option<Known> {
        match (name, self) {
            ("ServiceMethod", _) => Some(Known::Method),
            ("Seq", _) => Some(Known::Seq),
            ("Ext", _) => Some(Known::Ext),
            ("Meta", _) => Some(Known::Meta),
            ("Encoding", _) => Some(Known::Encoding),
            ("Kind", _) => Some(Known::Kind),
            ("Window", _) => Some(Known::Window),
            ("Count", _) => Some(Known::Count),
            ("Timeout", Self::Request) => Some(Known::Timeout),
            ("Error", Self::Response) => Some(Known::Error),
            ("Code", Self::Response) => Some(Known::Code),
            ("Details", Self::Response) => Some(Known::Details),
            _ => None,
        }
    }

    /// Whether Go's header has the field.
    const fn is_gos(self, known: Known) -> bool {
        matches!(known, Known::Method | Known::Seq | Known::Error)
    }
}

impl Known {
    fn fits(self, table: &TypeTable, id: i32) -> bool {
        match self {
            Self::Method | Self::Error | Self::Encoding => id == STRING,
            Self::Seq | Self::Ext | Self::Kind | Self::Window | Self::Count | Self::Code => {
                id == UINT
            }
            Self::Timeout => id == INT,
            Self::Details => id == BYTES,
            Self::Meta => table.describe(id) == "[]string",
        }
    }
}

fn malformed(why: &str) -> WireError {
    WireError::Malformed { what: "netrpc header", why: why.to_owned() }
}

/// Gob's fixed type ids.
const INT: i32 = 2;
const UINT: i32 = 3;
const BYTES: i32 = 5;
const STRING: i32 = 6;

const MAX_PLANS: usize = 4;

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use polywire_gob::Splitter;

    use super::*;
    use crate::vectors::unhex;

    #[test]
    fn captured_headers_are_read_to_their_fields() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/rpc.json")).unwrap();
        let mut count = 0;
        for entry in all.as_array().unwrap().iter().filter(|e| e["category"] == "rpc_header") {
            let name = entry["name"].as_str().unwrap();
            let replies = name.contains("response") || name.contains("reply");
            let side = if replies { Side::Response } else { Side::Request };
            let values = match entry["value"].as_array() {
                // In a stream every other value is a body.
                Some(values) => values.clone(),
                None => vec![entry["value"].clone()],
            };
            for hex in ["hex", "hex_go1_27"].into_iter().filter_map(|key| entry[key].as_str()) {
                let mut src = BytesMut::from(&unhex(hex)[..]);
                let mut splitter = Splitter::new(polywire_gob::Limits::default());
                let mut headers = HeaderReader::new(side, &Limits::default());
                for (at, value) in values.iter().enumerate() {
                    let frame = splitter.next(&mut src).unwrap().unwrap();
                    if at % 2 == 0 {
                        check(&headers.read_frame(&frame).unwrap(), frame.bytes(), value);
                    }
                }
                count += 1;
            }
        }
        assert_eq!(count, COUNT);
    }

    fn check(header: &Header, bytes: &[u8], value: &serde_json::Value) {
        let text = |place: Place| std::str::from_utf8(place.of(bytes)).unwrap().to_owned();
        assert_eq!(text(header.method), value["ServiceMethod"]);
        assert_eq!(header.seq, value["Seq"].as_u64().unwrap());
        assert_eq!(text(header.error), value["Error"].as_str().unwrap_or(""));
    }

    /// Each of the ten in its Go 1.19 form, and in Go 1.27's where that differs.
    const COUNT: usize = 20;
}
