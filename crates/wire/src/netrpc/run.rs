//! Values of one stream that share a header.

use polywire_core::Encoding;

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
pub(super) const MAX_COUNT: usize = 127;

impl Run {
    /// How many of so many values may follow behind the header; they are counted then.
    pub(super) fn grow(
        &mut self,
        seq: u64,
        encoding: Encoding,
        values: usize,
        dst: &mut Outgoing,
    ) -> usize {
        let before = usize::from(self.count);
        let added = values.min(MAX_COUNT.saturating_sub(before));
        let fits = before > 0
            && added > 0
            && self.seq == seq
            && self.encoding == Some(encoding)
            && usize::try_from(self.end) == Ok(dst.tail().len());
        let at = usize::try_from(self.at).ok().filter(|_| fits);
        let Ok(sum) = u8::try_from(before.saturating_add(added)) else { return 0 };
        // What has been written says how many there were by then.
        let Some(count) = at.and_then(|at| dst.unwritten_mut(at)) else { return 0 };
        (*count, self.count) = (sum, sum);
        added
    }

    /// Begins behind a header that has just been put, and says last how many values there are.
    pub(super) fn begin(
        &mut self,
        seq: u64,
        encoding: Encoding,
        values: usize,
        dst: &mut Outgoing,
    ) {
        let at = u32::try_from(dst.tail().len().saturating_sub(END_OF_HEADER));
        // A place beyond 4 GiB is none that is remembered.
        let (at, count) = match (at, u8::try_from(values)) {
            (Ok(at), Ok(count)) => (at, count),
            _ => (0, 0),
        };
        *self = Self { seq, at, end: 0, encoding: Some(encoding), count };
    }

    /// Appends values that were counted.
    pub(super) fn put(&mut self, dst: &mut Outgoing, put: impl FnOnce(&mut Outgoing)) {
        let start = dst.tail().len();
        put(dst);
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
