//! `grpc-timeout`: how long the caller will wait.

use std::time::Duration;

use polywire_core::{Code, Status};

/// Reads the value of `grpc-timeout`: one to eight digits and a unit.
///
/// # Errors
/// [`Code::InvalidArgument`] for anything else.
pub fn parse(value: &[u8]) -> Result<Duration, Status> {
    read(value).ok_or_else(|| {
        let text = "malformed grpc-timeout: not one to eight digits and one of HMSmun";
        Status::new(Code::InvalidArgument, text)
    })
}

/// Writes the value of `grpc-timeout` in the finest unit that has eight digits for it, rounded up:
/// a call is not told to give up before its caller does. What is over 99999999 hours is that.
#[must_use]
pub fn format(timeout: Duration) -> String {
    for (unit, nanos) in UNITS {
        let count = timeout.as_nanos().div_ceil(nanos);
        if count <= MAX_COUNT {
            return format!("{count}{unit}");
        }
    }
    format!("{MAX_COUNT}H")
}

fn read(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (_, nanos) = UNITS.into_iter().find(|(known, _)| *known == char::from(*unit))?;
    // Eight digits of hours have fewer than 2^64 seconds.
    let nanos = u128::from(count).checked_mul(nanos)?;
    let seconds = u64::try_from(nanos.checked_div(NANOS_PER_SEC)?).ok()?;
    let rest = u32::try_from(nanos.checked_rem(NANOS_PER_SEC)?).ok()?;
    Some(Duration::new(seconds, rest))
}

/// The units, finest first, each with its nanoseconds.
const UNITS: [(char, u128); 6] = [
    ('n', 1),
    ('u', 1_000),
    ('m', 1_000_000),
    ('S', NANOS_PER_SEC),
    ('M', 60 * NANOS_PER_SEC),
    ('H', 3600 * NANOS_PER_SEC),
];

const NANOS_PER_SEC: u128 = 1_000_000_000;
const MAX_DIGITS: usize = 8;
const MAX_COUNT: u128 = 99_999_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, timeout) in [
            ("0n", Duration::ZERO),
            ("1n", Duration::from_nanos(1)),
            ("1u", Duration::from_micros(1)),
            ("250m", Duration::from_millis(250)),
            ("1S", Duration::from_secs(1)),
            ("2M", Duration::from_secs(120)),
            ("3H", Duration::from_secs(3 * 3600)),
            ("00000001S", Duration::from_secs(1)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), timeout, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "S", "1", "1s", "1h", "-1S", "+1S", "1.5S", "1 S", "100000000n", "1S ", "é"]
        {
            let status = parse(text.as_bytes()).unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{text:?}");
        }
        assert!(parse(b"\xff\xffS").is_err());
    }

    #[test]
    fn a_timeout_is_written_as_finely_as_eight_digits_allow_and_never_shorter() {
        for (timeout, text) in [
            (Duration::ZERO, "0n"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_nanos(100_000_001), "100001u"),
            (Duration::from_millis(250), "250000u"),
            (Duration::from_secs(1), "1000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::from_secs(100_000_000), "1666667M"),
            (Duration::from_secs(6_000_000_000), "1666667H"),
            (Duration::MAX, "99999999H"),
        ] {
            assert_eq!(format(timeout), text);
            if timeout < Duration::MAX {
                assert!(parse(text.as_bytes()).unwrap() >= timeout);
            }
        }
    }
}
