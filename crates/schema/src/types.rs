//! The descriptor itself.

use std::any::TypeId;
use std::fmt;

use crate::Slot;

/// A type that describes itself to every encoding.
///
/// Derive it beside serde's traits. The descriptor must match what the serde implementation does:
/// the same fields under the same serde names, in the same order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel: it has no `Schema`",
    note = "add `#[derive(Schema)]` beside serde's `Serialize` and `Deserialize`, or describe the \
            field by another type with `#[schema(as = \"...\")]`"
)]
pub trait Schema: 'static {
    /// The descriptor of this type.
    const TYPE: &'static Type;

    /// The same as [`Schema::TYPE`], as a function: a reference to a type that may be recursive.
    #[must_use]
    fn schema() -> &'static Type {
        Self::TYPE
    }
}

/// A reference to a type's descriptor; a function, so that recursive types can be described.
pub type TypeRef = fn() -> &'static Type;

/// Everything an encoding needs to know about one Rust type.
pub struct Type {
    /// What the value looks like.
    pub kind: Kind,
    /// Identifies the Rust type within this process.
    pub id: fn() -> TypeId,
    /// Where an encoding keeps what it worked out for this type; `None` for generic types, whose
    /// encodings fall back to a table keyed by [`Type::id`].
    pub slot: Option<&'static Slot>,
    /// The `.proto` file it comes from; `None` for types that were written in Rust.
    pub origin: Option<ProtoOrigin>,
}

/// Where a type comes from that was made of a `.proto` file.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ProtoOrigin {
    /// The full name of the message: `greeter.v1.HelloRequest`.
    pub full_name: &'static str,
    /// The file that defines it and those it needs: an encoded
    /// `google.protobuf.FileDescriptorSet`.
    pub files: fn() -> &'static [u8],
}

impl ProtoOrigin {
    /// Says where a message is defined; used by generated code.
    #[must_use]
    pub const fn new(full_name: &'static str, files: fn() -> &'static [u8]) -> Self {
        Self { full_name, files }
    }
}

impl Type {
    /// Describes a type that is not a struct or enum of the user's.
    #[must_use]
    pub const fn new<T: 'static + ?Sized>(kind: Kind) -> Self {
        Self { kind, id: TypeId::of::<T>, slot: None, origin: None }
    }

    /// Gives the type a place where encodings keep what they worked out for it.
    #[must_use]
    pub const fn with_slot(mut self, slot: &'static Slot) -> Self {
        self.slot = Some(slot);
        self
    }

    /// Says which `.proto` file the type comes from.
    #[must_use]
    pub const fn with_origin(mut self, origin: ProtoOrigin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// A name to show in errors and documents: the struct's or enum's own, or the kind in Rust's
    /// syntax, such as `Vec<u32>`.
    #[must_use]
    pub fn name(&self) -> String {
        self.to_string()
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Type({self})")
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Unit => f.write_str("()"),
            Kind::Bool => f.write_str("bool"),
            Kind::Int(bits) => write!(f, "i{bits}"),
            Kind::Uint(bits) => write!(f, "u{bits}"),
            Kind::Float(bits) => write!(f, "f{bits}"),
            Kind::Complex(bits) => write!(f, "Complex<f{bits}>"),
            Kind::BigInt => f.write_str("BigInt"),
            Kind::Any => f.write_str("Any"),
            Kind::Char => f.write_str("char"),
            Kind::String => f.write_str("String"),
            Kind::Bytes => f.write_str("Bytes"),
            Kind::Duration => f.write_str("Duration"),
            Kind::Time => f.write_str("SystemTime"),
            Kind::Option(item) => write!(f, "Option<{}>", item()),
            Kind::List(item) => write!(f, "Vec<{}>", item()),
            Kind::Array(item, len) => write!(f, "[{}; {len}]", item()),
            Kind::Map(key, value) => write!(f, "Map<{}, {}>", key(), value()),
            Kind::Tuple(items) => {
                f.write_str("(")?;
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{}", item())?;
                }
                f.write_str(")")
            }
            Kind::Struct(ty) => f.write_str(ty.name),
            Kind::Enum(ty) => f.write_str(ty.name),
        }
    }
}

/// The shape of a value.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Kind {
    /// `()`, or a struct without fields written `struct Unit;`.
    Unit,
    /// `bool`.
    Bool,
    /// A signed integer of so many bits: 8, 16, 32, 64 or 128. `isize` counts as 64.
    Int(u8),
    /// An unsigned integer of so many bits: 8, 16, 32, 64 or 128. `usize` counts as 64.
    Uint(u8),
    /// A float of 32 or 64 bits.
    Float(u8),
    /// A complex number whose parts are floats of 32 or 64 bits. Its serde implementation gives a
    /// tuple of both: real, imaginary.
    Complex(u8),
    /// A whole number of any size. Its serde implementation gives decimal text to readable
    /// encodings; what it gives to others is the encoding's affair.
    BigInt,
    /// `char`; text of one character on wires that have no such kind.
    Char,
    /// UTF-8 text.
    String,
    /// A byte string whose serde implementation uses `serialize_bytes`: `bytes::Bytes`,
    /// `serde_bytes::ByteBuf`. A `Vec<u8>` is `List(u8)` here, and the same bytes on the wire.
    Bytes,
    /// `std::time::Duration`.
    Duration,
    /// A point in time: `std::time::SystemTime`, or chrono's `DateTime<Utc>`.
    Time,
    /// A value that may be absent.
    Option(TypeRef),
    /// A sequence of any length.
    List(TypeRef),
    /// A sequence of a length fixed by the type.
    Array(TypeRef, usize),
    /// Keys to values, in no particular order.
    Map(TypeRef, TypeRef),
    /// Two or more values side by side.
    Tuple(&'static [TypeRef]),
    /// A struct with named fields, or a tuple struct of two fields and more.
    Struct(&'static StructType),
    /// An enum.
    Enum(&'static EnumType),
    /// A value that brings its type along: an interface in Go, any value in JSON.
    Any,
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", Type { kind: *self, id: TypeId::of::<()>, slot: None, origin: None })
    }
}

/// A struct.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StructType {
    /// The Rust name, without generic arguments.
    pub name: &'static str,
    /// The name Go and gob see; the Rust name unless overridden with `#[schema(go = "...")]`.
    pub go: &'static str,
    /// The fully qualified Java class, from `#[schema(java = "...")]`, if any.
    pub java: Option<&'static str>,
    /// The doc comment, lines joined by `\n`, each without its leading space.
    pub docs: &'static str,
    /// The fields in declaration order, those skipped by serde left out.
    pub fields: &'static [Field],
}

impl StructType {
    /// Describes a struct; used by the derive.
    #[must_use]
    pub const fn new(name: &'static str, go: &'static str, fields: &'static [Field]) -> Self {
        Self { name, go, java: None, docs: "", fields }
    }

    /// Sets the Java class.
    #[must_use]
    pub const fn with_java(mut self, java: &'static str) -> Self {
        self.java = Some(java);
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

/// A field of a struct, or of an enum variant with named fields.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Field {
    /// The name serde uses: the Rust name unless renamed. For tuple structs the position, `"0"`.
    pub serde: &'static str,
    /// The name on Go's wires, such as `UserID`; see [`go_name`](crate::go_name).
    pub go: &'static str,
    /// The name on Java's wires, such as `userId`.
    pub java: &'static str,
    /// The name in protobuf, such as `user_id`.
    pub proto: &'static str,
    /// The protobuf tag: as stated with `#[schema(tag = n)]`, else the position, from 1.
    pub tag: u32,
    /// Whether serde fills the field in by itself when it is absent (`#[serde(default)]`).
    pub has_default: bool,
    /// The doc comment.
    pub docs: &'static str,
    /// The type of the field.
    pub ty: TypeRef,
}

impl Field {
    /// Describes a field whose four names were worked out by the derive.
    #[must_use]
    pub const fn new(names: [&'static str; 4], tag: u32, ty: TypeRef) -> Self {
        let [serde, go, java, proto] = names;
        Self { serde, go, java, proto, tag, has_default: false, docs: "", ty }
    }

    /// Says that serde fills the field in by itself when it is absent.
    #[must_use]
    pub const fn with_default(mut self) -> Self {
        self.has_default = true;
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

/// An enum.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EnumType {
    /// The Rust name, without generic arguments.
    pub name: &'static str,
    /// The name Go and gob see.
    pub go: &'static str,
    /// The fully qualified Java class, if any.
    pub java: Option<&'static str>,
    /// The doc comment.
    pub docs: &'static str,
    /// The variants in declaration order, those skipped by serde left out.
    pub variants: &'static [Variant],
}

impl EnumType {
    /// Describes an enum; used by the derive.
    #[must_use]
    pub const fn new(name: &'static str, go: &'static str, variants: &'static [Variant]) -> Self {
        Self { name, go, java: None, docs: "", variants }
    }

    /// Sets the Java class.
    #[must_use]
    pub const fn with_java(mut self, java: &'static str) -> Self {
        self.java = Some(java);
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Whether no variant carries data, so that the value is a name.
    #[must_use]
    pub fn is_unit_only(&self) -> bool {
        self.variants.iter().all(|variant| matches!(variant.shape, VariantShape::Unit))
    }
}

/// One variant of an enum.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Variant {
    /// The name serde uses.
    pub serde: &'static str,
    /// The name of the field that carries it on Go's wires.
    pub go: &'static str,
    /// The name in protobuf, if it was stated; see [`Variant::with_proto`].
    pub proto: Option<&'static str>,
    /// The number in protobuf: the position, from 0.
    pub number: u32,
    /// The doc comment.
    pub docs: &'static str,
    /// What the variant carries.
    pub shape: VariantShape,
}

impl Variant {
    /// Describes a variant; used by the derive.
    #[must_use]
    pub const fn new(
        serde: &'static str,
        go: &'static str,
        number: u32,
        shape: VariantShape,
    ) -> Self {
        Self { serde, go, proto: None, number, docs: "", shape }
    }

    /// States the name in protobuf, of an enum's value or a `oneof`'s member, instead of one that
    /// is made of the enum's and the variant's.
    #[must_use]
    pub const fn with_proto(mut self, proto: &'static str) -> Self {
        self.proto = Some(proto);
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

/// What a variant carries.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum VariantShape {
    /// Nothing.
    Unit,
    /// One unnamed value.
    Newtype(TypeRef),
    /// Two or more unnamed values.
    Tuple(&'static [TypeRef]),
    /// Named fields; the struct is named after the enum and the variant, such as `ShapeCircle`.
    Struct(&'static StructType),
}

/// Where in a type something stands, for errors: `Order.lines[].price`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(Vec<String>);

impl Path {
    /// Starts at a type.
    #[must_use]
    pub fn root(ty: &Type) -> Self {
        Self(vec![ty.name()])
    }

    /// Goes on to a field, an element (`[]`), a key (`{key}`) or a value (`{}`).
    pub fn push(&mut self, step: &str) {
        let step = match step.as_bytes().first() {
            Some(b'[' | b'{') | None => step.to_owned(),
            Some(_) => format!(".{step}"),
        };
        self.0.push(step);
    }

    /// Steps back.
    pub fn pop(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| f.write_str(step))
    }
}
