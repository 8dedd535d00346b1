//! The names of one field or variant on every wire.

use std::collections::HashMap;

use polywire_schema::{go_name, java_name, proto_name};
use proc_macro2::Span;
use syn::{Error, Result};

use super::attrs::{SchemaAttrs, is_identifier};
use super::serde::SerdeAttrs;

/// The names of one field, tuple position or variant, and where it stands in the source.
pub(super) struct Names {
    pub(super) span: Span,
    pub(super) serde: String,
    pub(super) go: String,
    pub(super) java: String,
    pub(super) proto: String,
}

impl Names {
    /// Works the names out from what the Rust source calls it and what `rename_all` makes of that.
    ///
    /// An explicit `rename` is a choice of word, so the other names follow it; `rename_all` is a
    /// choice of spelling, and every wire has its own.
    pub(super) fn new(
        rust: &str,
        renamed: String,
        span: Span,
        schema: &SchemaAttrs,
        serde: &SerdeAttrs,
    ) -> Self {
        let explicit = serde.rename.as_ref().map(syn::LitStr::value);
        let base = explicit.as_deref().and_then(words).unwrap_or_else(|| rust.to_owned());
        let or = |stated: &Option<syn::LitStr>, name: fn(&str) -> String| {
            stated.as_ref().map_or_else(|| name(&base), syn::LitStr::value)
        };
        Self {
            span,
            go: or(&schema.go, go_name),
            java: or(&schema.java, java_name),
            proto: or(&schema.proto, proto_name),
            serde: explicit.unwrap_or(renamed),
        }
    }
}

/// A renamed name with everything that is no part of a word made a gap between words.
fn words(name: &str) -> Option<String> {
    let gapped: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let word = gapped.trim_matches('_');
    is_identifier(word).then(|| word.to_owned())
}

/// Refuses names and tags that two fields, or two variants, would share on some wire.
pub(super) fn refuse_duplicates<'a>(
    all: impl Iterator<Item = (&'a Names, u32, Span)> + Clone,
    what: &str,
) -> Result<()> {
    let names = |wire: &str, name: fn(&Names) -> &str, key: &str| {
        unique(all.clone().map(|(names, ..)| (name(names).to_owned(), names.span)), |name| {
            format!("two {what}s are called `{name}` {wire}; rename one with `{key}`")
        })
    };
    names("by serde", |names| &names.serde, "#[serde(rename = \"...\")]")?;
    names("on Go's wires", |names| &names.go, "#[schema(go = \"...\")]")?;
    if what == "field" {
        names("on Java's wires", |names| &names.java, "#[schema(java = \"...\")]")?;
        names("in protobuf", |names| &names.proto, "#[schema(proto = \"...\")]")?;
    }
    unique(all.map(|(_, tag, span)| (tag, span)), |tag| {
        format!("two {what}s have the tag {tag}; state another with `#[schema(tag = ...)]`")
    })
}

fn unique<T: std::hash::Hash + Eq>(
    all: impl Iterator<Item = (T, Span)>,
    text: impl Fn(&T) -> String,
) -> Result<()> {
    let mut seen = HashMap::new();
    for (value, span) in all {
        if let Some(first) = seen.get(&value) {
            let mut error = Error::new(span, text(&value));
            error.combine(Error::new(*first, "the first one is here"));
            return Err(error);
        }
        seen.insert(value, span);
    }
    Ok(())
}
