//! Making a plan; refuses types that do not fit, with Go's texts.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;

use polywire_schema::{EnumType, Kind, Type, VariantShape};

use super::local::{go_type, scalar};
use super::{EnumPlan, Fields, ListPlan, LocalFields, Node, Order, Plan, RemoteField, StructPlan};
use crate::compile::{go_field_name, is_byte};
use crate::error::DecodeError;
use crate::raw::unknown_type;
use crate::table::{FieldType, TypeTable, WireType, basic};

/// Works out how a value of `remote` becomes a value of `ty`.
pub(super) fn plan(table: &TypeTable, remote: i32, ty: &'static Type) -> Result<Plan, DecodeError> {
    let mut build =
        Build { table, nodes: Vec::new(), known: HashMap::new(), spans: HashMap::new() };
    build.check_root(remote, ty)?;
    build.node(remote, Local::Type(ty), &format!("*{}", go_type(ty)), 0)?;
    let is_singleton = table.struct_fields(remote).is_none();
    Ok(Plan { nodes: build.nodes, is_singleton })
}

/// What a remote type is read into.
#[derive(Clone, Copy)]
enum Local {
    Type(&'static Type),
    /// The fields a variant carries; the key tells variants apart.
    Variant(Fields, &'static str, (TypeId, usize)),
}

struct Build<'a> {
    table: &'a TypeTable,
    nodes: Vec<Node>,
    /// Nodes of composite types, by remote id and local type (and variant, counted from 1).
    known: HashMap<(i32, TypeId, usize), usize>,
    /// Whether types reach an interface.
    spans: HashMap<i32, bool>,
}

impl<'a> Build<'a> {
    fn check_root(&self, remote: i32, ty: &'static Type) -> Result<(), DecodeError> {
        if remote > basic::INTERFACE && self.table.get(remote).is_none() {
            return Err(unknown_type());
        }
        if is_struct(ty) {
            return match self.table.struct_fields(remote) {
                Some(_) => Ok(()),
                None => Err(mismatch(format!(
                    "gob: type mismatch in decoder: want struct type {}; got non-struct",
                    go_type(ty)
                ))),
            };
        }
        if self.fits(remote, ty, &mut Vec::new()) {
            return Ok(());
        }
        if matches!(ty.kind, Kind::Any) {
            return Err(mismatch(format!(
                "gob: local interface type *interface {{}} can only be decoded from remote \
                 interface type; received concrete type {}",
                self.table.describe(remote)
            )));
        }
        Err(mismatch(format!(
            "gob: decoding into local type *{}, received remote type {}",
            go_type(ty),
            self.table.describe(remote)
        )))
    }

    /// Whether Go would take a remote type for a local one. Structs are looked into later.
    fn fits(&self, remote: i32, ty: &'static Type, above: &mut Vec<(i32, TypeId)>) -> bool {
        let pair = (remote, (ty.id)());
        if above.contains(&pair) {
            return true;
        }
        let wire = self.table.get(remote).map(|definition| &definition.ty);
        above.push(pair);
        let fits = match (ty.kind, wire) {
            (Kind::Option(item), _) => self.fits(remote, item(), above),
            (Kind::Bool, _) => remote == basic::BOOL,
            (Kind::Int(_) | Kind::Duration, _) => remote == basic::INT,
            (Kind::Uint(_), _) => remote == basic::UINT,
            (Kind::Float(_), _) => remote == basic::FLOAT,
            (Kind::Complex(_), _) => remote == basic::COMPLEX,
            (Kind::Any, _) => remote == basic::INTERFACE,
            (Kind::Char | Kind::String, _) => remote == basic::STRING,
            (Kind::Bytes, _) => remote == basic::BYTES,
            (Kind::List(item), _) if is_byte(item()) => remote == basic::BYTES,
            (Kind::List(item), Some(&WireType::Slice { elem })) => self.fits(elem, item(), above),
            (Kind::Array(item, n), Some(&WireType::Array { elem, len })) => {
                n as u64 == len && self.fits(elem, item(), above)
            }
            (Kind::Map(k, v), Some(&WireType::Map { key, elem })) => {
                self.fits(key, k(), above) && self.fits(elem, v(), above)
            }
            (Kind::Time | Kind::BigInt, Some(WireType::Opaque(_))) => true,
            (Kind::Enum(of), _) if of.is_unit_only() => remote == basic::STRING,
            (_, Some(WireType::Struct { .. })) => is_struct(ty),
            _ => false,
        };
        above.pop();
        fits
    }

    /// Adds a node; `at` names the place for errors about numbers.
    fn node(
        &mut self,
        remote: i32,
        local: Local,
        at: &str,
        depth: usize,
    ) -> Result<usize, DecodeError> {
        let limit = self.table.limits().type_depth;
        if depth > limit {
            return Err(DecodeError::limit("types within types", limit, "type_depth"));
        }
        let key = match local {
            Local::Type(ty) => (remote, (ty.id)(), 0),
            Local::Variant(_, _, (of, variant)) => (remote, of, variant.saturating_add(1)),
        };
        let is_composite = match local {
            Local::Type(ty) => is_composite(ty),
            Local::Variant(..) => true,
        };
        if is_composite && let Some(&known) = self.known.get(&key) {
            return Ok(known);
        }
        let index = self.nodes.len();
        self.nodes.push(Node::Pending);
        if is_composite {
            self.known.insert(key, index);
        }
        let depth = depth.saturating_add(1);
        let node = match local {
            Local::Type(ty) => self.typed(remote, ty, at, depth)?,
            Local::Variant(fields, name, _) => self.fields(remote, fields, name, depth)?,
        };
        if let Some(place) = self.nodes.get_mut(index) {
            *place = node;
        }
        Ok(index)
    }

    fn typed(
        &mut self,
        remote: i32,
        ty: &'static Type,
        at: &str,
        depth: usize,
    ) -> Result<Node, DecodeError> {
        Ok(match ty.kind {
            Kind::Bool => Node::Bool,
            Kind::Int(bits) => Node::Int { bits, at: at.into() },
            Kind::Uint(bits) => Node::Uint { bits, at: at.into() },
            Kind::Float(bits) => Node::Float { bits, at: at.into() },
            Kind::Complex(bits) => Node::Complex { bits, at: at.into() },
            Kind::BigInt => Node::BigInt,
            Kind::Any => Node::Any,
            Kind::Char => Node::Char,
            Kind::String => Node::String,
            Kind::Bytes => Node::Bytes,
            Kind::Duration => Node::Duration { at: at.into() },
            Kind::Time => Node::Time { at: at.into() },
            Kind::Option(item) => {
                Node::Option(self.node(remote, Local::Type(item()), at, depth)?)
            }
            Kind::List(item) if is_byte(item()) => Node::Bytes,
            Kind::List(item) => self.list(remote, ty, item(), None, depth)?,
            Kind::Array(item, len) => self.list(remote, ty, item(), Some(len as u64), depth)?,
            Kind::Map(k, v) => {
                let Some(&WireType::Map { key, elem }) = self.wire(remote) else {
                    return Err(unknown_type());
                };
                let at = format!("*{}", go_type(ty));
                let spans = self.spans(key) || self.spans(elem);
                let key = self.node(key, Local::Type(k()), &at, depth)?;
                Node::Map { key, elem: self.node(elem, Local::Type(v()), &at, depth)?, spans }
            }
            Kind::Unit => self.fields(remote, Fields::Unnamed(&[]), "", depth)?,
            Kind::Tuple(items) => self.fields(remote, Fields::Unnamed(items), "", depth)?,
            Kind::Struct(of) => self.fields(remote, Fields::Named(of.fields), of.go, depth)?,
            Kind::Enum(of) if of.is_unit_only() => Node::UnitEnum,
            Kind::Enum(of) => self.variants(remote, of, (ty.id)(), depth)?,
            _ => return Err(unknown_type()),
        })
    }

    fn list(
        &mut self,
        remote: i32,
        ty: &'static Type,
        item: &'static Type,
        len: Option<u64>,
        depth: usize,
    ) -> Result<Node, DecodeError> {
        let Some(&(WireType::Slice { elem } | WireType::Array { elem, .. })) = self.wire(remote)
        else {
            return Err(unknown_type());
        };
        let at = format!("element of *{}", go_type(ty));
        let spans = self.spans(elem);
        let elem = self.node(elem, Local::Type(item), &at, depth)?;
        Ok(Node::List(ListPlan { elem, len, spans, scalar: scalar(item.kind) }))
    }

    fn fields(
        &mut self,
        remote: i32,
        fields: Fields,
        name: &str,
        depth: usize,
    ) -> Result<Node, DecodeError> {
        let (remote_name, remote_fields) = self.struct_of(remote)?;
        let mut taken = vec![false; fields.len()];
        let mut plan = Vec::with_capacity(remote_fields.len());
        let by_name = names(fields);
        for field in remote_fields {
            let local = by_name.get(&*field.name).copied();
            let free = local.filter(|&at| !taken.get(at).copied().unwrap_or(true));
            let local = match free.and_then(|at| Some((at, fields.ty(at)?))) {
                None => None,
                Some((at, ty)) => {
                    if let Some(taken) = taken.get_mut(at) {
                        *taken = true;
                    }
                    self.check_field(remote_name, field, ty)?;
                    Some((at, self.node(field.id, Local::Type(ty), &field.name, depth)?))
                }
            };
            plan.push(RemoteField { id: field.id, local });
        }
        if !remote_fields.is_empty() && !taken.is_empty() && !taken.contains(&true) {
            return Err(no_match(name));
        }
        let order = order(fields, &plan, &taken);
        Ok(Node::Struct(StructPlan { remote: plan.into(), local: LocalFields(fields), order }))
    }

    fn variants(
        &mut self,
        remote: i32,
        of: &'static EnumType,
        key: TypeId,
        depth: usize,
    ) -> Result<Node, DecodeError> {
        let (remote_name, remote_fields) = self.struct_of(remote)?;
        let mut plan = Vec::with_capacity(remote_fields.len());
        for field in remote_fields {
            let found = of.variants.iter().position(|variant| *variant.go == *field.name);
            let local = match found.and_then(|at| Some((at, of.variants.get(at)?))) {
                None => None,
                Some((at, variant)) => {
                    let local = match variant.shape {
                        VariantShape::Unit => Local::Type(<bool as crate::Schema>::TYPE),
                        VariantShape::Newtype(item) => Local::Type(item()),
                        VariantShape::Tuple(items) => {
                            Local::Variant(Fields::Unnamed(items), variant.go, (key, at))
                        }
                        VariantShape::Struct(ty) => {
                            Local::Variant(Fields::Named(ty.fields), ty.go, (key, at))
                        }
                        _ => return Err(unknown_type()),
                    };
                    match local {
                        Local::Type(ty) => self.check_field(remote_name, field, ty)?,
                        Local::Variant(..) if self.table.struct_fields(field.id).is_none() => {
                            return Err(wrong_type(of.go, remote_name, field));
                        }
                        Local::Variant(..) => {}
                    }
                    Some((at, self.node(field.id, local, &field.name, depth)?))
                }
            };
            plan.push(RemoteField { id: field.id, local });
        }
        if !plan.is_empty() && plan.iter().all(|field| field.local.is_none()) {
            return Err(no_match(of.go));
        }
        Ok(Node::Enum(EnumPlan { of, remote: plan.into() }))
    }

    fn check_field(
        &self,
        remote: &str,
        field: &FieldType,
        ty: &'static Type,
    ) -> Result<(), DecodeError> {
        if field.id > basic::INTERFACE && self.table.get(field.id).is_none() {
            return Err(unknown_type());
        }
        if self.fits(field.id, ty, &mut Vec::new()) {
            return Ok(());
        }
        Err(wrong_type(&go_type(ty), remote, field))
    }

    fn struct_of(&self, remote: i32) -> Result<(&'a str, &'a [FieldType]), DecodeError> {
        let table = self.table;
        let fields = table.struct_fields(remote).ok_or_else(unknown_type)?;
        Ok((table.name(remote).unwrap_or_default(), fields))
    }

    fn wire(&self, remote: i32) -> Option<&WireType> {
        self.table.get(remote).map(|definition| &definition.ty)
    }

    /// Whether a value of the type may span messages.
    fn spans(&mut self, id: i32) -> bool {
        if let Some(&spans) = self.spans.get(&id) {
            return spans;
        }
        let spans = crate::split::reaches_interface(self.table, id) != Some(false);
        self.spans.insert(id, spans);
        spans
    }
}

/// Local fields by the names a Go peer uses.
fn names(fields: Fields) -> HashMap<Cow<'static, str>, usize> {
    match fields {
        Fields::Named(named) => {
            named.iter().enumerate().map(|(at, field)| (go_field_name(field, at), at)).collect()
        }
        Fields::Unnamed(items) => {
            (0..items.len()).map(|at| (Cow::Owned(format!("F{at}")), at)).collect()
        }
    }
}

fn order(fields: Fields, plan: &[RemoteField], taken: &[bool]) -> Order {
    let left_to_serde =
        taken.iter().enumerate().any(|(at, taken)| !taken && fields.has_default(at));
    if left_to_serde {
        return Order::Names;
    }
    let locals = plan.iter().filter_map(|field| field.local.map(|(at, _)| at));
    if locals.is_sorted_by(|a, b| a < b) { Order::Sequence } else { Order::Scattered }
}

fn is_struct(ty: &Type) -> bool {
    match ty.kind {
        Kind::Unit | Kind::Tuple(_) | Kind::Struct(_) => true,
        Kind::Enum(of) => !of.is_unit_only(),
        _ => false,
    }
}

fn is_composite(ty: &Type) -> bool {
    match ty.kind {
        Kind::List(item) => !is_byte(item()),
        Kind::Array(..) | Kind::Map(..) => true,
        _ => is_struct(ty),
    }
}

fn wrong_type(local: &str, remote: &str, field: &FieldType) -> DecodeError {
    mismatch(format!("gob: wrong type ({local}) for received field {remote}.{}", field.name))
}

fn no_match(name: &str) -> DecodeError {
    mismatch(format!("gob: type mismatch: no fields matched compiling decoder for {name}"))
}

fn mismatch(text: String) -> DecodeError {
    DecodeError::mismatch(text)
}
