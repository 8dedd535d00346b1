//! Which pages may call.

use std::sync::Arc;

use http::HeaderValue;

/// Which pages of other hosts may call this server from a browser. Default: none.
///
/// A page served by this server itself needs no permission.
#[derive(Debug, Clone, Default)]
pub struct Cors(Allowed);

#[derive(Debug, Clone, Default)]
enum Allowed {
    #[default]
    None,
    Any,
    These(Arc<[String]>),
}

impl Cors {
    /// Pages of every host. Browsers then send no cookies, so this is safe for a server that asks
    /// for a token, and not for one that trusts whoever can reach it.
    #[must_use]
    pub const fn any() -> Self {
        Self(Allowed::Any)
    }

    /// Pages of these origins, such as `https://console.example.com`.
    pub fn origins(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(Allowed::These(origins.into_iter().map(Into::into).collect()))
    }

    /// Whether pages of an origin may call.
    pub(crate) fn allows(&self, origin: &HeaderValue) -> bool {
        match &self.0 {
            Allowed::None => false,
            Allowed::Any => true,
            Allowed::These(origins) => origins.iter().any(|known| origin == known.as_str()),
        }
    }
}
