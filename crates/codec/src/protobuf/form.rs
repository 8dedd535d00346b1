//! Which form a type has in protobuf.

use polywire_schema::{EnumType, Field, Kind, Type, Variant};

use super::wire::{FIXED32, FIXED64, VARINT};

/// Whether a type is a byte string.
pub(crate) fn is_bytes(ty: &Type) -> bool {
    match ty.kind {
        Kind::Bytes => true,
        Kind::List(item) | Kind::Array(item, _) => matches!(item().kind, Kind::Uint(8)),
        _ => false,
    }
}

/// Whether a type takes any number of occurrences of its field, none included; such a type needs
/// a message around it where exactly one value must stand.
pub(crate) fn spreads(ty: &Type) -> bool {
    match ty.kind {
        Kind::Option(_) | Kind::Map(..) => true,
        Kind::List(_) | Kind::Array(..) => !is_bytes(ty),
        _ => false,
    }
}

/// Whether a type is a message by itself.
pub(crate) fn is_message(ty: &Type) -> bool {
    match ty.kind {
        Kind::Unit | Kind::Duration | Kind::Time | Kind::Tuple(_) | Kind::Struct(_) => true,
        Kind::Enum(ty) => !ty.is_unit_only(),
        _ => false,
    }
}

/// Whether a message goes around an argument or result of the type, other than one of Google's
/// wrappers of scalars, of which JSON shows nothing.
pub(crate) fn is_wrapped_root(ty: &Type) -> bool {
    spreads(ty) || matches!(ty.kind, Kind::Enum(ty) if ty.is_unit_only())
}

/// How the elements of a list of the type are packed, if they are.
pub(super) fn packed_as(item: &Type) -> Option<u8> {
    match item.kind {
        Kind::Bool | Kind::Int(_) | Kind::Uint(_) => Some(VARINT),
        Kind::Float(32) => Some(FIXED32),
        Kind::Float(_) => Some(FIXED64),
        Kind::Enum(ty) if ty.is_unit_only() => Some(VARINT),
        _ => None,
    }
}

/// Whether serde, not the format, says what an absent field is.
pub(crate) fn defaults_by_serde(field: &Field, ty: &Type) -> bool {
    field.has_default && (!spreads(ty) || matches!(ty.kind, Kind::Array(..)))
}

/// The tag of a variant in the `oneof` that an enum with data becomes: its number as it is when no
/// variant has the number 0, which is no tag; else one more, so that positions count from 1.
#[must_use]
pub fn member_tag(ty: &EnumType, variant: &Variant) -> u32 {
    let shift = ty.variants.iter().any(|variant| variant.number == 0);
    variant.number.saturating_add(u32::from(shift))
}
