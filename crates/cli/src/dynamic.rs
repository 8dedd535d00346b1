//! JSON to gob and back, for types known only at run time.
//!
//! What a polywire server says of its types ([`Description`]) directs both ways. Of other servers
//! nothing is known: then integers are ints, fractions floats, objects structs with Go's names, and
//! `--type` says where that is wrong.

mod from_json;
mod hints;
mod to_json;

use polywire::codec::json::{Style, from_bytes, to_bytes};
use polywire::reflection::{Description, FieldInfo, TypeInfo};
use serde_json::Value as Json;

pub(crate) use self::from_json::to_payload;
pub(crate) use self::hints::Hints;
pub(crate) use self::to_json::to_json;

/// What is known of a value's type.
#[derive(Clone, Copy)]
pub(crate) struct Known<'d> {
    description: &'d Description,
    ty: &'d TypeInfo,
}

impl<'d> Known<'d> {
    /// The type at a position of a description.
    pub(crate) fn new(description: &'d Description, position: u32) -> Option<Self> {
        Some(Self { description, ty: description.ty(position)? })
    }

    /// A type this one is made of.
    fn item(self, at: usize) -> Option<Self> {
        self.at(*self.ty.items.get(at)?)
    }

    fn at(self, position: u32) -> Option<Self> {
        Self::new(self.description, position)
    }
}

/// Whether a key in JSON means a field.
fn is_field(field: &FieldInfo, key: &str) -> bool {
    field.name == key || field.go.eq_ignore_ascii_case(key)
}

/// Bytes written as base64 or as numbers.
fn bytes(json: &Json) -> Option<Vec<u8>> {
    from_bytes(json.to_string().as_bytes(), Style::Go).ok()
}

/// Bytes as base64 text.
fn base64(bytes: &[u8]) -> Json {
    let text = to_bytes(bytes, Style::Go).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests;
