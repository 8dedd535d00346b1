//! One handler: from a Rust signature to what it subscribes to.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, FnArg, Ident, LitStr, PatType, ReceiverKind, Result, ReturnType, Safety,
    Signature, Type,
};

use super::options::EventOptions;
use crate::docs;
use crate::service::types;

/// Where a handler stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is a method and takes `&self`.
    Method,
    /// It is a function.
    Alone,
}

/// What handles the events of one topic.
pub(super) struct Handler {
    pub(super) ident: Ident,
    /// What logs call it.
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) topic: LitStr,
    pub(super) queue: Option<LitStr>,
    pub(super) takes_context: bool,
    /// The type of the events.
    pub(super) event: Type,
    /// Where the error stands, if it returns a `Result`.
    pub(super) failure: Option<Span>,
}

impl Handler {
    /// # Errors
    /// Every shape that cannot be given events.
    pub(super) fn new(
        attrs: &[Attribute],
        sig: &Signature,
        options: EventOptions,
        place: Place,
    ) -> Result<Self> {
        check_form(attrs, sig)?;
        check_receiver(sig, place)?;
        let inputs = sig.inputs.iter().filter_map(typed);
        let mut inputs = inputs.peekable();
        let takes_context = inputs.next_if(|first| types::is_context(&first.ty)).is_some();
        let event = match (inputs.next(), inputs.next()) {
            (Some(event), None) if !types::is_context(&event.ty) => event,
            (Some(_), Some(late)) if types::is_context(&late.ty) => {
                return Err(Error::new_spanned(late, "the context comes before the event"));
            }
            (_, Some(more)) => return Err(Error::new_spanned(more, ONE_EVENT)),
            _ => return Err(Error::new(sig.ident.span(), ONE_EVENT)),
        };
        types::check(&event.ty)?;
        Ok(Self {
            ident: sig.ident.clone(),
            name: sig.ident.unraw().to_string(),
            docs: docs::text(attrs),
            topic: options.topic,
            queue: options.queue,
            takes_context,
            event: (*event.ty).clone(),
            failure: failure(sig)?,
        })
    }
}

const ONE_EVENT: &str = "a subscriber takes one event, behind a `&Context` if it wants one";

fn check_form(attrs: &[Attribute], sig: &Signature) -> Result<()> {
    if let Some(cfg) = attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
        let text = "a subscriber cannot come and go with a `cfg`; put it in an `impl` block, or a \
                    module, of its own that does";
        return Err(Error::new_spanned(cfg, text));
    }
    if let Safety::Unsafe(token) = sig.safety {
        return Err(Error::new(token.span, "nobody upholds what `unsafe` asks of a caller"));
    }
    if let Some(parameter) = sig.generics.params.first() {
        let text = "the events of a topic have one type, known beforehand; name it";
        return Err(Error::new_spanned(parameter, text));
    }
    if sig.asyncness.is_none() {
        return Err(Error::new(sig.fn_token.span, "a subscriber is async; write `async fn`"));
    }
    Ok(())
}

fn check_receiver(sig: &Signature, place: Place) -> Result<()> {
    match (sig.inputs.first(), place) {
        (Some(FnArg::Receiver(receiver)), Place::Method) => match receiver.kind {
            ReceiverKind::Reference(_, None, None) => Ok(()),
            _ => {
                let text = "events come at the same time and share the subscriber; take `&self`, \
                            and keep what changes in a `Mutex` or an atomic";
                Err(Error::new_spanned(receiver, text))
            }
        },
        (_, Place::Method) => {
            let text = "a method that handles events takes `&self`; put `#[subscribe]` on the \
                        function itself where it stands alone";
            Err(Error::new(sig.ident.span(), text))
        }
        (Some(FnArg::Receiver(receiver)), Place::Alone) => {
            let text = "put `#[subscribe]` on the `impl` block, and `#[event(topic = \"...\")]` on \
                        its methods";
            Err(Error::new_spanned(receiver, text))
        }
        (_, Place::Alone) => Ok(()),
    }
}

/// Where the error of a `Result` stands; `None` if nothing is returned.
fn failure(sig: &Signature) -> Result<Option<Span>> {
    let ReturnType::Type(_, output) = &sig.output else { return Ok(None) };
    match types::result(output) {
        Some((value, error)) if is_unit(value) => Ok(Some(error.unwrap_or(output).span())),
        None if is_unit(output) => Ok(None),
        _ => {
            let text = "nobody gets what a subscriber returns; return `Result<(), Status>` or \
                        nothing";
            Err(Error::new_spanned(output, text))
        }
    }
}

fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn typed(argument: &FnArg) -> Option<&PatType> {
    match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    }
}
