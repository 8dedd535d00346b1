//! `#[derive(Schema)]`.

mod attrs;
mod case;
mod fields;
mod names;
mod serde;
mod variants;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Generics, Result, parse_quote};

use self::attrs::{Place, SchemaAttrs};
use self::fields::{Inherited, Member, as_schema, members, struct_type, with_docs};
use self::serde::SerdeAttrs;
use crate::docs;

/// Writes the descriptor of a type, and what the encodings add to it.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    refuse_lifetimes(&input.generics)?;
    let schema = SchemaAttrs::parse(&input.attrs, Place::Type)?;
    let mut serde = SerdeAttrs::parse(&input.attrs, Place::Type)?;
    serde.refuse_unexplained(schema.as_type.is_some())?;
    let form = match &schema.as_type {
        Some(ty) => Form::Like(as_schema(ty)),
        None => form(input, &schema, &serde)?,
    };
    let krate = schema.krate.unwrap_or_else(|| parse_quote!(::polywire));
    Ok(write(input, &krate, form))
}

/// What `Schema::TYPE` is made of.
enum Form {
    /// The descriptor of another type.
    Like(TokenStream),
    /// A `Kind` of its own.
    Own(TokenStream),
}

fn form(input: &DeriveInput, schema: &SchemaAttrs, serde: &SerdeAttrs) -> Result<Form> {
    let rust = input.ident.unraw().to_string();
    let go = schema.go.as_ref().map_or_else(|| rust.clone(), syn::LitStr::value);
    let java = schema.java.as_ref().map(|class| quote!(.with_java(#class)));
    let docs = with_docs(&docs::text(&input.attrs));
    let rest = quote!(#java #docs);
    match &input.data {
        Data::Struct(data) => {
            let inherited = Inherited { case: serde.rename_all, default: serde.default };
            let members = members(&data.fields, inherited)?;
            let single = serde.transparent
                || matches!(&data.fields, Fields::Unnamed(all) if all.unnamed.len() == 1);
            if single {
                return held(input, schema, &members);
            }
            if matches!(data.fields, Fields::Unit) {
                return Ok(Form::Own(quote!(__p::schema::Kind::Unit)));
            }
            let struct_type = struct_type(&rust, &go, &members, &rest);
            Ok(Form::Own(quote!(__p::schema::Kind::Struct(#struct_type))))
        }
        Data::Enum(data) => {
            let variants = variants::descriptors(data, &rust, serde)?;
            Ok(Form::Own(quote!(__p::schema::Kind::Enum(const {
                &__p::schema::EnumType::new(#rust, #go, const { &[#(#variants),*] }) #rest
            }))))
        }
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            "a union cannot travel: nothing says which field it holds",
        )),
    }
}

/// A newtype: the descriptor of what it holds.
fn held(input: &DeriveInput, schema: &SchemaAttrs, members: &[Member]) -> Result<Form> {
    if let Some(name) = schema.go.as_ref().or(schema.java.as_ref()) {
        let text = "this type travels as what it holds, and has no name of its own on any wire";
        return Err(Error::new(name.span(), text));
    }
    match members {
        [only] => Ok(Form::Like(only.as_schema())),
        _ => {
            let text = "a type that travels as what it holds needs exactly one field that is not \
                        skipped";
            Err(Error::new(input.ident.span(), text))
        }
    }
}

fn write(input: &DeriveInput, krate: &syn::Path, form: Form) -> TokenStream {
    let name = &input.ident;
    let generics = bounded(&input.generics);
    let (impl_generics, type_generics, _) = generics.split_for_impl();
    let predicates = generics.where_clause.as_ref().map(|clause| {
        let predicates = clause.predicates.iter();
        quote!(#(#predicates,)*)
    });
    let (slot, ty) = match form {
        Form::Like(schema) => (None, quote!(#schema::TYPE)),
        Form::Own(kind) if generics.params.is_empty() => (
            Some(quote!(
                static __SLOT: __p::schema::Slot = __p::schema::Slot::new();
            )),
            quote!(&__p::schema::Type::new::<Self>(#kind).with_slot(&__SLOT)),
        ),
        // A static is one for all instances of a generic type, so these go without.
        Form::Own(kind) => (None, quote!(&__p::schema::Type::new::<Self>(#kind))),
    };
    // Whether serde can write and read a generic type depends on its parameters.
    let movable = (!generics.params.is_empty()).then(|| {
        quote!(Self: __p::serde::Serialize + __p::serde::de::DeserializeOwned + ::core::marker::Send)
    });
    let private = quote_spanned!(krate.span()=> #krate::__private);
    quote! {
        const _: () = {
            use #private as __p;
            #slot
            #[automatically_derived]
            #[allow(unused_qualifications, clippy::use_self, reason = "written by a macro")]
            impl #impl_generics __p::schema::Schema for #name #type_generics where #predicates {
                const TYPE: &'static __p::schema::Type = #ty;
            }
            __p::impl_message! {
                { #impl_generics } { #name #type_generics } { where #predicates #movable }
            }
        };
    }
}

/// The generics with a `Schema` bound on every type parameter.
fn bounded(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(__p::schema::Schema));
    }
    generics
}

fn refuse_lifetimes(generics: &Generics) -> Result<()> {
    let borrowed = generics.params.iter().find_map(|parameter| match parameter {
        GenericParam::Lifetime(lifetime) => Some(lifetime),
        GenericParam::Type(_) | GenericParam::Const(_) => None,
    });
    match borrowed {
        None => Ok(()),
        Some(lifetime) => Err(Error::new_spanned(
            lifetime,
            "a message owns what it holds, so that handlers may keep it; use `String` for `&str`, \
             `Vec<u8>` for `&[u8]`, or `Cow<'static, ..>`",
        )),
    }
}
