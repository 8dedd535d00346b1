//! What enums, their variants and fields are called in `.proto` files and in canonical JSON.

use polywire_schema::{EnumType, Variant};

/// The name of a field in canonical JSON, made from its name in protobuf: `user_id` is `userId`.
///
/// ```
/// assert_eq!(polywire_codec::protobuf::json_name("user_id"), "userId");
/// ```
#[must_use]
pub fn json_name(proto: &str) -> String {
    camel(proto.chars()).collect()
}

/// The name of a variant as a value of a protobuf enum, prefixed with the enum's since values
/// share one scope: `COLOR_DARK_RED`, unless a name is stated (`#[schema(proto = "...")]`). Where no variant has the number 0, which proto3 wants named,
/// the name `COLOR_UNSPECIFIED` is free for it.
#[must_use]
pub fn value_name(ty: &EnumType, variant: &Variant) -> String {
    value_chars(ty, variant).collect()
}

/// The name of a variant as a member of the `oneof` that an enum with data becomes: `dark_red`.
#[must_use]
pub fn member_name(variant: &Variant) -> String {
    member_chars(variant).collect()
}

/// The characters of [`json_name`].
pub(crate) fn camel(proto: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    let mut capital = false;
    proto.filter_map(move |c| {
        if c == '_' {
            capital = true;
            return None;
        }
        Some(if std::mem::take(&mut capital) { c.to_ascii_uppercase() } else { c })
    })
}

/// The characters of [`value_name`].
pub(crate) fn value_chars(ty: &EnumType, variant: &Variant) -> impl Iterator<Item = char> {
    let made = variant.proto.is_none().then(|| {
        let name = snake(ty.name).chain(std::iter::once('_')).chain(member_chars(variant));
        name.map(|c| c.to_ascii_uppercase())
    });
    stated(variant).chain(made.into_iter().flatten())
}

/// The characters of [`member_name`].
pub(crate) fn member_chars(variant: &Variant) -> impl Iterator<Item = char> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = variant.serde;
    // Serde's name may be any text; Go's is an identifier, though its initialisms run together.
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_plain);
    let made = variant.proto.is_none().then(|| snake(if plain { name } else { variant.go }));
    stated(variant).chain(made.into_iter().flatten())
}

/// The name that the program states; nothing if it states none.
fn stated(variant: &Variant) -> std::str::Chars<'static> {
    variant.proto.unwrap_or_default().chars()
}

/// A name in lower case, its words apart: before a capital that follows none a word begins.
fn snake(name: &'static str) -> impl Iterator<Item = char> {
    let (mut previous, mut started) = ('_', false);
    name.chars().flat_map(move |c| {
        let (is_gap, after_gap) = (matches!(c, '_' | '-'), matches!(previous, '_' | '-'));
        let begins = after_gap || (c.is_uppercase() && !previous.is_uppercase());
        let gap = (!is_gap && begins && started).then_some('_');
        started = started || !is_gap;
        previous = c;
        [gap, (!is_gap).then(|| c.to_ascii_lowercase())].into_iter().flatten()
    })
}

#[cfg(test)]
mod tests {
    use polywire_schema::{VariantShape, proto_name};

    use super::*;

    #[test]
    fn words_are_told_apart_as_in_every_other_name() {
        for name in ["DarkRed", "dark_red", "HTTPServer", "_a_b", "x", "Sha256Sum", "kebabCase"] {
            assert_eq!(snake(name).collect::<String>(), proto_name(name), "{name}");
        }
    }

    #[test]
    fn a_stated_name_is_taken_as_it_is() {
        let ty = EnumType::new("Status", "Status", &[]);
        let variant = Variant::new("Up", "Up", 0, VariantShape::Unit).with_proto("SERVING");
        assert_eq!(value_name(&ty, &variant), "SERVING");
        assert_eq!(member_name(&variant), "SERVING");
    }

    #[test]
    fn names_that_are_no_identifiers_give_way_to_gos() {
        let ty = EnumType::new("HttpMethod", "HTTPMethod", &[]);
        for (serde, go, name) in [
            ("Get", "Get", "HTTP_METHOD_GET"),
            ("dark-red", "DarkRed", "HTTP_METHOD_DARK_RED"),
            ("42", "FortyTwo", "HTTP_METHOD_FORTY_TWO"),
            ("a b", "AB", "HTTP_METHOD_AB"),
        ] {
            let variant = Variant::new(serde, go, 0, VariantShape::Unit);
            assert_eq!(value_name(&ty, &variant), name);
        }
    }
}
