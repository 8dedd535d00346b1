//! Variants of enums, as descriptors.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{DataEnum, Fields, Result};

use super::Place;
use super::attrs::SchemaAttrs;
use super::case::Case;
use super::fields::{Inherited, Member, as_schema, members, struct_type, with_docs};
use super::names::{Names, refuse_duplicates};
use super::serde::SerdeAttrs;
use crate::docs;

/// The descriptors of the variants that travel, in declaration order.
pub(super) fn descriptors(
    data: &DataEnum,
    enum_name: &str,
    container: &SerdeAttrs,
) -> Result<Vec<TokenStream>> {
    let mut variants = Vec::with_capacity(data.variants.len());
    for variant in &data.variants {
        if let Some(one) = Described::new(variant, variants.len(), enum_name, container)? {
            variants.push(one);
        }
    }
    refuse_duplicates(variants.iter().map(|one| (&one.names, one.number, one.span)), "variant")?;
    Ok(variants.iter().map(Described::tokens).collect())
}

struct Described {
    names: Names,
    /// The name in protobuf, if it is stated.
    proto: Option<String>,
    number: u32,
    span: Span,
    docs: String,
    shape: TokenStream,
}

impl Described {
    fn new(
        variant: &syn::Variant,
        at: usize,
        enum_name: &str,
        container: &SerdeAttrs,
    ) -> Result<Option<Self>> {
        let schema = SchemaAttrs::parse(&variant.attrs, Place::Variant)?;
        let mut serde = SerdeAttrs::parse(&variant.attrs, Place::Variant)?;
        if serde.skip {
            return Ok(None);
        }
        serde.refuse_unexplained(schema.as_type.is_some())?;
        let rust = variant.ident.unraw().to_string();
        let renamed = container.rename_all.map_or_else(|| rust.clone(), |case| case.variant(&rust));
        let names = Names::new(&rust, renamed, variant.ident.span(), &schema, &serde);
        let position = u32::try_from(at).unwrap_or(u32::MAX);
        let (number, span) = schema.tag.unwrap_or((position, names.span));
        let docs = docs::text(&variant.attrs);
        let shape = match &schema.as_type {
            Some(ty) => newtype(&as_schema(ty)),
            None => {
                let case = serde.rename_all.or(container.rename_all_fields);
                shape(&variant.fields, case, &format!("{enum_name}{rust}"))?
            }
        };
        let proto = schema.proto.as_ref().map(syn::LitStr::value);
        Ok(Some(Self { names, proto, number, span, docs, shape }))
    }

    fn tokens(&self) -> TokenStream {
        let Names { serde, go, .. } = &self.names;
        let (number, shape, docs) = (self.number, &self.shape, with_docs(&self.docs));
        let proto = self.proto.as_ref().map(|proto| quote!(.with_proto(#proto)));
        quote!(__p::schema::Variant::new(#serde, #go, #number, #shape) #proto #docs)
    }
}

fn shape(fields: &Fields, case: Option<Case>, name: &str) -> Result<TokenStream> {
    let members = members(fields, Inherited { case, default: false })?;
    Ok(match (fields, members.as_slice()) {
        (Fields::Named(_), _) => {
            let struct_type = struct_type(name, name, &members, &TokenStream::new());
            quote!(__p::schema::VariantShape::Struct(#struct_type))
        }
        (Fields::Unnamed(all), [only]) if all.unnamed.len() == 1 => newtype(&only.as_schema()),
        // serde writes a variant whose only value is skipped like one without a value.
        (Fields::Unnamed(all), []) if all.unnamed.len() == 1 => unit(),
        (Fields::Unnamed(_), _) => {
            let items = members.iter().map(Member::type_ref);
            quote!(__p::schema::VariantShape::Tuple(const { &[#(#items),*] }))
        }
        (Fields::Unit, _) => unit(),
    })
}

fn newtype(schema: &TokenStream) -> TokenStream {
    quote!(__p::schema::VariantShape::Newtype(#schema::schema))
}

fn unit() -> TokenStream {
    quote!(__p::schema::VariantShape::Unit)
}
