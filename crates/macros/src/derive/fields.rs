//! Fields of structs and of variants, as descriptors.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Fields, Result, Type};

use super::Place;
use super::attrs::SchemaAttrs;
use super::case::Case;
use super::names::{Names, refuse_duplicates};
use super::serde::SerdeAttrs;
use crate::docs;

/// A field that travels.
pub(super) struct Member {
    names: Names,
    tag: u32,
    tag_span: Span,
    has_default: bool,
    docs: String,
    ty: Type,
}

/// How the fields of a struct or a variant inherit names and defaults.
#[derive(Clone, Copy, Default)]
pub(super) struct Inherited {
    pub(super) case: Option<Case>,
    pub(super) default: bool,
}

/// The fields that travel, in declaration order.
pub(super) fn members(fields: &Fields, inherited: Inherited) -> Result<Vec<Member>> {
    let mut members = Vec::with_capacity(fields.len());
    for field in fields {
        if let Some(member) = member(field, members.len(), inherited)? {
            members.push(member);
        }
    }
    let named = members.iter().map(|member: &Member| (&member.names, member.tag, member.tag_span));
    refuse_duplicates(named, "field")?;
    Ok(members)
}

fn member(field: &syn::Field, at: usize, inherited: Inherited) -> Result<Option<Member>> {
    let schema = SchemaAttrs::parse(&field.attrs, Place::Field)?;
    let mut serde = SerdeAttrs::parse(&field.attrs, Place::Field)?;
    if serde.skip {
        return Ok(None);
    }
    serde.refuse_unexplained(schema.as_type.is_some())?;
    let names = match &field.ident {
        Some(ident) => {
            let rust = ident.unraw().to_string();
            let renamed = inherited.case.map_or_else(|| rust.clone(), |case| case.field(&rust));
            Names::new(&rust, renamed, ident.span(), &schema, &serde)
        }
        // serde writes tuple fields by position, so it has no use for a name.
        None => Names::new(&format!("f{at}"), at.to_string(), field.ty.span(), &schema, &serde),
    };
    let position = u32::try_from(at + 1).unwrap_or(u32::MAX);
    let (tag, tag_span) = schema.tag.unwrap_or((position, names.span));
    Ok(Some(Member {
        names,
        tag,
        tag_span,
        has_default: serde.default || inherited.default,
        docs: docs::text(&field.attrs),
        ty: schema.as_type.unwrap_or_else(|| field.ty.clone()),
    }))
}

impl Member {
    /// `<Type as Schema>`, with errors that point at the field's type.
    pub(super) fn as_schema(&self) -> TokenStream {
        as_schema(&self.ty)
    }

    /// The function that reaches the descriptor of the field's type.
    pub(super) fn type_ref(&self) -> TokenStream {
        let schema = self.as_schema();
        quote!(#schema::schema)
    }

    fn descriptor(&self) -> TokenStream {
        let Names { serde, go, java, proto, .. } = &self.names;
        let (tag, ty) = (self.tag, self.type_ref());
        let default = self.has_default.then(|| quote!(.with_default()));
        let docs = with_docs(&self.docs);
        quote!(__p::schema::Field::new([#serde, #go, #java, #proto], #tag, #ty) #default #docs)
    }
}

/// `<Type as Schema>`, with errors that point at the type.
pub(super) fn as_schema(ty: &Type) -> TokenStream {
    // The place of the user's type, but not its hygiene: lints then know that no one wrote this.
    let span = Span::mixed_site().located_at(ty.span());
    quote_spanned!(span=> <#ty as __p::schema::Schema>)
}

/// A `StructType` with these fields.
pub(super) fn struct_type(
    name: &str,
    go: &str,
    members: &[Member],
    rest: &TokenStream,
) -> TokenStream {
    let fields = members.iter().map(Member::descriptor);
    quote!(const { &__p::schema::StructType::new(#name, #go, const { &[#(#fields),*] }) #rest })
}

/// `.with_docs(...)`, if there are any.
pub(super) fn with_docs(docs: &str) -> Option<TokenStream> {
    (!docs.is_empty()).then(|| quote!(.with_docs(#docs)))
}
