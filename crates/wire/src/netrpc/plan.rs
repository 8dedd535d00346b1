//! The headers a peer sends: any struct with fields of the right names.

use polywire_core::{ByteStr, Metadata};
use polywire_gob::raw::{Cursor, skip};
use polywire_gob::{DecodeError, Frame, TypeTable};

use crate::{Limits, WireError};

/// What a header says, borrowed from its frame; what it leaves out is zero.
#[derive(Debug, Default)]
pub(super) struct Header<'a> {
    pub(super) method: &'a [u8],
    pub(super) seq: u64,
    pub(super) error: &'a [u8],
    pub(super) ext: u64,
    pub(super) meta: Meta<'a>,
    pub(super) timeout: i64,
    pub(super) encoding: &'a [u8],
    pub(super) kind: u64,
    pub(super) code: u64,
    pub(super) details: &'a [u8],
}

/// Names and values in turn.
#[derive(Debug, Default)]
pub(super) struct Meta<'a> {
    parts: Vec<&'a [u8]>,
    /// How many bytes they have together.
    pub(super) bytes: usize,
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
    pub(super) fn read<'a>(&mut self, frame: &'a Frame) -> Result<Header<'a>, WireError> {
        let id = frame.type_id();
        let at = match self.plans.iter().position(|plan| plan.id == id) {
            Some(at) => at,
            None => self.learn(frame.table(), id)?,
        };
        let Some(plan) = self.plans.get(at) else { return Err(malformed("no plan")) };
        plan.read(frame, self.max_metadata).map_err(|error| malformed(&error.to_string()))
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

    fn read<'a>(&self, frame: &'a Frame, max: usize) -> Result<Header<'a>, DecodeError> {
        let mut cursor = frame.body()?;
        let mut header = Header::default();
        let mut number = 0_usize;
        loop {
            // A struct ends with a zero, or with its message.
            if cursor.is_empty() {
                return Ok(header);
            }
            let delta = usize::try_from(cursor.uint()?).unwrap_or(usize::MAX);
            if delta == 0 {
                return Ok(header);
            }
            number = number.saturating_add(delta);
            match self.steps.get(number.saturating_sub(1)) {
                None => {
                    let why = "gob: bad data: field numbers out of bounds";
                    return Err(DecodeError::Malformed(why.into()));
                }
                Some(Step::Skip(id)) => skip(&mut cursor, frame.table(), *id)?,
                Some(Step::Read(known)) => match known {
                    Known::Method => header.method = cursor.bytes()?,
                    Known::Seq => header.seq = cursor.uint()?,
                    Known::Error => header.error = cursor.bytes()?,
                    Known::Ext => header.ext = cursor.uint()?,
                    Known::Meta => header.meta = Meta::read(&mut cursor, max)?,
                    Known::Timeout => header.timeout = cursor.int()?,
                    Known::Encoding => header.encoding = cursor.bytes()?,
                    Known::Kind => header.kind = cursor.uint()?,
                    Known::Code => header.code = cursor.uint()?,
                    Known::Details => header.details = cursor.bytes()?,
                },
            }
        }
    }
}

impl<'a> Meta<'a> {
    /// Reads a list of strings. Each takes a byte at least, so that a false count ends with the
    /// bytes; nothing is reserved for it.
    fn read(cursor: &mut Cursor<'a>, max: usize) -> Result<Self, DecodeError> {
        let mut meta = Self::default();
        for _ in 0..cursor.uint()? {
            let part = cursor.bytes()?;
            meta.bytes = meta.bytes.saturating_add(part.len()).saturating_add(1);
            if meta.bytes <= max {
                meta.parts.push(part);
            }
        }
        Ok(meta)
    }

    /// The pairs, sharing the frame's bytes. What is no text is left out.
    pub(super) fn metadata(&self, frame: &Frame) -> Metadata {
        let mut metadata = Metadata::new();
        let text = |part: &[u8]| ByteStr::from_utf8(frame.bytes().slice_ref(part));
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
            ("Timeout", Self::Request) => Some(Known::Timeout),
            ("Kind", Self::Request) => Some(Known::Kind),
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
            Self::Seq | Self::Ext | Self::Kind | Self::Code => id == UINT,
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
