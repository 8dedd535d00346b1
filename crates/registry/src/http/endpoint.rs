//! Where an engine is.

use std::fmt;

use polywire_core::{Address, RegistryError};

/// One address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    address: Address,
    tls: bool,
}

impl Endpoint {
    /// Reads `http://HOST:PORT`, `https://HOST:PORT`, or `HOST:PORT`, which is with or without TLS
    /// as said. Where there is no port, it is the one given.
    ///
    /// # Errors
    /// It has another scheme, a path or a user, or no host.
    pub(crate) fn parse(text: &str, port: u16, tls: bool) -> Result<Self, RegistryError> {
        let (rest, tls) = match text.split_once("://") {
            Some(("http", rest)) => (rest, false),
            Some(("https", rest)) => (rest, true),
            Some(_) => return Err(malformed(text)),
            None => (text, tls),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/?#@".contains(c);
        // Pipes within the process are for tests.
        if rest.starts_with("memory:") {
            return Ok(Self { address: rest.to_owned().into(), tls });
        }
        if rest.is_empty() || rest.starts_with(':') || rest.contains(odd) {
            return Err(malformed(text));
        }
        let has_port = match rest.rsplit_once(':') {
            Some((host, number)) if host.ends_with(']') || !host.contains(':') => {
                number.parse::<u16>().map_err(|_not_a_number| malformed(text))?;
                true
            }
            Some(_) if !rest.ends_with(']') => return Err(malformed(text)),
            _ => false,
        };
        let address = if has_port { rest.to_owned() } else { format!("{rest}:{port}") };
        Ok(Self { address: address.into(), tls })
    }

    pub(crate) const fn is_tls(&self) -> bool {
        self.tls
    }

    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Whom the certificate must be for.
    pub(super) fn host(&self) -> &str {
        let host = self.address.as_str().rsplit_once(':').map_or("", |(host, _port)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

fn malformed(text: &str) -> RegistryError {
    // What stands before an `@` may be a password.
    let shown = text.rsplit_once('@').map_or(text, |(_, address)| address);
    RegistryError::new(format!("`{shown}` is not host:port"))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_with_and_without_scheme_and_port() {
        for (text, tls, read, host) in [
            ("a:1", false, "http://a:1", "a"),
            ("a", true, "https://a:2379", "a"),
            ("http://a:1/", true, "http://a:1", "a"),
            ("https://10.0.0.1:1", false, "https://10.0.0.1:1", "10.0.0.1"),
            ("[::1]:7", false, "http://[::1]:7", "::1"),
            ("[::1]", false, "http://[::1]:2379", "::1"),
        ] {
            let endpoint = Endpoint::parse(text, 2379, tls).unwrap();
            assert_eq!(endpoint.to_string(), read);
            assert_eq!(endpoint.host(), host);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_by_name() {
        for text in ["", ":1", "a:b", "a:70000", "ftp://a:1", "a:1/x", "::1", "a b:1"] {
            let error = Endpoint::parse(text, 2379, false).unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is not host:port"));
        }
        for text in ["u:secret@a:1", "http://u:secret@a:1"] {
            let error = Endpoint::parse(text, 2379, false).unwrap_err().to_string();
            assert_eq!(error, "`a:1` is not host:port");
        }
    }
}
