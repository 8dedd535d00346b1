//! What serde's attributes say about the shape of a value.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, LitStr, Result, Token};

use super::Place;
use super::case::Case;

/// serde's attributes on one type, variant or field.
#[derive(Default)]
pub(super) struct SerdeAttrs {
    pub(super) rename: Option<LitStr>,
    pub(super) rename_all: Option<Case>,
    pub(super) rename_all_fields: Option<Case>,
    pub(super) default: bool,
    pub(super) skip: bool,
    pub(super) transparent: bool,
    /// The attribute that hands the value to code the derive cannot see, such as `with`.
    pub(super) custom: Option<(Span, String)>,
    /// The attribute that leaves no fixed shape, such as `untagged`, and what to do about it.
    pub(super) shapeless: Option<Error>,
}

impl SerdeAttrs {
    pub(super) fn parse(attrs: &[Attribute], place: Place) -> Result<Self> {
        let mut parsed = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            attr.parse_nested_meta(|meta| parsed.one(&meta, place))?;
        }
        Ok(parsed)
    }

    fn one(&mut self, meta: &ParseNestedMeta<'_>, place: Place) -> Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match key.as_str() {
            "rename" => self.rename = Some(both(meta)?),
            "rename_all" => self.rename_all = Some(Case::parse(&both(meta)?)?),
            "rename_all_fields" => self.rename_all_fields = Some(Case::parse(&both(meta)?)?),
            "default" => {
                self.default = true;
                ignore(meta)?;
            }
            "skip" => self.skip = true,
            "transparent" => self.transparent = true,
            "skip_serializing_if"
            | "alias"
            | "bound"
            | "borrow"
            | "crate"
            | "expecting"
            | "deny_unknown_fields"
            | "getter" => ignore(meta)?,
            "with" | "serialize_with" | "deserialize_with" | "from" | "try_from" | "into"
            | "remote" => {
                ignore(meta)?;
                self.custom.get_or_insert((meta.path.span(), key));
            }
            _ => {
                ignore(meta)?;
                let error = refusal(meta, &key);
                // Only a whole type can be described by another one in spite of these.
                if place != Place::Type {
                    return Err(error);
                }
                self.shapeless.get_or_insert(error);
            }
        }
        Ok(())
    }

    /// Refuses what only `#[schema(as = "...")]` can explain, unless it is there.
    pub(super) fn refuse_unexplained(&mut self, explained: bool) -> Result<()> {
        if explained {
            return Ok(());
        }
        if let Some(error) = self.shapeless.take() {
            return Err(error);
        }
        let Some((span, key)) = self.custom.take() else { return Ok(()) };
        let text = format!(
            "`#[serde({key} = ...)]` writes a shape that `Schema` cannot see; name a type of that \
             shape with `#[schema(as = \"...\")]`"
        );
        Err(Error::new(span, text))
    }
}

/// Why an attribute cannot be described, and what to write instead.
fn refusal(meta: &ParseNestedMeta<'_>, key: &str) -> Error {
    let why = match key {
        "flatten" => {
            "leaves no fixed set of fields, which typed wires need; write the fields out, or keep \
             the inner struct as a field of its own"
        }
        "tag" | "content" | "untagged" => {
            "leaves no fixed shape, which typed wires need; drop it (each variant then travels \
             under its name), or describe the type with `#[schema(as = \"...\")]`"
        }
        "other" => "would lose the name it was sent; drop it, or carry the value as a `String`",
        "skip_serializing" | "skip_deserializing" => {
            "makes the two sides see different fields; use `#[serde(skip)]` to leave it out on \
             both, or `#[serde(default)]` to allow its absence"
        }
        "variant_identifier" | "field_identifier" => {
            "is not a value that travels; drop `Schema` from this type"
        }
        _ => "is not known to `Schema`, which therefore cannot describe what serde writes",
    };
    meta.error(format!("`#[serde({key})]` {why}"))
}

/// The value of `key = "x"`, or of `key(serialize = "x", deserialize = "x")`.
fn both(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    if meta.input.peek(Token![=]) {
        return meta.value()?.parse();
    }
    let (mut serialize, mut deserialize) = (None::<LitStr>, None::<LitStr>);
    meta.parse_nested_meta(|side| {
        let value: LitStr = side.value()?.parse()?;
        match side.path.is_ident("serialize") {
            true => serialize = Some(value),
            false => deserialize = Some(value),
        }
        Ok(())
    })?;
    match (serialize, deserialize) {
        (Some(one), Some(other)) if one.value() == other.value() => Ok(one),
        _ => Err(meta.error(
            "different names for writing and reading cannot be described; both sides of a call \
             need one name, so write `= \"...\"`",
        )),
    }
}

/// Steps over `= value` or `(...)`.
fn ignore(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| ignore(&inner))?;
    }
    Ok(())
}
