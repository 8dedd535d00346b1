//! What travels behind the last value of a reply.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{ByteStr, Metadata};

/// Metadata that follows the last value of a reply: whoever writes the values may still fill it
/// while they are on their way. Clones share it.
#[derive(Clone, Default)]
pub struct Trailers(Arc<Mutex<Metadata>>);

impl Trailers {
    /// Adds a value, keeping those already there under the same name.
    pub fn append(&self, name: impl Into<ByteStr>, value: impl Into<ByteStr>) {
        self.lock().append(name, value);
    }

    /// Adds all of it.
    pub fn extend(&self, metadata: Metadata) {
        self.lock().extend(metadata);
    }

    /// What is there so far; all of it once the last value has come.
    #[must_use]
    pub fn snapshot(&self) -> Metadata {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Metadata> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Trailers {
    /// Shows names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().fmt(f)
    }
}
