//! The generated server: an implementation and the methods it offers.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::Service;
use super::method::Method;

impl Service {
    /// The struct, seen where the service is.
    pub(super) fn server(&self) -> TokenStream {
        let (vis, name, ident) = (&self.vis, self.named("Server"), &self.ident);
        let docs = format!(
            " Serves `{ident}`: give it to a server or a router.\n\n Cloning it shares the \
             implementation."
        );
        if self.is_trait {
            quote!(#[doc = #docs] #vis struct #name<T>(::std::sync::Arc<T>);)
        } else {
            quote!(#[doc = #docs] #vis struct #name(::std::sync::Arc<#ident>);)
        }
    }

    pub(super) fn server_impl(&self) -> TokenStream {
        let (p, ident, server) = (&self.private, &self.ident, self.named("Server"));
        let text = server.to_string();
        let methods = self.methods.iter().enumerate().map(|(at, method)| self.leaf(at, method));
        let (bounded, free, of, held) = if self.is_trait {
            (quote!(<T: #ident>), quote!(<T>), quote!(<T>), quote!(T))
        } else {
            (quote!(), quote!(), quote!(), quote!(#ident))
        };
        quote! {
            impl #bounded #server #of {
                /// Serves an implementation.
                #[must_use]
                pub fn new(service: #held) -> Self {
                    Self(::std::sync::Arc::new(service))
                }

                /// Serves an implementation that others hold as well.
                #[must_use]
                pub const fn from_arc(service: ::std::sync::Arc<#held>) -> Self {
                    Self(service)
                }
            }

            impl #free ::core::clone::Clone for #server #of {
                fn clone(&self) -> Self {
                    Self(::std::sync::Arc::clone(&self.0))
                }
            }

            impl #free ::core::fmt::Debug for #server #of {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.write_str(#text)
                }
            }

            impl #bounded #p::ServiceDefinition for #server #of {
                fn descriptor(&self) -> &'static #p::ServiceDescriptor {
                    &__DESCRIPTOR
                }

                fn methods(self) -> ::std::vec::Vec<#p::Method> {
                    ::std::vec![#(#methods),*]
                }
            }
        }
    }

    /// What decodes, calls and encodes one method.
    fn leaf(&self, at: usize, method: &Method) -> TokenStream {
        let (p, ident, function) = (&self.private, &self.ident, &method.ident);
        let (argument, reply) = (self.argument(method), &method.reply);
        let parameters = self.parameters(method);
        let implementor = if self.is_trait { quote!(<T as #ident>) } else { quote!(#ident) };
        // Locals with a hygiene of their own, so that a parameter may have any name.
        let service = Ident::new("service", Span::mixed_site());
        let cx = Ident::new("cx", Span::mixed_site());
        let context = method.takes_context.then(|| quote!(&#cx,));
        let names = method.arguments.iter().map(|(name, _)| name);
        let wait = method.is_async.then(|| quote!(.await));
        let call = quote!(#implementor::#function(&#service, #context #(#names),*) #wait);
        let result = match method.failure {
            Some(at) => {
                let span = Span::mixed_site().located_at(at);
                quote_spanned! {span=>
                    ::core::result::Result::map_err(#call, ::core::convert::Into::into)
                }
            }
            None => quote!(::core::result::Result::Ok(#call)),
        };
        // What is wrong with the future, such as that it is not `Send`, shows at the method.
        let span = Span::mixed_site().located_at(function.span());
        let future = quote_spanned! {span=>
            async move {
                let result = #result;
                #p::Answer::new(result, #cx)
            }
        };
        let argument_given = match method.client_streams {
            false => quote!(#argument),
            true => quote!(#p::Streaming<#argument>),
        };
        let (kind, inferred) = match (method.client_streams, method.server_streams) {
            (false, false) => (quote!(unary), quote!(_, _)),
            (true, false) => (quote!(client_streaming), quote!(_, _)),
            (false, true) => (quote!(server_streaming), quote!(_, _, _)),
            (true, true) => (quote!(bidi_streaming), quote!(_, _, _)),
        };
        let leaf = quote_spanned!(span=> #p::#kind::<#argument, #reply, #inferred>);
        quote! {
            #leaf(&__DESCRIPTOR.methods[#at], {
                let #service = ::std::sync::Arc::clone(&self.0);
                move |#cx: #p::Context, #parameters: #argument_given| {
                    let #service = ::std::sync::Arc::clone(&#service);
                    #future
                }
            })
        }
    }
}
