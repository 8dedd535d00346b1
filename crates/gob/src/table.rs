//! Types a peer has defined on one stream.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::definitions::Definitions;
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::plan::PlanCache;
use crate::raw::Cursor;

/// Ids of the types that need no definition.
pub(crate) mod basic {
    pub(crate) const BOOL: i32 = 1;
    pub(crate) const INT: i32 = 2;
    pub(crate) const UINT: i32 = 3;
    pub(crate) const FLOAT: i32 = 4;
    pub(crate) const BYTES: i32 = 5;
    pub(crate) const STRING: i32 = 6;
    pub(crate) const COMPLEX: i32 = 7;
    pub(crate) const INTERFACE: i32 = 8;
}

/// The first id that a definition may have.
pub(crate) const FIRST_ID: i32 = 64;

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WireType {
    Array {
        elem: i32,
        len: u64,
    },
    Slice {
        elem: i32,
    },
    Struct {
        fields: Vec<FieldType>,
    },
    Map {
        key: i32,
        elem: i32,
    },
    Opaque(OpaqueKind),
    /// No kind was set: an error only if a value of it comes.
    Nothing,
}

/// How a type with an encoding of its own is encoded in Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpaqueKind {
    /// By `GobEncode`, as `time.Time` and `big.Int` are.
    Gob,
    /// By `MarshalBinary`.
    Binary,
    /// By `MarshalText`; no released Go sends it.
    Text,
}

/// One definition: a name, which is informative only, and what the type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: Box<str>,
    pub(crate) ty: WireType,
}

/// A field of a struct a peer has defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldType {
    pub(crate) name: Box<str>,
    pub(crate) id: i32,
}

impl FieldType {
    /// The name, as Go spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the field's type.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }
}

/// Types a peer has defined on one stream; copied on write, cheap to clone.
///
/// How its types map onto local ones is worked out once and kept with the table.
#[derive(Clone, Default)]
pub struct TypeTable(Arc<Table>);

#[derive(Clone, Default)]
struct Table {
    /// Sorted by id.
    types: Vec<(i32, Arc<Definition>)>,
    definition_bytes: usize,
    limits: Limits,
    plans: Arc<PlanCache>,
}

impl TypeTable {
    /// An empty table whose values are bounded by `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Table { limits, ..Table::default() }))
    }

    /// The table in a payload's context: that of the stream it came from, or one built once from
    /// the [`Definitions`] it would have been sent with. Anything else gives an empty table.
    #[must_use]
    pub fn from_context(context: &Arc<dyn Any + Send + Sync>) -> Self {
        if let Ok(table) = Arc::clone(context).downcast::<Table>() {
            return Self(table);
        }
        match Arc::clone(context).downcast::<Definitions>() {
            Ok(definitions) => definitions.table().clone(),
            Err(_) => Self::default(),
        }
    }

    /// The table as a payload's context, without allocating.
    #[must_use]
    pub fn to_context(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.0) as Arc<dyn Any + Send + Sync>
    }

    /// How many types are defined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.types.len()
    }

    /// Whether no type is defined.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.types.is_empty()
    }

    /// The fields of a struct type, in the order of their numbers.
    #[must_use]
    pub fn struct_fields(&self, id: i32) -> Option<&[FieldType]> {
        match &self.get(id)?.ty {
            WireType::Struct { fields } => Some(fields),
            _ => None,
        }
    }

    /// The name of a defined type; empty if it has none.
    #[must_use]
    pub fn name(&self, id: i32) -> Option<&str> {
        Some(&self.get(id)?.name)
    }

    /// A type as Go prints it in errors: `int`, `[]T`, `Point = struct { X int; Y int; }`.
    #[must_use]
    pub fn describe(&self, id: i32) -> String {
        let mut text = String::new();
        self.describe_into(id, &mut Vec::new(), &mut text);
        text
    }

    pub(crate) fn get(&self, id: i32) -> Option<&Arc<Definition>> {
        let at = self.0.types.binary_search_by_key(&id, |entry| entry.0).ok()?;
        self.0.types.get(at).map(|entry| &entry.1)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Reads a definition, after its id, and records it.
    pub(crate) fn define(&mut self, id: i32, cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
        let before = cursor.bytes.len();
        let definition = Definition::read(cursor, &self.0.limits)?;
        self.insert(id, definition, before.saturating_sub(cursor.bytes.len()))
    }

    pub(crate) fn insert(
        &mut self,
        id: i32,
        definition: Definition,
        bytes: usize,
    ) -> Result<(), DecodeError> {
        let limits = self.0.limits;
        if self.len() >= limits.definitions {
            return Err(DecodeError::limit("type definitions", limits.definitions, "definitions"));
        }
        let total = self.0.definition_bytes.saturating_add(bytes);
        if total > limits.definition_bytes {
            return Err(DecodeError::limit(
                "bytes of type definitions",
                limits.definition_bytes,
                "definition_bytes",
            ));
        }
        let place = match self.0.types.binary_search_by_key(&id, |entry| entry.0) {
            Err(place) if id >= FIRST_ID => place,
            _ => return Err(DecodeError::malformed("gob: duplicate type received")),
        };
        let table = Arc::make_mut(&mut self.0);
        table.types.insert(place, (id, Arc::new(definition)));
        table.definition_bytes = total;
        Ok(())
    }

    fn describe_into(&self, id: i32, above: &mut Vec<i32>, text: &mut String) {
        if let Some(name) = basic_name(id) {
            text.push_str(name);
            return;
        }
        let Some(definition) = self.get(id) else {
            text.push_str("<unknown type>");
            return;
        };
        // A type within itself, and texts that would fill the log, are cut short.
        if above.contains(&id) || text.len() > MAX_TEXT || above.len() > MAX_TEXT_DEPTH {
            text.push_str(&definition.name);
            return;
        }
        above.push(id);
        match &definition.ty {
            WireType::Array { elem, len } => {
                text.push_str(&format!("[{len}]"));
                self.describe_into(*elem, above, text);
            }
            WireType::Slice { elem } => {
                text.push_str("[]");
                self.describe_into(*elem, above, text);
            }
            WireType::Map { key, elem } => {
                text.push_str("map[");
                self.describe_into(*key, above, text);
                text.push(']');
                self.describe_into(*elem, above, text);
            }
            WireType::Struct { fields } => {
                text.push_str(&definition.name);
                text.push_str(" = struct { ");
                for field in fields {
                    if text.len() > MAX_TEXT {
                        break;
                    }
                    text.push_str(&field.name);
                    text.push(' ');
                    self.describe_into(field.id, above, text);
                    text.push_str("; ");
                }
                text.push('}');
            }
            WireType::Opaque(_) | WireType::Nothing => text.push_str(&definition.name),
        }
        above.pop();
    }
}

/// A table that is lent, by itself or within a payload's context. References to it are counted only
/// where it is kept.
#[derive(Clone, Copy)]
pub(crate) struct LentTable<'a> {
    table: &'a Table,
    owner: Owner<'a>,
}

#[derive(Clone, Copy)]
enum Owner<'a> {
    Table(&'a TypeTable),
    Context(&'a Arc<dyn Any + Send + Sync>),
}

impl<'a> LentTable<'a> {
    /// The table in a context, as [`TypeTable::from_context`] has it, if there is one.
    #[inline]
    pub(crate) fn of_context(context: &'a Arc<dyn Any + Send + Sync>) -> Option<Self> {
        match context.downcast_ref() {
            Some(table) => Some(Self { table, owner: Owner::Context(context) }),
            None => context.downcast_ref::<Definitions>().map(|of| of.table().into()),
        }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        &self.table.limits
    }

    pub(crate) fn plans(&self) -> &'a PlanCache {
        &self.table.plans
    }

    /// The table to keep.
    pub(crate) fn to_table(self) -> TypeTable {
        match self.owner {
            Owner::Table(table) => table.clone(),
            Owner::Context(context) => TypeTable::from_context(context),
        }
    }
}

impl<'a> From<&'a TypeTable> for LentTable<'a> {
    fn from(table: &'a TypeTable) -> Self {
        Self { table: &table.0, owner: Owner::Table(table) }
    }
}

impl fmt::Debug for TypeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.types.iter().map(|(id, ty)| (id, ty))).finish()
    }
}

pub(crate) fn basic_name(id: i32) -> Option<&'static str> {
    Some(match id {
        basic::BOOL => "bool",
        basic::INT => "int",
        basic::UINT => "uint",
        basic::FLOAT => "float",
        basic::BYTES => "bytes",
        basic::STRING => "string",
        basic::COMPLEX => "complex",
        basic::INTERFACE => "interface",
        _ => return None,
    })
}

impl Definition {
    /// Reads a `wireType`.
    fn read(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<Self, DecodeError> {
        let mut found: Option<Self> = None;
        each_field(cursor, 7, |cursor, kind| {
            let definition = match kind {
                0 => read_array(cursor)?,
                1 => read_slice(cursor)?,
                2 => read_struct(cursor, limits)?,
                3 => read_map(cursor)?,
                4 => read_opaque(cursor, OpaqueKind::Gob)?,
                5 => read_opaque(cursor, OpaqueKind::Binary)?,
                _ => read_opaque(cursor, OpaqueKind::Text)?,
            };
            match found.replace(definition) {
                None => Ok(()),
                Some(_) => Err(DecodeError::malformed("gob: type definition of two kinds")),
            }
        })?;
        Ok(found.unwrap_or(Self { name: "".into(), ty: WireType::Nothing }))
    }
}

fn read_array(cursor: &mut Cursor<'_>) -> Result<Definition, DecodeError> {
    let (mut name, mut elem, mut len) = (Box::default(), 0, 0);
    each_field(cursor, 3, |cursor, field| {
        match field {
            0 => name = common_name(cursor)?,
            1 => elem = cursor.type_id()?,
            _ => {
                len = u64::try_from(cursor.int()?)
                    .map_err(|_| DecodeError::malformed("gob: array of negative length"))?;
            }
        }
        Ok(())
    })?;
    Ok(Definition { name, ty: WireType::Array { elem, len } })
}

fn read_slice(cursor: &mut Cursor<'_>) -> Result<Definition, DecodeError> {
    let (mut name, mut elem) = (Box::default(), 0);
    each_field(cursor, 2, |cursor, field| {
        match field {
            0 => name = common_name(cursor)?,
            _ => elem = cursor.type_id()?,
        }
        Ok(())
    })?;
    Ok(Definition { name, ty: WireType::Slice { elem } })
}

fn read_map(cursor: &mut Cursor<'_>) -> Result<Definition, DecodeError> {
    let (mut name, mut key, mut elem) = (Box::default(), 0, 0);
    each_field(cursor, 3, |cursor, field| {
        match field {
            0 => name = common_name(cursor)?,
            1 => key = cursor.type_id()?,
            _ => elem = cursor.type_id()?,
        }
        Ok(())
    })?;
    Ok(Definition { name, ty: WireType::Map { key, elem } })
}

fn read_opaque(cursor: &mut Cursor<'_>, kind: OpaqueKind) -> Result<Definition, DecodeError> {
    let mut name = Box::default();
    each_field(cursor, 1, |cursor, _| {
        name = common_name(cursor)?;
        Ok(())
    })?;
    Ok(Definition { name, ty: WireType::Opaque(kind) })
}

fn read_struct(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<Definition, DecodeError> {
    let (mut name, mut fields) = (Box::default(), Vec::new());
    each_field(cursor, 2, |cursor, field| {
        match field {
            0 => name = common_name(cursor)?,
            _ => fields = read_fields(cursor, limits)?,
        }
        Ok(())
    })?;
    Ok(Definition { name, ty: WireType::Struct { fields } })
}

fn read_fields(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<Vec<FieldType>, DecodeError> {
    let count = cursor.uint()?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > cursor.bytes.len() {
        return Err(DecodeError::malformed("gob: slice length too large"));
    }
    if count > limits.fields {
        return Err(DecodeError::limit("fields of a struct", limits.fields, "fields"));
    }
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        let (mut name, mut id) = (Box::default(), 0);
        each_field(cursor, 2, |cursor, field| {
            match field {
                0 => name = text(cursor.bytes()?),
                _ => id = cursor.type_id()?,
            }
            Ok(())
        })?;
        fields.push(FieldType { name, id });
    }
    Ok(fields)
}

/// The name in a `CommonType`. Its id may differ from the definition's and means nothing.
fn common_name(cursor: &mut Cursor<'_>) -> Result<Box<str>, DecodeError> {
    let mut name = Box::default();
    each_field(cursor, 2, |cursor, field| {
        match field {
            0 => name = text(cursor.bytes()?),
            _ => drop(cursor.int()?),
        }
        Ok(())
    })?;
    Ok(name)
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

/// Reads the fields of a struct of so many: calls `read` with the number of each.
fn each_field<'a>(
    cursor: &mut Cursor<'a>,
    count: usize,
    mut read: impl FnMut(&mut Cursor<'a>, usize) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut next = 0;
    while let Some(number) = next_field(cursor, next, count)? {
        read(cursor, number)?;
        next = number.saturating_add(1);
    }
    Ok(())
}

/// Reads a delta; `None` at the end of the struct, which is a zero or the end of the message.
#[inline]
pub(crate) fn next_field(
    cursor: &mut Cursor<'_>,
    next: usize,
    count: usize,
) -> Result<Option<usize>, DecodeError> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let Some(skipped) = cursor.uint()?.checked_sub(1) else { return Ok(None) };
    match usize::try_from(skipped).ok().and_then(|skipped| next.checked_add(skipped)) {
        Some(number) if number < count => Ok(Some(number)),
        _ => Err(out_of_bounds()),
    }
}

#[cold]
#[inline(never)]
fn out_of_bounds() -> DecodeError {
    DecodeError::malformed("gob: bad data: field numbers out of bounds")
}

const MAX_TEXT: usize = 1_024;
const MAX_TEXT_DEPTH: usize = 16;
