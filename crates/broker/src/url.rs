//! From a line of text to a broker.

use std::env;
use std::sync::Arc;

use polywire_core::{Broker, BrokerError, Registry};

/// The environment variable [`from_env`] reads first: `POLYWIRE_BROKER`.
pub const ENVIRONMENT: &str = "POLYWIRE_BROKER";

/// The environment variable of go-micro's that [`from_env`] reads next: `MICRO_BROKER`.
pub const MICRO_ENVIRONMENT: &str = "MICRO_BROKER";

/// The environment variable of go-micro's that says where its broker is: `MICRO_BROKER_ADDRESS`.
pub const ADDRESS_ENVIRONMENT: &str = "MICRO_BROKER_ADDRESS";

/// Opens the broker that a line of text names; the table at the crate's root has the forms. What
/// stands behind `http:` is where subscriptions are posted to. The registry is where `http` finds
/// subscribers; the others need none. Nothing is connected to yet.
///
/// # Errors
/// When the scheme is unknown (the error lists the known ones), what follows it is malformed, or the
/// broker needs a registry and there is none.
pub fn from_url(
    text: &str,
    registry: Option<Arc<dyn Registry>>,
) -> Result<Arc<dyn Broker>, BrokerError> {
    let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
    let rest = rest.strip_prefix("//").unwrap_or(rest).trim_end_matches('/');
    match (scheme, rest) {
        #[cfg(feature = "memory")]
        ("memory", rest) => Ok(Arc::new(crate::MemoryBroker::named(rest))),
        #[cfg(feature = "http")]
        ("http", rest) => {
            let registry = registry.ok_or_else(|| {
                BrokerError::not_found(
                    "the http broker finds subscribers in a registry; there is none",
                )
            })?;
            let options = crate::HttpBrokerOptions::default();
            let options = if rest.is_empty() { options } else { options.listen(rest) };
            Ok(Arc::new(crate::HttpBroker::with_options(registry, options)))
        }
        #[cfg(feature = "nats")]
        ("nats", rest) => Ok(Arc::new(crate::NatsBroker::new(rest)?)),
        #[cfg(feature = "jetstream")]
        ("jetstream", rest) => Ok(Arc::new(crate::JetStreamBroker::new(rest)?)),
        _ => {
            // Builds without `http` have no use for it.
            drop(registry);
            let known = KNOWN.join(", ");
            // The rest of the text may hold a password.
            Err(BrokerError::refused(format!("unknown broker `{scheme}` (known: {known})")))
        }
    }
}

/// Opens the broker that `POLYWIRE_BROKER` names, else the one that go-micro's `MICRO_BROKER` and
/// `MICRO_BROKER_ADDRESS` do, else `http:`, go-micro's default.
///
/// # Errors
/// As [`from_url`].
pub fn from_env(registry: Option<Arc<dyn Registry>>) -> Result<Arc<dyn Broker>, BrokerError> {
    let own = variable(ENVIRONMENT)?;
    let (micro, address) = (variable(MICRO_ENVIRONMENT)?, variable(ADDRESS_ENVIRONMENT)?);
    from_url(&chosen(own, micro, address), registry)
}

/// The URL that the variables come to.
fn chosen(own: Option<String>, micro: Option<String>, address: Option<String>) -> String {
    match (own, micro) {
        (Some(own), _) => own,
        (None, Some(name)) => format!("{name}://{}", address.unwrap_or_default()),
        // An address alone is that of go-micro's default.
        (None, None) => format!("http://{}", address.unwrap_or_default()),
    }
}

fn variable(name: &str) -> Result<Option<String>, BrokerError> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(BrokerError::refused(format!("{name} is not text")).with_source(error)),
    }
}

const KNOWN: &[&str] = &[
    #[cfg(feature = "memory")]
    "memory:",
    #[cfg(feature = "http")]
    "http:",
    #[cfg(feature = "nats")]
    "nats://HOST:PORT,..",
    #[cfg(feature = "jetstream")]
    "jetstream://HOST:PORT,..",
];

#[cfg(test)]
mod tests {
    use polywire_core::BrokerErrorKind;

    use super::*;

    #[test]
    fn an_unknown_scheme_is_refused_with_the_known_ones() {
        for (text, scheme) in [("kafka://u:secret@h:1", "kafka"), ("nothing", "nothing"), ("", "")]
        {
            let error = from_url(text, None).err().unwrap();
            assert_eq!(error.kind(), BrokerErrorKind::Refused);
            let error = error.to_string();
            assert!(error.contains(&format!("unknown broker `{scheme}`")), "{error}");
            assert!(!error.contains("secret"), "{error}");
            for known in KNOWN {
                assert!(error.contains(known), "{error} lacks {known}");
            }
        }
    }

    #[cfg(feature = "http")]
    #[test]
    fn http_needs_a_registry() {
        let error = from_url("http:", None).err().unwrap();
        assert_eq!(error.kind(), BrokerErrorKind::NotFound);
    }

    #[test]
    fn the_variables_of_go_micro_are_taken_behind_our_own() {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        for (own, micro, address, url) in [
            ("", "", "", "http://"),
            ("", "http", "", "http://"),
            ("", "", "0.0.0.0:9001", "http://0.0.0.0:9001"),
            ("", "nats", "a:4222,b:4222", "nats://a:4222,b:4222"),
            ("memory:", "nats", "a:4222", "memory:"),
        ] {
            assert_eq!(chosen(text(own), text(micro), text(address)), url);
        }
    }
}
