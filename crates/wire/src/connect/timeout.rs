//! `connect-timeout-ms`: how long the caller will wait.

use std::time::Duration;

use polywire_core::{Code, Status};

/// Reads the value of `connect-timeout-ms`: one to ten digits.
///
/// # Errors
/// [`Code::InvalidArgument`] for anything else.
pub fn parse(value: &[u8]) -> Result<Duration, Status> {
    let digits = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.len() <= MAX_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()));
    let millis = digits.and_then(|text| text.parse().ok()).ok_or_else(|| {
        Status::new(Code::InvalidArgument, "malformed connect-timeout-ms: not one to ten digits")
    })?;
    Ok(Duration::from_millis(millis))
}

/// Writes the value of `connect-timeout-ms`, rounded up: a call is not told to give up before its
/// caller does. What is over ten digits, 115 days, is that.
#[must_use]
pub fn format(timeout: Duration) -> String {
    timeout.as_nanos().div_ceil(NANOS_PER_MILLI).min(MAX_MILLIS).to_string()
}

const MAX_DIGITS: usize = 10;
const MAX_MILLIS: u128 = 9_999_999_999;
const NANOS_PER_MILLI: u128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_read_and_written() {
        for (text, millis) in [("0", 0), ("1", 1), ("5000", 5000), ("9999999999", 9_999_999_999)] {
            let timeout = Duration::from_millis(millis);
            assert_eq!(parse(text.as_bytes()).unwrap(), timeout);
            assert_eq!(format(timeout), text);
        }
        assert_eq!(format(Duration::from_micros(1)), "1");
        assert_eq!(format(Duration::from_micros(4001)), "5");
        assert_eq!(format(Duration::MAX), "9999999999");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "-1", "+1", "1.5", " 1", "5s", "10000000000", "é"] {
            let status = parse(text.as_bytes()).unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{text:?}");
        }
        assert!(parse(b"\xff").is_err());
    }
}
