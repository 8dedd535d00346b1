//! The parts of an engine's URL.

use std::time::Duration;

use polywire_core::RegistryError;
#[cfg(feature = "_http")]
use polywire_net::{Pem, TlsClient};

/// `//USER:PASSWORD@HOST:PORT,HOST:PORT/?KEY=VALUE&..`, of which only a host is needed.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Name and password.
    pub(crate) user: Option<(String, String)>,
    /// As they stand there, at least one.
    pub(crate) hosts: Vec<String>,
    query: Vec<(String, String)>,
}

impl Parts {
    /// Reads what follows the scheme and its colon.
    ///
    /// # Errors
    /// There is no host, or something has no place in it. The text does not repeat the URL, which
    /// may hold a password.
    pub(crate) fn parse(rest: &str) -> Result<Self, RegistryError> {
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, hosts) = match rest.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, rest),
        };
        let (hosts, path) = hosts.split_once('/').unwrap_or((hosts, ""));
        if !path.is_empty() {
            return Err(RegistryError::new(format!("nothing is known of a path `/{path}`")));
        }
        let hosts: Vec<String> =
            hosts.split(',').filter(|host| !host.is_empty()).map(str::to_owned).collect();
        if hosts.is_empty() {
            return Err(RegistryError::new("the URL of the registry has no host"));
        }
        let user = match user {
            Some(text) => {
                let (name, password) = text.split_once(':').unwrap_or((text, ""));
                Some((decoded(name)?, decoded(password)?))
            }
            None => None,
        };
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((key.to_owned(), decoded(value)?));
        }
        Ok(Self { user, hosts, query: pairs })
    }

    /// Takes a value off the query.
    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        let index = self.query.iter().position(|(name, _)| name == key)?;
        Some(self.query.swap_remove(index).1)
    }

    /// Takes a time off the query: `500ms`, `30s`, `2m` or `1h`.
    ///
    /// # Errors
    /// It is there and is no time, or none at all.
    pub(crate) fn duration(&mut self, key: &str) -> Result<Option<Duration>, RegistryError> {
        let Some(text) = self.take(key) else { return Ok(None) };
        match duration(&text) {
            Some(time) if !time.is_zero() => Ok(Some(time)),
            _ => {
                let why = format!("`{key}={text}` is no time such as 500ms, 30s or 2m");
                Err(RegistryError::new(why))
            }
        }
    }

    /// Takes `ca`, `cert` and `key` off the query, files in PEM: whom to trust instead of those the
    /// system trusts, and what certificate to show.
    ///
    /// # Errors
    /// One cannot be read, or a certificate lacks its key.
    #[cfg(feature = "_http")]
    pub(crate) fn tls(&mut self) -> Result<Option<TlsClient>, RegistryError> {
        let failed = |error| RegistryError::new("no TLS").with_source(error);
        let (authority, own, key) = (self.take("ca"), self.take("cert"), self.take("key"));
        if authority.is_none() && own.is_none() && key.is_none() {
            return Ok(None);
        }
        let tls = match authority {
            Some(file) => TlsClient::from_ca_file(file),
            None => TlsClient::system(),
        };
        let tls = tls.map_err(failed)?;
        match (own, key) {
            (None, None) => Ok(Some(tls)),
            (Some(own), Some(key)) => {
                let (own, key) = (Pem::file(own), Pem::file(key));
                Ok(Some(tls.with_certificate(own, key).map_err(failed)?))
            }
            _ => Err(RegistryError::new("`cert` and `key` go together")),
        }
    }

    /// Says whether all of the query was taken.
    ///
    /// # Errors
    /// Something is left, which the text names.
    pub(crate) fn end(&self) -> Result<(), RegistryError> {
        match self.query.first() {
            None => Ok(()),
            Some((key, _)) => {
                Err(RegistryError::new(format!("nothing is known of `{key}` in the query")))
            }
        }
    }
}

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
fn decoded(text: &str) -> Result<String, RegistryError> {
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
    fn all_parts_are_read() {
        let mut parts = Parts::parse("//me:p%40ss:w@a:1,[::1]:2/?ttl=30s&prefix=/x%2Fy").unwrap();
        assert_eq!(parts.user, Some(("me".to_owned(), "p@ss:w".to_owned())));
        assert_eq!(parts.hosts, ["a:1", "[::1]:2"]);
        assert_eq!(parts.duration("ttl").unwrap(), Some(Duration::from_secs(30)));
        assert_eq!(
            parts.end().unwrap_err().to_string(),
            "nothing is known of `prefix` in the query"
        );
        assert_eq!(parts.take("prefix").unwrap(), "/x/y");
        parts.end().unwrap();
    }

    #[test]
    fn what_is_malformed_is_refused_without_the_password() {
        for (url, why) in [
            ("//", "has no host"),
            ("//u:secret@", "has no host"),
            ("//u:secret@a:1/x", "path `/x`"),
            ("//u:secret%zz@a:1", "percent-encoding"),
            ("//u:secret%f@a:1", "percent-encoding"),
            ("//u:secret%ff@a:1", "percent-encoding"),
        ] {
            let error = Parts::parse(url).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("secret"), "{url}: {error}");
        }
        for ttl in ["0s", "5", "s", "-1s", "5d", "99999999999999999999s", "18446744073709551615h"] {
            let error = Parts::parse(&format!("a?ttl={ttl}")).unwrap().duration("ttl").unwrap_err();
            assert!(error.to_string().contains(&format!("`ttl={ttl}` is no time")), "{error}");
        }
    }

    #[cfg(feature = "_http")]
    #[test]
    fn a_certificate_needs_its_key() {
        assert!(Parts::parse("a").unwrap().tls().unwrap().is_none());
        Parts::parse("a?cert=/no/such/file").unwrap().tls().unwrap_err();
    }
}
