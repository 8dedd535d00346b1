//! Encoding without a local type.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::Bytes;

use super::shape::Import;
use super::{Dynamic, Shape, Struct, Value};
use crate::compile::{definition, reserve_ids};
use crate::definitions::Definitions;
use crate::error::EncodeError;
use crate::raw::{put_bytes, put_float, put_int, put_uint};
use crate::ser::{begin, end, put_type};
use crate::table::{FIRST_ID, TypeTable, WireType, basic};
use crate::walk::MAX_INTERFACE_NAME;

/// Encodes a value as one whole message, and names the definitions that a stream must have had
/// before it, those of the types within interfaces included.
///
/// # Errors
/// When a part is not of the type that its place asks for, and when the process has met too many
/// types this way (65,536).
pub fn encode_value(value: &Value) -> Result<(Bytes, Arc<Definitions>), EncodeError> {
    let mut shapes = vec![value.shape()];
    collect(value, &mut shapes);
    let mut import = Import::default();
    for shape in &shapes {
        import.shape(shape);
    }
    let root = shapes.first().map_or(0, |shape| import.id(shape));
    let known = intern(&import, root)?;
    let ids = Ids { import: &import, shift: known.shift };
    let mut out = Vec::new();
    let shape = value.shape();
    begin(&mut out);
    let is_struct = shape.table.struct_fields(shape.id).is_some();
    put_type(&mut out, known.definitions.root(), is_struct);
    let encode = Encode { ids: &ids };
    encode.value(value, &shape.table, shape.id, &mut out)?;
    let start = end(&mut out);
    Ok((Bytes::from(out).slice(start..), Arc::clone(&known.definitions)))
}

/// Encodes what an interface holds as it stands in a struct or list, and names the definitions that a
/// stream must have had before it.
pub(crate) fn encode_interface(
    dynamic: &Dynamic,
) -> Result<(Vec<u8>, Arc<Definitions>), EncodeError> {
    let mut shapes = vec![dynamic.value.shape()];
    collect(&dynamic.value, &mut shapes);
    let mut import = Import::default();
    for shape in &shapes {
        import.shape(shape);
    }
    let root = shapes.first().map_or(0, |shape| import.id(shape));
    let known = intern(&import, root)?;
    let ids = Ids { import: &import, shift: known.shift };
    let mut out = Vec::new();
    Encode { ids: &ids }.interface(dynamic, &mut out)?;
    Ok((out, known.definitions))
}

/// The types of what interfaces hold, at any depth.
fn collect(value: &Value, shapes: &mut Vec<Shape>) {
    match value {
        Value::List(list) => list.items.iter().for_each(|item| collect(item, shapes)),
        Value::Map(map) => {
            for (key, value) in &map.entries {
                collect(key, shapes);
                collect(value, shapes);
            }
        }
        Value::Struct(of) => of.fields.iter().for_each(|field| collect(&field.1, shapes)),
        Value::Interface(Some(dynamic)) => {
            shapes.push(dynamic.value.shape());
            collect(&dynamic.value, shapes);
        }
        _ => {}
    }
}

/// Sets of types that were given ids; bounded, since types may come from peers.
static KNOWN: LazyLock<Mutex<HashMap<Vec<u8>, Known>>> = LazyLock::new(Mutex::default);
const MAX_KNOWN: usize = 65_536;

#[derive(Clone)]
struct Known {
    /// What to add to an imported id.
    shift: i32,
    definitions: Arc<Definitions>,
}

fn intern(import: &Import<'_>, root: i32) -> Result<Known, EncodeError> {
    let mut key = root.to_be_bytes().to_vec();
    import.write(&mut key);
    let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(&key) {
        return Ok(known.clone());
    }
    let full = || EncodeError::limit("dynamic types", MAX_KNOWN);
    if all.len() >= MAX_KNOWN {
        return Err(full());
    }
    let shift = match import.types.len() {
        0 => 0,
        count => reserve_ids(count).ok_or_else(full)?.saturating_sub(FIRST_ID),
    };
    let messages = import.types.iter().map(|(id, name, wire)| {
        let id = moved(*id, shift);
        (id, definition(id, name, &shifted(wire, shift)))
    });
    let definitions = Arc::new(Definitions::new(moved(root, shift), messages.collect()));
    let known = Known { shift, definitions };
    all.insert(key, known.clone());
    Ok(known)
}

fn moved(id: i32, shift: i32) -> i32 {
    if id < FIRST_ID { id } else { id.saturating_add(shift) }
}

fn shifted(wire: &WireType, shift: i32) -> WireType {
    let mut wire = wire.clone();
    match &mut wire {
        WireType::Array { elem, .. } | WireType::Slice { elem } => *elem = moved(*elem, shift),
        WireType::Map { key, elem } => {
            *key = moved(*key, shift);
            *elem = moved(*elem, shift);
        }
        WireType::Struct { fields } => {
            fields.iter_mut().for_each(|field| field.id = moved(field.id, shift));
        }
        WireType::Opaque(_) | WireType::Nothing => {}
    }
    wire
}

struct Ids<'a> {
    import: &'a Import<'a>,
    shift: i32,
}

struct Encode<'a> {
    ids: &'a Ids<'a>,
}

impl Encode<'_> {
    /// Writes a value where the type `id` of `table` is expected.
    fn value(
        &self,
        value: &Value,
        table: &TypeTable,
        id: i32,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match (value, id) {
            (Value::Bool(b), basic::BOOL) => out.push(u8::from(*b)),
            (Value::Int(n), basic::INT) => put_int(out, *n),
            (Value::Uint(n), basic::UINT) => put_uint(out, *n),
            (Value::Float(x), basic::FLOAT) => put_float(out, *x),
            (Value::Complex(parts), basic::COMPLEX) => {
                put_float(out, parts.0);
                put_float(out, parts.1);
            }
            (Value::Bytes(bytes), basic::BYTES) | (Value::String(bytes), basic::STRING) => {
                put_bytes(out, bytes);
            }
            (Value::Interface(None), basic::INTERFACE) => out.push(0),
            (Value::Interface(Some(dynamic)), basic::INTERFACE) => self.interface(dynamic, out)?,
            _ => self.composite(value, table, id, out)?,
        }
        Ok(())
    }

    fn composite(
        &self,
        value: &Value,
        table: &TypeTable,
        id: i32,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match (value, table.get(id).map(|definition| &definition.ty)) {
            (Value::List(list), Some(WireType::Slice { elem })) => {
                self.items(&list.items, table, *elem, out)
            }
            (Value::List(list), Some(WireType::Array { elem, len }))
                if list.items.len() as u64 == *len =>
            {
                self.items(&list.items, table, *elem, out)
            }
            (Value::Map(map), Some(WireType::Map { key, elem })) => {
                put_uint(out, map.entries.len() as u64);
                for entry in &map.entries {
                    self.value(&entry.0, table, *key, out)?;
                    self.value(&entry.1, table, *elem, out)?;
                }
                Ok(())
            }
            (Value::Struct(of), Some(WireType::Struct { .. })) => self.fields(of, table, id, out),
            (Value::Opaque(opaque), Some(WireType::Opaque(_))) => {
                put_bytes(out, &opaque.bytes);
                Ok(())
            }
            _ => Err(EncodeError::value(format!(
                "value of type {:?} where {} is expected",
                value.shape(),
                table.describe(id)
            ))),
        }
    }

    fn items(
        &self,
        items: &[Value],
        table: &TypeTable,
        elem: i32,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        put_uint(out, items.len() as u64);
        items.iter().try_for_each(|item| self.value(item, table, elem, out))
    }

    /// Fields are sent as they came, present or absent, and matched by name.
    fn fields(
        &self,
        of: &Struct,
        table: &TypeTable,
        id: i32,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let expected = table.struct_fields(id).unwrap_or_default();
        let (mut last, mut sent) = (0, 0_usize);
        for (at, field) in expected.iter().enumerate() {
            let Some(value) = of.get(&field.name) else { continue };
            sent = sent.saturating_add(1);
            // A nil interface in a struct is never sent: a peer that skips the field cannot.
            if matches!(value, Value::Interface(None)) {
                continue;
            }
            let after = at.saturating_add(1);
            put_uint(out, after.saturating_sub(last) as u64);
            last = after;
            self.value(value, table, field.id, out)?;
        }
        if sent < of.fields.len() {
            return Err(EncodeError::value("struct with fields its type lacks"));
        }
        out.push(0);
        Ok(())
    }

    /// All types were defined before the message, so that the length is exact and nothing else
    /// stands between.
    fn interface(&self, dynamic: &Dynamic, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if dynamic.name.is_empty() || dynamic.name.len() > MAX_INTERFACE_NAME {
            return Err(EncodeError::value(
                "an interface's type needs a name of at most 1,024 bytes",
            ));
        }
        let shape = dynamic.value.shape();
        put_bytes(out, dynamic.name.as_bytes());
        put_int(out, i64::from(moved(self.ids.import.id(&shape), self.ids.shift)));
        let mut value = Vec::new();
        if shape.table.struct_fields(shape.id).is_none() {
            value.push(0);
        }
        self.value(&dynamic.value, &shape.table, shape.id, &mut value)?;
        put_bytes(out, &value);
        Ok(())
    }
}
