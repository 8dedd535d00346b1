//! What a server offers, as values that travel: services, methods, docs and types.
//!
//! Every [`App`](crate::App) answers `polywire.Reflection.Describe` with a [`Description`], from
//! which the command line builds arguments for services it has never seen. Any peer can read it:
//! it is made of structs, lists, text and numbers.
//!
//! Types refer to each other by their position in [`Description::types`], so that recursive ones
//! can be described.

mod export;

use std::any::TypeId;
use std::collections::HashMap;

use polywire_core::{ServiceDescriptor, Status};
use polywire_macros::Schema;
use polywire_schema::{Field, Kind, StructType, Type, TypeRef, VariantShape};
use serde::{Deserialize, Serialize};

pub use self::export::{ExportForm, Exported};
use crate::builtin::Named;

/// The name the built-in service is registered under.
pub const SERVICE: &str = "polywire.Reflection";

/// Everything one server offers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[non_exhaustive]
pub struct Description {
    /// The services, in the order of their names.
    pub services: Vec<ServiceInfo>,
    /// Every type a method mentions, directly or not.
    pub types: Vec<TypeInfo>,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[non_exhaustive]
pub struct ServiceInfo {
    /// The name it is registered under.
    pub name: String,
    /// The doc comment.
    pub docs: String,
    /// The methods in declaration order.
    pub methods: Vec<MethodInfo>,
}

/// A method.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[non_exhaustive]
pub struct MethodInfo {
    /// The name on the wire.
    pub name: String,
    /// The doc comment.
    pub docs: String,
    /// Whether calling it twice is the same as calling it once.
    pub idempotent: bool,
    /// Whether the caller sends any number of arguments.
    #[serde(default)]
    pub client_streams: bool,
    /// Whether the callee sends any number of results.
    #[serde(default)]
    pub server_streams: bool,
    /// The type of the argument.
    pub request: u32,
    /// The type of the result.
    pub reply: u32,
}

/// A type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[non_exhaustive]
pub struct TypeInfo {
    /// The shape.
    pub shape: Shape,
    /// The name: a struct's or enum's own, otherwise the type in Rust's syntax.
    pub name: String,
    /// The doc comment of a struct or enum.
    pub docs: String,
    /// The width of an integer or float.
    pub bits: u8,
    /// The length of an array.
    pub len: u64,
    /// The types it is made of: of a list's elements, of a map's keys and values, of a tuple.
    pub items: Vec<u32>,
    /// The fields of a struct.
    pub fields: Vec<FieldInfo>,
    /// The variants of an enum.
    pub variants: Vec<VariantInfo>,
}

/// The shape of a type, or of what a variant carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Shape {
    /// No value.
    #[default]
    Unit,
    /// A truth value.
    Bool,
    /// A signed integer.
    Int,
    /// An unsigned integer.
    Uint,
    /// A float.
    Float,
    /// One character.
    Char,
    /// Text.
    String,
    /// A byte string.
    Bytes,
    /// A span of time.
    Duration,
    /// A point in time.
    Time,
    /// A value that may be absent.
    Option,
    /// A sequence.
    List,
    /// A sequence of fixed length.
    Array,
    /// Keys to values.
    Map,
    /// Values side by side.
    Tuple,
    /// A struct.
    Struct,
    /// An enum.
    Enum,
    /// A shape this version has no word for.
    Unknown,
}

/// A field of a struct.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[non_exhaustive]
pub struct FieldInfo {
    /// The name serde uses.
    pub name: String,
    /// The name on Go's wires.
    pub go: String,
    /// The doc comment.
    pub docs: String,
    /// The type.
    pub ty: u32,
}

/// A variant of an enum.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[non_exhaustive]
pub struct VariantInfo {
    /// The name serde uses.
    pub name: String,
    /// The name on Go's wires.
    pub go: String,
    /// The doc comment.
    pub docs: String,
    /// What it carries: `unit`; `option` for one unnamed value; `tuple`; `struct`.
    pub shape: Shape,
    /// The types of unnamed values.
    pub items: Vec<u32>,
    /// The named fields.
    pub fields: Vec<FieldInfo>,
}

impl Description {
    /// Describes services, each under the name it is registered under.
    pub fn of<'a>(
        services: impl IntoIterator<Item = (&'a str, &'static ServiceDescriptor)>,
    ) -> Self {
        let mut types = Types::default();
        let mut services: Vec<_> =
            services.into_iter().map(|(name, service)| types.service(name, service)).collect();
        services.sort_by(|a, b| a.name.cmp(&b.name));
        Self { services, types: types.known }
    }

    /// The method of that name, such as `Greeter.Hello`; the last dot separates the service.
    #[must_use]
    pub fn method(&self, path: &str) -> Option<&MethodInfo> {
        let (service, method) = path.rsplit_once('.')?;
        let service = self.services.iter().find(|known| known.name == service)?;
        service.methods.iter().find(|known| known.name == method)
    }

    /// The type at a position.
    #[must_use]
    pub fn ty(&self, position: u32) -> Option<&TypeInfo> {
        self.types.get(usize::try_from(position).ok()?)
    }
}

/// Describes the server it runs on.
#[polywire_macros::service(name = "polywire.Reflection", crate = "crate")]
pub trait Reflection {
    /// Lists the services, methods and types of this server.
    #[rpc(idempotent)]
    async fn describe(&self) -> Description;

    /// Describes the services, or the one of that name, to programs in other languages.
    #[rpc(idempotent)]
    async fn export(&self, form: ExportForm, service: String) -> Result<Vec<Exported>, Status>;
}

/// Answers with what was described when the server was put together.
pub(crate) struct Described {
    description: Description,
    services: Vec<Named>,
}

impl Described {
    /// Describes services, each under the name it is registered under.
    pub(crate) fn of<'a>(
        services: impl Iterator<Item = (&'a str, &'static ServiceDescriptor)> + Clone,
    ) -> Self {
        let description = Description::of(services.clone());
        let services = services.map(|(name, service)| (name.to_owned(), service)).collect();
        Self { description, services }
    }
}

impl Reflection for Described {
    async fn describe(&self) -> Description {
        self.description.clone()
    }

    async fn export(&self, form: ExportForm, service: String) -> Result<Vec<Exported>, Status> {
        export::export(&self.services, form, &service)
    }
}

#[derive(Default)]
struct Types {
    known: Vec<TypeInfo>,
    positions: HashMap<TypeId, u32>,
}

impl Types {
    fn service(&mut self, name: &str, service: &'static ServiceDescriptor) -> ServiceInfo {
        let methods = service.methods.iter().map(|method| MethodInfo {
            name: method.name.to_owned(),
            docs: method.docs.to_owned(),
            idempotent: method.idempotent,
            client_streams: method.kind.client_streams(),
            server_streams: method.kind.server_streams(),
            request: self.add(method.request),
            reply: self.add(method.reply),
        });
        let methods = methods.collect();
        ServiceInfo { name: name.to_owned(), docs: service.docs.to_owned(), methods }
    }

    /// Describes a type unless it is known; its place is taken before its parts are looked at.
    fn add(&mut self, ty: TypeRef) -> u32 {
        let ty = ty();
        let id = (ty.id)();
        if let Some(position) = self.positions.get(&id) {
            return *position;
        }
        let position = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        self.positions.insert(id, position);
        self.known.push(TypeInfo::default());
        let info = self.describe(ty);
        if let Some(place) = self.known.get_mut(position as usize) {
            *place = info;
        }
        position
    }

    fn describe(&mut self, ty: &'static Type) -> TypeInfo {
        let mut info = TypeInfo { name: ty.name(), ..TypeInfo::default() };
        let (shape, items) = match ty.kind {
            Kind::Unit => (Shape::Unit, vec![]),
            Kind::Bool => (Shape::Bool, vec![]),
            Kind::Int(bits) => (Shape::Int, self.bits(&mut info, bits)),
            Kind::Uint(bits) => (Shape::Uint, self.bits(&mut info, bits)),
            Kind::Float(bits) => (Shape::Float, self.bits(&mut info, bits)),
            Kind::Char => (Shape::Char, vec![]),
            Kind::String => (Shape::String, vec![]),
            Kind::Bytes => (Shape::Bytes, vec![]),
            Kind::Duration => (Shape::Duration, vec![]),
            Kind::Time => (Shape::Time, vec![]),
            Kind::Option(item) => (Shape::Option, vec![self.add(item)]),
            Kind::List(item) => (Shape::List, vec![self.add(item)]),
            Kind::Array(item, len) => {
                info.len = u64::try_from(len).unwrap_or(u64::MAX);
                (Shape::Array, vec![self.add(item)])
            }
            Kind::Map(key, value) => (Shape::Map, vec![self.add(key), self.add(value)]),
            Kind::Tuple(items) => (Shape::Tuple, self.all(items)),
            Kind::Struct(ty) => {
                ty.docs.clone_into(&mut info.docs);
                info.fields = self.fields(ty);
                (Shape::Struct, vec![])
            }
            Kind::Enum(ty) => {
                ty.docs.clone_into(&mut info.docs);
                info.variants = ty.variants.iter().map(|variant| self.variant(variant)).collect();
                (Shape::Enum, vec![])
            }
            _ => (Shape::Unknown, vec![]),
        };
        (info.shape, info.items) = (shape, items);
        info
    }

    fn bits(&self, info: &mut TypeInfo, bits: u8) -> Vec<u32> {
        info.bits = bits;
        Vec::new()
    }

    fn all(&mut self, items: &[TypeRef]) -> Vec<u32> {
        items.iter().map(|item| self.add(*item)).collect()
    }

    fn fields(&mut self, ty: &StructType) -> Vec<FieldInfo> {
        let field = |field: &Field| FieldInfo {
            name: field.serde.to_owned(),
            go: field.go.to_owned(),
            docs: field.docs.to_owned(),
            ty: self.add(field.ty),
        };
        ty.fields.iter().map(field).collect()
    }

    fn variant(&mut self, variant: &polywire_schema::Variant) -> VariantInfo {
        let (shape, items, fields) = match variant.shape {
            VariantShape::Unit => (Shape::Unit, vec![], vec![]),
            VariantShape::Newtype(item) => (Shape::Option, vec![self.add(item)], vec![]),
            VariantShape::Tuple(items) => (Shape::Tuple, self.all(items), vec![]),
            VariantShape::Struct(ty) => (Shape::Struct, vec![], self.fields(ty)),
            _ => (Shape::Unknown, vec![], vec![]),
        };
        VariantInfo {
            name: variant.serde.to_owned(),
            go: variant.go.to_owned(),
            docs: variant.docs.to_owned(),
            shape,
            items,
            fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use polywire_core::MethodDescriptor;
    use polywire_schema::Schema as _;

    use super::*;

    static METHODS: [MethodDescriptor; 1] =
        [MethodDescriptor::new("Describe", "Other.Describe", <()>::schema, Description::schema)];
    static OTHER: ServiceDescriptor = ServiceDescriptor::new("Other", &METHODS);

    #[test]
    fn types_are_described_once_and_found_by_position() {
        let description = Description::of([("b", &OTHER), ("a.b", &OTHER)]);
        assert_eq!(description.services[0].name, "a.b");
        let method = description.method("a.b.Describe").unwrap();
        assert_eq!(description.ty(method.request).unwrap().shape, Shape::Unit);
        let reply = description.ty(method.reply).unwrap();
        assert_eq!(reply.name, "Description");
        let types = description.ty(reply.fields[1].ty).unwrap();
        assert_eq!((types.shape, reply.fields[1].go.as_str()), (Shape::List, "Types"));
        assert_eq!(description.ty(types.items[0]).unwrap().name, "TypeInfo");
        let names: Vec<_> = description.types.iter().map(|ty| ty.name.as_str()).collect();
        assert_eq!(names.iter().filter(|name| **name == "String").count(), 1, "{names:?}");
        assert!(description.method("a.b.Nope").is_none());
    }
}
