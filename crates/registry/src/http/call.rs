//! What an engine is asked.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// One request to an engine.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) patience: Duration,
}

impl Call {
    /// A call of a path, with its query if it has one.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), String::new());
        Self { method, path: path.into(), headers, body, patience: PATIENCE }
    }

    /// Sends JSON.
    #[cfg(any(feature = "consul", feature = "etcd", test))]
    #[must_use]
    pub(crate) fn json(mut self, body: String) -> Self {
        self.body = body;
        self.header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// Sets a field of the head.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// How long the answer may take: the whole one, or for a stream its head. Default: 5 s.
    #[cfg(any(feature = "consul", feature = "kubernetes", test))]
    #[must_use]
    pub(crate) const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// Without what it sends: there may be secrets in head, body and query.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{} {path}", self.method)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({self})")
    }
}

/// How long an answer may take by default.
const PATIENCE: Duration = Duration::from_secs(5);
