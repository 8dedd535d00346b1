//! The primitives, for parsers written by hand: numbers, byte strings, skipping by type.
//!
//! A parser of one known struct, such as a message header, reads its fields with a [`Cursor`] and
//! skips those it does not know:
//!
//! ```
//! use polywire_gob::raw::Cursor;
//!
//! // Point{22, 33}: field 0 = 22, field 1 = 33, end.
//! let mut cursor = Cursor::new(&[0x01, 0x2c, 0x01, 0x42, 0x00]);
//! assert_eq!(cursor.uint()?, 1);
//! assert_eq!(cursor.int()?, 22);
//! # Ok::<(), polywire_gob::DecodeError>(())
//! ```

use bytes::BufMut;

use crate::error::DecodeError;
use crate::table::TypeTable;
use crate::walk;

/// Reads primitives off the front of a slice.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What is left.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Reads an unsigned number.
    ///
    /// # Errors
    /// At the end of the input, and when the length byte is none.
    #[inline]
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        match self.bytes.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.bytes = rest;
                Ok(u64::from(byte))
            }
            Some((&byte, rest)) => {
                let (number, rest) = long_uint(byte, rest)?;
                self.bytes = rest;
                Ok(number)
            }
            None => Err(DecodeError::eof()),
        }
    }

    /// Reads an unsigned number where what is wrong with it does not matter: `None` where
    /// [`Cursor::uint`] gives an error.
    #[inline]
    pub fn try_uint(&mut self) -> Option<u64> {
        let (&byte, rest) = self.bytes.split_first()?;
        if byte < 0x80 {
            self.bytes = rest;
            return Some(u64::from(byte));
        }
        let (number, rest) = long_digits(rest, usize::from(byte.wrapping_neg()))?;
        self.bytes = rest;
        Some(number)
    }

    /// Reads a signed number.
    ///
    /// # Errors
    /// As [`Cursor::uint`].
    #[inline]
    pub fn int(&mut self) -> Result<i64, DecodeError> {
        let folded = self.uint()?;
        let magnitude = (folded >> 1).cast_signed();
        Ok(if folded & 1 == 1 { !magnitude } else { magnitude })
    }

    /// Reads a float.
    ///
    /// # Errors
    /// As [`Cursor::uint`].
    #[inline]
    pub fn float(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_bits(self.uint()?.swap_bytes()))
    }

    /// Reads a byte string, or a string.
    ///
    /// # Errors
    /// When its length is larger than what is left.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.uint()?;
        usize::try_from(len).ok().and_then(|len| self.take(len)).ok_or_else(|| bad_length(len))
    }

    /// Takes the next `len` bytes, if there are so many.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(taken)
    }

    #[inline]
    pub(crate) fn type_id(&mut self) -> Result<i32, DecodeError> {
        // As most types have it: from 64 to 127, which is one byte after its length.
        if let [ONE_BYTE, digit, rest @ ..] = self.bytes {
            self.bytes = rest;
            let magnitude = i32::from(digit >> 1);
            return Ok(if digit & 1 == 1 { !magnitude } else { magnitude });
        }
        i32::try_from(self.int()?).map_err(|_| unknown_type())
    }
}

/// The length of a number of one byte that does not stand alone.
const ONE_BYTE: u8 = 1_u8.wrapping_neg();

/// Takes a number that does not fit the first byte, which says how long it is. By itself, so that
/// the callers are short, and given slices, so that theirs need not be in memory.
#[inline(never)]
fn long_uint(byte: u8, rest: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    let len = usize::from(byte.wrapping_neg());
    if len > 8 {
        return Err(DecodeError::malformed("gob: encoded unsigned integer out of range"));
    }
    digits(rest, len).ok_or_else(|| {
        DecodeError::malformed(format!(
            "gob: invalid uint data length {len}: exceeds input size {}",
            rest.len()
        ))
    })
}

/// As [`digits`], for rare cases.
#[inline(never)]
fn long_digits(bytes: &[u8], len: usize) -> Option<(u64, &[u8])> {
    digits(bytes, len)
}

/// Takes a number of so many bytes, at most 8, most significant first.
#[inline]
fn digits(bytes: &[u8], len: usize) -> Option<(u64, &[u8])> {
    if len > 8 {
        return None;
    }
    let (digits, rest) = bytes.split_at_checked(len)?;
    let number = match bytes.first_chunk() {
        // One load and a shift, where eight bytes are there: the usual case.
        Some(eight) if len > 0 => {
            let unused = 8_usize.wrapping_sub(len).wrapping_mul(8);
            u64::from_be_bytes(*eight) >> unused
        }
        _ => digits.iter().fold(0, |n, &digit| (n << 8) | u64::from(digit)),
    };
    Some((number, rest))
}

/// Skips one value, encoded as a field, element, key or map value of type `id`.
///
/// # Errors
/// When the bytes are no such value, or `id` is unknown.
pub fn skip(cursor: &mut Cursor<'_>, table: &TypeTable, id: i32) -> Result<(), DecodeError> {
    walk::skip(cursor, table, id)
}

/// Appends an unsigned number.
#[inline]
pub fn put_uint(dst: &mut impl BufMut, n: u64) {
    match u8::try_from(n) {
        Ok(byte) if byte < 0x80 => dst.put_u8(byte),
        _ => {
            let len = significant_bytes(n);
            dst.put_u8(len.wrapping_neg());
            dst.put_uint(n, usize::from(len));
        }
    }
}

/// As [`put_uint`], for the one buffer that matters: all nine bytes are stored at once, and those
/// that are not used taken back.
#[inline]
pub(crate) fn push_uint(dst: &mut Vec<u8>, n: u64) {
    match u8::try_from(n) {
        Ok(byte) if byte < 0x80 => dst.push(byte),
        Ok(byte) => dst.extend_from_slice(&[ONE_BYTE, byte]),
        Err(_) => push_long_uint(dst, n),
    }
}

#[inline(never)]
fn push_long_uint(dst: &mut Vec<u8>, n: u64) {
    let len = significant_bytes(n);
    let unused = 8_u8.wrapping_sub(len);
    let [a, b, c, d, e, f, g, h] = (n << unused.wrapping_mul(8)).to_be_bytes();
    dst.extend_from_slice(&[len.wrapping_neg(), a, b, c, d, e, f, g, h]);
    dst.truncate(dst.len().wrapping_sub(usize::from(unused)));
}

/// As [`put_bytes`].
#[inline]
pub(crate) fn push_bytes(dst: &mut Vec<u8>, bytes: &[u8]) {
    push_uint(dst, bytes.len() as u64);
    dst.extend_from_slice(bytes);
}

/// As [`put_int`].
#[inline]
pub(crate) fn push_int(dst: &mut Vec<u8>, n: i64) {
    push_uint(dst, fold(n));
}

/// Appends a signed number.
#[inline]
pub fn put_int(dst: &mut impl BufMut, n: i64) {
    put_uint(dst, fold(n));
}

/// Appends a float.
#[inline]
pub fn put_float(dst: &mut impl BufMut, x: f64) {
    put_uint(dst, x.to_bits().swap_bytes());
}

/// Appends a byte string, or a string.
#[inline]
pub fn put_bytes(dst: &mut impl BufMut, bytes: &[u8]) {
    put_uint(dst, bytes.len() as u64);
    dst.put_slice(bytes);
}

/// How many bytes [`put_uint`] appends.
#[must_use]
pub fn uint_len(n: u64) -> usize {
    if n < 0x80 { 1 } else { usize::from(significant_bytes(n)).wrapping_add(1) }
}

/// Zigzag: the sign goes to the lowest bit.
const fn fold(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)).cast_unsigned()
}

/// Bytes of `n` without leading zeros; at most 8.
fn significant_bytes(n: u64) -> u8 {
    let bits = 64_u32.wrapping_sub(n.leading_zeros());
    u8::try_from(bits.div_ceil(8)).unwrap_or(8)
}

#[cold]
#[inline(never)]
fn bad_length(len: u64) -> DecodeError {
    DecodeError::malformed(format!("gob: bad string slice length: {len}"))
}

#[cold]
#[inline(never)]
pub(crate) fn unknown_type() -> DecodeError {
    DecodeError::malformed("gob: unknown type id or corrupted data")
}
