//! Points in time as RFC 3339 text, as Go writes and reads `time.Time`.

use std::fmt::Write as _;

use super::JsonError;

const DAY: i64 = 86_400;

/// 0001-01-01T00:00:00Z, the zero value of Go's `time.Time`.
pub(crate) const ZERO: Moment = Moment { seconds: -62_135_596_800, nanos: 0 };

/// 1970-01-01T00:00:00Z, the zero value of protobuf's `Timestamp`.
pub(crate) const EPOCH: Moment = Moment { seconds: 0, nanos: 0 };

/// Seconds and nanoseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

/// Writes a moment in UTC with as many digits of the fraction as it has.
pub(crate) fn format(moment: Moment) -> Result<String, JsonError> {
    let mut text = format_second(moment)?;
    if moment.nanos > 0 {
        let digits = format!("{:09}", moment.nanos);
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
    text.push('Z');
    Ok(text)
}

/// Writes a moment in UTC with no digits of the fraction or three, six or nine, as protobuf has it.
pub(crate) fn format_in_threes(moment: Moment) -> Result<String, JsonError> {
    let mut text = format_second(moment)?;
    put_threes(&mut text, moment.nanos);
    text.push('Z');
    Ok(text)
}

/// Writes a duration as protobuf has it: `1.500s`.
pub(crate) fn format_duration(seconds: u64, nanos: u32) -> Result<String, JsonError> {
    if seconds > MAX_DURATION {
        return Err(JsonError::UnsupportedValue(format!("{seconds} seconds")));
    }
    let mut text = seconds.to_string();
    put_threes(&mut text, nanos);
    text.push('s');
    Ok(text)
}

/// Reads a duration as protobuf has it; digits beyond nanoseconds are cut off.
pub(crate) fn parse_duration(text: &str) -> Option<[u64; 2]> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut rest = Digits(fraction.as_bytes());
    let nanos = rest.fraction()?;
    let all_digits = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = whole.parse().ok().filter(|seconds| *seconds <= MAX_DURATION)?;
    (all_digits && rest.0.is_empty()).then_some([seconds, nanos.into()])
}

/// Seconds in the longest duration of protobuf, about 10,000 years.
const MAX_DURATION: u64 = 315_576_000_000;

fn put_threes(text: &mut String, nanos: u32) {
    let _ = match nanos {
        0 => Ok(()),
        nanos if nanos % 1_000_000 == 0 => write!(text, ".{:03}", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => write!(text, ".{:06}", nanos / 1_000),
        nanos => write!(text, ".{nanos:09}"),
    };
}

fn format_second(moment: Moment) -> Result<String, JsonError> {
    let (days, second) = (moment.seconds.div_euclid(DAY), moment.seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    if !(0..=9999).contains(&year) {
        let why = "Time.MarshalJSON: year outside of range [0,9999]";
        return Err(JsonError::UnsupportedValue(why.to_owned()));
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Ok(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

/// Reads RFC 3339 text with any offset; digits beyond nanoseconds are cut off.
pub(crate) fn parse(text: &str) -> Result<Moment, JsonError> {
    let fail = |why| JsonError::Time { text: text.chars().take(40).collect(), why };
    let mut rest = Digits(text.as_bytes());
    let date = "no date";
    let year = rest.number(4).ok_or(fail(date))?;
    let month = rest.after(b'-', 2).ok_or(fail(date))?;
    let day = rest.after(b'-', 2).ok_or(fail(date))?;
    let hour = rest.after(b'T', 2).ok_or(fail("no time of day"))?;
    let minute = rest.after(b':', 2).ok_or(fail("no time of day"))?;
    let second = rest.after(b':', 2).ok_or(fail("no time of day"))?;
    let nanos = rest.fraction().ok_or(fail("no digits behind the point"))?;
    let offset = rest.offset().ok_or(fail("no offset"))?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range || !rest.0.is_empty() {
        return Err(fail(if in_range { "extra text" } else { "out of range" }));
    }
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
    Ok(Moment { seconds, nanos })
}

struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        (0..digits).try_fold(0, |number, _| {
            let byte = self.byte().filter(u8::is_ascii_digit)?;
            Some(number * 10 + i64::from(byte - b'0'))
        })
    }

    fn after(&mut self, mark: u8, digits: usize) -> Option<i64> {
        self.byte().filter(|byte| *byte == mark)?;
        self.number(digits)
    }

    fn fraction(&mut self) -> Option<u32> {
        if self.0.first() != Some(&b'.') {
            return Some(0);
        }
        self.byte();
        let (mut nanos, mut scale, mut any) = (0, 100_000_000, false);
        while let Some(digit) = self.0.first().filter(|byte| byte.is_ascii_digit()) {
            nanos += u32::from(digit - b'0') * scale;
            (scale, any) = (scale / 10, true);
            self.byte();
        }
        any.then_some(nanos)
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.byte()? {
            b'Z' => return Some(0),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = (self.number(2)?, self.after(b':', 2)?);
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

/// The date so many days after 1970-01-01, in the proleptic Gregorian calendar. Years are counted
/// from March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + carry, month, day)
}

/// Days from 1970-01-01 to a date; the inverse of [`civil`].
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_go_writes_them() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (1_709_210_096, 789_012_345, "2024-02-29T12:34:56.789012345Z"),
            (1_709_210_096, 500_000_000, "2024-02-29T12:34:56.5Z"),
            (-62_135_596_800, 0, "0001-01-01T00:00:00Z"),
            (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
        ] {
            let moment = Moment { seconds, nanos };
            assert_eq!(format(moment).unwrap(), text);
            assert_eq!(parse(text).unwrap(), moment);
        }
        format(Moment { seconds: 253_402_300_800, nanos: 0 }).unwrap_err();
    }

    #[test]
    fn every_day_of_eight_centuries_is_its_own_inverse() {
        for day in -146_097..146_097 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn offsets_are_taken_off_and_nonsense_is_refused() {
        let moment = parse("2024-02-29T12:34:56.1+05:30").unwrap();
        assert_eq!(moment, Moment { seconds: 1_709_190_296, nanos: 100_000_000 });
        for text in ["", "x", "2024-02-30T00:00:00Z", "2024-02-29T24:00:00Z", "2024-02-29"] {
            parse(text).unwrap_err();
        }
        for text in ["2024-02-29T12:34:56", "2024-02-29T12:34:56.Z", "2024-02-29T12:34:56Zz"] {
            parse(text).unwrap_err();
        }
    }
}
