//! `#[schema(...)]`.

use std::fmt;

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, LitInt, LitStr, Path, Result, Type};

/// What an attribute stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Type,
    Variant,
    Field,
}

impl Place {
    /// The keys of `#[schema(...)]` that mean something here.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Type => &["go", "java", "as", "crate"],
            Self::Variant => &["go", "proto", "tag", "as"],
            Self::Field => &["go", "java", "proto", "tag", "as"],
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "type",
            Self::Variant => "variant",
            Self::Field => "field",
        })
    }
}

/// The `#[schema(...)]` attributes of one type, variant or field.
#[derive(Default)]
pub(super) struct SchemaAttrs {
    pub(super) go: Option<LitStr>,
    pub(super) java: Option<LitStr>,
    pub(super) proto: Option<LitStr>,
    pub(super) tag: Option<(u32, Span)>,
    pub(super) as_type: Option<Type>,
    pub(super) krate: Option<Path>,
}

impl SchemaAttrs {
    pub(super) fn parse(attrs: &[Attribute], place: Place) -> Result<Self> {
        let mut parsed = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("schema")) {
            attr.parse_nested_meta(|meta| parsed.one(&meta, place))?;
        }
        Ok(parsed)
    }

    fn one(&mut self, meta: &ParseNestedMeta<'_>, place: Place) -> Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        if !place.keys().contains(&key.as_str()) {
            let keys: Vec<String> = place.keys().iter().map(|key| format!("`{key}`")).collect();
            let text = format!("not an attribute of a {place}; there are {}", keys.join(", "));
            return Err(meta.error(text));
        }
        match key.as_str() {
            "go" if place == Place::Type => set(meta, &mut self.go, named),
            "go" => set(meta, &mut self.go, exported),
            "java" if place == Place::Type => set(meta, &mut self.java, class),
            "java" => set(meta, &mut self.java, identifier),
            "proto" => set(meta, &mut self.proto, identifier),
            "tag" => set(meta, &mut self.tag, |meta| tag(meta, place)),
            "as" => set(meta, &mut self.as_type, |meta| text(meta)?.parse()),
            _ => set(meta, &mut self.krate, |meta| text(meta)?.parse()),
        }
    }
}

fn set<T>(
    meta: &ParseNestedMeta<'_>,
    slot: &mut Option<T>,
    parse: impl FnOnce(&ParseNestedMeta<'_>) -> Result<T>,
) -> Result<()> {
    if slot.is_some() {
        return Err(meta.error("stated twice"));
    }
    *slot = Some(parse(meta)?);
    Ok(())
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    meta.value()?.parse()
}

fn named(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    check(text(meta)?, |name| !name.is_empty(), "a name cannot be empty")
}

fn exported(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let capital = |name: &str| is_identifier(name) && name.starts_with(char::is_uppercase);
    check(text(meta)?, capital, "Go sees only identifiers that begin with a capital letter")
}

fn class(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let qualified = |name: &str| name.split(['.', '$']).all(is_identifier);
    check(text(meta)?, qualified, "expected a Java class, such as \"org.example.User\"")
}

fn identifier(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    check(text(meta)?, is_identifier, "expected an identifier")
}

fn check(text: LitStr, good: impl Fn(&str) -> bool, why: &str) -> Result<LitStr> {
    if good(&text.value()) { Ok(text) } else { Err(Error::new(text.span(), why)) }
}

/// Whether a name is made of letters, digits and underscores and does not begin with a digit.
pub(super) fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A protobuf tag (1 to 2^29 - 1, 19000 to 19999 being protobuf's own), or the number of a variant.
fn tag(meta: &ParseNestedMeta<'_>, place: Place) -> Result<(u32, Span)> {
    let literal: LitInt = meta.value()?.parse()?;
    let tag: u32 = literal.base10_parse()?;
    let (good, why) = match place {
        Place::Variant => (i32::try_from(tag).is_ok(), "a variant's number is at most 2147483647"),
        Place::Type | Place::Field => (
            (1..1 << 29).contains(&tag) && !(19_000..20_000).contains(&tag),
            "protobuf's tags go from 1 to 536870911, without 19000 to 19999",
        ),
    };
    if good { Ok((tag, literal.span())) } else { Err(Error::new(literal.span(), why)) }
}
