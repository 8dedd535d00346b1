//! Whether, how soon and how often a call is made again.

mod backoff;
mod condition;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

pub use self::backoff::Backoff;
pub(crate) use self::backoff::jittered;
pub use self::condition::RetryIf;

/// Retries that one channel may make: a fifth of its calls, and ten a second besides.
///
/// A peer in trouble is then asked a fifth more often, not three times as often.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Calls ever made.
    calls: AtomicU64,
    purse: Mutex<Purse>,
}

#[derive(Debug)]
struct Purse {
    /// In thousandths of a retry.
    balance: u64,
    /// Calls that have been paid in.
    calls: u64,
    since: Instant,
}

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        let purse = Purse { balance: START, calls: 0, since: now };
        Self { calls: AtomicU64::new(0), purse: Mutex::new(purse) }
    }

    /// Takes note of a call. Neither a lock nor a look at the clock.
    pub(crate) fn deposit(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Pays for a retry; false if that is not possible.
    pub(crate) fn withdraw(&self, now: Instant) -> bool {
        let mut purse = self.purse.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = self.calls.load(Ordering::Relaxed);
        let paid_in = calls.saturating_sub(purse.calls).saturating_mul(PER_CALL);
        let elapsed = now.saturating_duration_since(purse.since).as_millis();
        let floor = u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_mul(PER_MILLISECOND);
        let balance = purse.balance.saturating_add(paid_in).saturating_add(floor).min(MOST);
        let left = balance.checked_sub(RETRY);
        *purse = Purse { balance: left.unwrap_or(balance), calls, since: now };
        left.is_some()
    }
}

/// What a retry costs.
const RETRY: u64 = 1000;

/// A fifth of a retry.
const PER_CALL: u64 = 200;

/// Ten retries a second.
const PER_MILLISECOND: u64 = 10;

/// Ten seconds of the floor.
const START: u64 = 100 * RETRY;

/// Enough for all calls under way when a node dies.
const MOST: u64 = 4096 * RETRY;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn drain(budget: &Budget, now: Instant) -> u32 {
        (0..).find(|_| !budget.withdraw(now)).unwrap()
    }

    #[test]
    fn a_fifth_of_the_calls_can_be_tried_again() {
        let now = Instant::now();
        let budget = Budget::new(now);
        assert_eq!(drain(&budget, now), 100);
        (0..1000).for_each(|_| budget.deposit());
        assert_eq!(drain(&budget, now), 200);
    }

    #[test]
    fn ten_a_second_can_be_tried_again_whatever_the_calls() {
        let now = Instant::now();
        let budget = Budget::new(now);
        drain(&budget, now);
        assert_eq!(drain(&budget, now + Duration::from_millis(2500)), 25);
    }

    #[test]
    fn what_is_saved_has_a_bound() {
        let now = Instant::now();
        let budget = Budget::new(now);
        (0..1_000_000).for_each(|_| budget.deposit());
        assert_eq!(drain(&budget, now + Duration::from_secs(3600)), 4096);
    }
}
