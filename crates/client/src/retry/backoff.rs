//! How long to wait before a call is made again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use polywire_core::Request;

/// How long to wait before each attempt of a call. Waiting ends with the call's deadline.
#[derive(Clone)]
pub struct Backoff(Pause);

#[derive(Clone)]
enum Pause {
    Jittered { max: Duration },
    Micro,
    Fixed(Duration),
    Custom(Arc<Custom>),
}

type Custom = dyn Fn(&Request, u32) -> Duration + Send + Sync;

impl Backoff {
    /// At random up to 20 ms, 40 ms and so on, never longer than `max`, so that those who failed
    /// together do not come back together; and only where no other node is left to be tried. A
    /// pause that the deadline would cut short is not begun. This is the default.
    #[must_use]
    pub const fn jittered(max: Duration) -> Self {
        Self(Pause::Jittered { max })
    }

    /// go-micro's: nothing, 100 ms, 600 ms, 1.9 s, 4.3 s, 7.9 s, 13 s and so on - the number of the
    /// attempt to the power of e, without its fraction, in tenths of a second - and 2 minutes from
    /// the 14th retry on.
    #[must_use]
    pub const fn micro() -> Self {
        Self(Pause::Micro)
    }

    /// The same pause before every retry.
    #[must_use]
    pub const fn fixed(pause: Duration) -> Self {
        Self(Pause::Fixed(pause))
    }

    /// What a function says of the request and the number of the attempt, which is 0 for the
    /// first: that one can be delayed, too.
    #[must_use]
    pub fn custom(pause: impl Fn(&Request, u32) -> Duration + Send + Sync + 'static) -> Self {
        Self(Pause::Custom(Arc::new(pause)))
    }

    /// The pause before attempt number `attempt` of a call, the first being 0.
    #[must_use]
    pub fn pause(&self, request: &Request, attempt: u32) -> Duration {
        match &self.0 {
            Pause::Jittered { .. } | Pause::Fixed(_) if attempt == 0 => Duration::ZERO,
            Pause::Jittered { max } => jittered(attempt, *max),
            Pause::Fixed(pause) => *pause,
            Pause::Micro => micro(attempt),
            Pause::Custom(pause) => pause(request, attempt),
        }
    }

    /// Whether a node that has not been tried needs no pause.
    pub(crate) const fn spares_other_nodes(&self) -> bool {
        matches!(self.0, Pause::Jittered { .. })
    }
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pause::Jittered { max } => write!(f, "jittered({max:?})"),
            Pause::Micro => f.write_str("micro"),
            Pause::Fixed(pause) => write!(f, "fixed({pause:?})"),
            Pause::Custom(_) => f.write_str("custom"),
        }
    }
}

/// A pause after so many failures, at random between nothing and the whole of it: those who failed
/// together do not come back together.
pub(crate) fn jittered(failures: u32, max: Duration) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(max);
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(fastrand::u64(0..=nanos))
}

/// go-micro's pause before an attempt, the first being 0.
fn micro(attempt: u32) -> Duration {
    let at = usize::try_from(attempt).unwrap_or(usize::MAX);
    MICRO_TENTHS.get(at).map_or(MICRO_LONGEST, |tenths| Duration::from_millis(100 * tenths))
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The whole part of the attempt's number to the power of e. A table, since the last bits of powers
/// differ between machines.
const MICRO_TENTHS: [u64; 14] = [0, 1, 6, 19, 43, 79, 130, 198, 285, 392, 522, 677, 858, 1066];

/// Behind the table.
const MICRO_LONGEST: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use polywire_core::{Body, MethodName};

    use super::*;

    fn request() -> Request {
        Request::new(MethodName::new("Test", "Echo"), Body::Empty)
    }

    #[test]
    fn pauses_grow_and_stay_within_their_bound() {
        let max = Duration::from_secs(1);
        for failures in 0..100 {
            let most = max.min(FIRST_PAUSE * 2_u32.pow(failures.min(10)));
            assert!(jittered(failures, max) <= most);
            assert!(Backoff::jittered(max).pause(&request(), failures) <= most);
        }
        assert_eq!(Backoff::jittered(max).pause(&request(), 0), Duration::ZERO);
    }

    #[test]
    fn go_micros_pauses_are_those_of_its_own_test() {
        let pauses: Vec<_> =
            (0..7).map(|attempt| Backoff::micro().pause(&request(), attempt).as_millis()).collect();
        assert_eq!(pauses, [0, 100, 600, 1900, 4300, 7900, 13_000]);
        for attempt in [14, 15, u32::MAX] {
            assert_eq!(Backoff::micro().pause(&request(), attempt), Duration::from_secs(120));
        }
    }

    #[test]
    fn go_micros_pauses_are_powers_of_e() {
        for (attempt, tenths) in (0_u32..).zip(MICRO_TENTHS) {
            let power = f64::from(attempt).powf(std::f64::consts::E);
            let tenths = f64::from(u32::try_from(tenths).unwrap());
            assert!((tenths..tenths + 1.0).contains(&power), "{attempt}: {power}");
        }
    }

    #[test]
    fn a_pause_can_be_fixed_or_made_up() {
        let pause = Duration::from_millis(7);
        assert_eq!(Backoff::fixed(pause).pause(&request(), 0), Duration::ZERO);
        assert_eq!(Backoff::fixed(pause).pause(&request(), 3), pause);
        let custom = Backoff::custom(move |_, attempt| pause * (attempt + 1));
        assert_eq!(custom.pause(&request(), 0), pause);
        assert_eq!(custom.pause(&request(), 2), pause * 3);
    }
}
