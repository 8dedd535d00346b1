//! The query of a registry's URL.

#[cfg(any(feature = "consul", feature = "etcd", feature = "mdns", feature = "nats", test))]
use std::time::Duration;

use polywire_core::RegistryError;

/// `KEY=VALUE&KEY=VALUE`, whose values are percent-encoded.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    /// The keys that were asked for.
    known: Vec<&'static str>,
}

impl Query {
    /// Reads what follows the question mark.
    ///
    /// # Errors
    /// A value is not encoded as it should be. The text does not repeat it.
    pub(crate) fn parse(text: &str) -> Result<Self, RegistryError> {
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((key.to_owned(), decoded(value)?));
        }
        Ok(Self { pairs, known: Vec::new() })
    }

    /// Takes a value off the query.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<String> {
        self.known.push(key);
        let index = self.pairs.iter().position(|(name, _)| name == key)?;
        Some(self.pairs.swap_remove(index).1)
    }

    /// Takes a time off the query: `500ms`, `30s`, `2m` or `1h`.
    ///
    /// # Errors
    /// It is there and is no time, or none at all.
    #[cfg(any(feature = "consul", feature = "etcd", feature = "mdns", feature = "nats", test))]
    pub(crate) fn duration(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Duration>, RegistryError> {
        let Some(text) = self.take(key) else { return Ok(None) };
        match duration(&text) {
            Some(time) if !time.is_zero() => Ok(Some(time)),
            _ => Err(RegistryError::new(format!(
                "`{key}={text}` is no time: it takes a whole number above 0 with ms, s, m or h, as in 30s"
            ))),
        }
    }

    /// Says whether all of the query was taken.
    ///
    /// # Errors
    /// Something is left, which the text names beside what was asked for.
    pub(crate) fn end(&self) -> Result<(), RegistryError> {
        match self.pairs.first() {
            None => Ok(()),
            Some((key, _)) => {
                let known = self.known.join(", ");
                let why = format!("nothing is known of `{key}` in the query (known: {known})");
                Err(RegistryError::new(why))
            }
        }
    }
}

#[cfg(any(feature = "consul", feature = "etcd", feature = "mdns", feature = "nats", test))]
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(60 * 60).map(Duration::from_secs),
        _ => None,
    }
}

/// Undoes percent-encoding.
pub(super) fn decoded(text: &str) -> Result<String, RegistryError> {
    let malformed = || RegistryError::new("the percent-encoding of the URL is broken");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit().ok_or_else(malformed)?, digit().ok_or_else(malformed)?);
        bytes.push(u8::try_from(high * 16 + low).map_err(|_too_large| malformed())?);
    }
    String::from_utf8(bytes).map_err(|_no_text| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_once_and_what_is_left_is_named() {
        let mut query = Query::parse("ttl=30s&prefix=/x%2Fy").unwrap();
        assert_eq!(query.duration("ttl").unwrap(), Some(Duration::from_secs(30)));
        assert_eq!(query.duration("gather").unwrap(), None);
        assert_eq!(
            query.end().unwrap_err().to_string(),
            "nothing is known of `prefix` in the query (known: ttl, gather)"
        );
        assert_eq!(query.take("prefix").unwrap(), "/x/y");
        query.end().unwrap();
    }

    #[test]
    fn times_have_a_unit() {
        for (text, time) in [
            ("500ms", Duration::from_millis(500)),
            ("30s", Duration::from_secs(30)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
        ] {
            let mut query = Query::parse(&format!("ttl={text}")).unwrap();
            assert_eq!(query.duration("ttl").unwrap(), Some(time), "{text}");
        }
        for ttl in ["0s", "5", "s", "-1s", "5d", "99999999999999999999s", "18446744073709551615h"] {
            let error = Query::parse(&format!("ttl={ttl}")).unwrap().duration("ttl").unwrap_err();
            let text = format!(
                "`ttl={ttl}` is no time: it takes a whole number above 0 with ms, s, m or h, as in 30s"
            );
            assert_eq!(error.to_string(), text);
        }
    }
}
