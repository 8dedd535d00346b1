//! One method: from a Rust signature to what travels.

use polywire_schema::go_name;
use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, FnArg, Ident, Pat, PatType, Receiver, ReceiverKind, Result, ReturnType,
    Safety, Signature, Type, parse_quote,
};

use super::options::RpcOptions;
use super::types;
use crate::docs;

/// What the source of the method is, for the advice in errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    Trait,
    Inherent,
}

/// A method that peers can call.
pub(super) struct Method {
    pub(super) ident: Ident,
    /// The name on the wire, in Go's style.
    pub(super) wire: String,
    pub(super) docs: String,
    pub(super) takes_context: bool,
    pub(super) arguments: Vec<(Ident, Type)>,
    /// Whether the only argument is a stream, of the type that `arguments` names.
    pub(super) client_streams: bool,
    /// The type of the value that comes back, or of those that do.
    pub(super) reply: Type,
    /// Whether a stream of them comes back.
    pub(super) server_streams: bool,
    pub(super) is_async: bool,
    /// Where the error stands, if the method returns a `Result`.
    pub(super) failure: Option<Span>,
    pub(super) idempotent: bool,
    pub(super) detached: bool,
}

/// Functions that the generated client has of its own.
const TAKEN: [&str; 3] = ["new", "connect", "discover"];

impl Method {
    /// # Errors
    /// Every shape that cannot be called from outside; none is passed over in silence.
    pub(super) fn new(
        attrs: &[Attribute],
        sig: &Signature,
        options: RpcOptions,
        rules: Rules,
    ) -> Result<Self> {
        check_attributes(attrs)?;
        check_generics(sig)?;
        check_receiver(sig)?;
        let mut inputs = sig.inputs.iter().filter_map(typed).peekable();
        let takes_context = inputs.next_if(|first| types::is_context(&first.ty)).is_some();
        let (arguments, client_streams) = arguments(inputs.collect())?;
        let output: Type = match &sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        let (value, failure) = match types::result(&output) {
            Some((value, error)) => (value.clone(), Some(error.unwrap_or(&output).span())),
            None => (output, None),
        };
        let item = types::reply_stream(&value).cloned();
        let server_streams = item.is_some();
        let reply = item.unwrap_or(value);
        types::check(&reply)?;
        check_form(sig, rules, server_streams)?;
        Ok(Self {
            wire: options.name.unwrap_or_else(|| go_name(&sig.ident.unraw().to_string())),
            ident: sig.ident.clone(),
            docs: docs::text(attrs),
            takes_context,
            arguments,
            client_streams,
            reply,
            server_streams,
            is_async: sig.asyncness.is_some(),
            failure,
            idempotent: options.idempotent,
            detached: options.detached,
        })
    }
}

/// Whether what a function returns is a stream, or a `Result` of one.
pub(super) fn streams(sig: &Signature) -> bool {
    let ReturnType::Type(_, ty) = &sig.output else { return false };
    let value = types::result(ty).map_or(&**ty, |(value, _)| value);
    types::reply_stream(value).is_some()
}

fn check_attributes(attrs: &[Attribute]) -> Result<()> {
    match attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
        None => Ok(()),
        Some(cfg) => {
            let text = "a method cannot come and go with a `cfg`, since both sides must know it; \
                        put the `cfg` on a service of its own";
            Err(Error::new_spanned(cfg, text))
        }
    }
}

fn check_generics(sig: &Signature) -> Result<()> {
    if let Some(parameter) = sig.generics.params.first() {
        let text = "peers cannot choose type parameters or lifetimes; name the types";
        return Err(Error::new_spanned(parameter, text));
    }
    if let Some(clause) = &sig.generics.where_clause {
        return Err(Error::new_spanned(clause, "a method that peers call has no conditions"));
    }
    Ok(())
}

fn check_receiver(sig: &Signature) -> Result<()> {
    let problem = match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) if shared(receiver) => return Ok(()),
        Some(FnArg::Receiver(receiver)) => Error::new_spanned(
            receiver,
            "calls run at the same time and share the service; take `&self`, and keep what \
             changes in a `Mutex` or an atomic",
        ),
        _ => Error::new(
            sig.ident.span(),
            "a method takes `&self`; leave a function that peers do not call out with \
             `#[rpc(skip)]`",
        ),
    };
    Err(problem)
}

fn shared(receiver: &Receiver) -> bool {
    matches!(receiver.kind, ReceiverKind::Reference(_, None, None))
}

fn check_form(sig: &Signature, rules: Rules, server_streams: bool) -> Result<()> {
    if let Safety::Unsafe(token) = sig.safety {
        return Err(Error::new(token.span, "peers cannot uphold what `unsafe` asks of a caller"));
    }
    if sig.asyncness.is_none() && !server_streams {
        let text = match rules {
            Rules::Trait => "write `async fn`, or leave it out with `#[rpc(skip)]`",
            Rules::Inherent => "write `pub async fn`, or remove `#[rpc]`",
        };
        return Err(Error::new(
            sig.fn_token.span,
            format!("a method that peers call is async; {text}"),
        ));
    }
    if TAKEN.iter().any(|name| sig.ident == name) {
        let text = format!(
            "the generated client has a function `{0}` of its own; call this one otherwise and \
             keep its name on the wire with `#[rpc(name = \"{1}\")]`",
            sig.ident,
            go_name(&sig.ident.to_string()),
        );
        return Err(Error::new(sig.ident.span(), text));
    }
    Ok(())
}

fn typed(argument: &FnArg) -> Option<&PatType> {
    match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    }
}

/// The arguments, and whether they are one stream.
fn arguments(inputs: Vec<&PatType>) -> Result<(Vec<(Ident, Type)>, bool)> {
    if let [only] = inputs.as_slice()
        && let Some(item) = types::argument_stream(&only.ty)
    {
        types::check(item)?;
        return Ok((vec![(name(only)?, item.clone())], true));
    }
    Ok((inputs.into_iter().map(argument).collect::<Result<_>>()?, false))
}

fn argument(typed: &PatType) -> Result<(Ident, Type)> {
    if types::is_context(&typed.ty) {
        let text = "the context comes once, right after `&self`";
        return Err(Error::new_spanned(typed, text));
    }
    types::check(&typed.ty)?;
    Ok((name(typed)?, (*typed.ty).clone()))
}

fn name(typed: &PatType) -> Result<Ident> {
    match &*typed.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Ok(name.ident.clone())
        }
        pattern => {
            let text = "an argument needs a plain name: clients see it, and several arguments \
                        travel under their names";
            Err(Error::new_spanned(pattern, text))
        }
    }
}
