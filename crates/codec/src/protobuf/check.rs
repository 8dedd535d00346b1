//! Which types protobuf cannot carry.

use std::any::TypeId;
use std::collections::HashSet;

use polywire_schema::{EnumType, Kind, Path, StructType, Type, TypeRef, VariantShape};

use super::ProtobufError;
use super::form::member_tag;
use super::name::{json_name, member_name, value_name};
use super::wire::MAX_TAG;

pub(super) fn check(ty: &'static Type) -> Result<(), ProtobufError> {
    Check { seen: HashSet::new(), path: Path::root(ty) }.ty(ty)
}

struct Check {
    seen: HashSet<TypeId>,
    path: Path,
}

impl Check {
    fn ty(&mut self, ty: &'static Type) -> Result<(), ProtobufError> {
        match ty.kind {
            Kind::Int(128) | Kind::Uint(128) => Err(self.refuse("it has no 128-bit integers")),
            Kind::Complex(_) => Err(self.refuse("it has no complex numbers")),
            Kind::BigInt => Err(self.refuse("it has no integers of any size")),
            Kind::Any => Err(self.refuse("it has no values that bring their type along")),
            Kind::Option(item) => self.ty(item()),
            Kind::List(item) | Kind::Array(item, _) => self.step("[]", item),
            Kind::Map(key, value) => {
                self.key(key())?;
                self.step("{}", value)
            }
            Kind::Tuple(items) => self.items(items),
            Kind::Struct(inner) if self.seen.insert((ty.id)()) => self.fields(inner),
            Kind::Enum(inner) if self.seen.insert((ty.id)()) => self.variants(inner),
            _ => Ok(()),
        }
    }

    fn key(&mut self, key: &'static Type) -> Result<(), ProtobufError> {
        match key.kind {
            Kind::Bool | Kind::Char | Kind::String => Ok(()),
            Kind::Int(bits) | Kind::Uint(bits) if bits <= 64 => Ok(()),
            Kind::Enum(ty) if ty.is_unit_only() => Ok(()),
            _ => Err(self.refuse("the keys of a map must be text, integers or bool")),
        }
    }

    fn items(&mut self, items: &[TypeRef]) -> Result<(), ProtobufError> {
        items.iter().enumerate().try_for_each(|(at, item)| self.step(&format!("f{at}"), *item))
    }

    fn fields(&mut self, ty: &'static StructType) -> Result<(), ProtobufError> {
        for (at, field) in ty.fields.iter().enumerate() {
            let mut others = ty.fields.iter().take(at);
            self.tag(field.serde, field.tag)?;
            if others.any(|other| json_name(other.proto) == json_name(field.proto)) {
                self.path.push(field.serde);
                return Err(self.refuse("another field has the same name in its JSON"));
            }
            self.step(field.serde, field.ty)?;
        }
        Ok(())
    }

    fn variants(&mut self, ty: &'static EnumType) -> Result<(), ProtobufError> {
        let unit_only = ty.is_unit_only();
        for (at, variant) in ty.variants.iter().enumerate() {
            let mut others = ty.variants.iter().take(at);
            let is_taken = match unit_only {
                true => others.any(|other| value_name(ty, other) == value_name(ty, variant)),
                false => others.any(|other| member_name(other) == member_name(variant)),
            };
            if !unit_only {
                self.tag(variant.serde, member_tag(ty, variant))?;
            }
            self.path.push(variant.serde);
            if is_taken {
                return Err(self.refuse("another variant has the same name"));
            }
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

    fn tag(&mut self, name: &str, tag: u32) -> Result<(), ProtobufError> {
        if (1..=MAX_TAG).contains(&tag) && !(19_000..20_000).contains(&tag) {
            return Ok(());
        }
        self.path.push(name);
        Err(self.refuse("its tag is outside 1 to 536870911, or one of 19000 to 19999"))
    }

    fn step(&mut self, step: &str, ty: TypeRef) -> Result<(), ProtobufError> {
        self.path.push(step);
        self.ty(ty())?;
        self.path.pop();
        Ok(())
    }

    fn refuse(&self, why: &'static str) -> ProtobufError {
        ProtobufError::UnsupportedType { at: self.path.to_string(), why }
    }
}
