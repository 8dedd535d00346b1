//! Doc comments, as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The doc comment: lines joined by `\n`, each without its leading space, no blank lines around.
pub(crate) fn text(attrs: &[Attribute]) -> String {
    let lines: Vec<String> = attrs.iter().filter_map(value).flat_map(|doc| lines(&doc)).collect();
    lines.join("\n").trim().to_owned()
}

fn value(attr: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attr.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
    pair.path.is_ident("doc").then(|| text.value())
}

fn lines(doc: &str) -> Vec<String> {
    doc.split('\n')
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned())
        .collect()
}
