//! `#[service(...)]` and `#[rpc(...)]`.

use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, Error, LitStr, Meta, Path, Result, parse_quote};

/// `#[service(name = "Arith", package = "math.v1", crate = "path")]`.
pub(super) struct ServiceOptions {
    pub(super) name: Option<String>,
    pub(super) package: Option<String>,
    pub(super) private: Path,
}

impl ServiceOptions {
    pub(super) fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options =
            Self { name: None, package: None, private: parse_quote!(::polywire::__private) };
        let parser = syn::meta::parser(|meta| options.one(&meta));
        syn::parse::Parser::parse2(parser, input.parse()?)?;
        Ok(options)
    }

    fn one(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("name") {
            self.name = Some(name(meta, |name| !name.contains(['/', '#']))?);
        } else if meta.path.is_ident("package") {
            self.package = Some(name(meta, |name| !name.contains(['/', '#']))?);
        } else if meta.path.is_ident("crate") {
            let krate: Path = meta.value()?.parse::<LitStr>()?.parse()?;
            self.private = parse_quote!(#krate::__private);
        } else {
            return Err(meta.error("unknown option; there are `name`, `package`, `crate`"));
        }
        Ok(())
    }
}

/// `#[rpc(idempotent, detached, name = "Hello")]`, or `#[rpc(skip)]`.
#[derive(Default)]
pub(super) struct RpcOptions {
    /// Whether the attribute is there at all.
    pub(super) marked: bool,
    pub(super) skip: bool,
    pub(super) idempotent: bool,
    pub(super) detached: bool,
    pub(super) name: Option<String>,
}

impl RpcOptions {
    /// Reads the `#[rpc]` attributes and takes them out.
    pub(super) fn take(attrs: &mut Vec<Attribute>) -> Result<Self> {
        let mut options = Self::default();
        for attr in attrs.extract_if(.., |attr| attr.path().is_ident("rpc")) {
            options.marked = true;
            match &attr.meta {
                Meta::Path(_) => {}
                Meta::List(_) => attr.parse_nested_meta(|meta| options.one(&meta))?,
                Meta::NameValue(pair) => {
                    let text = "expected `#[rpc]` or `#[rpc(...)]`";
                    return Err(Error::new_spanned(pair, text));
                }
            }
        }
        Ok(options)
    }

    fn one(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("idempotent") {
            self.idempotent = true;
        } else if meta.path.is_ident("detached") {
            self.detached = true;
        } else if meta.path.is_ident("skip") {
            self.skip = true;
        } else if meta.path.is_ident("name") {
            self.name = Some(name(meta, |name| !name.contains(['.', '/', '#']))?);
        } else {
            let text = "unknown option; there are `idempotent`, `detached`, `name`, `skip`";
            return Err(meta.error(text));
        }
        Ok(())
    }
}

/// The text of `key = "text"`, if peers can take it apart from what stands around it.
fn name(meta: &ParseNestedMeta<'_>, good: impl Fn(&str) -> bool) -> Result<String> {
    let literal: LitStr = meta.value()?.parse()?;
    let name = literal.value();
    if name.is_empty() || name.contains(char::is_whitespace) || !good(&name) {
        let text = "a name on the wire has no blanks and none of the signs that separate service \
                    and method (`/`, `#`; in a method also `.`)";
        return Err(Error::new(literal.span(), text));
    }
    Ok(name)
}
