//! From descriptors of services to files: every type a method mentions becomes what the protobuf
//! codec makes of it.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap, HashSet};

use polywire_core::{MethodDescriptor, ServiceDescriptor};
use polywire_schema::{EnumType, Kind, Type, TypeRef, Variant, VariantShape};

use super::foreign::{self, Foreign, join};
use super::model::{Enum, Field, FieldType, File, Label, Message, Method, Scalar, Service, Value};
use super::names::{Names, label};
use super::well_known;
use crate::protobuf::form::{defaults_by_serde, is_bytes, is_message, is_wrapped_root, spreads};
use crate::protobuf::{check, member_name, member_tag, value_name};

type Named = (String, &'static ServiceDescriptor);

/// One file per package, in the order of the packages, and of the services within each; and the
/// files that others wrote.
pub(super) fn files<'a>(
    services: impl IntoIterator<Item = (&'a str, &'static ServiceDescriptor)>,
) -> (Vec<File>, Vec<Foreign>) {
    let services: Vec<_> = services.into_iter().collect();
    let theirs = foreign(services.iter().map(|(_, service)| *service));
    let mut packages: BTreeMap<String, Vec<Named>> = BTreeMap::new();
    for (registered, service) in services {
        let (before, name) = registered.rsplit_once('.').unwrap_or(("", registered));
        let parts = [service.package, before];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let package = parts.join(".");
        let full_name = join(&package, name);
        if theirs.iter().any(|file| file.services.contains(&full_name)) {
            continue;
        }
        packages.entry(package).or_default().push((name.to_owned(), service));
    }
    let file = |(package, mut services): (String, Vec<Named>)| {
        services.sort_by(|a, b| a.0.cmp(&b.0));
        Builder::new(package, &theirs).services(&services)
    };
    (packages.into_iter().map(file).collect(), theirs)
}

/// The files that others wrote, each once, as far as arguments and results come from them.
fn foreign(services: impl Iterator<Item = &'static ServiceDescriptor>) -> Vec<Foreign> {
    let methods = services.flat_map(|service| service.methods);
    let types = methods.flat_map(|method| [(method.request)(), (method.reply)()]);
    let mut files: Vec<Foreign> = Vec::new();
    let mut sets = Vec::new();
    let mut seen = HashSet::new();
    let mut to_do: Vec<&'static Type> = types.collect();
    while let Some(ty) = to_do.pop() {
        if let Some(origin) = ty.origin {
            let set = (origin.files)();
            if !sets.contains(&set.as_ptr()) {
                sets.push(set.as_ptr());
                files.extend(foreign::files(set));
            }
        } else if seen.insert((ty.id)()) {
            to_do.extend(parts(ty).into_iter().map(|part| part()));
        }
    }
    let mut names = HashSet::new();
    files.retain(|file| names.insert(file.name));
    files.sort_by_key(|file| file.name);
    files
}

/// The types that a type is made of.
fn parts(ty: &Type) -> Vec<TypeRef> {
    let fields = |fields: &[polywire_schema::Field]| fields.iter().map(|f| f.ty).collect();
    match ty.kind {
        Kind::Option(item) | Kind::List(item) | Kind::Array(item, _) => vec![item],
        Kind::Map(key, value) => vec![key, value],
        Kind::Tuple(items) => items.to_vec(),
        Kind::Struct(inner) => fields(inner.fields),
        Kind::Enum(inner) => {
            let of = |variant: &Variant| match variant.shape {
                VariantShape::Newtype(item) => vec![item],
                VariantShape::Tuple(items) => items.to_vec(),
                VariantShape::Struct(inner) => fields(inner.fields),
                _ => Vec::new(),
            };
            inner.variants.iter().flat_map(of).collect()
        }
        _ => Vec::new(),
    }
}

struct Builder<'f> {
    file: File,
    names: Names,
    /// The full names of messages and enums.
    known: HashMap<TypeId, String>,
    /// The full names of messages around values.
    wrappers: HashMap<TypeId, String>,
    theirs: &'f [Foreign],
}

impl<'f> Builder<'f> {
    fn new(package: String, theirs: &'f [Foreign]) -> Self {
        let mut name = match package.as_str() {
            "" => "services.proto".to_owned(),
            package => format!("{}.proto", package.replace('.', "/")),
        };
        while theirs.iter().any(|file| file.name == name) {
            name.insert_str(name.len() - ".proto".len(), "_services");
        }
        let mut names = Names::default();
        let symbols = theirs.iter().flat_map(|file| &file.symbols);
        names.take_all_of(symbols.filter_map(|symbol| match package.as_str() {
            "" => Some(symbol.as_str()),
            package => symbol.strip_prefix(package)?.strip_prefix('.'),
        }));
        let file = File { name, package, ..File::default() };
        let (known, wrappers) = (HashMap::new(), HashMap::new());
        Self { file, names, known, wrappers, theirs }
    }

    fn services(mut self, services: &[Named]) -> File {
        // Clients call services by name, so they come first; types give way.
        let names: Vec<String> = services.iter().map(|(name, _)| self.names.take(name)).collect();
        for (name, (_, service)) in names.into_iter().zip(services) {
            let service = self.service(name, service);
            self.file.services.push(service);
        }
        self.file
    }

    fn service(&mut self, name: String, service: &'static ServiceDescriptor) -> Service {
        let mut described =
            Service { name, docs: service.docs, methods: Vec::new(), left_out: Vec::new() };
        for method in service.methods {
            let types = [method.request, method.reply];
            match types.into_iter().try_for_each(|ty| check(ty())) {
                Ok(()) => described.methods.push(self.method(method)),
                Err(error) => described.left_out.push(format!("{}: {error}", method.name)),
            }
        }
        described
    }

    fn method(&mut self, method: &'static MethodDescriptor) -> Method {
        Method {
            name: method.name,
            docs: method.docs,
            request: self.root((method.request)()),
            reply: self.root((method.reply)()),
            kind: method.kind,
            idempotent: method.idempotent,
        }
    }

    /// The message of an argument or result.
    fn root(&mut self, ty: &'static Type) -> String {
        if is_wrapped_root(ty) {
            return self.wrapper(ty);
        }
        match self.value(ty) {
            FieldType::Message(name) | FieldType::Enum(name) => name,
            FieldType::Scalar(scalar) => self.import(well_known::wrapper_of(scalar)),
        }
    }

    fn import(&mut self, (file, name): (&'static str, &'static str)) -> String {
        self.file.imports.insert(file);
        format!("google.protobuf.{name}")
    }

    /// A message that others defined.
    fn foreign(&mut self, full_name: &str) -> String {
        let file = self.theirs.iter().find(|file| file.symbols.contains(full_name));
        self.file.imports.extend(file.map(|file| file.name));
        full_name.to_owned()
    }

    /// The type of a field that holds exactly one value.
    fn value(&mut self, ty: &'static Type) -> FieldType {
        if spreads(ty) {
            return FieldType::Message(self.wrapper(ty));
        }
        FieldType::Message(match ty.kind {
            Kind::Unit => self.import(well_known::EMPTY),
            Kind::Duration => self.import(well_known::DURATION),
            Kind::Time => self.import(well_known::TIMESTAMP),
            Kind::Enum(inner) if inner.is_unit_only() => {
                return FieldType::Enum(self.values(ty, inner));
            }
            _ if is_message(ty) => self.message(ty),
            _ => return FieldType::Scalar(scalar(ty)),
        })
    }

    /// The message whose only field holds a value that cannot stand by itself.
    fn wrapper(&mut self, ty: &'static Type) -> String {
        let mut name = label(ty);
        if !spreads(ty) {
            name.push_str("Value");
        }
        if let Some(name) = self.wrappers.get(&(ty.id)()) {
            return name.clone();
        }
        let (at, full) = self.place(&name);
        self.wrappers.insert((ty.id)(), full.clone());
        let field = self.field("value", "", 1, ty, Label::Plain);
        self.fill(at, "", None, vec![field]);
        full
    }

    /// Takes a name, and the place of a message in the order in which they are met.
    fn place(&mut self, name: &str) -> (usize, String) {
        let name = self.names.take(name);
        let full = self.file.full_name(&name);
        self.file.messages.push(Message { name, ..Message::default() });
        (self.file.messages.len() - 1, full)
    }

    fn fill(&mut self, at: usize, docs: &'static str, oneof: Option<String>, fields: Vec<Field>) {
        if let Some(message) = self.file.messages.get_mut(at) {
            (message.docs, message.oneof, message.fields) = (docs, oneof, fields);
        }
    }

    fn message(&mut self, ty: &'static Type) -> String {
        if let Some(origin) = ty.origin {
            return self.foreign(origin.full_name);
        }
        if let Some(name) = self.known.get(&(ty.id)()) {
            return name.clone();
        }
        let (at, full) = self.place(&label(ty));
        // Before its fields are looked at, since they may mention it.
        self.known.insert((ty.id)(), full.clone());
        match ty.kind {
            Kind::Struct(inner) => {
                let fields = self.fields(inner.fields);
                self.fill(at, inner.docs, None, fields);
            }
            Kind::Tuple(items) => {
                let fields = self.positions(items);
                self.fill(at, "", None, fields);
            }
            Kind::Enum(inner) => self.members(at, inner),
            _ => {}
        }
        full
    }

    fn fields(&mut self, fields: &'static [polywire_schema::Field]) -> Vec<Field> {
        let field = |field: &'static polywire_schema::Field| {
            let ty = (field.ty)();
            let explicit = defaults_by_serde(field, ty);
            let label = if explicit { Label::Optional } else { Label::Plain };
            self.field(field.proto, field.docs, field.tag, ty, label)
        };
        fields.iter().map(field).collect()
    }

    fn positions(&mut self, items: &'static [TypeRef]) -> Vec<Field> {
        let field = |(at, item): (u32, &TypeRef)| {
            self.field(&format!("f{at}"), "", at + 1, item(), Label::Plain)
        };
        (0..).zip(items).map(field).collect()
    }

    fn members(&mut self, at: usize, ty: &'static EnumType) {
        let fields: Vec<Field> =
            ty.variants.iter().map(|variant| self.member(ty, variant)).collect();
        let is_free = |name: &&str| !fields.iter().any(|field| field.name == **name);
        let names = ["kind", "variant", "one_of", "oneof_of_this"];
        let oneof = names.iter().find(|name| is_free(name)).unwrap_or(&"kind");
        self.fill(at, ty.docs, Some((*oneof).to_owned()), fields);
    }

    fn member(&mut self, ty: &'static EnumType, variant: &'static Variant) -> Field {
        let part = format!("{}{}", ty.name, variant.go);
        let ty_of_member = match variant.shape {
            VariantShape::Newtype(item) => self.value(item()),
            VariantShape::Tuple(items) => {
                let (at, full) = self.place(&part);
                let fields = self.positions(items);
                self.fill(at, variant.docs, None, fields);
                FieldType::Message(full)
            }
            VariantShape::Struct(inner) => {
                let (at, full) = self.place(inner.name);
                let fields = self.fields(inner.fields);
                self.fill(at, inner.docs, None, fields);
                FieldType::Message(full)
            }
            _ => FieldType::Message(self.import(well_known::EMPTY)),
        };
        Field {
            name: member_name(variant),
            docs: variant.docs,
            tag: member_tag(ty, variant),
            label: Label::Plain,
            ty: ty_of_member,
        }
    }

    /// A field that takes any number of occurrences; `label` is that of a type with exactly one.
    fn field(
        &mut self,
        name: &str,
        docs: &'static str,
        tag: u32,
        ty: &'static Type,
        label: Label,
    ) -> Field {
        let (label, ty) = match ty.kind {
            Kind::Option(item) => (Label::Optional, self.value(item())),
            Kind::Map(key, value) => {
                let is_enum = matches!(key().kind, Kind::Enum(_));
                let key = if is_enum { Scalar::INT32 } else { scalar(key()) };
                (Label::Map(key), self.value(value()))
            }
            Kind::List(item) | Kind::Array(item, _) if !is_bytes(ty) => {
                (Label::Repeated, self.value(item()))
            }
            _ => (label, self.value(ty)),
        };
        // Messages have presence anyway.
        let label = match (&label, &ty) {
            (Label::Optional, FieldType::Message(_)) => Label::Plain,
            _ => label,
        };
        Field { name: name.to_owned(), docs, tag, label, ty }
    }

    /// An enum without data. Where its values' names are taken, a message gives them a scope.
    fn values(&mut self, ty: &'static Type, inner: &'static EnumType) -> String {
        if let Some(name) = self.known.get(&(ty.id)()) {
            return name.clone();
        }
        let values = values(inner);
        let mut item = Enum { name: String::new(), docs: inner.docs, values };
        let full = if self.names.take_all(item.values.iter().map(|value| value.name.as_str())) {
            item.name = self.names.take(inner.name);
            let full = self.file.full_name(&item.name);
            self.file.enums.push(item);
            full
        } else {
            "Enum".clone_into(&mut item.name);
            let (at, full) = self.place(inner.name);
            if let Some(message) = self.file.messages.get_mut(at) {
                message.inner = Some(item);
            }
            format!("{full}.Enum")
        };
        self.known.insert((ty.id)(), full.clone());
        full
    }
}

/// The values with the one of number 0 in front, where proto3 wants it.
fn values(ty: &'static EnumType) -> Vec<Value> {
    let value = |variant: &'static Variant| Value {
        name: value_name(ty, variant),
        docs: variant.docs,
        number: i32::try_from(variant.number).unwrap_or(i32::MAX),
    };
    let mut values: Vec<Value> = ty.variants.iter().map(value).collect();
    if let Some(zero) = values.iter().position(|value| value.number == 0) {
        if let Some(first) = values.get_mut(..=zero) {
            first.rotate_right(1);
        }
        return values;
    }
    let none = Variant::new("Unspecified", "Unspecified", 0, VariantShape::Unit);
    let mut name = value_name(ty, &none);
    while values.iter().any(|value| value.name == name) {
        name.push_str("_0");
    }
    values.insert(0, Value { name, docs: "", number: 0 });
    values
}

fn scalar(ty: &Type) -> Scalar {
    match ty.kind {
        Kind::Bool => Scalar::BOOL,
        Kind::Int(64) => Scalar::INT64,
        Kind::Int(_) => Scalar::INT32,
        Kind::Uint(64) => Scalar::UINT64,
        Kind::Uint(_) => Scalar::UINT32,
        Kind::Float(32) => Scalar::FLOAT,
        Kind::Float(_) => Scalar::DOUBLE,
        Kind::Char | Kind::String => Scalar::STRING,
        _ => Scalar::BYTES,
    }
}
