//! Which protocol a connection speaks, from its first bytes.
//!
//! Each [`Row`] has a predicate over what has been read so far; no two of them say
//! [`Sniff::Yes`] to the same bytes, whatever the order they are asked in.

use std::num::NonZeroUsize;

/// What a connection may turn out to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Row {
    /// A TLS handshake.
    Tls,
    /// HTTP/2 without TLS, from its first byte.
    Http2,
    /// A head of HTTP/1.0 or 1.1.
    Http1,
    /// Go's net/rpc over gob.
    Netrpc,
    /// JSON-RPC without framing.
    Jsonrpc,
}

/// What one row says about the first bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniff {
    /// It cannot be this.
    No,
    /// It may be; at least so many bytes more are needed to tell.
    Need(NonZeroUsize),
    /// It is this.
    Yes,
}

/// What all rows say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is this.
    Row(Row),
    /// At least so many bytes more are needed to tell.
    Need(NonZeroUsize),
    /// It is nothing that is spoken here; more bytes would not help.
    Unknown,
}

/// What a row says about the first bytes of a connection.
pub type Predicate = fn(&[u8]) -> Sniff;

/// After so many bytes no row asks for more.
pub const MAX_SNIFF_BYTES: usize = 256;

/// Every row and its predicate.
pub const ROWS: [(Row, Predicate); 5] = [
    (Row::Tls, tls),
    (Row::Http2, http2),
    (Row::Http1, http1),
    (Row::Netrpc, netrpc),
    (Row::Jsonrpc, jsonrpc),
];

/// Asks every row.
#[must_use]
pub fn sniff(first: &[u8]) -> Verdict {
    let mut need: Option<NonZeroUsize> = None;
    for (row, predicate) in ROWS {
        match predicate(first) {
            Sniff::Yes => return Verdict::Row(row),
            Sniff::Need(more) => need = Some(need.map_or(more, |least| least.min(more))),
            Sniff::No => {}
        }
    }
    need.map_or(Verdict::Unknown, Verdict::Need)
}

/// A TLS record of kind handshake, in any version: `16 03`.
#[must_use]
pub fn tls(first: &[u8]) -> Sniff {
    starts_with(first, &[0x16, 0x03])
}

/// The preface of HTTP/2, as far as it is unlike HTTP/1: `PRI * HTTP/2.0\r\n\r\nSM`.
#[must_use]
pub fn http2(first: &[u8]) -> Sniff {
    starts_with(first, b"PRI * HTTP/2.0\r\n\r\nSM")
}

/// A method in capitals and a space. `PRI` is HTTP/2's.
#[must_use]
pub fn http1(first: &[u8]) -> Sniff {
    let letters = first.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    if letters > MAX_METHOD_BYTES {
        return Sniff::No;
    }
    match first.get(letters) {
        None => need(1),
        Some(b' ') if letters > 0 && !first.starts_with(b"PRI ") => Sniff::Yes,
        Some(_) => Sniff::No,
    }
}

/// A gob message that defines a struct: its length, an id of -64 or less, and the field of
/// `wireType` that holds a struct. Neither its name nor its id is looked at, since any will do.
#[must_use]
pub fn netrpc(first: &[u8]) -> Sniff {
    let (length, rest) = match gob_uint(first) {
        GobUint::Value(length, rest) => (length, rest),
        GobUint::Need(more) => return need(more),
        GobUint::Bad => return Sniff::No,
    };
    if !(MIN_DEFINITION_BYTES..=MAX_DEFINITION_BYTES).contains(&length) {
        return Sniff::No;
    }
    // A negative id is odd on the wire: id -64 is 127, id -65 is 129.
    let (id, rest) = match gob_uint(rest) {
        GobUint::Value(id, rest) => (id, rest),
        GobUint::Need(more) => return need(more),
        GobUint::Bad => return Sniff::No,
    };
    if id < 127 || id % 2 == 0 || id > u64::from(u32::MAX) {
        return Sniff::No;
    }
    match rest {
        [] => need(2),
        [STRUCT_T] => need(1),
        // The struct's common part, or at once its fields.
        [STRUCT_T, 1 | 2, ..] => Sniff::Yes,
        _ => Sniff::No,
    }
}

/// Optional white space, then the start of an object or array.
#[must_use]
pub fn jsonrpc(first: &[u8]) -> Sniff {
    let blank = first.iter().take_while(|byte| is_json_space(**byte)).count();
    if blank >= MAX_SNIFF_BYTES {
        return Sniff::No;
    }
    // One byte more than the bracket, since `{` and `[` are also lengths of gob messages.
    match first.get(blank..).unwrap_or_default() {
        [] | [b'{' | b'['] => need(1),
        [b'{', b'"' | b'}', ..] => Sniff::Yes,
        [b'{' | b'[', next, ..] if is_json_space(*next) => Sniff::Yes,
        [b'[', b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n', ..] => {
            Sniff::Yes
        }
        _ => Sniff::No,
    }
}

const fn is_json_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn starts_with(first: &[u8], whole: &[u8]) -> Sniff {
    if first.starts_with(whole) {
        Sniff::Yes
    } else if whole.starts_with(first) {
        need(whole.len().saturating_sub(first.len()))
    } else {
        Sniff::No
    }
}

fn need(bytes: usize) -> Sniff {
    NonZeroUsize::new(bytes).map_or(Sniff::No, Sniff::Need)
}

enum GobUint<'a> {
    Value(u64, &'a [u8]),
    Need(usize),
    Bad,
}

/// An unsigned integer as gob writes it: one byte up to 127, else 256 less the number of bytes
/// that follow, high byte first.
fn gob_uint(bytes: &[u8]) -> GobUint<'_> {
    let Some((&first, rest)) = bytes.split_first() else { return GobUint::Need(1) };
    if first <= 0x7f {
        return GobUint::Value(u64::from(first), rest);
    }
    let count = usize::from(first.wrapping_neg());
    if count > 4 {
        return GobUint::Bad;
    }
    let Some((digits, rest)) = rest.split_at_checked(count) else {
        return GobUint::Need(count.saturating_sub(rest.len()));
    };
    GobUint::Value(digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit)), rest)
}

const MAX_METHOD_BYTES: usize = 20;

/// The field of gob's `wireType` that holds a struct, as a delta from before the first field.
const STRUCT_T: u8 = 3;

/// The shortest definition of a struct: id, two deltas and their ends.
const MIN_DEFINITION_BYTES: u64 = 6;

/// No header is defined in more.
const MAX_DEFINITION_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests;
