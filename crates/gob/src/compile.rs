//! Rust types on their way out: ids and definitions, worked out once per process.

use std::any::TypeId;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};
use polywire_schema::{EnumType, Field, Kind, Path, Slot, StructType, Type, TypeRef, VariantShape};

use crate::definitions::Definitions;
use crate::error::RegisterError;
use crate::raw::{put_bytes, put_int, put_uint};
use crate::table::{FIRST_ID, FieldType, OpaqueKind, WireType, basic};

/// Process-wide compiled form of a Rust type: its id, from 64 up, and the definitions of
/// everything it reaches.
#[derive(Debug)]
pub struct Compiled {
    id: i32,
    pub(crate) is_struct: bool,
    /// Whether a value may hold interfaces, whose types have to be defined too.
    pub(crate) is_open: bool,
    definitions: Arc<Definitions>,
}

impl Compiled {
    /// The id of the type.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }

    /// What has to be sent before a value of the type.
    #[must_use]
    pub fn definitions(&self) -> &Arc<Definitions> {
        &self.definitions
    }
}

/// Gives a type its id and definitions; worked out when first asked for, then found with one load.
///
/// # Errors
/// When gob cannot carry the type; the error names the field.
#[inline]
pub fn compile(ty: &'static Type) -> Result<&'static Compiled, RegisterError> {
    match ty.slot.and_then(|slot| slot.get::<Outcome>(Slot::GOB)) {
        Some(Ok(compiled)) => Ok(compiled),
        _ => compile_slow(ty),
    }
}

/// What stands in the slot of a type.
type Outcome = Result<&'static Compiled, RegisterError>;

#[inline(never)]
fn compile_slow(ty: &'static Type) -> Outcome {
    match ty.slot.and_then(|slot| slot.get_or_init(Slot::GOB, || compile_new(ty))) {
        Some(outcome) => outcome.clone(),
        None => compile_generic(ty),
    }
}

thread_local! {
    /// Types without a slot that this thread has met: few, so a scan beats a shared table.
    static RECENT: RefCell<Vec<(TypeId, &'static Compiled)>> = const { RefCell::new(Vec::new()) };
}

const MAX_RECENT: usize = 32;

static GENERIC: LazyLock<RwLock<HashMap<TypeId, &'static Compiled>>> =
    LazyLock::new(RwLock::default);

fn compile_generic(ty: &'static Type) -> Result<&'static Compiled, RegisterError> {
    let key = (ty.id)();
    let recent = RECENT
        .with_borrow(|recent| recent.iter().find(|entry| entry.0 == key).map(|entry| entry.1));
    if let Some(compiled) = recent {
        return Ok(compiled);
    }
    let known = GENERIC.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
    let compiled = match known {
        Some(compiled) => compiled,
        None => {
            let compiled = compile_new(ty)?;
            *GENERIC.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(compiled)
        }
    };
    RECENT.with_borrow_mut(|recent| {
        if recent.len() >= MAX_RECENT {
            recent.clear();
        }
        recent.push((key, compiled));
    });
    Ok(compiled)
}

/// Compiled types live as long as the process, as the types themselves do.
fn compile_new(ty: &'static Type) -> Result<&'static Compiled, RegisterError> {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut build = Build {
        next: registry.next,
        known: &registry.ids,
        new: HashMap::new(),
        wires: Vec::new(),
        path: Path::root(ty),
    };
    let id = build.id(ty, Place::Root)?;
    let Build { next, new, wires, .. } = build;
    registry.next = next;
    registry.ids.extend(new);
    for (id, name, wire) in wires {
        let message = definition(id, name, &wire);
        registry.types.insert(id, Known { message, parts: wire.parts() });
        if matches!(wire, WireType::Struct { .. }) {
            registry.structs.insert(id);
        }
    }
    let definitions = Arc::new(registry.definitions(id));
    let is_struct = registry.structs.contains(&id);
    let is_open =
        id == basic::INTERFACE || definitions.iter().any(|(id, _)| registry.holds_interface(id));
    Ok(Box::leak(Box::new(Compiled { id, is_struct, is_open, definitions })))
}

/// Takes process-wide ids for so many types that no Rust type stands behind.
pub(crate) fn reserve_ids(count: usize) -> Option<i32> {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let first = registry.next;
    registry.next = first.checked_add(i32::try_from(count).ok()?)?;
    Some(first)
}

static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(|| {
    Mutex::new(Registry {
        next: FIRST_ID,
        ids: HashMap::new(),
        types: HashMap::new(),
        structs: HashSet::new(),
    })
});

/// All types of the process that have ids.
struct Registry {
    next: i32,
    ids: HashMap<Key, i32>,
    types: HashMap<i32, Known>,
    structs: HashSet<i32>,
}

struct Known {
    message: Bytes,
    parts: Vec<i32>,
}

impl Registry {
    /// Outermost first, depth first, each once, as Go sends them.
    fn definitions(&self, root: i32) -> Definitions {
        let (mut seen, mut to_do) = (HashSet::new(), vec![root]);
        let mut messages = Vec::new();
        while let Some(id) = to_do.pop() {
            if let Some(known) = self.types.get(&id)
                && seen.insert(id)
            {
                messages.push((id, known.message.clone()));
                to_do.extend(known.parts.iter().rev());
            }
        }
        Definitions::new(root, messages)
    }

    fn holds_interface(&self, id: i32) -> bool {
        self.types.get(&id).is_some_and(|known| known.parts.contains(&basic::INTERFACE))
    }
}

/// What has an id of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Type(TypeId),
    /// What a variant of an enum carries.
    Variant(TypeId, usize),
    Time,
    BigInt,
}

/// Where a type stands, which decides whether it may be absent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Field,
    Element,
}

/// New types of one compilation, added to the registry only if all of it succeeds.
struct Build<'a> {
    next: i32,
    known: &'a HashMap<Key, i32>,
    new: HashMap<Key, i32>,
    wires: Vec<(i32, &'static str, WireType)>,
    path: Path,
}

impl Build<'_> {
    fn id(&mut self, ty: &'static Type, place: Place) -> Result<i32, RegisterError> {
        let key = Key::Type((ty.id)());
        match ty.kind {
            Kind::Bool => Ok(basic::BOOL),
            Kind::Int(128) | Kind::Uint(128) => self.refuse("Go has no integers of 128 bits"),
            Kind::Int(_) | Kind::Duration => Ok(basic::INT),
            Kind::Uint(_) => Ok(basic::UINT),
            Kind::Float(_) => Ok(basic::FLOAT),
            Kind::Complex(_) => Ok(basic::COMPLEX),
            Kind::Any => Ok(basic::INTERFACE),
            Kind::Char | Kind::String => Ok(basic::STRING),
            Kind::Bytes => Ok(basic::BYTES),
            Kind::Time => self.define(Key::Time, "Time", |_| Ok(WireType::Opaque(OpaqueKind::Gob))),
            Kind::BigInt => {
                self.define(Key::BigInt, "Int", |_| Ok(WireType::Opaque(OpaqueKind::Gob)))
            }
            Kind::Unit => self.define(key, "", |_| Ok(WireType::Struct { fields: Vec::new() })),
            Kind::Option(item) => self.option(item(), place),
            Kind::List(item) if is_byte(item()) => Ok(basic::BYTES),
            Kind::List(item) => self.define(key, "", |build| {
                Ok(WireType::Slice { elem: build.part("[]", item(), Place::Element)? })
            }),
            Kind::Array(item, len) => self.define(key, "", |build| {
                let elem = build.part("[]", item(), Place::Element)?;
                Ok(WireType::Array { elem, len: len as u64 })
            }),
            Kind::Map(k, v) => self.define(key, "", |build| {
                if !is_scalar(k()) {
                    build.path.push("{key}");
                    return build.refuse("a map key must be a scalar");
                }
                let key = build.part("{key}", k(), Place::Element)?;
                Ok(WireType::Map { key, elem: build.part("{}", v(), Place::Element)? })
            }),
            Kind::Tuple(items) => self.define(key, "", |build| build.tuple(items)),
            Kind::Struct(ty) => self.define(key, ty.go, |build| build.fields(ty.fields)),
            Kind::Enum(ty) if ty.is_unit_only() => Ok(basic::STRING),
            Kind::Enum(of) => self.define(key, of.go, |build| build.variants((ty.id)(), of)),
            _ => self.refuse("gob has no form for this kind of type"),
        }
    }

    fn option(&mut self, item: &'static Type, place: Place) -> Result<i32, RegisterError> {
        if place != Place::Field {
            return self.refuse("Go can leave out fields only, not elements or whole values");
        }
        if matches!(item.kind, Kind::Option(_)) {
            return self.refuse("an option within an option cannot be told from one");
        }
        if matches!(item.kind, Kind::Any) {
            return self.refuse("an interface may be nil by itself");
        }
        self.id(item, Place::Element)
    }

    fn part(&mut self, step: &str, ty: &'static Type, place: Place) -> Result<i32, RegisterError> {
        self.path.push(step);
        let id = self.id(ty, place)?;
        self.path.pop();
        Ok(id)
    }

    fn tuple(&mut self, items: &'static [TypeRef]) -> Result<WireType, RegisterError> {
        let mut fields = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let id = self.part(&at.to_string(), item(), Place::Field)?;
            fields.push(FieldType { name: format!("F{at}").into(), id });
        }
        Ok(WireType::Struct { fields })
    }

    fn fields(&mut self, of: &'static [Field]) -> Result<WireType, RegisterError> {
        let mut fields: Vec<FieldType> = Vec::with_capacity(of.len());
        for (at, field) in of.iter().enumerate() {
            let name: Box<str> = go_field_name(field, at).into();
            self.path.push(field.serde);
            self.check_name(&name, &fields)?;
            self.path.pop();
            let id = self.part(field.serde, (field.ty)(), Place::Field)?;
            fields.push(FieldType { name, id });
        }
        Ok(WireType::Struct { fields })
    }

    fn variants(&mut self, of: TypeId, ty: &'static EnumType) -> Result<WireType, RegisterError> {
        let mut fields: Vec<FieldType> = Vec::with_capacity(ty.variants.len());
        for (at, variant) in ty.variants.iter().enumerate() {
            self.path.push(variant.serde);
            self.check_name(variant.go, &fields)?;
            let key = Key::Variant(of, at);
            let id = match variant.shape {
                VariantShape::Unit => basic::BOOL,
                VariantShape::Newtype(item) => self.id(item(), Place::Element)?,
                VariantShape::Tuple(items) => self.define(key, "", |build| build.tuple(items))?,
                VariantShape::Struct(StructType { go, fields, .. }) => {
                    self.define(key, go, |build| build.fields(fields))?
                }
                _ => return self.refuse("gob has no form for this kind of variant"),
            };
            self.path.pop();
            fields.push(FieldType { name: variant.go.into(), id });
        }
        Ok(WireType::Struct { fields })
    }

    /// Go leaves out fields whose names do not begin in upper case, and would decode into one of
    /// two fields of the same name.
    fn check_name(&self, name: &str, before: &[FieldType]) -> Result<(), RegisterError> {
        if !name.starts_with(char::is_uppercase) {
            return self.refuse("Go ignores names that do not begin with an upper-case letter");
        }
        if before.iter().any(|field| *field.name == *name) {
            return self.refuse("another field has the same name in Go");
        }
        Ok(())
    }

    /// The id is given before the parts are looked at, since they may lead back here.
    fn define(
        &mut self,
        key: Key,
        name: &'static str,
        wire: impl FnOnce(&mut Self) -> Result<WireType, RegisterError>,
    ) -> Result<i32, RegisterError> {
        if let Some(&id) = self.known.get(&key).or_else(|| self.new.get(&key)) {
            return Ok(id);
        }
        let id = self.next;
        let Some(next) = id.checked_add(1) else { return self.refuse("out of type ids") };
        self.next = next;
        self.new.insert(key, id);
        let wire = wire(self)?;
        self.wires.push((id, name, wire));
        Ok(id)
    }

    fn refuse<T>(&self, reason: &'static str) -> Result<T, RegisterError> {
        Err(RegisterError::new(self.path.to_string(), Cow::Borrowed(reason)))
    }
}

/// The name of a field in Go; those of tuple structs are numbered.
pub(crate) fn go_field_name(field: &Field, at: usize) -> Cow<'static, str> {
    if field.serde.starts_with(|c: char| c.is_ascii_digit())
        && !field.go.starts_with(char::is_uppercase)
    {
        Cow::Owned(format!("F{at}"))
    } else {
        Cow::Borrowed(field.go)
    }
}

pub(crate) fn is_byte(ty: &Type) -> bool {
    matches!(ty.kind, Kind::Uint(8))
}

fn is_scalar(ty: &Type) -> bool {
    match ty.kind {
        Kind::Enum(ty) => ty.is_unit_only(),
        kind => matches!(
            kind,
            Kind::Bool
                | Kind::Int(_)
                | Kind::Uint(_)
                | Kind::Float(_)
                | Kind::Char
                | Kind::String
                | Kind::Duration
        ),
    }
}

impl WireType {
    /// The ids of the types this one is made of.
    pub(crate) fn parts(&self) -> Vec<i32> {
        match self {
            Self::Array { elem, .. } | Self::Slice { elem } => vec![*elem],
            Self::Map { key, elem } => vec![*key, *elem],
            Self::Struct { fields } => fields.iter().map(|field| field.id).collect(),
            Self::Opaque(_) | Self::Nothing => Vec::new(),
        }
    }
}

/// A definition as a whole message.
pub(crate) fn definition(id: i32, name: &str, wire: &WireType) -> Bytes {
    let mut body = BytesMut::new();
    put_int(&mut body, i64::from(id).wrapping_neg());
    let (kind, own) = match wire {
        WireType::Array { .. } => (1, true),
        WireType::Slice { .. } => (2, true),
        WireType::Struct { fields } => (3, !fields.is_empty()),
        WireType::Map { .. } => (4, true),
        WireType::Opaque(OpaqueKind::Gob) => (5, false),
        WireType::Opaque(OpaqueKind::Binary) => (6, false),
        WireType::Opaque(OpaqueKind::Text) => (7, false),
        WireType::Nothing => (0, false),
    };
    put_uint(&mut body, kind);
    if kind != 0 {
        put_uint(&mut body, 1);
        put_named(&mut body, name, id);
        if own {
            put_parts(&mut body, wire);
        }
        put_uint(&mut body, 0);
        put_uint(&mut body, 0);
    }
    let mut message = BytesMut::new();
    put_bytes(&mut message, &body);
    message.freeze()
}

fn put_parts(body: &mut BytesMut, wire: &WireType) {
    put_uint(body, 1);
    match wire {
        WireType::Array { elem, len } => {
            put_int(body, i64::from(*elem));
            if *len > 0 {
                put_uint(body, 1);
                put_int(body, i64::try_from(*len).unwrap_or(i64::MAX));
            }
        }
        WireType::Slice { elem } => put_int(body, i64::from(*elem)),
        WireType::Map { key, elem } => {
            put_int(body, i64::from(*key));
            put_uint(body, 1);
            put_int(body, i64::from(*elem));
        }
        WireType::Struct { fields } => {
            put_uint(body, fields.len() as u64);
            for field in fields {
                put_named(body, &field.name, field.id);
            }
        }
        WireType::Opaque(_) | WireType::Nothing => {}
    }
}

/// A `CommonType` or a `fieldType`: a name, which is left out if empty, and an id.
fn put_named(body: &mut BytesMut, name: &str, id: i32) {
    if name.is_empty() {
        put_uint(body, 2);
    } else {
        put_uint(body, 1);
        put_bytes(body, name.as_bytes());
        put_uint(body, 1);
    }
    put_int(body, i64::from(id));
    put_uint(body, 0);
}
