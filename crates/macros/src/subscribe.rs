//! `#[subscribe]`.

mod handler;
mod options;
mod write;

use polywire_schema::go_name;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::{Error, Ident, ImplItem, Item, ItemFn, ItemImpl, Path, Result, Type, Visibility};

use self::handler::{Handler, Place};
use self::options::{EventOptions, SubscribeOptions};
/// What is known of subscribers once their source is read.
struct Subscribers {
    /// The module of the facade that the output names.
    private: Path,
    /// How far the generated type is seen.
    vis: Visibility,
    /// The type that has the methods; `None` of a function that stands alone.
    ty: Option<Ident>,
    /// The generated type.
    ident: Ident,
    handlers: Vec<Handler>,
}

/// Writes the impl block or function again, and what subscribes for it beside it.
///
/// When the source is in error, it is written again all the same, so that nothing that uses it fails
/// for a second reason.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = SubscribeOptions::parse.parse2(options);
    let (rewritten, subscribers) = match syn::parse2(item)? {
        Item::Impl(mut item) => {
            let made = of_impl(&mut item, options);
            (item.into_token_stream(), made)
        }
        Item::Fn(item) => {
            let made = options.and_then(|options| of_function(&item, options));
            (item.into_token_stream(), made)
        }
        other => {
            let text = "expected an `impl` block with the methods of a type, or an `async fn`";
            return Err(Error::new_spanned(other, text));
        }
    };
    let generated = match subscribers {
        Ok(subscribers) => subscribers.write(),
        Err(error) => error.into_compile_error(),
    };
    Ok(quote!(#rewritten #generated))
}

fn of_impl(item: &mut ItemImpl, options: Result<SubscribeOptions>) -> Result<Subscribers> {
    let mut problems: Option<Error> = None;
    let mut note = |error: Error| match &mut problems {
        Some(first) => first.combine(error),
        None => problems = Some(error),
    };
    let options = options.and_then(|options| match &options.topic {
        Some(topic) => {
            let text = "the topic stands with each method: `#[event(topic = \"...\")]`";
            Err(Error::new(topic.span(), text))
        }
        None => Ok(options),
    });
    let options = options.map_err(&mut note).ok();
    let ty = implementor(item).map_err(&mut note).ok();
    // How far the type itself is seen, the block does not tell; its first handler comes closest.
    let (mut vis, mut handlers) = (None, Vec::new());
    for entry in &mut item.items {
        let ImplItem::Fn(function) = entry else { continue };
        let event = match EventOptions::take(&mut function.attrs) {
            Ok(Some(event)) => event,
            Ok(None) => continue,
            Err(error) => {
                note(error);
                continue;
            }
        };
        vis.get_or_insert_with(|| function.vis.clone());
        let made = Handler::new(&function.attrs, &function.sig, event, Place::Method);
        handlers.extend(made.map_err(&mut note).ok());
    }
    if vis.is_none() {
        let text = "nothing here handles events; mark methods with `#[event(topic = \"...\")]`";
        note(Error::new_spanned(&item.self_ty, text));
    }
    let (options, ty) = match (options, ty, problems) {
        (Some(options), Some(ty), None) => (options, ty),
        (_, _, Some(error)) => return Err(error),
        (..) => return Err(Error::new_spanned(&item.self_ty, "the subscribers cannot be read")),
    };
    for handler in &mut handlers {
        handler.queue = handler.queue.take().or_else(|| options.queue.clone());
        handler.name = format!("{}.{}", ty.unraw(), handler.ident.unraw());
    }
    Ok(Subscribers {
        private: options.private,
        vis: vis.unwrap_or(Visibility::Inherited),
        ident: format_ident!("{}Subscriber", ty.unraw(), span = ty.span()),
        ty: Some(ty),
        handlers,
    })
}

fn of_function(item: &ItemFn, options: SubscribeOptions) -> Result<Subscribers> {
    let Some(topic) = options.topic else {
        let text = "which events are to be handled? `#[subscribe(topic = \"...\")]`";
        return Err(Error::new(item.sig.ident.span(), text));
    };
    let event = EventOptions { topic, queue: options.queue };
    let handler = Handler::new(&item.attrs, &item.sig, event, Place::Alone)?;
    let name = go_name(&item.sig.ident.unraw().to_string());
    Ok(Subscribers {
        private: options.private,
        vis: item.vis.clone(),
        ty: None,
        ident: format_ident!("{name}Subscriber", span = item.sig.ident.span()),
        handlers: vec![handler],
    })
}

/// The type that an inherent impl block is for.
fn implementor(item: &ItemImpl) -> Result<Ident> {
    let plain = match &*item.self_ty {
        Type::Path(ty) if ty.qself.is_none() && item.generics.params.is_empty() => {
            ty.path.get_ident().cloned()
        }
        _ => None,
    };
    match (plain, &item.trait_) {
        (Some(ident), None) => Ok(ident),
        _ => {
            let text = "subscribers are methods of a type in this module, without parameters, in \
                        an `impl` block without a trait";
            Err(Error::new_spanned(&item.self_ty, text))
        }
    }
}

/// The doc comment of the generated type.
fn described(subscribers: &Subscribers) -> String {
    let of = match &subscribers.ty {
        Some(ty) => format!("the methods of `{ty}` that handle events"),
        None => "the function that handles events".to_owned(),
    };
    format!(" Subscribes {of}: give it to an app or a router.")
}
