//! The static description of a service, and the structs that carry several arguments.

use polywire_schema::go_name;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Ident, LitStr, Type, parse_quote};

use super::Service;
use super::method::Method;
use crate::derive;

impl Service {
    /// `static __DESCRIPTOR`.
    pub(super) fn descriptor(&self) -> TokenStream {
        let (p, name) = (&self.private, &self.name);
        let methods = self.methods.iter().map(|method| self.method_descriptor(method));
        let package = self.with_package();
        let docs = with_docs(&self.docs);
        quote! {
            static __DESCRIPTOR: #p::ServiceDescriptor =
                #p::ServiceDescriptor::new(#name, const { &[#(#methods),*] }) #package #docs;
        }
    }

    fn with_package(&self) -> Option<TokenStream> {
        self.package.as_ref().map(|package| quote!(.with_package(#package)))
    }

    fn method_descriptor(&self, method: &Method) -> TokenStream {
        let (p, name) = (&self.private, &method.wire);
        let path = format!("{}.{name}", self.name);
        let request = self.type_ref(&self.argument(method));
        let reply = self.type_ref(&method.reply);
        let idempotent = method.idempotent.then(|| quote!(.idempotent()));
        let detached = method.detached.then(|| quote!(.detached()));
        let (package, docs) = (self.with_package(), with_docs(&method.docs));
        let kind = match (method.client_streams, method.server_streams) {
            (false, false) => None,
            (true, false) => Some(quote!(.with_kind(#p::CallKind::ClientStreaming))),
            (false, true) => Some(quote!(.with_kind(#p::CallKind::ServerStreaming))),
            (true, true) => Some(quote!(.with_kind(#p::CallKind::BidiStreaming))),
        };
        quote! {
            #p::MethodDescriptor::new(#name, #path, #request, #reply)
                #package #kind #idempotent #detached #docs
        }
    }

    /// The descriptor of a type, with errors that point at where the user wrote it.
    fn type_ref(&self, ty: &Type) -> TokenStream {
        let p = &self.private;
        let span = Span::mixed_site().located_at(ty.span());
        quote_spanned!(span=> <#ty as #p::schema::Schema>::schema)
    }

    /// The type that travels as the argument.
    pub(super) fn argument(&self, method: &Method) -> Type {
        match method.arguments.as_slice() {
            [] => parse_quote!(()),
            [(_, only)] => only.clone(),
            _ => {
                let name = self.arguments_name(method);
                parse_quote!(#name)
            }
        }
    }

    /// Takes the argument apart into the parameters, or puts it together from them.
    pub(super) fn parameters(&self, method: &Method) -> TokenStream {
        let names = method.arguments.iter().map(|(name, _)| name);
        match method.arguments.as_slice() {
            [] => quote!(()),
            [(only, _)] => quote!(#only),
            _ => {
                let ty = self.arguments_name(method);
                quote!(#ty { #(#names),* })
            }
        }
    }

    /// The struct in which several arguments travel, under the names they have in the source.
    pub(super) fn arguments(&self, method: &Method) -> Option<TokenStream> {
        if method.arguments.len() < 2 {
            return None;
        }
        let (p, name) = (&self.private, self.arguments_name(method));
        let serde = LitStr::new(&spelled(&quote!(#p::serde)), Span::call_site());
        let krate = LitStr::new(&spelled(&self.krate()), Span::call_site());
        let fields = method.arguments.iter().map(|(name, ty)| quote!(pub #name: #ty));
        let item = quote!(pub struct #name { #(#fields),* });
        let described: DeriveInput = parse_quote!(#[schema(crate = #krate)] #item);
        let schema = derive::expand(&described).unwrap_or_else(syn::Error::into_compile_error);
        Some(quote! {
            #[doc(hidden)]
            #[derive(#p::serde::Serialize, #p::serde::Deserialize)]
            #[serde(crate = #serde)]
            #item
            #schema
        })
    }

    fn arguments_name(&self, method: &Method) -> Ident {
        // Not the name on the wire, which need not be an identifier.
        let function = go_name(&method.ident.unraw().to_string());
        format_ident!("{}{function}Args", self.named(""), span = method.ident.span())
    }

    /// The crate whose `__private` module the output names.
    fn krate(&self) -> TokenStream {
        let mut path = self.private.clone();
        path.segments.pop();
        path.segments.pop_punct();
        path.into_token_stream()
    }
}

fn with_docs(docs: &str) -> Option<TokenStream> {
    (!docs.is_empty()).then(|| quote!(.with_docs(#docs)))
}

fn spelled(path: &TokenStream) -> String {
    path.to_string().replace(' ', "")
}
