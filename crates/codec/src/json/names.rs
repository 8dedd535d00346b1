//! What fields and types are called, and which types JSON cannot carry.

use std::any::TypeId;
use std::collections::HashSet;

use polywire_schema::{
    EnumType, Field, Kind, Path, Schema, StructType, Type, TypeRef, Variant, VariantShape,
};

use super::{JsonError, Style};
use crate::protobuf::name::{camel, member_chars, value_chars};

/// Finds the field a key means: by the style's own name, by any other, by Go's in any case.
pub(super) fn field(fields: &[Field], key: &str, style: Style) -> Option<usize> {
    let own = |field: &Field| match style {
        Style::Serde => field.serde == key,
        Style::Go => field.go == key,
        Style::Proto => field.proto == key || proto_field(field).eq(key.chars()),
    };
    let any = |field: &Field| [field.serde, field.go, field.java, field.proto].contains(&key);
    let folded = |field: &Field| field.go.eq_ignore_ascii_case(key);
    fields
        .iter()
        .position(own)
        .or_else(|| fields.iter().position(any))
        .or_else(|| fields.iter().position(folded))
}

/// Finds the variant a name means.
pub(super) fn variant(variants: &'static [Variant], name: &str) -> Option<&'static Variant> {
    variants
        .iter()
        .find(|variant| variant.serde == name)
        .or_else(|| variants.iter().find(|variant| variant.go.eq_ignore_ascii_case(name)))
}

/// Finds the variant that a value of an enum or a member of a message means in protobuf's form.
pub(super) fn proto_variant(ty: &'static EnumType, name: &str) -> Option<&'static Variant> {
    let means = |variant: &&Variant| match ty.is_unit_only() {
        true => proto_value(ty, variant).eq(name.chars()),
        false => proto_member(variant).eq(name.chars()),
    };
    let plain = |variant: &&Variant| member_chars(variant).eq(name.chars());
    let mut all = ty.variants.iter();
    let number = || name.parse().ok().and_then(|number| numbered(ty, number));
    all.clone()
        .find(means)
        .or_else(|| all.find(plain))
        .or_else(|| variant(ty.variants, name))
        .or_else(|| if ty.is_unit_only() { number() } else { None })
}

/// The variant of that number.
pub(super) fn numbered(ty: &'static EnumType, number: i64) -> Option<&'static Variant> {
    ty.variants.iter().find(|variant| i64::from(variant.number) == number)
}

/// The name of a field in protobuf's form.
pub(super) fn proto_field(field: &Field) -> impl Iterator<Item = char> {
    camel(field.proto.chars())
}

/// The name of a variant with data in protobuf's form.
pub(super) fn proto_member(variant: &Variant) -> impl Iterator<Item = char> {
    camel(member_chars(variant))
}

/// The name of a variant without data in protobuf's form.
pub(super) fn proto_value(ty: &EnumType, variant: &Variant) -> impl Iterator<Item = char> {
    value_chars(ty, variant)
}

/// Whether what was written in protobuf's form is the zero value of a type.
pub(super) fn is_proto_zero(ty: &Type, text: &[u8]) -> bool {
    match ty.kind {
        Kind::Bool => text == b"false",
        Kind::Int(_) | Kind::Uint(_) | Kind::Float(_) => matches!(text, b"0" | b"\"0\""),
        Kind::Char => text == b"\"\\u0000\"",
        Kind::String | Kind::Bytes => text == b"\"\"",
        Kind::Option(_) => text == b"null",
        Kind::List(_) => matches!(text, b"[]" | b"\"\""),
        Kind::Map(..) => text == b"{}",
        Kind::Enum(ty) if ty.is_unit_only() => numbered(ty, 0).is_some_and(|zero| {
            let quoted = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
            let name = quoted.and_then(|name| std::str::from_utf8(name).ok());
            name.is_some_and(|name| proto_value(ty, zero).eq(name.chars()))
        }),
        _ => false,
    }
}

/// The position a key of a tuple means: `F0` or `0`.
pub(super) fn position(key: &str, len: usize) -> Option<usize> {
    let digits = key.strip_prefix(['F', 'f']).unwrap_or(key);
    digits.parse().ok().filter(|position| *position < len)
}

/// Whether a type is a byte string on Go's wires.
pub(super) fn is_bytes(ty: &Type) -> bool {
    match ty.kind {
        Kind::Bytes => true,
        Kind::List(item) => matches!(item().kind, Kind::Uint(8)),
        _ => false,
    }
}

/// The type of both parts of a complex number.
pub(super) fn part(bits: u8) -> TypeRef {
    if bits == 32 { f32::schema } else { f64::schema }
}

/// The name Go would print for the type.
pub(super) fn go_type(ty: &Type) -> String {
    match ty.kind {
        Kind::Unit => "struct {}".to_owned(),
        Kind::Bool => "bool".to_owned(),
        Kind::Int(64) => "int".to_owned(),
        Kind::Int(bits) => format!("int{bits}"),
        Kind::Uint(64) => "uint".to_owned(),
        Kind::Uint(bits) => format!("uint{bits}"),
        Kind::Float(bits) => format!("float{bits}"),
        Kind::Complex(bits) => format!("complex{}", u16::from(bits) * 2),
        Kind::BigInt => "*big.Int".to_owned(),
        Kind::Any => "interface {}".to_owned(),
        Kind::Bytes => "[]uint8".to_owned(),
        Kind::Duration => "time.Duration".to_owned(),
        Kind::Time => "time.Time".to_owned(),
        Kind::Option(item) => go_type(item()),
        Kind::List(item) => format!("[]{}", go_type(item())),
        Kind::Array(item, len) => format!("[{len}]{}", go_type(item())),
        Kind::Map(key, value) => format!("map[{}]{}", go_type(key()), go_type(value())),
        Kind::Struct(ty) => format!("main.{}", ty.go),
        Kind::Enum(ty) if !ty.is_unit_only() => format!("main.{}", ty.go),
        Kind::Tuple(_) => "struct".to_owned(),
        _ => "string".to_owned(),
    }
}

/// Refuses map keys that are no scalars, and structs whose Go names collide.
pub(super) fn check(ty: &'static Type) -> Result<(), JsonError> {
    Check { seen: HashSet::new(), path: Path::root(ty) }.ty(ty)
}

struct Check {
    seen: HashSet<TypeId>,
    path: Path,
}

impl Check {
    fn ty(&mut self, ty: &'static Type) -> Result<(), JsonError> {
        match ty.kind {
            Kind::Option(item) => self.ty(item()),
            Kind::List(item) | Kind::Array(item, _) => self.step("[]", item),
            Kind::Map(key, value) => {
                if !is_key(key()) {
                    return Err(self.refuse("the keys of a map must be text, numbers or bool"));
                }
                self.step("{}", value)
            }
            Kind::Tuple(items) => self.items(items),
            Kind::Struct(inner) if self.seen.insert((ty.id)()) => self.fields(inner),
            Kind::Enum(inner) if self.seen.insert((ty.id)()) => {
                for variant in inner.variants {
                    self.path.push(variant.go);
                    match variant.shape {
                        VariantShape::Newtype(item) => self.ty(item())?,
                        VariantShape::Tuple(items) => self.items(items)?,
                        VariantShape::Struct(fields) => self.fields(fields)?,
                        _ => {}
                    }
                    self.path.pop();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn items(&mut self, items: &[TypeRef]) -> Result<(), JsonError> {
        items.iter().enumerate().try_for_each(|(at, item)| self.step(&format!("F{at}"), *item))
    }

    fn fields(&mut self, ty: &'static StructType) -> Result<(), JsonError> {
        for (at, field) in ty.fields.iter().enumerate() {
            if ty.fields.iter().take(at).any(|other| other.go == field.go) {
                self.path.push(field.serde);
                return Err(self.refuse("another field has the same name in Go"));
            }
            self.step(field.serde, field.ty)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &str, ty: TypeRef) -> Result<(), JsonError> {
        self.path.push(step);
        self.ty(ty())?;
        self.path.pop();
        Ok(())
    }

    fn refuse(&self, why: &'static str) -> JsonError {
        JsonError::UnsupportedType { at: self.path.to_string(), why }
    }
}

fn is_key(ty: &Type) -> bool {
    match ty.kind {
        Kind::Bool | Kind::Int(_) | Kind::Uint(_) | Kind::Float(_) | Kind::Char | Kind::String => {
            true
        }
        Kind::Enum(ty) => ty.is_unit_only(),
        _ => false,
    }
}
