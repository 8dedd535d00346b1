//! What polywire knows of messages and enums besides what prost makes of them.

mod form;

use std::fmt::Write as _;

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

use self::form::{Forms, is_real_oneof_member};
use crate::CompileError;
use crate::comments::{Comments, ENUMS, MEMBERS, MESSAGES, NESTED_ENUMS, NESTED_MESSAGES};
use crate::names::{Paths, go, json, snake, upper_camel};

/// Writes the implementations for the messages and enums of one package.
pub(crate) struct Package<'a> {
    paths: Paths<'a>,
    /// The file with the encoded descriptors, beside the one that is written.
    descriptors: &'a str,
    body: String,
    messages: Vec<String>,
}

/// A message or enum, and where it stands.
struct Place<'a> {
    /// The full name, with a dot in front.
    full_name: String,
    /// Where its comment is.
    path: Vec<i32>,
    comments: &'a Comments<'a>,
    proto2: bool,
}

impl Place<'_> {
    fn inner(&self, name: &str, step: [i32; 2]) -> Self {
        Self {
            full_name: format!("{}.{name}", self.full_name),
            path: [self.path.as_slice(), &step].concat(),
            comments: self.comments,
            proto2: self.proto2,
        }
    }

    fn comment(&self) -> &str {
        self.comments.at(&self.path)
    }

    fn comment_of(&self, step: [i32; 2]) -> &str {
        self.comments.at(&[self.path.as_slice(), &step].concat())
    }
}

impl<'a> Package<'a> {
    pub(crate) fn new(
        package: &'a str,
        elsewhere: &'a [(String, String)],
        descriptors: &'a str,
    ) -> Self {
        let paths = Paths { package, elsewhere };
        Self { paths, descriptors, body: String::new(), messages: Vec::new() }
    }

    pub(crate) fn add(&mut self, file: &FileDescriptorProto) -> Result<(), CompileError> {
        let comments = Comments::of(file);
        let root = Place {
            full_name: match file.package() {
                "" => String::new(),
                package => format!(".{package}"),
            },
            path: Vec::new(),
            comments: &comments,
            proto2: matches!(file.syntax(), "" | "proto2"),
        };
        for (message, at) in file.message_type.iter().zip(0..) {
            self.message(message, &root.inner(message.name(), [MESSAGES, at]))?;
        }
        for (ty, at) in file.enum_type.iter().zip(0..) {
            self.enumeration(ty, &root.inner(ty.name(), [ENUMS, at]));
        }
        Ok(())
    }

    /// All of it, in one block; empty if there is nothing.
    pub(crate) fn finish(self) -> String {
        if self.body.is_empty() {
            return self.body;
        }
        let (body, descriptors) = (self.body, self.descriptors);
        let messages = self.messages.join(", ");
        format!(
            "#[allow(unused, clippy::all, clippy::pedantic, clippy::nursery, reason = \"generated\")]\n\
             const _: () = {{\n\
             use ::polywire::__private as __p;\n\
             static __FILES: __p::prost::Files = __p::prost::Files::new(include_bytes!({descriptors:?}));\n\
             {body}\
             __p::impl_prost_message! {{ {messages} }}\n\
             }};\n"
        )
    }

    fn is_elsewhere(&self, full_name: &str) -> bool {
        self.paths.elsewhere.iter().any(|(proto, _)| {
            full_name
                .strip_prefix(proto.as_str())
                .is_some_and(|r| r.is_empty() || r.starts_with('.'))
        })
    }

    fn message(
        &mut self,
        message: &DescriptorProto,
        place: &Place<'_>,
    ) -> Result<(), CompileError> {
        let is_entry = message.options.as_ref().is_some_and(|options| options.map_entry());
        if is_entry || self.is_elsewhere(&place.full_name) {
            return Ok(());
        }
        let forms =
            Forms { paths: &self.paths, message, place: &place.full_name, proto2: place.proto2 };
        let forms =
            message.field.iter().map(|field| forms.of(field)).collect::<Result<Vec<_>, _>>()?;
        let text = self.fields(message, place, &forms);
        self.body.push_str(&text);
        self.messages.push(self.paths.of(&place.full_name));
        for (nested, at) in message.nested_type.iter().zip(0..) {
            self.message(nested, &place.inner(nested.name(), [NESTED_MESSAGES, at]))?;
        }
        for (nested, at) in message.enum_type.iter().zip(0..) {
            self.enumeration(nested, &place.inner(nested.name(), [NESTED_ENUMS, at]));
        }
        Ok(())
    }

    /// `impl Fields`.
    fn fields(&self, message: &DescriptorProto, place: &Place<'_>, forms: &[String]) -> String {
        let ty = self.paths.of(&place.full_name);
        let full_name = place.full_name.trim_start_matches('.');
        let (mut schema, mut puts, mut takes) = (String::new(), String::new(), String::new());
        let mut names = Vec::new();
        for ((field, form), at) in message.field.iter().zip(forms).zip(0..) {
            let name = field.name();
            names.push(name);
            let comment = place.comment_of([MEMBERS, at]);
            let (tag, docs) = (field.number(), docs(comment));
            let _ = writeln!(
                schema,
                "__p::schema::Field::new([{name:?}, {:?}, {:?}, {name:?}], {tag}, \
                 <{} as __p::schema::Schema>::schema){docs},",
                go(name),
                json(name),
                member_form(field, form),
            );
            self.access(message, &ty, field, form, at, &mut puts, &mut takes);
        }
        let (rust, in_go) = (self.rust_name(&place.full_name), self.go_name(&place.full_name));
        let docs = docs(place.comment());
        format!(
            "impl __p::prost::Fields for {ty} {{\n\
             const STRUCT: &'static __p::schema::StructType = const {{ \
             &__p::schema::StructType::new({rust:?}, {in_go:?}, const {{ &[\n{schema}] }}){docs} }};\n\
             const NAMES: &'static [&'static str] = &{names:?};\n\
             const FULL_NAME: &'static str = {full_name:?};\n\
             fn files() -> &'static __p::prost::Files {{ &__FILES }}\n\
             fn put<S: __p::prost::SerializeStruct>(&self, to: &mut S) \
             -> ::core::result::Result<(), S::Error> {{\n{puts}::core::result::Result::Ok(())\n}}\n\
             fn take<'de, S: __p::prost::Source<'de>>(&mut self, field: usize, from: &mut S) \
             -> ::core::result::Result<(), S::Error> {{\n\
             match field {{\n{takes}_ => {{}}\n}}\n::core::result::Result::Ok(())\n}}\n\
             }}\n"
        )
    }

    /// How one field is written and read.
    #[expect(clippy::too_many_arguments, reason = "two outputs, and all that is known of a field")]
    fn access(
        &self,
        message: &DescriptorProto,
        ty: &str,
        field: &FieldDescriptorProto,
        form: &str,
        at: i32,
        puts: &mut String,
        takes: &mut String,
    ) {
        let name = field.name();
        if !is_real_oneof_member(field) {
            let rust = snake(name);
            let _ = writeln!(puts, "__p::prost::put::<{form}, _, S>(to, {name:?}, &self.{rust})?;");
            let _ = writeln!(takes, "{at} => self.{rust} = from.next::<{form}, _>()?,");
            return;
        }
        let index = usize::try_from(field.oneof_index()).unwrap_or_default();
        let oneof = message.oneof_decl.get(index).map_or("", |oneof| oneof.name());
        let (rust, variant) = (snake(oneof), upper_camel(name));
        let path =
            format!("{}::{}::{variant}", module_of(ty, message.name()), oneof_type(message, oneof));
        let _ = writeln!(
            puts,
            "__p::prost::put_member::<{form}, _, S>(to, {name:?}, match &self.{rust} {{ \
             ::core::option::Option::Some({path}(value)) => ::core::option::Option::Some(value), \
             _ => ::core::option::Option::None }})?;"
        );
        let _ = writeln!(takes, "{at} => from.member::<{form}, _, _>(&mut self.{rust}, {path})?,");
    }

    /// `impl Enumeration`.
    fn enumeration(&mut self, ty: &EnumDescriptorProto, place: &Place<'_>) {
        if self.is_elsewhere(&place.full_name) {
            return;
        }
        let (mut values, mut variants) = (String::new(), String::new());
        let mut numbers = Vec::new();
        for (value, at) in ty.value.iter().zip(0..) {
            let (name, number) = (value.name(), value.number());
            let _ = write!(values, "({name:?}, {number}), ");
            if numbers.contains(&number) {
                continue;
            }
            numbers.push(number);
            let docs = docs(place.comment_of([MEMBERS, at]));
            let _ = writeln!(
                variants,
                "__p::schema::Variant::new({name:?}, {name:?}, {}, \
                 __p::schema::VariantShape::Unit){docs},",
                number.cast_unsigned(),
            );
        }
        let path = self.paths.of(&place.full_name);
        let (rust, in_go) = (self.rust_name(&place.full_name), self.go_name(&place.full_name));
        let docs = docs(place.comment());
        let _ = write!(
            self.body,
            "impl __p::prost::Enumeration for {path} {{\n\
             const VALUES: &'static [(&'static str, i32)] = &[{values}];\n\
             const ENUM: &'static __p::schema::EnumType = const {{ \
             &__p::schema::EnumType::new({rust:?}, {in_go:?}, const {{ &[\n{variants}] }}){docs} }};\n\
             }}\n"
        );
    }

    /// The name without the package, those of nested types run together.
    fn rust_name(&self, full_name: &str) -> String {
        let steps = self.local(full_name).split('.').map(upper_camel);
        steps.map(|step| step.trim_start_matches("r#").to_owned()).collect()
    }

    fn go_name(&self, full_name: &str) -> String {
        self.local(full_name).split('.').map(go).collect::<Vec<_>>().join("_")
    }

    fn local<'n>(&self, full_name: &'n str) -> &'n str {
        let name = full_name.trim_start_matches('.');
        name.strip_prefix(self.paths.package).unwrap_or(name).trim_start_matches('.')
    }
}

/// The form of a field in the schema, where members of a `oneof` may be absent.
fn member_form(field: &FieldDescriptorProto, form: &str) -> String {
    match is_real_oneof_member(field) {
        true => format!("__p::prost::Maybe<{form}>"),
        false => form.to_owned(),
    }
}

/// The module that has the types within a message.
fn module_of(ty: &str, name: &str) -> String {
    let parent = ty.rsplit_once("::").map_or("", |(parent, _)| parent);
    let separator = if parent.is_empty() { "" } else { "::" };
    format!("{parent}{separator}{}", snake(name))
}

/// The type of a `oneof`; prost gives way to a nested type of the same name.
fn oneof_type(message: &DescriptorProto, oneof: &str) -> String {
    let name = upper_camel(oneof);
    let nested = message.nested_type.iter().map(|nested| nested.name());
    let mut all = nested.chain(message.enum_type.iter().map(|nested| nested.name()));
    if all.any(|nested| upper_camel(nested) == name) { format!("{name}OneOf") } else { name }
}

fn docs(comment: &str) -> String {
    if comment.is_empty() { String::new() } else { format!(".with_docs({comment:?})") }
}
