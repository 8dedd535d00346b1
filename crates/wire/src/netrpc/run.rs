//! Values of one stream that share a header.

use super::body::Carried;
use crate::Outgoing;

/// The values that were written last, as long as nothing else is.
#[derive(Debug, Default)]
pub(super) struct Run {
    seq: u64,
    encoding: &'static str,
    /// How many there are; none if another one needs a header of its own.
    count: u8,
    /// Where the tail of what goes out has the header's count.
    at: usize,
    /// Where the last value ends there.
    end: usize,
}

/// A count takes one byte.
const MAX_COUNT: u8 = 127;

impl Run {
    /// Whether another value may follow behind the header; it is counted then.
    pub(super) fn grow(&mut self, seq: u64, encoding: &str, dst: &mut Outgoing) -> bool {
        let fits = (1..MAX_COUNT).contains(&self.count)
            && self.seq == seq
            && self.encoding == encoding
            && self.end == dst.tail().len();
        if !fits {
            return false;
        }
        // What has been written says how many there were by then.
        let Some(count) = dst.unwritten_mut(self.at) else { return false };
        self.count = self.count.saturating_add(1);
        *count = self.count;
        true
    }

    /// Begins behind a header that has just been put, and says last that there is one value.
    pub(super) fn begin(&mut self, seq: u64, encoding: &'static str, dst: &mut Outgoing) {
        let at = dst.tail().len().saturating_sub(END_OF_HEADER);
        *self = Self { seq, encoding, count: 1, at, end: 0 };
    }

    /// Appends a value that was counted.
    pub(super) fn put(&mut self, value: &Carried<'_>, dst: &mut Outgoing) {
        let start = dst.tail().len();
        value.put(dst);
        self.end = dst.tail().len();
        // Large values are no part of the tail.
        if self.end <= start {
            self.close();
        }
    }

    /// Something else is to be written.
    pub(super) const fn close(&mut self) {
        self.count = 0;
    }
}

/// The count, and the end of the struct.
const END_OF_HEADER: usize = 2;
