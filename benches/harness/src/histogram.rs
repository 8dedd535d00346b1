//! Latencies, kept within 1 % in a small table.

/// Counts of values in buckets that widen with the value: 128 to each power of two.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

/// Buckets between one power of two and the next, as a power of two itself.
const FINE: u32 = 7;

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; bucket(u64::MAX) + 1], total: 0 }
    }

    pub(crate) fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The value that such a share of all values does not exceed; 0 if there are none.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let rank = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return middle(bucket);
            }
        }
        0
    }
}

/// The bucket of a value: its upper bits, after a run of exact small values.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(FINE + 1);
    ((shift as usize) << FINE) + (value >> shift) as usize
}

/// A value in the middle of the bucket.
fn middle(bucket: usize) -> u64 {
    let shift = (bucket >> FINE).saturating_sub(1);
    let upper = (bucket - (shift << FINE)) as u64;
    (upper << shift) + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_again_within_one_percent() {
        for value in [0, 1, 127, 128, 255, 256, 39_400, 1_000_000_007, u64::MAX / 3] {
            let mut histogram = Histogram::new();
            histogram.record(value);
            let found = histogram.quantile(0.5);
            assert!(found.abs_diff(value) <= value / 100, "{value}: {found}");
        }
    }

    #[test]
    fn quantiles_are_taken_by_rank() {
        let mut histogram = Histogram::new();
        (1..=100).for_each(|value| histogram.record(value));
        assert_eq!(histogram.quantile(0.5), 50);
        assert_eq!(histogram.quantile(0.99), 99);
        assert_eq!(histogram.total(), 100);
    }
}
