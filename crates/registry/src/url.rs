//! From a line of text to a registry.

#[cfg(any(feature = "consul", feature = "etcd", feature = "nats"))]
mod parts;
#[cfg(feature = "_engine")]
mod query;

use std::env;
use std::sync::Arc;

use polywire_core::{Registry, RegistryError};

#[cfg(any(feature = "consul", feature = "etcd", feature = "nats"))]
pub(crate) use self::parts::Parts;
#[cfg(any(feature = "kubernetes", feature = "mdns"))]
pub(crate) use self::query::Query;

/// The environment variable [`from_env`] reads first: `POLYWIRE_REGISTRY`.
pub const ENVIRONMENT: &str = "POLYWIRE_REGISTRY";

/// Opens the registry that a line of text names; the table at the crate's root has the forms.
///
/// # Errors
/// When the scheme is unknown (the error lists the known ones), this build lacks the backend (the
/// error says which feature brings it), what follows the scheme is malformed, or the backend cannot
/// be opened.
pub fn from_url(text: &str) -> Result<Arc<dyn Registry>, RegistryError> {
    match text.split_once(':').unwrap_or((text, "")) {
        #[cfg(feature = "memory")]
        ("memory", name) => Ok(Arc::new(crate::MemoryRegistry::named(name))),
        #[cfg(feature = "static")]
        ("static", list) => Ok(Arc::new(crate::StaticRegistry::parse(list)?)),
        #[cfg(all(feature = "local", unix))]
        ("local", rest) => Ok(Arc::new(match rest.strip_prefix("//").unwrap_or(rest) {
            "" => crate::LocalRegistry::open_default()?,
            directory => crate::LocalRegistry::open(directory)?,
        })),
        #[cfg(feature = "consul")]
        ("consul", rest) => Ok(Arc::new(crate::ConsulRegistry::parse(rest, false)?)),
        #[cfg(feature = "consul")]
        ("consul+tls", rest) => Ok(Arc::new(crate::ConsulRegistry::parse(rest, true)?)),
        #[cfg(feature = "etcd")]
        ("etcd", rest) => Ok(Arc::new(crate::EtcdRegistry::parse(rest, false)?)),
        #[cfg(feature = "etcd")]
        ("etcd+tls", rest) => Ok(Arc::new(crate::EtcdRegistry::parse(rest, true)?)),
        #[cfg(feature = "kubernetes")]
        ("k8s" | "kubernetes", rest) => Ok(Arc::new(crate::KubernetesRegistry::parse(rest)?)),
        #[cfg(feature = "mdns")]
        ("mdns", options) => Ok(Arc::new(crate::MdnsRegistry::parse(options)?)),
        #[cfg(feature = "nats")]
        ("nats", rest) => Ok(Arc::new(crate::NatsRegistry::parse(rest, false)?)),
        #[cfg(feature = "nats")]
        ("nats+tls", rest) => Ok(Arc::new(crate::NatsRegistry::parse(rest, true)?)),
        (scheme, _) => Err(unknown(scheme)),
    }
}

/// Opens the registry that the environment names, the first of these that does:
///
/// - `POLYWIRE_REGISTRY`: a line of text as for [`from_url`];
/// - `MICRO_REGISTRY`, as go-micro reads it: `etcd`, `consul`, `nats`, `mdns` or `memory`, at
///   `MICRO_REGISTRY_ADDRESS` or where such an engine is by default on this machine.
///
/// Otherwise it is the local one in its default directory.
///
/// # Errors
/// As [`from_url`].
pub fn from_env() -> Result<Arc<dyn Registry>, RegistryError> {
    from_url(&named_by(variable)?)
}

/// The registry that variables name, as text for [`from_url`].
fn named_by(
    variable: impl Fn(&str) -> Result<Option<String>, RegistryError>,
) -> Result<String, RegistryError> {
    if let Some(text) = variable(ENVIRONMENT)? {
        return Ok(text);
    }
    match variable(MICRO_REGISTRY)? {
        Some(name) => micro_url(&name, variable(MICRO_REGISTRY_ADDRESS)?),
        None => Ok("local:".to_owned()),
    }
}

/// What go-micro calls a registry, as text for [`from_url`].
fn micro_url(name: &str, addresses: Option<String>) -> Result<String, RegistryError> {
    let (scheme, default) = match name {
        "memory" | "mdns" => return Ok(format!("{name}:")),
        "etcd" => ("etcd", "127.0.0.1:2379"),
        "consul" => ("consul", "127.0.0.1:8500"),
        "nats" => ("nats", "127.0.0.1:4222"),
        _ => {
            let why = format!("{MICRO_REGISTRY}={name} (known: etcd, consul, nats, mdns, memory)");
            return Err(RegistryError::new(why));
        }
    };
    let addresses = addresses.unwrap_or_else(|| default.to_owned());
    let mut tls = "";
    let bare = |address: &str| {
        let (before, host) = address.trim().split_once("://").unwrap_or(("", address.trim()));
        if matches!(before, "https" | "tls") {
            tls = "+tls";
        }
        host.trim_end_matches('/').to_owned()
    };
    let hosts: Vec<String> = addresses.split(',').map(bare).collect();
    Ok(format!("{scheme}{tls}://{}", hosts.join(",")))
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Result<Option<String>, RegistryError> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(RegistryError::new(format!("{name} is not text")).with_source(error)),
    }
}

/// Names the scheme only: the rest of the text may hold a password.
fn unknown(scheme: &str) -> RegistryError {
    let plain = scheme.strip_suffix("+tls").unwrap_or(scheme);
    let plain = if plain == "k8s" { "kubernetes" } else { plain };
    if FEATURES.contains(&plain) {
        let why = format!("this build has no {plain}: enable the feature `{plain}`");
        return RegistryError::new(why);
    }
    RegistryError::new(format!("unknown registry `{scheme}` (known: {})", KNOWN.join(", ")))
}

/// What go-micro's programs say which registry they are in by.
const MICRO_REGISTRY: &str = "MICRO_REGISTRY";

/// Where that registry is.
const MICRO_REGISTRY_ADDRESS: &str = "MICRO_REGISTRY_ADDRESS";

/// Schemes that this build lacks, each by the feature of the same name.
const FEATURES: &[&str] = &[
    #[cfg(not(feature = "memory"))]
    "memory",
    #[cfg(not(feature = "static"))]
    "static",
    #[cfg(all(not(feature = "local"), unix))]
    "local",
    #[cfg(not(feature = "etcd"))]
    "etcd",
    #[cfg(not(feature = "consul"))]
    "consul",
    #[cfg(not(feature = "nats"))]
    "nats",
    #[cfg(not(feature = "mdns"))]
    "mdns",
    #[cfg(not(feature = "kubernetes"))]
    "kubernetes",
];

const KNOWN: &[&str] = &[
    #[cfg(feature = "memory")]
    "memory:",
    #[cfg(feature = "static")]
    "static://HOST:PORT,..",
    #[cfg(all(feature = "local", unix))]
    "local:DIR",
    #[cfg(feature = "consul")]
    "consul://HOST:PORT",
    #[cfg(feature = "consul")]
    "consul+tls://HOST:PORT",
    #[cfg(feature = "etcd")]
    "etcd://HOST:PORT,..",
    #[cfg(feature = "etcd")]
    "etcd+tls://HOST:PORT,..",
    #[cfg(feature = "kubernetes")]
    "k8s://NAMESPACE",
    #[cfg(feature = "mdns")]
    "mdns:",
    #[cfg(feature = "nats")]
    "nats://HOST:PORT,..",
    #[cfg(feature = "nats")]
    "nats+tls://HOST:PORT,..",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_is_refused_with_the_known_ones() {
        for (text, scheme) in
            [("zookeeper://u:secret@h", "zookeeper"), ("nothing", "nothing"), ("", "")]
        {
            let error = from_url(text).err().unwrap().to_string();
            assert!(error.contains(&format!("unknown registry `{scheme}`")), "{error}");
            assert!(!error.contains("secret"), "{error}");
            for known in KNOWN {
                assert!(error.contains(known), "{error} lacks {known}");
            }
        }
    }

    #[test]
    fn what_a_build_lacks_is_refused_with_the_feature() {
        for feature in FEATURES {
            for text in [format!("{feature}://u:secret@h:1"), format!("{feature}+tls://h:1")] {
                let error = from_url(&text).err().unwrap().to_string();
                let expected =
                    format!("this build has no {feature}: enable the feature `{feature}`");
                assert_eq!(error, expected);
            }
        }
    }

    fn named(variables: &[(&str, &str)]) -> Result<String, RegistryError> {
        named_by(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn polywire_s_variable_goes_before_go_micro_s_and_the_local_registry_is_last() {
        let (ours, theirs) = ((ENVIRONMENT, "memory:x"), (MICRO_REGISTRY, "etcd"));
        assert_eq!(named(&[ours, theirs]).unwrap(), "memory:x");
        assert_eq!(named(&[theirs]).unwrap(), "etcd://127.0.0.1:2379");
        assert_eq!(named(&[(MICRO_REGISTRY_ADDRESS, "h:1")]).unwrap(), "local:");
    }

    #[test]
    fn go_micro_s_variables_are_read_as_go_micro_reads_them() {
        for (name, address, url) in [
            ("etcd", "h:1,i:2", "etcd://h:1,i:2"),
            ("etcd", "http://h:1/", "etcd://h:1"),
            ("etcd", "https://h:1, https://i:2", "etcd+tls://h:1,i:2"),
            ("consul", "h:8500", "consul://h:8500"),
            ("nats", "nats://u:p@h:4222", "nats://u:p@h:4222"),
            ("mdns", "h:1", "mdns:"),
            ("memory", "", "memory:"),
        ] {
            let variables = [(MICRO_REGISTRY, name), (MICRO_REGISTRY_ADDRESS, address)];
            assert_eq!(named(&variables).unwrap(), url);
        }
        assert_eq!(named(&[(MICRO_REGISTRY, "consul")]).unwrap(), "consul://127.0.0.1:8500");
        assert_eq!(named(&[(MICRO_REGISTRY, "nats")]).unwrap(), "nats://127.0.0.1:4222");
        let error = named(&[(MICRO_REGISTRY, "zookeeper")]).unwrap_err().to_string();
        assert!(error.starts_with("MICRO_REGISTRY=zookeeper (known: etcd"), "{error}");
    }
}
