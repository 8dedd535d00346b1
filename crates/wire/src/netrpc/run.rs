//! Values of one stream that share a header.

use polywire_core::Encoding;

use super::body::Carried;
use crate::Outgoing;

/// The values that were written last, as long as nothing else is.
#[derive(Debug, Default)]
pub(super) struct Run {
    seq: u64,
    /// Where the tail of what goes out has the header's count.
    at: u32,
    /// Where the last value ends there.
    end: u32,
    encoding: Option<Encoding>,
    /// How many there are; none if another one needs a header of its own.
    count: u8,
}

/// A count takes one byte.
const MAX_COUNT: u8 = 127;

impl Run {
    /// Whether another value may follow behind the header; it is counted then.
    pub(super) fn grow(&mut self, seq: u64, encoding: Encoding, dst: &mut Outgoing) -> bool {
        let fits = (1..MAX_COUNT).contains(&self.count)
            && self.seq == seq
            && self.encoding == Some(encoding)
            && usize::try_from(self.end) == Ok(dst.tail().len());
        let at = usize::try_from(self.at).ok().filter(|_| fits);
        // What has been written says how many there were by then.
        let Some(count) = at.and_then(|at| dst.unwritten_mut(at)) else { return false };
        self.count = self.count.saturating_add(1);
        *count = self.count;
        true
    }

    /// Begins behind a header that has just been put, and says last that there is one value.
    pub(super) fn begin(&mut self, seq: u64, encoding: Encoding, dst: &mut Outgoing) {
        let at = u32::try_from(dst.tail().len().saturating_sub(END_OF_HEADER));
        // A place beyond 4 GiB is none that is remembered.
        let (at, count) = at.map_or((0, 0), |at| (at, 1));
        *self = Self { seq, at, end: 0, encoding: Some(encoding), count };
    }

    /// Appends a value that was counted.
    pub(super) fn put(&mut self, value: &Carried<'_>, dst: &mut Outgoing) {
        let start = dst.tail().len();
        value.put(dst);
        let end = dst.tail().len();
        match u32::try_from(end) {
            Ok(place) if end > start => self.end = place,
            // Large values are no part of the tail.
            _ => self.close(),
        }
    }

    /// Something else is to be written.
    pub(super) const fn close(&mut self) {
        self.count = 0;
    }
}

/// The count, and the end of the struct.
const END_OF_HEADER: usize = 2;
