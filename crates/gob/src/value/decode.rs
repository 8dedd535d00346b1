//! Decoding without a local type.

use super::{Dynamic, List, Map, Opaque, Shape, Struct, Value};
use crate::error::DecodeError;
use crate::frame::{Frame, Reader};
use crate::raw::unknown_type;
use crate::table::{TypeTable, WireType, basic, next_field};
use crate::walk::{
    self, array_length, concrete_id, interface_name, interface_value, no_kind, opaque, require,
    singleton, skip_definition, too_deep,
};

/// Decodes a value of any type.
///
/// # Errors
/// When it is malformed or a type is not defined; never fatal.
pub fn decode_value(frame: &Frame) -> Result<Value, DecodeError> {
    let (id, reader) = frame.open()?;
    let table = frame.table();
    let mut decode = Decode { reader, table };
    if table.struct_fields(id).is_none() {
        if id > basic::INTERFACE && table.get(id).is_none() {
            return Err(unknown_type());
        }
        singleton(&mut decode.reader.cursor)?;
    }
    decode.value(id, 0)
}

/// Decodes what an interface holds, which may lie in later messages; `None` if it is nil.
pub(crate) fn interface(
    reader: &mut Reader<'_>,
    table: &TypeTable,
    depth: usize,
) -> Result<Option<Box<Dynamic>>, DecodeError> {
    let limit = table.limits().value_depth;
    if depth >= limit {
        return Err(too_deep(limit));
    }
    let mut decode = Decode { reader: reader.clone(), table };
    let held = decode.interface(depth.saturating_add(1))?;
    *reader = decode.reader;
    Ok(held)
}

struct Decode<'a, 't> {
    reader: Reader<'a>,
    table: &'t TypeTable,
}

impl Decode<'_, '_> {
    fn value(&mut self, id: i32, depth: usize) -> Result<Value, DecodeError> {
        let cursor = &mut self.reader.cursor;
        Ok(match id {
            basic::BOOL => Value::Bool(cursor.uint()? != 0),
            basic::INT => Value::Int(cursor.int()?),
            basic::UINT => Value::Uint(cursor.uint()?),
            basic::FLOAT => Value::Float(cursor.float()?),
            basic::COMPLEX => Value::Complex(Box::new((cursor.float()?, cursor.float()?))),
            basic::BYTES => Value::Bytes(cursor.bytes()?.into()),
            basic::STRING => Value::String(cursor.bytes()?.into()),
            _ => return self.composite(id, depth),
        })
    }

    fn composite(&mut self, id: i32, depth: usize) -> Result<Value, DecodeError> {
        let limit = self.table.limits().value_depth;
        if depth >= limit {
            return Err(too_deep(limit));
        }
        let depth = depth.saturating_add(1);
        if id == basic::INTERFACE {
            return self.interface(depth).map(Value::Interface);
        }
        let table = self.table;
        match &table.get(id).ok_or_else(unknown_type)?.ty {
            WireType::Struct { fields } => {
                let (mut sent, mut next) = (Vec::new(), 0);
                while let Some(at) = next_field(&mut self.reader.cursor, next, fields.len())? {
                    let field = fields.get(at).map_or(0, |field| field.id);
                    sent.push((at, self.value(field, depth)?));
                    next = at.saturating_add(1);
                }
                Ok(Value::Struct(Box::new(Struct { shape: self.shape(id), fields: sent })))
            }
            WireType::Slice { elem } => self.items(id, *elem, None, depth),
            WireType::Array { elem, len } => self.items(id, *elem, Some(*len), depth),
            WireType::Map { key, elem } => self.entries(id, *key, *elem, depth),
            WireType::Opaque(_) => {
                let bytes = opaque(&mut self.reader.cursor)?.into();
                Ok(Value::Opaque(Box::new(Opaque { shape: self.shape(id), bytes })))
            }
            WireType::Nothing => Err(no_kind()),
        }
    }

    fn items(
        &mut self,
        id: i32,
        elem: i32,
        len: Option<u64>,
        depth: usize,
    ) -> Result<Value, DecodeError> {
        let count = walk::count(&mut self.reader.cursor, elem)?;
        if len.is_some_and(|len| len != count) {
            return Err(array_length());
        }
        let mut items = Vec::new();
        for _ in 0..count {
            require(&self.reader.cursor)?;
            items.push(self.value(elem, depth)?);
        }
        Ok(Value::List(Box::new(List { shape: self.shape(id), items })))
    }

    fn entries(
        &mut self,
        id: i32,
        key: i32,
        elem: i32,
        depth: usize,
    ) -> Result<Value, DecodeError> {
        let count = self.reader.cursor.uint()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            require(&self.reader.cursor)?;
            let key = self.value(key, depth)?;
            require(&self.reader.cursor)?;
            entries.push((key, self.value(elem, depth)?));
        }
        Ok(Value::Map(Box::new(Map { shape: self.shape(id), entries })))
    }

    fn interface(&mut self, depth: usize) -> Result<Option<Box<Dynamic>>, DecodeError> {
        let name = interface_name(&mut self.reader.cursor)?;
        if name.is_empty() {
            return Ok(None);
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let table = self.table;
        let id = loop {
            let cursor = &mut self.reader.cursor;
            match concrete_id(cursor, &mut |_, cursor| skip_definition(cursor, table))? {
                Some(id) => break id,
                None => self.reader.next_message()?,
            }
        };
        interface_value(&mut self.reader.cursor, table, id)?;
        let value = self.value(id, depth)?;
        Ok(Some(Box::new(Dynamic { name, value })))
    }

    fn shape(&self, id: i32) -> Shape {
        Shape { table: self.table.clone(), id }
    }
}
