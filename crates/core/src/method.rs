//! The name of what is called.

use std::fmt;

use crate::ByteStr;

/// A service and one of its methods, as the wire named them: `Greeter.Hello`, `net.rpc.Arith.Add`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MethodName {
    text: ByteStr,
    /// Where the separator stands: the service before it, the method behind it.
    split: usize,
}

/// A method name without a dot between service and method.
///
/// The text is Go's, which clients match on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rpc: service/method request ill-formed: {name}")]
pub struct IllFormedName {
    /// The name as it came.
    pub name: ByteStr,
}

impl MethodName {
    /// Splits at the **last** dot, as Go's net/rpc does.
    ///
    /// # Errors
    /// [`IllFormedName`] if there is no dot.
    pub fn from_dotted(text: impl Into<ByteStr>) -> Result<Self, IllFormedName> {
        let text = text.into();
        match text.as_bytes().iter().rposition(|byte| *byte == b'.') {
            Some(split) => Ok(Self { text, split }),
            None => Err(IllFormedName { name: text }),
        }
    }

    /// Splits a path of HTTP at its **last** slash: `/greeter.v1.Greeter/Hello`.
    ///
    /// # Errors
    /// [`IllFormedName`] if there is no service or no method.
    pub fn from_path(path: &str) -> Result<Self, IllFormedName> {
        let text = path.strip_prefix('/').unwrap_or(path);
        match text.rsplit_once('/') {
            Some((service, method)) if !service.is_empty() && !method.is_empty() => {
                Ok(Self { text: ByteStr::from(text), split: service.len() })
            }
            _ => Err(IllFormedName { name: ByteStr::from(path) }),
        }
    }

    /// Joins a service and a method by a dot.
    #[must_use]
    pub fn new(service: &str, method: &str) -> Self {
        Self { text: ByteStr::from(format!("{service}.{method}")), split: service.len() }
    }

    /// The name under which the subscribers of a topic are called. Calls may bear it as well; whether
    /// a request is an event, [`EventSource`](crate::EventSource) says.
    #[must_use]
    pub fn of_topic(topic: &str) -> Self {
        Self { text: ByteStr::from(format!("{TOPIC}/{topic}")), split: TOPIC.len() }
    }

    /// The topic, if this is the name of one.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        (self.service() == TOPIC).then(|| self.method())
    }

    /// The service: everything before the last separator.
    #[must_use]
    pub fn service(&self) -> &str {
        self.text.get(..self.split).unwrap_or_default()
    }

    /// The method: everything behind the last separator.
    #[must_use]
    pub fn method(&self) -> &str {
        self.text.get(self.split.saturating_add(1)..).unwrap_or_default()
    }

    /// The whole name as the wire gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The whole name, sharing its buffer.
    #[must_use]
    pub const fn as_byte_str(&self) -> &ByteStr {
        &self.text
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// What stands for a service in the name of a topic: go-micro's header.
const TOPIC: &str = "Micro-Topic";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_a_name_whatever_is_in_it() {
        for topic in ["orders", "orders.created", "a/b", ""] {
            let name = MethodName::of_topic(topic);
            assert_eq!((name.topic(), name.method()), (Some(topic), topic));
        }
        assert_eq!(MethodName::new("Greeter", "Hello").topic(), None);
    }

    #[test]
    fn the_last_dot_separates_service_and_method() {
        for (text, service, method) in [
            ("Arith.Add", "Arith", "Add"),
            ("net.rpc.Arith.Add", "net.rpc.Arith", "Add"),
            ("Arith.", "Arith", ""),
            (".Add", "", "Add"),
        ] {
            let name = MethodName::from_dotted(text).unwrap();
            assert_eq!((name.service(), name.method()), (service, method), "{text}");
        }
    }

    #[test]
    fn the_last_slash_of_a_path_separates_service_and_method() {
        let name = MethodName::from_path("/greeter.v1.Greeter/Hello").unwrap();
        assert_eq!((name.service(), name.method()), ("greeter.v1.Greeter", "Hello"));
        for path in ["", "/", "/Greeter", "/Greeter/", "//Hello", "Greeter"] {
            assert!(MethodName::from_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_name_without_a_dot_is_refused_in_gos_words() {
        let error = MethodName::from_dotted("ArithAdd").unwrap_err();
        assert_eq!(error.to_string(), "rpc: service/method request ill-formed: ArithAdd");
    }
}
