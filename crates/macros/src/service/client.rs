//! The generated client: one function per method, over anything that answers calls.

use proc_macro2::TokenStream;
use quote::quote;

use super::Service;
use super::method::Method;

impl Service {
    /// The struct, seen where the service is.
    pub(super) fn client(&self) -> TokenStream {
        let (p, vis, name) = (&self.private, &self.vis, self.named("Client"));
        let docs = format!(
            " Calls a `{}` elsewhere.\n\n It stands on anything that answers calls: a channel to \
             peers, or in tests a router, without a socket. Await what its functions return, or \
             set a timeout, metadata or retries on it first.",
            self.name
        );
        quote! {
            #[doc = #docs]
            #[derive(::core::clone::Clone, ::core::fmt::Debug)]
            #vis struct #name<S = #p::Channel>(S);
        }
    }

    pub(super) fn client_impl(&self) -> TokenStream {
        let (p, client) = (&self.private, self.named("Client"));
        let calls = self.methods.iter().enumerate().map(|(at, method)| self.call(at, method));
        quote! {
            impl #client {
                /// Connects to the peer at a URL, such as `netrpc://127.0.0.1:1234`.
                ///
                /// # Errors
                /// When the URL is malformed, or nobody can be reached there.
                pub async fn connect(url: &str) -> ::core::result::Result<Self, #p::ConnectError> {
                    #p::connect(url).await.map(Self)
                }

                /// Finds the instances of a service in the registry that the environment names.
                ///
                /// # Errors
                /// When the registry cannot be reached.
                pub async fn discover(
                    service: &str,
                ) -> ::core::result::Result<Self, #p::ConnectError> {
                    #p::discover(service).await.map(Self)
                }
            }

            impl<S: #p::Service> #client<S> {
                /// Calls through a channel, a layered service or a router.
                #[must_use]
                pub const fn new(service: S) -> Self {
                    Self(service)
                }

                #(#calls)*
            }
        }
    }

    fn call(&self, at: usize, method: &Method) -> TokenStream {
        let (p, function) = (&self.private, &method.ident);
        let docs = if method.docs.is_empty() {
            format!("Calls `{}.{}`.", self.name, method.wire)
        } else {
            method.docs.clone()
        };
        let (argument, reply) = (self.argument(method), &method.reply);
        let parameters = method.arguments.iter().map(|(name, ty)| match method.client_streams {
            false => quote!(#name: #ty),
            true => quote! {
                #name: impl #p::Stream<Item = #ty> + ::core::marker::Send + 'static
            },
        });
        let (sent, value) = match method.client_streams {
            false => (quote!(#argument), self.parameters(method)),
            true => {
                let value = self.parameters(method);
                (quote!(#p::Streaming<#argument>), quote!(#p::Streaming::from_values(#value)))
            }
        };
        let received = match method.server_streams {
            false => quote!(#reply),
            true => quote!(#p::Streaming<#reply>),
        };
        quote! {
            #[doc = #docs]
            pub fn #function(&self, #(#parameters),*) -> #p::Call<'_, S, #sent, #received> {
                #p::Call::new(&self.0, &__DESCRIPTOR.methods[#at], #value)
            }
        }
    }
}
