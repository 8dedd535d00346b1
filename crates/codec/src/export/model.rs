//! A `.proto` file as values.

use std::collections::BTreeSet;

use polywire_core::CallKind;

use crate::protobuf::json_name;

#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) package: String,
    pub(super) imports: BTreeSet<&'static str>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) services: Vec<Service>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) docs: &'static str,
    /// The name of the `oneof` that holds every field, if there is one.
    pub(super) oneof: Option<String>,
    pub(super) fields: Vec<Field>,
    /// The enum inside, if its values could not stand in the package's scope.
    pub(super) inner: Option<Enum>,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) docs: &'static str,
    pub(super) tag: u32,
    pub(super) label: Label,
    pub(super) ty: FieldType,
}

/// How often a field occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Label {
    /// Zero values are left out; messages may be absent.
    Plain,
    /// With explicit presence.
    Optional,
    Repeated,
    /// `map<,>`, with the type of its keys.
    Map(Scalar),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldType {
    Scalar(Scalar),
    /// By its full name.
    Message(String),
    /// By its full name.
    Enum(String),
}

/// The name in `.proto` files, and the number in descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scalar(pub(super) &'static str, pub(super) u8);

impl Scalar {
    pub(super) const DOUBLE: Self = Self("double", 1);
    pub(super) const FLOAT: Self = Self("float", 2);
    pub(super) const INT64: Self = Self("int64", 3);
    pub(super) const UINT64: Self = Self("uint64", 4);
    pub(super) const INT32: Self = Self("int32", 5);
    pub(super) const BOOL: Self = Self("bool", 8);
    pub(super) const STRING: Self = Self("string", 9);
    pub(super) const BYTES: Self = Self("bytes", 12);
    pub(super) const UINT32: Self = Self("uint32", 13);
}

#[derive(Debug, Clone, Default)]
pub(super) struct Enum {
    pub(super) name: String,
    pub(super) docs: &'static str,
    pub(super) values: Vec<Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) docs: &'static str,
    pub(super) number: i32,
}

#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) docs: &'static str,
    pub(super) methods: Vec<Method>,
    /// What is missing, and why.
    pub(super) left_out: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) docs: &'static str,
    /// The full name of the argument's message.
    pub(super) request: String,
    /// The full name of the result's message.
    pub(super) reply: String,
    pub(super) kind: CallKind,
    pub(super) idempotent: bool,
}

impl File {
    /// A name with the package before it.
    pub(super) fn full_name(&self, name: &str) -> String {
        match self.package.as_str() {
            "" => name.to_owned(),
            package => format!("{package}.{name}"),
        }
    }

    pub(super) fn defines(&self, symbol: &str) -> bool {
        let name = match self.package.as_str() {
            "" => Some(symbol),
            package => symbol.strip_prefix(package).and_then(|rest| rest.strip_prefix('.')),
        };
        let Some(name) = name else { return false };
        self.messages.iter().any(|message| message.defines(name))
            || self.enums.iter().any(|item| item.name == name || item.has_value(name))
            || self.services.iter().any(|service| {
                within(&service.name, name).is_some_and(|rest| {
                    rest.is_empty() || service.methods.iter().any(|method| method.name == rest)
                })
            })
    }
}

impl Message {
    fn defines(&self, name: &str) -> bool {
        let Some(rest) = within(&self.name, name) else { return false };
        let is_field = |field: &Field| {
            field.name == rest
                || (matches!(field.label, Label::Map(_))
                    && within(&field.entry_name(), rest)
                        .is_some_and(|part| matches!(part, "" | "key" | "value")))
        };
        rest.is_empty()
            || self.oneof.as_deref() == Some(rest)
            || self.fields.iter().any(is_field)
            || self.inner.as_ref().is_some_and(|inner| inner.name == rest || inner.has_value(rest))
    }
}

impl Enum {
    /// Values are siblings of their enum, not its children.
    fn has_value(&self, name: &str) -> bool {
        self.values.iter().any(|value| value.name == name)
    }
}

/// What follows the first name and a dot; empty if nothing does.
fn within<'n>(first: &str, name: &'n str) -> Option<&'n str> {
    let rest = name.strip_prefix(first)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('.').filter(|rest| !rest.is_empty())
    }
}

impl Field {
    /// The name of the message that stands for one entry of a map: `by_name` has `ByNameEntry`.
    pub(super) fn entry_name(&self) -> String {
        let camel = json_name(&self.name);
        let mut chars = camel.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).chain("Entry".chars()).collect()
    }
}
