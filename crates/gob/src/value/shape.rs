//! Types known only at run time.

use std::collections::HashMap;
use std::fmt;

use polywire_schema::Schema;

use crate::compile::{compile, definition};
use crate::error::RegisterError;
use crate::limits::Limits;
use crate::table::{Definition, FIRST_ID, FieldType, OpaqueKind, TypeTable, WireType, basic};

/// A type known only at run time: what a peer sent, what a Rust type becomes, or what was put
/// together from others.
#[derive(Clone)]
pub struct Shape {
    pub(crate) table: TypeTable,
    pub(crate) id: i32,
}

/// What a [`Shape`] is made of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ShapeKind {
    /// `bool`.
    Bool,
    /// Any signed integer.
    Int,
    /// Any unsigned integer.
    Uint,
    /// Any float.
    Float,
    /// A complex number.
    Complex,
    /// A slice of bytes.
    Bytes,
    /// A string.
    String,
    /// An interface.
    Interface,
    /// A slice of elements.
    Slice(Shape),
    /// So many elements.
    Array(Shape, u64),
    /// Keys and values.
    Map(Shape, Shape),
    /// Fields by name, in the order of their numbers.
    Struct(Vec<(String, Shape)>),
    /// A type with an encoding of its own.
    Opaque(OpaqueKind),
    /// A type that is not defined.
    Unknown,
}

macro_rules! basics {
    ($($name:ident $id:ident $doc:literal),* $(,)?) => {
        $(#[doc = $doc]
        #[must_use]
        pub fn $name() -> Self {
            Self { table: TypeTable::default(), id: basic::$id }
        })*
    };
}

impl Shape {
    basics! {
        bool BOOL "`bool`.",
        int INT "Any signed integer.",
        uint UINT "Any unsigned integer.",
        float FLOAT "Any float.",
        complex COMPLEX "A complex number.",
        bytes BYTES "A slice of bytes.",
        string STRING "A string.",
        interface INTERFACE "An interface.",
    }

    /// What a Rust type becomes.
    ///
    /// # Errors
    /// When gob cannot carry the type.
    pub fn of<T: Schema + ?Sized>() -> Result<Self, RegisterError> {
        let compiled = compile(T::TYPE)?;
        Ok(Self { table: compiled.definitions().table().clone(), id: compiled.id() })
    }

    /// The type with this id in a table.
    #[must_use]
    pub fn new(table: TypeTable, id: i32) -> Self {
        Self { table, id }
    }

    /// A slice.
    #[must_use]
    pub fn slice(elem: &Self) -> Self {
        Self::compose("", &[elem], |ids| WireType::Slice { elem: id_at(ids, 0) })
    }

    /// So many elements.
    #[must_use]
    pub fn array(elem: &Self, len: u64) -> Self {
        Self::compose("", &[elem], |ids| WireType::Array { elem: id_at(ids, 0), len })
    }

    /// A map.
    #[must_use]
    pub fn map(key: &Self, elem: &Self) -> Self {
        let wire = |ids: &[i32]| WireType::Map { key: id_at(ids, 0), elem: id_at(ids, 1) };
        Self::compose("", &[key, elem], wire)
    }

    /// A struct. Go knows fields by names that begin in upper case.
    #[must_use]
    pub fn record(name: &str, fields: &[(&str, Self)]) -> Self {
        let parts: Vec<&Self> = fields.iter().map(|field| &field.1).collect();
        Self::compose(name, &parts, |ids| WireType::Struct {
            fields: fields
                .iter()
                .zip(ids)
                .map(|((name, _), id)| FieldType { name: (*name).into(), id: *id })
                .collect(),
        })
    }

    /// A type with an encoding of its own: kind and name, such as `Gob` and `Time`.
    #[must_use]
    pub fn opaque(kind: OpaqueKind, name: &str) -> Self {
        Self::compose(name, &[], |_| WireType::Opaque(kind))
    }

    fn compose(name: &str, parts: &[&Self], wire: impl FnOnce(&[i32]) -> WireType) -> Self {
        let mut import = Import { next: FIRST_ID.saturating_add(1), ..Import::default() };
        let ids: Vec<i32> = parts.iter().map(|part| import.shape(part)).collect();
        let mut types = import.types;
        types.push((FIRST_ID, name.into(), wire(&ids)));
        let limits = Limits::default().definitions(usize::MAX).definition_bytes(usize::MAX);
        let mut table = TypeTable::new(limits);
        for (id, name, ty) in types {
            let inserted = table.insert(id, Definition { name, ty }, 0);
            debug_assert!(inserted.is_ok(), "ids are all different: {inserted:?}");
        }
        Self { table, id: FIRST_ID }
    }

    /// What the type is made of.
    #[must_use]
    pub fn kind(&self) -> ShapeKind {
        let part = |id| Self { table: self.table.clone(), id };
        match self.id {
            basic::BOOL => return ShapeKind::Bool,
            basic::INT => return ShapeKind::Int,
            basic::UINT => return ShapeKind::Uint,
            basic::FLOAT => return ShapeKind::Float,
            basic::COMPLEX => return ShapeKind::Complex,
            basic::BYTES => return ShapeKind::Bytes,
            basic::STRING => return ShapeKind::String,
            basic::INTERFACE => return ShapeKind::Interface,
            _ => {}
        }
        match self.table.get(self.id).map(|definition| &definition.ty) {
            Some(WireType::Slice { elem }) => ShapeKind::Slice(part(*elem)),
            Some(WireType::Array { elem, len }) => ShapeKind::Array(part(*elem), *len),
            Some(WireType::Map { key, elem }) => ShapeKind::Map(part(*key), part(*elem)),
            Some(WireType::Struct { fields }) => ShapeKind::Struct(
                fields.iter().map(|field| (field.name.to_string(), part(field.id))).collect(),
            ),
            Some(WireType::Opaque(kind)) => ShapeKind::Opaque(*kind),
            Some(WireType::Nothing) | None => ShapeKind::Unknown,
        }
    }

    /// The type's name; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.table.name(self.id).unwrap_or_default()
    }

    pub(crate) fn field_types(&self) -> &[FieldType] {
        self.table.struct_fields(self.id).unwrap_or_default()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && (self.id < FIRST_ID || self.table.same(&other.table))
    }

    /// The definitions of the type, with ids counted from the first one.
    fn canonical(&self) -> Vec<u8> {
        let mut import = Import::default();
        let root = import.shape(self);
        let mut bytes = root.to_be_bytes().to_vec();
        import.write(&mut bytes);
        bytes
    }
}

/// Two types are equal if their definitions are, ids aside.
impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.canonical() == other.canonical()
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table.describe(self.id))
    }
}

fn id_at(ids: &[i32], at: usize) -> i32 {
    ids.get(at).copied().unwrap_or_default()
}

/// Copies types of several tables into one, with new ids in the order they are met.
pub(super) struct Import<'a> {
    tables: Vec<&'a TypeTable>,
    ids: HashMap<(usize, i32), i32>,
    pub(super) types: Vec<(i32, Box<str>, WireType)>,
    next: i32,
}

impl Default for Import<'_> {
    fn default() -> Self {
        Self { tables: Vec::new(), ids: HashMap::new(), types: Vec::new(), next: FIRST_ID }
    }
}

impl<'a> Import<'a> {
    /// The new id of a type. Types are numbered breadth first, so that no stack is needed.
    pub(super) fn shape(&mut self, shape: &'a Shape) -> i32 {
        let table = match self.tables.iter().position(|table| table.same(&shape.table)) {
            Some(at) => at,
            None => {
                self.tables.push(&shape.table);
                self.tables.len().saturating_sub(1)
            }
        };
        let mut to_do = Vec::new();
        let root = self.number(table, &shape.table, shape.id, &mut to_do);
        let mut at = 0;
        while let Some(&(old, new)) = to_do.get(at) {
            at = at.saturating_add(1);
            let Some(definition) = shape.table.get(old) else { continue };
            let mut map = |id| self.number(table, &shape.table, id, &mut to_do);
            let wire = match &definition.ty {
                WireType::Array { elem, len } => WireType::Array { elem: map(*elem), len: *len },
                WireType::Slice { elem } => WireType::Slice { elem: map(*elem) },
                WireType::Map { key, elem } => WireType::Map { key: map(*key), elem: map(*elem) },
                WireType::Struct { fields } => WireType::Struct {
                    fields: fields
                        .iter()
                        .map(|field| FieldType { name: field.name.clone(), id: map(field.id) })
                        .collect(),
                },
                WireType::Opaque(kind) => WireType::Opaque(*kind),
                WireType::Nothing => WireType::Nothing,
            };
            self.types.push((new, definition.name.clone(), wire));
        }
        root
    }

    /// The new id of a type that was imported.
    pub(super) fn id(&self, shape: &Shape) -> i32 {
        let table = self.tables.iter().position(|table| table.same(&shape.table));
        let known = table.and_then(|table| self.ids.get(&(table, shape.id)));
        known.copied().unwrap_or(shape.id)
    }

    fn number(
        &mut self,
        table: usize,
        of: &TypeTable,
        id: i32,
        to_do: &mut Vec<(i32, i32)>,
    ) -> i32 {
        if of.get(id).is_none() {
            return id;
        }
        if let Some(&known) = self.ids.get(&(table, id)) {
            return known;
        }
        let new = self.next;
        self.next = new.saturating_add(1);
        self.ids.insert((table, id), new);
        to_do.push((id, new));
        new
    }

    /// The definitions, one after another.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        for (id, name, wire) in &self.types {
            bytes.extend_from_slice(&definition(*id, name, wire));
        }
    }
}
