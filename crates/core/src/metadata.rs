//! What travels beside the body.

use std::fmt;

use crate::ByteStr;

/// Names and values sent beside the body; several values may share a name.
///
/// Names are compared without regard to ASCII case and kept as given. An empty one allocates
/// nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(ByteStr, ByteStr)>);

impl Metadata {
    /// Holds nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a value, keeping those already there under the same name.
    pub fn append(&mut self, name: impl Into<ByteStr>, value: impl Into<ByteStr>) {
        self.0.push((name.into(), value.into()));
    }

    /// Sets the only value of a name.
    pub fn insert(&mut self, name: impl Into<ByteStr>, value: impl Into<ByteStr>) {
        let name = name.into();
        self.remove(&name);
        self.0.push((name, value.into()));
    }

    /// The first value under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Every value under a name, in the order they were added.
    pub fn get_all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Drops every value under a name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// Adds all of another's values behind the ones already there.
    pub fn extend(&mut self, other: Self) {
        if self.0.is_empty() {
            *self = other;
        } else {
            self.0.extend(other.0);
        }
    }

    /// Every name and value, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many values there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<ByteStr>, V: Into<ByteStr>> FromIterator<(N, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(items: I) -> Self {
        Self(items.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Metadata {
    /// Shows names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
