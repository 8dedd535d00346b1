//! The generated type: what subscribes for handlers.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::handler::Handler;
use super::{Subscribers, described};

impl Subscribers {
    pub(super) fn write(&self) -> TokenStream {
        let (p, ident) = (&self.private, &self.ident);
        let (definition, constructors) = self.definition();
        let count = self.handlers.len();
        let descriptors = self.handlers.iter().map(|handler| self.descriptor(handler));
        let leaves = self.handlers.iter().enumerate().map(|(at, handler)| self.leaf(at, handler));
        quote! {
            #definition
            #[allow(
                clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction,
                unused_qualifications, unnameable_types,
                reason = "written by a macro",
            )]
            const _: () = {
                static __SUBSCRIBERS: [#p::SubscriberDescriptor; #count] =
                    const { [#(#descriptors),*] };

                #constructors

                impl #p::SubscriberDefinition for #ident {
                    fn subscribers(self) -> ::std::vec::Vec<#p::Subscriber> {
                        ::std::vec![#(#leaves),*]
                    }
                }
            };
        }
    }

    /// The type, and what makes and copies it.
    fn definition(&self) -> (TokenStream, TokenStream) {
        let (vis, ident, docs) = (&self.vis, &self.ident, described(self));
        let Some(ty) = &self.ty else {
            let definition = quote! {
                #[doc = #docs]
                #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
                #vis struct #ident;
            };
            return (definition, TokenStream::new());
        };
        let text = ident.to_string();
        let definition = quote! {
            #[doc = #docs]
            #vis struct #ident(::std::sync::Arc<#ty>);
        };
        let constructors = quote! {
            impl #ident {
                /// Subscribes for a value of its own.
                #[must_use]
                pub fn new(subscriber: #ty) -> Self {
                    Self(::std::sync::Arc::new(subscriber))
                }

                /// Subscribes for a value that others hold as well.
                #[must_use]
                pub const fn from_arc(subscriber: ::std::sync::Arc<#ty>) -> Self {
                    Self(subscriber)
                }
            }

            impl ::core::clone::Clone for #ident {
                fn clone(&self) -> Self {
                    Self(::std::sync::Arc::clone(&self.0))
                }
            }

            impl ::core::fmt::Debug for #ident {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.write_str(#text)
                }
            }
        };
        (definition, constructors)
    }

    fn descriptor(&self, handler: &Handler) -> TokenStream {
        let (p, name, topic) = (&self.private, &handler.name, &handler.topic);
        let event = &handler.event;
        // What is wrong with the type shows where the user wrote it.
        let span = Span::mixed_site().located_at(event.span());
        let schema = quote_spanned!(span=> <#event as #p::schema::Schema>::schema);
        let queue = handler.queue.as_ref().map(|queue| quote!(.with_queue(#queue)));
        let docs = (!handler.docs.is_empty()).then(|| {
            let docs = &handler.docs;
            quote!(.with_docs(#docs))
        });
        quote!(#p::SubscriberDescriptor::new(#name, #topic, #schema) #queue #docs)
    }

    /// What decodes and handles the events of one handler.
    fn leaf(&self, at: usize, handler: &Handler) -> TokenStream {
        let (p, function, event) = (&self.private, &handler.ident, &handler.event);
        // Locals with a hygiene of their own, so that nothing of the user's is shadowed.
        let subscriber = Ident::new("subscriber", Span::mixed_site());
        let (cx, value) =
            (Ident::new("cx", Span::mixed_site()), Ident::new("value", Span::mixed_site()));
        let context = handler.takes_context.then(|| quote!(&#cx,));
        let (kept, shared, call) = match &self.ty {
            Some(ty) => (
                quote!(let #subscriber = ::std::sync::Arc::clone(&self.0);),
                quote!(let #subscriber = ::std::sync::Arc::clone(&#subscriber);),
                quote!(#ty::#function(&#subscriber, #context #value).await),
            ),
            None => {
                (TokenStream::new(), TokenStream::new(), quote!(#function(#context #value).await))
            }
        };
        let result = match handler.failure {
            Some(at) => {
                let span = Span::mixed_site().located_at(at);
                quote_spanned! {span=>
                    ::core::result::Result::map_err(#call, ::core::convert::Into::into)
                }
            }
            None => quote!({ #call; ::core::result::Result::Ok(()) }),
        };
        // What is wrong with the future, such as that it is not `Send`, shows at the handler.
        let span = Span::mixed_site().located_at(function.span());
        let future = quote_spanned! {span=> async move { let _ = &#cx; #result } };
        let leaf = quote_spanned!(span=> #p::event::<#event, _, _>);
        quote! {
            #leaf(&__SUBSCRIBERS[#at], {
                #kept
                move |#cx: #p::Context, #value: #event| {
                    #shared
                    #future
                }
            })
        }
    }
}
