//! By which names Go knows the Rust types that are put into interfaces.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use polywire_schema::{Kind, Schema, Type};

use crate::compile::compile;
use crate::error::{EncodeError, RegisterError};
use crate::plan::local::go_type;

static NAMES: LazyLock<RwLock<HashMap<TypeId, Box<str>>>> = LazyLock::new(RwLock::default);

/// Gives a Rust type the name by which Go knows its counterpart in interfaces, as `gob.Register`
/// and `gob.RegisterName` do there: `main.Point` for a type of package main, `import/path.Point`
/// for others, `*path.Point` if a pointer was registered. [`Any::of`](super::Any::of) uses it.
///
/// # Errors
/// When gob cannot carry the type, or it has another name already.
pub fn register<T: Schema + ?Sized>(name: &str) -> Result<(), RegisterError> {
    compile(T::TYPE)?;
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    let known = names.entry((T::TYPE.id)()).or_insert_with(|| name.into());
    if **known == *name {
        return Ok(());
    }
    let reason = Cow::Owned(format!("it is registered as {known} already"));
    Err(RegisterError::new(T::TYPE.name(), reason))
}

/// The name of a type: the one it was given, or the one every Go program knows it by.
pub(super) fn name(ty: &'static Type) -> Result<String, EncodeError> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = names.get(&(ty.id)()) {
        return Ok(name.to_string());
    }
    if !matches!(ty.kind, Kind::Any) && is_unnamed(ty) {
        return Ok(go_type(ty));
    }
    Err(EncodeError::value(format!("type not registered for interface: {ty}")))
}

/// Whether Go writes the type without a name of the user's.
fn is_unnamed(ty: &Type) -> bool {
    match ty.kind {
        Kind::List(item) | Kind::Array(item, _) => is_unnamed(item()),
        Kind::Map(key, value) => is_unnamed(key()) && is_unnamed(value()),
        Kind::Struct(_) | Kind::Tuple(_) | Kind::Unit | Kind::Option(_) => false,
        Kind::Enum(of) => of.is_unit_only(),
        _ => true,
    }
}
