//! `#[service]`.

mod client;
mod describe;
mod method;
mod options;
mod server;
pub(crate) mod types;

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::{
    Block, Error, FnArg, Ident, ImplItem, Item, ItemImpl, ItemTrait, Path, Result, ReturnType,
    Signature, TraitItem, Type, Visibility, parse_quote,
};

use self::method::{Method, Rules};
use self::options::{RpcOptions, ServiceOptions};
use crate::docs;

/// What is known of a service once its source is read.
struct Service {
    /// The module of the facade that the output names.
    private: Path,
    /// How far the generated types are seen.
    vis: Visibility,
    /// The trait, or the type that has the methods.
    ident: Ident,
    /// Whether `ident` is a trait.
    is_trait: bool,
    name: String,
    package: Option<String>,
    docs: String,
    methods: Vec<Method>,
}

/// Writes the trait or impl block again, and a server and a client beside it.
///
/// When the source is in error, it is written again all the same, so that nothing that uses it
/// fails for a second reason.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = ServiceOptions::parse.parse2(options)?;
    let (rewritten, service) = match syn::parse2(item)? {
        Item::Trait(mut item) => {
            let service = of_trait(&mut item, &options);
            (item.into_token_stream(), service)
        }
        Item::Impl(mut item) => {
            let service = of_impl(&mut item, &options);
            (item.into_token_stream(), service)
        }
        other => {
            let text = "expected a trait, or an `impl` block with the methods of a type";
            return Err(Error::new_spanned(other, text));
        }
    };
    let generated = match service {
        Ok(service) => service.write(),
        Err(error) => error.into_compile_error(),
    };
    Ok(quote!(#rewritten #generated))
}

fn of_trait(item: &mut ItemTrait, options: &ServiceOptions) -> Result<Service> {
    let mut problems = Problems::default();
    let mut methods = Vec::new();
    if !item.generics.params.is_empty() {
        let text = "a service is one set of methods under one name, so its trait cannot be generic";
        problems.push(Error::new_spanned(&item.generics, text));
    }
    for entry in &mut item.items {
        match entry {
            TraitItem::Fn(function) => {
                let taken = RpcOptions::take(&mut function.attrs);
                let options = problems.keep(taken).unwrap_or_default();
                if !options.skip {
                    let made = Method::new(&function.attrs, &function.sig, options, Rules::Trait);
                    methods.extend(problems.keep(made));
                }
                make_send(&mut function.sig, function.default.as_mut());
            }
            other => {
                let text = "a service has methods only; move this to a trait of its own";
                problems.push(Error::new_spanned(other, text));
            }
        }
    }
    item.supertraits.push(parse_quote!(::core::marker::Send));
    item.supertraits.push(parse_quote!(::core::marker::Sync));
    item.supertraits.push(parse_quote!('static));
    let mut service = Service::new(options, item.ident.clone(), methods);
    service.is_trait = true;
    service.vis = item.vis.clone();
    service.docs = docs::text(&item.attrs);
    problems.or_check(service)
}

fn of_impl(item: &mut ItemImpl, options: &ServiceOptions) -> Result<Service> {
    let mut problems = Problems::default();
    let ident = implementor(item)?;
    // How far the type itself is seen, the block does not tell; its first method comes closest.
    let mut vis = None;
    let mut methods = Vec::new();
    for entry in &mut item.items {
        let ImplItem::Fn(function) = entry else { continue };
        let taken = RpcOptions::take(&mut function.attrs);
        let options = problems.keep(taken).unwrap_or_default();
        if options.skip {
            continue;
        }
        let offered = !matches!(function.vis, Visibility::Inherited)
            && (function.sig.asyncness.is_some() || method::streams(&function.sig))
            && matches!(function.sig.inputs.first(), Some(FnArg::Receiver(_)));
        if offered || options.marked {
            vis.get_or_insert_with(|| function.vis.clone());
            let made = Method::new(&function.attrs, &function.sig, options, Rules::Inherent);
            methods.extend(problems.keep(made));
        }
    }
    let mut service = Service::new(options, ident, methods);
    service.vis = vis.unwrap_or(Visibility::Inherited);
    service.docs = docs::text(&item.attrs);
    problems.or_check(service)
}

/// The type that an inherent impl block is for.
fn implementor(item: &ItemImpl) -> Result<Ident> {
    if let Some((path, _)) = &item.trait_ {
        let text = "put `#[service]` on the trait itself, or on an `impl` block without a trait";
        return Err(Error::new_spanned(path, text));
    }
    let plain = match &*item.self_ty {
        Type::Path(ty) if ty.qself.is_none() && item.generics.params.is_empty() => {
            ty.path.get_ident().cloned()
        }
        _ => None,
    };
    plain.ok_or_else(|| {
        let text = "a service is one set of methods under one name: expected a type in this \
                    module, without parameters";
        Error::new_spanned(&item.self_ty, text)
    })
}

/// `async fn f() -> R` as `fn f() -> impl Future<Output = R> + Send`, which spawning needs.
fn make_send(sig: &mut Signature, body: Option<&mut Block>) {
    if sig.asyncness.take().is_none() {
        return;
    }
    let output: Type = match &sig.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    sig.output = parse_quote! {
        -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    if let Some(body) = body {
        *body = parse_quote!({ async move #body });
    }
}

impl Service {
    fn new(options: &ServiceOptions, ident: Ident, methods: Vec<Method>) -> Self {
        let name = options.name.clone().unwrap_or_else(|| ident.unraw().to_string());
        Self {
            private: options.private.clone(),
            vis: Visibility::Inherited,
            ident,
            is_trait: false,
            name,
            package: options.package.clone(),
            docs: String::new(),
            methods,
        }
    }

    /// The generated type of this name: `Greeter` and `Server` make `GreeterServer`.
    fn named(&self, suffix: &str) -> Ident {
        format_ident!("{}{suffix}", self.ident.unraw(), span = self.ident.span())
    }

    fn check(&self) -> Result<()> {
        if self.methods.is_empty() {
            let text = "a service needs a method: an `async fn` that takes `&self`, and is not private \
                        in an `impl` block";
            return Err(Error::new(self.ident.span(), text));
        }
        for (at, method) in self.methods.iter().enumerate() {
            let before = self.methods.iter().take(at);
            if before.clone().any(|earlier| earlier.wire == method.wire) {
                let text = format!(
                    "two methods are called `{}` on the wire; name one with `#[rpc(name = \
                     \"...\")]`",
                    method.wire
                );
                return Err(Error::new(method.ident.span(), text));
            }
        }
        Ok(())
    }

    fn write(&self) -> TokenStream {
        let server = self.server();
        let client = self.client();
        let descriptor = self.descriptor();
        let server_impl = self.server_impl();
        let client_impl = self.client_impl();
        let arguments = self.methods.iter().filter_map(|method| self.arguments(method));
        quote! {
            #server
            #client
            #[allow(
                clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction,
                unused_qualifications, unnameable_types,
                reason = "written by a macro",
            )]
            const _: () = {
                #descriptor
                #(#arguments)*
                #server_impl
                #client_impl
            };
        }
    }
}

/// Errors of several methods, shown together.
#[derive(Default)]
struct Problems(Option<Error>);

impl Problems {
    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// The service, if its methods are in order and go together.
    fn or_check(self, service: Service) -> Result<Service> {
        match self.0 {
            Some(error) => Err(error),
            None => service.check().map(|()| service),
        }
    }
}
