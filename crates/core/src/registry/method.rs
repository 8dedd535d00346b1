//! What a registry shows of a service's methods.

use std::collections::BTreeMap;

use polywire_schema::{Kind, StructType, Type};

use crate::{MethodDescriptor, ServiceDescriptor, SubscriberDescriptor};

/// One method as a registry shows it: what go-micro calls an endpoint.
///
/// Tools build their forms and flags from it. Nothing here is needed for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceMethod {
    /// Service and method joined by a dot: `Greeter.Hello`.
    pub name: String,
    /// The argument, if it is known.
    pub request: Option<ValueShape>,
    /// The result, if it is known.
    pub reply: Option<ValueShape>,
    /// Whatever else there is to say: `stream`, `description`, user's own.
    pub metadata: BTreeMap<String, String>,
}

/// The shape of a value, in the names that Go's reflection has for types.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValueShape {
    /// The field's name in JSON; of a whole argument, its type.
    pub name: String,
    /// `string`, `int64`, `[]string`, the name of a struct; empty for a map.
    pub type_name: String,
    /// The fields of a struct.
    pub fields: Vec<Self>,
}

impl InstanceMethod {
    /// A method of which only the name is known.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), request: None, reply: None, metadata: BTreeMap::new() }
    }

    /// Sets the shape of the argument.
    #[must_use]
    pub fn with_request(mut self, shape: ValueShape) -> Self {
        self.request = Some(shape);
        self
    }

    /// Sets the shape of the result.
    #[must_use]
    pub fn with_reply(mut self, shape: ValueShape) -> Self {
        self.reply = Some(shape);
        self
    }

    /// Sets one entry of the metadata.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// The methods of a service that is offered under `name`, sorted as go-micro sorts them.
    ///
    /// A method that streams shows `Context` and `Stream` instead of its types, and says
    /// `stream=true`, as go-micro's reflection sees a streaming handler.
    #[must_use]
    pub fn all_of(name: &str, service: &ServiceDescriptor) -> Vec<Self> {
        let mut methods: Vec<Self> =
            service.methods.iter().map(|method| Self::describe(name, method)).collect();
        methods.sort_by(|a, b| a.name.cmp(&b.name));
        methods
    }

    /// A subscriber, which go-micro shows among the methods: it says `subscriber=true` and its topic.
    #[must_use]
    pub fn of_subscriber(subscriber: &SubscriberDescriptor) -> Self {
        Self::new(subscriber.name)
            .with_request(ValueShape::of((subscriber.event)()))
            .with_metadata("subscriber", "true")
            .with_metadata("topic", subscriber.topic)
    }

    fn describe(service: &str, method: &MethodDescriptor) -> Self {
        let streams = method.kind.client_streams() || method.kind.server_streams();
        let (request, reply) = if streams {
            (ValueShape::named("Context"), ValueShape::named("Stream"))
        } else {
            (ValueShape::of((method.request)()), ValueShape::of((method.reply)()))
        };
        let mut described =
            Self::new(format!("{service}.{}", method.name)).with_request(request).with_reply(reply);
        if streams {
            described = described.with_metadata("stream", "true");
        }
        let docs = method.docs.trim();
        if docs.is_empty() { described } else { described.with_metadata("description", docs) }
    }
}

impl ValueShape {
    /// A value of this name and type, without fields.
    #[must_use]
    pub fn new(name: impl Into<String>, type_name: impl Into<String>) -> Self {
        Self { name: name.into(), type_name: type_name.into(), fields: Vec::new() }
    }

    /// Sets the fields.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<Self>) -> Self {
        self.fields = fields;
        self
    }

    /// What go-micro's reflection would say of a Go type like this one: three levels of structs,
    /// and nothing of what lists and maps are made of but the name.
    #[must_use]
    pub fn of(ty: &Type) -> Self {
        shape(ty, DEPTH)
    }

    fn named(name: &str) -> Self {
        Self::new(name, name)
    }
}

/// A shape whose name is its type's, with so many levels of structs.
fn shape(ty: &Type, levels: usize) -> ValueShape {
    match ty.kind {
        Kind::Option(inner) => shape(inner(), levels),
        Kind::List(item) => ValueShape::new("", format!("[]{}", go_name(item()))),
        Kind::Bytes => ValueShape::new("", "[]uint8"),
        Kind::Struct(of) => ValueShape::named(of.go).with_fields(fields(of, levels)),
        _ => ValueShape::named(&go_name(ty)),
    }
}

fn fields(of: &StructType, levels: usize) -> Vec<ValueShape> {
    let Some(levels) = levels.checked_sub(1).filter(|levels| *levels > 0) else {
        return Vec::new();
    };
    let named = |field: &polywire_schema::Field| {
        let shape = shape((field.ty)(), levels);
        ValueShape { name: field.serde.to_owned(), ..shape }
    };
    of.fields.iter().map(named).collect()
}

/// The name that Go's reflection has for a type; types without one of their own have none.
fn go_name(ty: &Type) -> String {
    match ty.kind {
        Kind::Bool => "bool".to_owned(),
        Kind::Int(bits) => format!("int{bits}"),
        Kind::Uint(bits) => format!("uint{bits}"),
        Kind::Float(bits) => format!("float{bits}"),
        Kind::Complex(bits) => format!("complex{}", u16::from(bits) * 2),
        Kind::BigInt => "Int".to_owned(),
        Kind::Char => "int32".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::Duration => "Duration".to_owned(),
        Kind::Time => "Time".to_owned(),
        Kind::Option(inner) => go_name(inner()),
        Kind::Struct(of) => of.go.to_owned(),
        // In JSON such an enum is the name of its variant.
        Kind::Enum(of) if of.is_unit_only() => "string".to_owned(),
        Kind::Enum(of) => of.go.to_owned(),
        _ => String::new(),
    }
}

/// Levels that are shown: the argument, its fields, and theirs.
const DEPTH: usize = 3;

#[cfg(test)]
mod tests;
