//! Services as other languages want them described: `.proto` files as text and as descriptors,
//! OpenAPI documents and JSON Schema.
//!
//! A [`ProtoFile`] holds the services of one package and every type they mention, in the form that
//! [`protobuf`](crate::protobuf) gives them on the wire; all the rest is printed from it. It is made
//! of what programs know about their own types, so nothing here reads anything a peer sends.
//!
//! Messages are called what their types are. A message around what cannot stand by itself is called
//! after its contents: `UInt32List`, `OptionalUser`, `StringUserMap`, `ColorValue`. Where a name is
//! taken, by an instance of a generic type for example, the one met later gets a number: `Page2`.

mod comments;
mod descriptor;
mod foreign;
mod model;
mod names;
mod openapi;
mod schema;
mod text;
mod types;
mod well_known;

use polywire_core::ServiceDescriptor;

pub use self::openapi::openapi;
pub use self::schema::json_schema;

/// The services of one package and the types they mention, or a `.proto` file that the program was
/// made of.
#[derive(Debug, Clone)]
pub struct ProtoFile(Form);

#[derive(Debug, Clone)]
enum Form {
    Ours(model::File),
    Theirs(foreign::Foreign),
}

impl ProtoFile {
    /// Describes services, each under the name it is registered under, in one file per package;
    /// what stands before the last dot of a name belongs to the package. Services and messages that
    /// come from `.proto` files are described by those, which follow.
    ///
    /// Methods whose types have no form in protobuf are left out; the text says so.
    #[must_use]
    pub fn of<'a>(
        services: impl IntoIterator<Item = (&'a str, &'static ServiceDescriptor)>,
    ) -> Vec<Self> {
        let (ours, theirs) = types::files(services);
        let ours = ours.into_iter().map(Form::Ours);
        ours.chain(theirs.into_iter().map(Form::Theirs)).map(Self).collect()
    }

    /// The files of `google.protobuf` that the others may import.
    #[must_use]
    pub fn well_known() -> Vec<Self> {
        well_known::files().into_iter().map(|file| Self(Form::Ours(file))).collect()
    }

    /// The name others import it by, such as `greeter/v1.proto`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Form::Ours(file) => &file.name,
            Form::Theirs(file) => file.name,
        }
    }

    /// The names of the files it imports.
    #[must_use]
    pub fn imports(&self) -> Vec<&str> {
        match &self.0 {
            Form::Ours(file) => file.imports.iter().copied().collect(),
            Form::Theirs(file) => file.imports.clone(),
        }
    }

    /// The full names of its services.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        match &self.0 {
            Form::Ours(file) => {
                file.services.iter().map(|service| file.full_name(&service.name)).collect()
            }
            Form::Theirs(file) => file.services.clone(),
        }
    }

    /// Whether it defines a service, method, message, field, enum or value of that full name.
    #[must_use]
    pub fn defines(&self, symbol: &str) -> bool {
        match &self.0 {
            Form::Ours(file) => file.defines(symbol),
            Form::Theirs(file) => file.symbols.contains(symbol),
        }
    }

    /// The text of the `.proto` file; `None` if others wrote it, who have it.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        self.ours().map(text::print)
    }

    /// The encoded `google.protobuf.FileDescriptorProto`, comments included.
    #[must_use]
    pub fn to_descriptor(&self) -> Vec<u8> {
        match &self.0 {
            Form::Ours(file) => descriptor::encode(file),
            Form::Theirs(file) => file.encoded.to_vec(),
        }
    }

    const fn ours(&self) -> Option<&model::File> {
        match &self.0 {
            Form::Ours(file) => Some(file),
            Form::Theirs(_) => None,
        }
    }
}
