//! What enums, their variants and fields are called in `.proto` files and in canonical JSON.

use polywire_schema::{EnumType, Variant, proto_name};

/// The name of a field in canonical JSON, made from its name in protobuf: `user_id` is `userId`.
///
/// ```
/// assert_eq!(polywire_codec::protobuf::json_name("user_id"), "userId");
/// ```
#[must_use]
pub fn json_name(proto: &str) -> String {
    camel(proto).collect()
}

/// The name of a variant as a value of a protobuf enum, prefixed with the enum's since values
/// share one scope: `COLOR_DARK_RED`. Where no variant has the number 0, which proto3 wants named,
/// the name `COLOR_UNSPECIFIED` is free for it.
#[must_use]
pub fn value_name(ty: &EnumType, variant: &Variant) -> String {
    format!("{}_{}", proto_name(ty.name), member_name(variant)).to_uppercase()
}

/// The name of a variant as a member of the `oneof` that an enum with data becomes: `dark_red`.
#[must_use]
pub fn member_name(variant: &Variant) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let begins = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic());
    let name = variant.serde;
    // Serde's name may be any text; Go's is an identifier, though its initialisms run together.
    if begins(name) && name.chars().all(is_plain) {
        proto_name(&name.replace('-', "_"))
    } else {
        proto_name(variant.go)
    }
}

/// The characters of [`json_name`], without allocating.
pub(crate) fn camel(proto: &str) -> impl Iterator<Item = char> {
    let mut capital = false;
    proto.chars().filter_map(move |c| {
        if c == '_' {
            capital = true;
            return None;
        }
        Some(if std::mem::take(&mut capital) { c.to_ascii_uppercase() } else { c })
    })
}
