//! From a line of text to a registry.

use std::env;
use std::sync::Arc;

use polywire_core::{Registry, RegistryError};

/// The environment variable [`from_env`] reads: `POLYWIRE_REGISTRY`.
pub const ENVIRONMENT: &str = "POLYWIRE_REGISTRY";

/// Opens the registry that a line of text names; the table at the crate's root has the forms.
///
/// # Errors
/// When the scheme is unknown (the error lists the known ones), what follows it is malformed, or
/// the backend cannot be opened.
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
        _ => Err(RegistryError::new(format!(
            "unknown registry `{text}` (known: {})",
            KNOWN.join(", ")
        ))),
    }
}

/// Opens the registry that `POLYWIRE_REGISTRY` names; the local one in its default directory if
/// the variable is not set.
///
/// # Errors
/// As [`from_url`].
pub fn from_env() -> Result<Arc<dyn Registry>, RegistryError> {
    match env::var(ENVIRONMENT) {
        Ok(text) if !text.is_empty() => from_url(&text),
        Ok(_) | Err(env::VarError::NotPresent) => from_url("local:"),
        Err(error) => {
            Err(RegistryError::new(format!("{ENVIRONMENT} is not text")).with_source(error))
        }
    }
}

const KNOWN: &[&str] = &[
    #[cfg(feature = "memory")]
    "memory:",
    #[cfg(feature = "static")]
    "static://HOST:PORT,..",
    #[cfg(all(feature = "local", unix))]
    "local:DIR",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_is_refused_with_the_known_ones() {
        for text in ["etcd://127.0.0.1:2379", "nothing", ""] {
            let error = from_url(text).err().unwrap().to_string();
            assert!(error.contains(&format!("unknown registry `{text}`")), "{error}");
            for known in KNOWN {
                assert!(error.contains(known), "{error} lacks {known}");
            }
        }
    }
}
