//! Local types as Go prints them in errors.

use polywire_schema::{Kind, Type};

use crate::compile::is_byte;

/// A local type in Go's syntax: `int8`, `[]T`, `map[string]int`.
pub(crate) fn go_type(ty: &Type) -> String {
    match ty.kind {
        Kind::List(item) if is_byte(item()) => "[]uint8".to_owned(),
        Kind::List(item) => format!("[]{}", go_type(item())),
        Kind::Array(item, len) => format!("[{len}]{}", go_type(item())),
        Kind::Map(key, value) => format!("map[{}]{}", go_type(key()), go_type(value())),
        Kind::Option(item) => go_type(item()),
        Kind::Struct(of) => of.go.to_owned(),
        Kind::Enum(of) if !of.is_unit_only() => of.go.to_owned(),
        Kind::Tuple(items) => {
            let fields =
                items.iter().enumerate().map(|(at, item)| format!("F{at} {}; ", go_type(item())));
            format!("struct {{ {}}}", fields.collect::<String>())
        }
        kind => scalar_name(kind).to_owned(),
    }
}

/// Rust's `i64` and `u64` stand for Go's `int` and `uint`, which they usually mirror.
pub(super) fn scalar_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "bool",
        Kind::Int(8) => "int8",
        Kind::Int(16) => "int16",
        Kind::Int(32) => "int32",
        Kind::Int(_) => "int",
        Kind::Uint(8) => "uint8",
        Kind::Uint(16) => "uint16",
        Kind::Uint(32) => "uint32",
        Kind::Uint(_) => "uint",
        Kind::Float(32) => "float32",
        Kind::Float(_) => "float64",
        Kind::Char | Kind::String | Kind::Enum(_) => "string",
        Kind::Complex(32) => "complex64",
        Kind::Complex(_) => "complex128",
        Kind::Bytes => "[]uint8",
        Kind::BigInt => "big.Int",
        Kind::Any => "interface {}",
        Kind::Duration => "time.Duration",
        Kind::Time => "time.Time",
        _ => "struct {}",
    }
}

/// The scalar's name and size, where Go says "N elements of S bytes".
pub(super) fn scalar(kind: Kind) -> Option<(&'static str, u64)> {
    let bytes = match kind {
        Kind::Bool => 1,
        Kind::Int(bits) | Kind::Uint(bits) | Kind::Float(bits) => u64::from(bits >> 3),
        Kind::Char | Kind::String => 16,
        _ => return None,
    };
    Some((scalar_name(kind), bytes))
}
