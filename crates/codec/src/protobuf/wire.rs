//! Keys, varints and fields: the format itself, without types.

use super::MAX_DEPTH;

/// How a field's value is delimited; the low three bits of its key.
pub(crate) const VARINT: u8 = 0;
pub(super) const FIXED64: u8 = 1;
pub(crate) const LEN: u8 = 2;
const GROUP_START: u8 = 3;
const GROUP_END: u8 = 4;
pub(super) const FIXED32: u8 = 5;

/// The largest tag, 2^29 - 1.
pub(super) const MAX_TAG: u32 = (1 << 29) - 1;

/// Which rule of the format the bytes break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flaw(pub(super) &'static str);

const CUT_OFF: Flaw = Flaw("the message ends within a value");
const TOO_LONG: Flaw = Flaw("a length goes beyond the end of the message");
const OVERLONG: Flaw = Flaw("a varint is longer than 64 bits");
const NO_TAG: Flaw = Flaw("a field has a tag outside 1 to 536870911");
const NO_WIRE_TYPE: Flaw = Flaw("a field has the wire type 6 or 7, which do not exist");
const NO_GROUP: Flaw = Flaw("a group ends that has not begun, or begins and does not end");
const DEEP_GROUPS: Flaw = Flaw("groups are nested too deeply");

/// One value as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    /// A group; proto3 has none, so what is in it is not kept.
    Group,
    Fixed32(u32),
}

impl Raw<'_> {
    pub(super) const fn found(self) -> &'static str {
        match self {
            Self::Varint(_) => "a varint",
            Self::Fixed64(_) => "64 bits",
            Self::Bytes(_) => "a length",
            Self::Group => "a group",
            Self::Fixed32(_) => "32 bits",
        }
    }
}

/// What is left of a message; yields its fields one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes left.
    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }

    /// What is left behind so many bytes more.
    pub(super) fn skip(self, bytes: usize) -> Self {
        Self { rest: self.rest.get(bytes..).unwrap_or_default() }
    }

    /// The next field, unknown groups included.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Raw<'a>)>, Flaw> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (tag, wire_type) = self.key()?;
        let raw = match wire_type {
            GROUP_START => {
                self.skip_group(tag)?;
                Raw::Group
            }
            GROUP_END => return Err(NO_GROUP),
            _ => self.value(wire_type)?,
        };
        Ok(Some((tag, raw)))
    }

    /// The next field if it has this tag and the one behind it has not; tags beyond 15 are left to
    /// [`next`](Self::next).
    #[inline(always)]
    pub(super) fn next_lone(&mut self, tag: u32) -> Result<Option<Raw<'a>>, Flaw> {
        let Some((key, rest)) = self.rest.split_first() else { return Ok(None) };
        let wire_type = key & 7;
        if u32::from(key >> 3) != tag || *key >= 0x80 || wire_type == GROUP_START {
            return Ok(None);
        }
        let mut fields = Self { rest };
        let raw = fields.value(wire_type)?;
        if fields.next_tag()? == tag {
            return Ok(None);
        }
        *self = fields;
        Ok(Some(raw))
    }

    /// The tag of the next field; 0 at the end, which is no tag.
    #[inline]
    pub(super) fn next_tag(&self) -> Result<u32, Flaw> {
        match self.rest.first() {
            None => Ok(0),
            Some(byte @ 0x08..0x80) => Ok(u32::from(byte >> 3)),
            Some(_) => { *self }.key().map(|(tag, _)| tag),
        }
    }

    /// The next value of a packed list.
    pub(super) fn packed(&mut self, wire_type: u8) -> Result<Option<Raw<'a>>, Flaw> {
        if self.rest.is_empty() { Ok(None) } else { self.value(wire_type).map(Some) }
    }

    /// How many values a packed list holds, if it is well-formed.
    pub(super) fn count_packed(&self, wire_type: u8) -> usize {
        match wire_type {
            FIXED64 => self.rest.len() / 8,
            FIXED32 => self.rest.len() / 4,
            _ => self.rest.iter().filter(|byte| **byte < 0x80).count(),
        }
    }

    #[inline(always)]
    fn value(&mut self, wire_type: u8) -> Result<Raw<'a>, Flaw> {
        match wire_type {
            VARINT => self.varint().map(Raw::Varint),
            FIXED64 => self.array().map(|bytes| Raw::Fixed64(u64::from_le_bytes(bytes))),
            FIXED32 => self.array().map(|bytes| Raw::Fixed32(u32::from_le_bytes(bytes))),
            LEN => {
                let len = usize::try_from(self.varint()?).map_err(|_| TOO_LONG)?;
                let (bytes, rest) = self.rest.split_at_checked(len).ok_or(TOO_LONG)?;
                self.rest = rest;
                Ok(Raw::Bytes(bytes))
            }
            _ => Err(NO_WIRE_TYPE),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<(u32, u8), Flaw> {
        let key = self.varint()?;
        let tag = u32::try_from(key >> 3).ok().filter(|tag| (1..=MAX_TAG).contains(tag));
        let wire_type = key.to_le_bytes()[0] & 7;
        Ok((tag.ok_or(NO_TAG)?, wire_type))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Flaw> {
        match self.rest.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Flaw> {
        let (mut value, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            // The tenth byte holds the one bit that is left.
            if shift == 63 && *byte > 1 {
                return Err(OVERLONG);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
        Err(CUT_OFF)
    }

    /// Steps over the rest of a group, other groups in it included.
    fn skip_group(&mut self, tag: u32) -> Result<(), Flaw> {
        let mut open = vec![tag];
        while let Some(innermost) = open.last().copied() {
            if self.rest.is_empty() {
                return Err(NO_GROUP);
            }
            match self.key()? {
                (tag, GROUP_START) if open.len() < MAX_DEPTH => open.push(tag),
                (_, GROUP_START) => return Err(DEEP_GROUPS),
                (tag, GROUP_END) if tag == innermost => drop(open.pop()),
                (_, GROUP_END) => return Err(NO_GROUP),
                (_, wire_type) => drop(self.value(wire_type)?),
            }
        }
        Ok(())
    }
}

/// Appends a varint.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends the key of a field.
#[inline]
pub(crate) fn put_key(out: &mut Vec<u8>, tag: u32, wire_type: u8) {
    put_varint(out, u64::from(tag) << 3 | u64::from(wire_type));
}

/// A length that is not known yet, and the place kept free for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// Where the contents begin.
    start: usize,
    /// Bytes kept free for the length before that.
    width: usize,
}

impl Open {
    /// Keeps room for a length that is at least so much.
    pub(super) fn new(out: &mut Vec<u8>, at_least: usize) -> Self {
        let width = varint_len(at_least);
        out.resize(out.len().saturating_add(width), 0);
        Self { start: out.len(), width }
    }

    /// Whether nothing has been written since.
    pub(super) const fn is_empty(self, out: &[u8]) -> bool {
        out.len() == self.start
    }

    /// Puts the length in, moving the contents if it needs more room than was kept.
    pub(super) fn close(self, out: &mut Vec<u8>) {
        let len = out.len().saturating_sub(self.start);
        let first = self.start.saturating_sub(self.width);
        let width = varint_len(len).max(self.width);
        if width > self.width {
            let end = out.len();
            out.resize(end.saturating_add(width - self.width), 0);
            out.copy_within(self.start..end, first.saturating_add(width));
        }
        let Some(place) = out.get_mut(first..first.saturating_add(width)) else { return };
        let mut rest = len;
        let last = width - 1;
        for (at, byte) in place.iter_mut().enumerate() {
            // A length that turned out shorter than expected is padded; readers take that.
            let more = if at < last { 0x80 } else { 0 };
            *byte = (rest & 0x7f).to_le_bytes()[0] | more;
            rest >>= 7;
        }
    }
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_length_come_back() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1_u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put_varint(&mut out, value);
                assert_eq!(out.len(), varint_len(usize::try_from(value).unwrap()));
                let mut fields = Fields::new(&out);
                assert_eq!(fields.packed(VARINT), Ok(Some(Raw::Varint(value))));
                assert_eq!(fields.len(), 0);
                let cut = out.get(..out.len() - 1).unwrap();
                assert_eq!(Fields::new(cut).varint(), Err(CUT_OFF));
            }
        }
    }

    #[test]
    fn a_length_finds_room_whatever_was_kept_for_it() {
        for kept in [0, 127, 128, 20_000] {
            for len in [0_usize, 1, 127, 128, 16_383, 16_384] {
                let mut out = vec![0xaa];
                let open = Open::new(&mut out, kept);
                out.resize(out.len() + len, 7);
                open.close(&mut out);
                let mut fields = Fields::new(out.get(1..).unwrap());
                let contents = vec![7; len];
                assert_eq!(fields.value(LEN), Ok(Raw::Bytes(&contents)), "{kept} {len}");
                assert_eq!(fields.len(), 0);
            }
        }
    }

    #[test]
    fn groups_are_skipped_with_all_they_hold() {
        let nested = [0x0b, 0x10, 0x01, 0x13, 0x1a, 0x01, 0x0c, 0x14, 0x0c, 0x20, 0x05];
        let mut fields = Fields::new(&nested);
        assert_eq!(fields.next(), Ok(Some((1, Raw::Group))));
        assert_eq!(fields.next(), Ok(Some((4, Raw::Varint(5)))));
        assert_eq!(fields.next(), Ok(None));
        assert_eq!(Fields::new(&[0x0b, 0x14]).next(), Err(NO_GROUP));
        assert_eq!(Fields::new(&[0x0c]).next(), Err(NO_GROUP));
        assert_eq!(Fields::new(&[0x0b; 200]).next(), Err(DEEP_GROUPS));
    }

    #[test]
    fn bytes_that_break_the_format_are_refused_by_the_rule_they_break() {
        for (bytes, flaw) in [
            (&[0x08_u8][..], CUT_OFF),
            (&[0x0d, 1, 2, 3], CUT_OFF),
            (&[0x09, 1, 2, 3, 4, 5, 6, 7], CUT_OFF),
            (&[0x0a, 0x02, 0x00], TOO_LONG),
            (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], TOO_LONG),
            (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], OVERLONG),
            (&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], OVERLONG),
            (&[0x00, 0x01], NO_TAG),
            (&[0x80, 0x80, 0x80, 0x80, 0x10, 0x01], NO_TAG),
            (&[0x0e, 0x01], NO_WIRE_TYPE),
        ] {
            assert_eq!(Fields::new(bytes).next(), Err(flaw), "{bytes:x?}");
        }
    }
}
