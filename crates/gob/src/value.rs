//! Values whose type is known only at run time: for proxies, logs and command lines.

mod decode;
mod encode;
mod shape;

use std::fmt;

pub use self::decode::decode_value;
pub(crate) use self::decode::interface;
pub(crate) use self::encode::encode_interface;
pub use self::encode::encode_value;
pub use self::shape::{Shape, ShapeKind};
use crate::table::OpaqueKind;
use crate::time::Timestamp;

/// A value whose type is known only at run time. Composite values know their full type, so that they
/// can be encoded again as they came.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `bool`.
    Bool(bool),
    /// Any of Go's signed integers.
    Int(i64),
    /// Any of Go's unsigned integers.
    Uint(u64),
    /// `float32` or `float64`.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(Box<(f64, f64)>),
    /// A slice of bytes.
    Bytes(Box<[u8]>),
    /// A string. Go does not promise that it is UTF-8: see [`Value::as_str`].
    String(Box<[u8]>),
    /// A slice or an array.
    List(Box<List>),
    /// A map, in the order it came in.
    Map(Box<Map>),
    /// A struct.
    Struct(Box<Struct>),
    /// A value of an interface type, with the name its concrete type is registered by; or nil.
    Interface(Option<Box<Dynamic>>),
    /// A type with an encoding of its own, such as `time.Time`.
    Opaque(Box<Opaque>),
}

/// The elements of a slice or an array.
#[derive(Clone, PartialEq)]
pub struct List {
    pub(crate) shape: Shape,
    pub(crate) items: Vec<Value>,
}

/// The entries of a map.
#[derive(Clone, PartialEq)]
pub struct Map {
    pub(crate) shape: Shape,
    pub(crate) entries: Vec<(Value, Value)>,
}

/// The fields of a struct that were sent; the others are zero.
#[derive(Clone, PartialEq)]
pub struct Struct {
    pub(crate) shape: Shape,
    /// By number, in increasing order.
    pub(crate) fields: Vec<(usize, Value)>,
}

/// What an interface holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Dynamic {
    /// The name the concrete type is registered by on both sides, such as `int` or `main.Point`.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// The bytes of a type with an encoding of its own.
#[derive(Clone, PartialEq)]
pub struct Opaque {
    pub(crate) shape: Shape,
    pub(crate) bytes: Box<[u8]>,
}

impl List {
    /// The elements.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

impl Map {
    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[(Value, Value)] {
        &self.entries
    }
}

impl Struct {
    /// The type's name; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shape.name()
    }

    /// The fields that were sent, by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        let names = self.shape.field_types();
        self.fields.iter().filter_map(move |(at, value)| Some((names.get(*at)?.name(), value)))
    }

    /// A field, if it was sent; an absent one that the type has is zero.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields().find(|field| field.0 == name).map(|field| field.1)
    }
}

impl Opaque {
    /// How the type is encoded in Go.
    #[must_use]
    pub fn kind(&self) -> OpaqueKind {
        match self.shape.kind() {
            ShapeKind::Opaque(kind) => kind,
            _ => OpaqueKind::Gob,
        }
    }

    /// The type's name, such as `Time`; empty if Go did not send it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shape.name()
    }

    /// The bytes, as the type wrote them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes as a `time.Time`, if they are one.
    #[must_use]
    pub fn as_time(&self) -> Option<Timestamp> {
        Timestamp::from_bytes(&self.bytes).ok()
    }

    /// The bytes as a `big.Int`, if they are one: whether it is negative, and the magnitude, most
    /// significant byte first.
    #[must_use]
    pub fn as_big_int(&self) -> Option<(bool, &[u8])> {
        match self.bytes.split_first() {
            Some((2, magnitude)) => Some((false, magnitude)),
            Some((3, magnitude)) => Some((true, magnitude)),
            _ => None,
        }
    }
}

impl Value {
    /// A slice.
    #[must_use]
    pub fn slice(elem: &Shape, items: Vec<Self>) -> Self {
        Self::List(Box::new(List { shape: Shape::slice(elem), items }))
    }

    /// A map.
    #[must_use]
    pub fn map(key: &Shape, elem: &Shape, entries: Vec<(Self, Self)>) -> Self {
        Self::Map(Box::new(Map { shape: Shape::map(key, elem), entries }))
    }

    /// A struct of the type that its fields make.
    #[must_use]
    pub fn record(name: &str, fields: Vec<(&str, Self)>) -> Self {
        let shapes: Vec<_> = fields.iter().map(|(name, value)| (*name, value.shape())).collect();
        let shape = Shape::record(name, &shapes);
        let fields = fields.into_iter().map(|(_, value)| value).enumerate().collect();
        Self::Struct(Box::new(Struct { shape, fields }))
    }

    /// A struct of a known type; `None` if it has not all of these fields. Others are zero.
    #[must_use]
    pub fn record_of(shape: &Shape, fields: Vec<(&str, Self)>) -> Option<Self> {
        let names = shape.field_types();
        let mut numbered = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            numbered.push((names.iter().position(|field| field.name() == name)?, value));
        }
        numbered.sort_by_key(|field| field.0);
        Some(Self::Struct(Box::new(Struct { shape: shape.clone(), fields: numbered })))
    }

    /// A slice or an array of a known type.
    #[must_use]
    pub fn list_of(shape: &Shape, items: Vec<Self>) -> Self {
        Self::List(Box::new(List { shape: shape.clone(), items }))
    }

    /// A map of a known type.
    #[must_use]
    pub fn map_of(shape: &Shape, entries: Vec<(Self, Self)>) -> Self {
        Self::Map(Box::new(Map { shape: shape.clone(), entries }))
    }

    /// Bytes of a type with an encoding of its own.
    #[must_use]
    pub fn opaque(shape: &Shape, bytes: impl Into<Box<[u8]>>) -> Self {
        Self::Opaque(Box::new(Opaque { shape: shape.clone(), bytes: bytes.into() }))
    }

    /// An interface holding a value whose type is registered by this name.
    #[must_use]
    pub fn interface(name: impl Into<String>, value: Self) -> Self {
        Self::Interface(Some(Box::new(Dynamic { name: name.into(), value })))
    }

    /// The type of the value.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::Bool(_) => Shape::bool(),
            Self::Int(_) => Shape::int(),
            Self::Uint(_) => Shape::uint(),
            Self::Float(_) => Shape::float(),
            Self::Complex(_) => Shape::complex(),
            Self::Bytes(_) => Shape::bytes(),
            Self::String(_) => Shape::string(),
            Self::Interface(_) => Shape::interface(),
            Self::List(list) => list.shape.clone(),
            Self::Map(map) => map.shape.clone(),
            Self::Struct(of) => of.shape.clone(),
            Self::Opaque(opaque) => opaque.shape.clone(),
        }
    }

    /// A truth value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(b) = self { Some(*b) } else { None }
    }

    /// A number that fits `i64`, signed or unsigned.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Uint(n) => i64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A number that fits `u64`, signed or unsigned.
    #[must_use]
    pub fn as_uint(&self) -> Option<u64> {
        match self {
            Self::Int(n) => u64::try_from(*n).ok(),
            Self::Uint(n) => Some(*n),
            _ => None,
        }
    }

    /// A float.
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        if let Self::Float(x) = self { Some(*x) } else { None }
    }

    /// A string, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { std::str::from_utf8(text).ok() } else { None }
    }

    /// A string or a slice of bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::String(bytes) | Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// A struct.
    #[must_use]
    pub fn as_struct(&self) -> Option<&Struct> {
        if let Self::Struct(of) = self { Some(of) } else { None }
    }

    /// The elements of a slice or an array.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(list) = self { Some(&list.items) } else { None }
    }

    /// The entries of a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        if let Self::Map(map) = self { Some(&map.entries) } else { None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.as_bytes().into())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Uint(n) => write!(f, "{n}"),
            Self::Float(x) => write!(f, "{x:?}"),
            Self::Complex(parts) => write!(f, "({:?}+{:?}i)", parts.0, parts.1),
            Self::Bytes(bytes) => write!(f, "{bytes:02x?}"),
            Self::String(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
            Self::List(list) => list.fmt(f),
            Self::Map(map) => map.fmt(f),
            Self::Struct(of) => of.fmt(f),
            Self::Interface(None) => f.write_str("nil"),
            Self::Interface(Some(dynamic)) => write!(f, "{}({:?})", dynamic.name, dynamic.value),
            Self::Opaque(opaque) => opaque.fmt(f),
        }
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(key, value)| (key, value))).finish()
    }
}

impl fmt::Debug for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(self.name());
        for (name, value) in self.fields() {
            shown.field(name, value);
        }
        shown.finish()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:02x?})", self.name(), self.bytes)
    }
}
