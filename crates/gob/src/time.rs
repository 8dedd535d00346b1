//! Go's `time.Time` on the wire, and its text.

/// A point in time, as Go sends it: seconds and nanoseconds, and the zone's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    pub unix_seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanoseconds: u32,
    /// The zone's offset in seconds east of Greenwich; `None` for UTC itself.
    pub offset_seconds: Option<i32>,
}

/// Seconds from Go's zero time, the year 1, to 1970.
const YEAR_1_TO_1970: i64 = 62_135_596_800;
const DAY: i64 = 86_400;

impl Timestamp {
    /// Go's zero time, 0001-01-01T00:00:00Z, which stands for "no time".
    pub const GO_ZERO: Self =
        Self { unix_seconds: -YEAR_1_TO_1970, nanoseconds: 0, offset_seconds: None };

    /// Reads what Go's `Time.MarshalBinary` writes.
    ///
    /// # Errors
    /// Go's own text, when the version or the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let (&version, rest) = bytes.split_first().ok_or("Time.UnmarshalBinary: no data")?;
        if version != 1 && version != 2 {
            return Err("Time.UnmarshalBinary: unsupported version");
        }
        let invalid = "Time.UnmarshalBinary: invalid length";
        let (seconds, rest) = rest.split_first_chunk::<8>().ok_or(invalid)?;
        let (nanoseconds, rest) = rest.split_first_chunk::<4>().ok_or(invalid)?;
        let (minutes, rest) = rest.split_first_chunk::<2>().ok_or(invalid)?;
        let extra = match (version, rest) {
            (1, []) => 0,
            (2, [extra]) => i32::from(extra.cast_signed()),
            _ => return Err(invalid),
        };
        let minutes = i32::from(i16::from_be_bytes(*minutes));
        let offset = (minutes != -1).then(|| minutes.saturating_mul(60).saturating_add(extra));
        Ok(Self {
            unix_seconds: i64::from_be_bytes(*seconds).wrapping_sub(YEAR_1_TO_1970),
            nanoseconds: u32::from_be_bytes(*nanoseconds) & 0x3fff_ffff,
            offset_seconds: offset,
        })
    }

    /// Writes what Go's `Time.UnmarshalBinary` reads. An offset that it cannot carry becomes UTC.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let offset = self.offset_seconds.unwrap_or(-60);
        let minutes = i16::try_from(offset.checked_div(60).unwrap_or(0)).unwrap_or(-1);
        let extra = self.offset_seconds.and_then(|offset| offset.checked_rem(60)).unwrap_or(0);
        let extra = i8::try_from(extra).unwrap_or(0);
        let mut bytes = Vec::with_capacity(16);
        bytes.push(if extra == 0 { 1 } else { 2 });
        bytes.extend_from_slice(&self.unix_seconds.wrapping_add(YEAR_1_TO_1970).to_be_bytes());
        bytes.extend_from_slice(&self.nanoseconds.to_be_bytes());
        bytes.extend_from_slice(&minutes.to_be_bytes());
        if extra != 0 {
            bytes.push(extra.cast_unsigned());
        }
        bytes
    }

    pub(crate) fn from_unix(seconds: u64, nanoseconds: u64) -> Option<Self> {
        Some(Self {
            unix_seconds: i64::try_from(seconds).ok()?,
            nanoseconds: u32::try_from(nanoseconds).ok()?,
            offset_seconds: None,
        })
    }

    /// Reads RFC 3339, with years beyond 9999 signed as chrono writes them. The zone is kept only as
    /// the instant.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', ' '])?;
        let (sign, date) = match date.strip_prefix('-') {
            Some(date) => (-1, date),
            None => (1, date.strip_prefix('+').unwrap_or(date)),
        };
        let mut date = date.split('-');
        let year = date.next()?.parse::<i64>().ok()?.checked_mul(sign)?;
        let (month, day) = (number(date.next()?)?, number(date.next()?)?);
        let zone_at = time.find(['Z', '+', '-'])?;
        let (clock, zone) = time.split_at_checked(zone_at)?;
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut clock = clock.split(':');
        let (hour, minute) = (number(clock.next()?)?, number(clock.next()?)?);
        let second = number(clock.next()?)?;
        let valid = date.next().is_none()
            && clock.next().is_none()
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60
            && fraction.len() <= 9;
        if !valid {
            return None;
        }
        let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
        let seconds = days_from_civil(year, month, day)?
            .checked_mul(DAY)?
            .checked_add(hour.checked_mul(3_600)?)?
            .checked_add(minute.checked_mul(60)?)?
            .checked_add(second)?
            .checked_sub(zone_offset(zone)?)?;
        Some(Self { unix_seconds: seconds, nanoseconds, offset_seconds: None })
    }

    /// The instant in RFC 3339, in UTC.
    #[must_use]
    pub fn to_text(self) -> String {
        let days = self.unix_seconds.div_euclid(DAY);
        let second = self.unix_seconds.rem_euclid(DAY);
        let (year, month, day) = civil_from_days(days);
        let sign = if (0..=9_999).contains(&year) {
            ""
        } else if year < 0 {
            "-"
        } else {
            "+"
        };
        let (hour, minute) = (second.div_euclid(3_600), second.rem_euclid(3_600).div_euclid(60));
        let second = second.rem_euclid(60);
        let year = year.unsigned_abs();
        let nanoseconds = self.nanoseconds;
        format!(
            "{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}Z"
        )
    }

    /// The same with only as many digits of the fraction as there are.
    pub(crate) fn to_short_text(self) -> String {
        let text = self.to_text();
        let text = text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
        format!("{text}Z")
    }
}

fn number(digits: &str) -> Option<i64> {
    if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn zone_offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    number(hours)?
        .checked_mul(60)?
        .checked_add(number(minutes)?)?
        .checked_mul(60)?
        .checked_mul(sign)
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from
/// March, so that the leap day is the last of its year, in eras of 400 years.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = month.checked_add(9)?.rem_euclid(12);
    let of_year = month.checked_mul(153)?.checked_add(2)?.div_euclid(5).checked_add(day)?;
    let days = of_era
        .checked_mul(365)?
        .checked_add(of_era.div_euclid(4))?
        .checked_sub(of_era.div_euclid(100))?
        .checked_add(of_year)?;
    era.checked_mul(146_097)?.checked_add(days)?.checked_sub(719_469)
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let leap_days = of_era
        .div_euclid(1_460)
        .wrapping_sub(of_era.div_euclid(36_524))
        .wrapping_add(of_era.div_euclid(146_096));
    let year = of_era.wrapping_sub(leap_days).div_euclid(365);
    let before =
        year.wrapping_mul(365).wrapping_add(year.div_euclid(4)).wrapping_sub(year.div_euclid(100));
    let of_year = of_era.wrapping_sub(before);
    let shifted = of_year.wrapping_mul(5).wrapping_add(2).div_euclid(153);
    let day = of_year.wrapping_sub(shifted.wrapping_mul(153).wrapping_add(2).div_euclid(5));
    let month = shifted.wrapping_add(2).rem_euclid(12).wrapping_add(1);
    let carry = i64::from(month <= 2);
    let year = era.saturating_mul(400).wrapping_add(year).wrapping_add(carry);
    (year, month, day.wrapping_add(1))
}
