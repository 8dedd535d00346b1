//! The attributes of subscribers.

use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, Error, LitStr, Meta, Path, Result, parse_quote};

/// `#[subscribe(topic = "orders.created", queue = "audit", crate = "path")]`.
pub(super) struct SubscribeOptions {
    pub(super) topic: Option<LitStr>,
    pub(super) queue: Option<LitStr>,
    pub(super) private: Path,
}

impl SubscribeOptions {
    pub(super) fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options =
            Self { topic: None, queue: None, private: parse_quote!(::polywire::__private) };
        let parser = syn::meta::parser(|meta| options.one(&meta));
        syn::parse::Parser::parse2(parser, input.parse()?)?;
        Ok(options)
    }

    fn one(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("topic") {
            self.topic = Some(name(meta)?);
        } else if meta.path.is_ident("queue") {
            self.queue = Some(name(meta)?);
        } else if meta.path.is_ident("crate") {
            let krate: Path = meta.value()?.parse::<LitStr>()?.parse()?;
            self.private = parse_quote!(#krate::__private);
        } else {
            return Err(meta.error("unknown option; there are `topic`, `queue`, `crate`"));
        }
        Ok(())
    }
}

/// `#[event(topic = "orders.created", queue = "audit")]`.
pub(super) struct EventOptions {
    pub(super) topic: LitStr,
    pub(super) queue: Option<LitStr>,
}

impl EventOptions {
    /// Reads the `#[event]` attribute and takes it out; `None` if there is none.
    pub(super) fn take(attrs: &mut Vec<Attribute>) -> Result<Option<Self>> {
        let (mut topic, mut queue, mut marked) = (None, None, None);
        for attr in attrs.extract_if(.., |attr| attr.path().is_ident("event")) {
            if marked.is_some() {
                let text = "a method handles the events of one topic; write a method for each";
                return Err(Error::new_spanned(attr, text));
            }
            if matches!(attr.meta, Meta::List(_)) {
                attr.parse_nested_meta(|meta| {
                    if (meta.path.is_ident("topic") && topic.is_some())
                        || (meta.path.is_ident("queue") && queue.is_some())
                    {
                        return Err(meta.error("it was said already"));
                    }
                    if meta.path.is_ident("topic") {
                        topic = Some(name(&meta)?);
                    } else if meta.path.is_ident("queue") {
                        queue = Some(name(&meta)?);
                    } else {
                        return Err(meta.error("unknown option; there are `topic`, `queue`"));
                    }
                    Ok(())
                })?;
            }
            marked = Some(attr);
        }
        match (topic, marked) {
            (Some(topic), _) => Ok(Some(Self { topic, queue })),
            (None, None) => Ok(None),
            (None, Some(attr)) => {
                let text = "which events are to be handled? `#[event(topic = \"...\")]`";
                Err(Error::new_spanned(attr, text))
            }
        }
    }
}

/// The text of `key = "text"`, if headers and brokers carry it.
fn name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let literal: LitStr = meta.value()?.parse()?;
    let name = literal.value();
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let text = "topics and queues have a name without blanks";
        return Err(Error::new(literal.span(), text));
    }
    Ok(literal)
}
