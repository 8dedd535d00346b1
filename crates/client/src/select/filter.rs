//! Which nodes may take a call.

use std::fmt;
use std::sync::Arc;

use polywire_core::Instance;

/// What a node must be like for a call to go there.
///
/// ```
/// use polywire_client::{CallOptions, Filter};
///
/// let options = CallOptions::new()
///     .filter(Filter::version("1.2.0"))
///     .filter(Filter::label("zone", "eu-1"));
/// # drop(options);
/// ```
#[derive(Clone)]
pub struct Filter(Kind);

#[derive(Clone)]
enum Kind {
    Method(Arc<str>),
    Label(Arc<str>, Arc<str>),
    Version(Arc<str>),
    Custom(Arc<str>, Arc<Custom>),
}

type Custom = dyn Fn(&Instance) -> bool + Send + Sync;

impl Filter {
    /// Nodes that registered a method of this name, such as `Greeter.Hello`; go-micro's word for it
    /// is endpoint. Nodes that registered no methods at all do not pass.
    pub fn method(name: impl Into<Arc<str>>) -> Self {
        Self(Kind::Method(name.into()))
    }

    /// Nodes whose metadata says this of a key. A key that is missing is empty.
    pub fn label(key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        Self(Kind::Label(key.into(), value.into()))
    }

    /// Nodes of exactly this version. `latest`, which is what go-micro registers for services
    /// without one, is the same as none.
    pub fn version(version: impl Into<Arc<str>>) -> Self {
        Self(Kind::Version(version.into()))
    }

    /// Nodes of which a function says so. The name is for errors: `not in maintenance`.
    pub fn custom(
        name: impl Into<Arc<str>>,
        passes: impl Fn(&Instance) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Kind::Custom(name.into(), Arc::new(passes)))
    }

    /// Whether an instance passes.
    #[must_use]
    pub fn passes(&self, instance: &Instance) -> bool {
        match &self.0 {
            Kind::Method(name) => instance.methods.iter().any(|found| *found.name == **name),
            Kind::Label(key, value) => {
                instance.metadata.get(&**key).map_or("", String::as_str) == &**value
            }
            Kind::Version(version) => said(&instance.version) == said(version),
            Kind::Custom(_, passes) => passes(instance),
        }
    }
}

/// A version, unless it is the word that says there is none.
fn said(version: &str) -> &str {
    if version == UNVERSIONED { "" } else { version }
}

const UNVERSIONED: &str = "latest";

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Method(name) => write!(f, "method {name}"),
            Kind::Label(key, value) => write!(f, "{key}={value}"),
            Kind::Version(version) => write!(f, "version {version}"),
            Kind::Custom(name, _) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({self})")
    }
}

#[cfg(test)]
mod tests {
    use polywire_core::InstanceMethod;

    use super::*;

    fn instance(version: &str) -> Instance {
        Instance::new("test", "test-1", "localhost".into()).with_version(version)
    }

    #[test]
    fn a_method_is_found_by_its_name() {
        let of = |name| instance("1.0.0").with_methods([InstanceMethod::new(name)]);
        assert!(Filter::method("Foo.Bar").passes(&of("Foo.Bar")));
        assert!(!Filter::method("Foo.Bar").passes(&of("Baz.Bar")));
        assert!(!Filter::method("Bar.Baz").passes(&of("Foo.Bar")));
        assert!(!Filter::method("Foo.Bar").passes(&instance("1.0.0")));
    }

    #[test]
    fn a_label_is_an_entry_of_the_metadata() {
        let filter = Filter::label("foo", "bar");
        assert!(filter.passes(&instance("").with_metadata("foo", "bar")));
        assert!(!filter.passes(&instance("").with_metadata("foo", "baz")));
        assert!(!filter.passes(&instance("")));
        assert!(Filter::label("foo", "").passes(&instance("").with_metadata("zone", "a")));
    }

    #[test]
    fn versions_are_equal_or_not_and_latest_is_none() {
        assert!(Filter::version("1.0.0").passes(&instance("1.0.0")));
        for other in ["1.1.0", "1.0", "", "latest"] {
            assert!(!Filter::version("1.0.0").passes(&instance(other)), "{other}");
        }
        for (wanted, found) in [("latest", ""), ("", "latest"), ("latest", "latest"), ("", "")] {
            assert!(Filter::version(wanted).passes(&instance(found)));
        }
        assert!(!Filter::version("latest").passes(&instance("1.0.0")));
    }

    #[test]
    fn a_filter_of_ones_own_has_a_name() {
        let filter = Filter::custom("on localhost", |found| found.address.as_str() == "localhost");
        assert!(filter.passes(&instance("")));
        assert_eq!(filter.to_string(), "on localhost");
        assert_eq!(Filter::label("zone", "a").to_string(), "zone=a");
    }
}
