//! The parts of an engine's URL.

use polywire_core::RegistryError;
#[cfg(feature = "_http")]
use polywire_net::{Pem, TlsClient};

use super::query::{Query, decoded};

/// `//USER:PASSWORD@HOST:PORT,HOST:PORT/?KEY=VALUE&..`, of which only a host is needed.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Name and password.
    pub(crate) user: Option<(String, String)>,
    /// As they stand there, at least one.
    pub(crate) hosts: Vec<String>,
    /// Behind the hosts.
    pub(crate) query: Query,
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
        Ok(Self { user, hosts, query: Query::parse(query)? })
    }

    /// Takes `ca`, `cert` and `key` off the query, files in PEM: whom to trust instead of those the
    /// system trusts, and what certificate to show.
    ///
    /// # Errors
    /// One cannot be read, or a certificate lacks its key.
    #[cfg(feature = "_http")]
    pub(crate) fn tls(&mut self) -> Result<Option<TlsClient>, RegistryError> {
        let failed = |error| RegistryError::new("no TLS").with_source(error);
        let query = &mut self.query;
        let (authority, own, key) = (query.take("ca"), query.take("cert"), query.take("key"));
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read() {
        let mut parts = Parts::parse("//me:p%40ss:w@a:1,[::1]:2/?ttl=30s&prefix=/x%2Fy").unwrap();
        assert_eq!(parts.user, Some(("me".to_owned(), "p@ss:w".to_owned())));
        assert_eq!(parts.hosts, ["a:1", "[::1]:2"]);
        assert_eq!(parts.query.take("prefix").unwrap(), "/x/y");
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
    }

    #[cfg(feature = "_http")]
    #[test]
    fn a_certificate_needs_its_key() {
        assert!(Parts::parse("a").unwrap().tls().unwrap().is_none());
        Parts::parse("a?cert=/no/such/file").unwrap().tls().unwrap_err();
    }
}
