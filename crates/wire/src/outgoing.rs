//! Bytes on their way out.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Bytes to be written: small ones are gathered in one buffer, large ones are kept as they are for
/// a vectored write.
///
/// Write it as a [`Buf`]; what has been written is given up by [`Buf::advance`].
#[derive(Debug, Default)]
pub struct Outgoing {
    /// What goes out before the tail.
    parts: VecDeque<Bytes>,
    /// The sum of the lengths of the parts, of which there may be thousands.
    queued: usize,
    /// Where encoders append.
    tail: BytesMut,
    /// How much of the tail has been written.
    written: usize,
    /// How long the tail was when it had been written.
    longest: u32,
    /// How long it was before the memory was given back, and is likely to be again.
    expected: u32,
}

/// From this size on copying costs more than another part in the write.
const KEEP_WHOLE: usize = 4 * 1024;

/// What is reserved at once at most, however long the tail was.
const MAX_EXPECTED: u32 = 256 * 1024;

impl Outgoing {
    /// Appends by copying.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.tail().extend_from_slice(bytes);
    }

    /// Appends; 4 KiB and more are kept as they are, less is copied.
    pub fn put_bytes(&mut self, bytes: &Bytes) {
        if bytes.len() < KEEP_WHOLE {
            // The first clone of bytes from a vector allocates.
            self.tail().extend_from_slice(bytes);
            return;
        }
        self.seal();
        self.queued = self.queued.saturating_add(bytes.len());
        self.parts.push_back(bytes.clone());
    }

    /// Where encoders append; nothing but appending is allowed.
    #[inline]
    pub fn tail(&mut self) -> &mut BytesMut {
        if self.tail.capacity() == 0 && self.expected > 0 {
            // Growing step by step would copy all of it once more.
            self.tail.reserve(usize::try_from(self.expected).unwrap_or_default());
        }
        &mut self.tail
    }

    /// A byte of the tail, if it has not been written yet.
    pub(crate) fn unwritten_mut(&mut self, at: usize) -> Option<&mut u8> {
        self.tail.get_mut(at).filter(|_| at >= self.written)
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queued.saturating_add(self.tail.len().saturating_sub(self.written))
    }

    /// Gives the memory back if there is nothing to write.
    pub fn reset(&mut self) {
        if self.is_empty() {
            *self = Self { expected: self.longest, ..Self::default() };
        }
    }

    /// Moves the tail behind the parts, so that a part can follow it.
    fn seal(&mut self) {
        let mut sealed = self.tail.split().freeze();
        sealed.advance(self.written);
        self.written = 0;
        if !sealed.is_empty() {
            self.queued = self.queued.saturating_add(sealed.len());
            self.parts.push_back(sealed);
        }
    }

    fn unwritten(&self) -> &[u8] {
        self.tail.get(self.written..).unwrap_or_default()
    }
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        match self.parts.front() {
            Some(part) => part,
            None => self.unwritten(),
        }
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let tail = Some(self.unwritten()).filter(|tail| !tail.is_empty());
        let chunks = self.parts.iter().map(|part| &**part).chain(tail);
        let mut filled = 0_usize;
        for (slot, chunk) in dst.iter_mut().zip(chunks) {
            *slot = IoSlice::new(chunk);
            filled = filled.saturating_add(1);
        }
        filled
    }

    /// # Panics
    /// When asked to give up more than there is.
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len(), "cannot give up {count} bytes of {}", self.len());
        while let Some(part) = self.parts.front_mut() {
            let step = count.min(part.len());
            part.advance(step);
            self.queued = self.queued.saturating_sub(step);
            count = count.saturating_sub(step);
            if !part.is_empty() {
                return;
            }
            self.parts.pop_front();
        }
        self.written = self.written.saturating_add(count);
        if self.written >= self.tail.len() {
            let len = u32::try_from(self.tail.len()).unwrap_or(MAX_EXPECTED).min(MAX_EXPECTED);
            self.longest = self.longest.max(len);
            self.tail.clear();
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mut out: Outgoing, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while out.has_remaining() {
            let taken = out.chunk().len().min(step);
            all.extend_from_slice(&out.chunk()[..taken]);
            out.advance(taken);
        }
        all
    }

    #[test]
    fn memory_that_was_given_back_is_reserved_as_one_piece_when_it_is_needed_again() {
        let mut out = Outgoing::default();
        for (len, reserved) in [(3000, 0), (3000, 3000), (10, 3000), (10, 10)] {
            assert_eq!(out.tail.capacity(), 0);
            out.put_slice(b"x");
            assert!(out.tail.capacity() >= reserved, "{} of {reserved}", out.tail.capacity());
            out.put_slice(&vec![b'x'; len - 1]);
            out.advance(len);
            out.reset();
        }
        let more = usize::try_from(2 * MAX_EXPECTED).unwrap();
        out.put_slice(&vec![b'x'; more]);
        out.advance(more);
        out.reset();
        out.put_slice(b"x");
        assert!(out.tail.capacity() < more);
    }

    #[test]
    fn bytes_leave_in_the_order_they_came_in() {
        for step in [1, 7, 20_000, usize::MAX] {
            let mut out = Outgoing::default();
            let mut expected = Vec::new();
            for (round, len) in
                [3, KEEP_WHOLE, 5, KEEP_WHOLE - 1, KEEP_WHOLE + 1].iter().enumerate()
            {
                let piece = vec![u8::try_from(round).unwrap(); *len];
                out.put_slice(b"head");
                out.put_bytes(&piece.clone().into());
                expected.extend_from_slice(b"head");
                expected.extend_from_slice(&piece);
            }
            assert_eq!(out.len(), expected.len());
            assert_eq!(drained(out, step), expected);
        }
    }

    #[test]
    fn a_large_part_is_handed_to_the_write_uncopied() {
        let mut out = Outgoing::default();
        out.put_slice(b"ab");
        out.advance(1);
        let large = Bytes::from(vec![7; KEEP_WHOLE]);
        out.put_bytes(&large);
        out.put_slice(b"c");
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(out.chunks_vectored(&mut slices), 3);
        assert_eq!(&*slices[0], b"b");
        assert_eq!(slices[1].as_ptr(), large.as_ptr());
        assert_eq!(&*slices[2], b"c");
        out.advance(out.len());
        assert!(out.is_empty());
    }

    #[test]
    fn memory_is_given_back_only_when_nothing_is_left() {
        let mut out = Outgoing::default();
        out.put_slice(&[1; 100]);
        out.reset();
        assert_eq!(out.len(), 100);
        out.advance(100);
        assert!(out.tail.capacity() > 0);
        out.reset();
        assert_eq!(out.tail.capacity(), 0);
    }
}
