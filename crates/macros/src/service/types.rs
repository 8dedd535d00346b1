//! Which types an argument or a result may have, as far as their spelling tells.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Error, GenericArgument, PathArguments, Result, Type, TypeParamBound, TypePath, TypeReference,
};

/// Whether it is `&Context`.
pub(crate) fn is_context(ty: &Type) -> bool {
    let Type::Reference(TypeReference { mutability: None, elem, .. }) = ty else { return false };
    let Type::Path(TypePath { path, .. }) = &**elem else { return false };
    path.segments.last().is_some_and(|segment| segment.ident == "Context")
}

/// The arguments of `Result<T, E>`, or of an alias that has its name, if it is one.
pub(crate) fn result(ty: &Type) -> Option<(&Type, Option<&Type>)> {
    let Type::Path(TypePath { qself: None, path, .. }) = ty else { return None };
    let segment = path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some((types.next()?, types.next()))
}

/// What a stream of a caller's carries, if the type is `Streaming<T>`.
pub(super) fn argument_stream(ty: &Type) -> Option<&Type> {
    let (segment, item) = last_argument(ty)?;
    (segment == "Streaming").then_some(item)
}

/// What a stream of a callee's carries, if the type is one: `impl Stream<Item = Result<T, _>>`,
/// `BoxStream<T>`, `Streaming<T>`.
pub(super) fn reply_stream(ty: &Type) -> Option<&Type> {
    if let Type::ImplTrait(stream) = ty {
        let item = stream.bounds.iter().find_map(item_of)?;
        return result(item).map(|(value, _)| value);
    }
    let (segment, item) = last_argument(ty)?;
    if segment != "BoxStream" && segment != "Streaming" {
        return None;
    }
    Some(result(item).map_or(item, |(value, _)| value))
}

/// The `X` of a bound `Stream<Item = X>`.
fn item_of(bound: &TypeParamBound) -> Option<&Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let segment = bound.path.segments.last().filter(|segment| segment.ident == "Stream")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(item) if item.ident == "Item" => Some(&item.ty),
        _ => None,
    })
}

/// The last segment of a path and its last type argument.
fn last_argument(ty: &Type) -> Option<(&Ident, &Type)> {
    let Type::Path(TypePath { qself: None, path, .. }) = ty else { return None };
    let segment = path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let item = arguments.args.iter().rev().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })?;
    Some((&segment.ident, item))
}

/// Refuses types that no message has, with advice.
pub(crate) fn check(ty: &Type) -> Result<()> {
    let mut words = Words::default();
    words.collect(ty.to_token_stream());
    if let Some(stream) = words.find(&["Stream", "BoxStream", "TryStream", "Streaming"]) {
        let text = "a stream stands alone: `Streaming<T>` as the only argument, `impl \
                    Stream<Item = Result<T, Status>>` or `BoxStream<T>` as what comes back";
        return Err(Error::new(stream.span(), text));
    }
    if let Some(error) = borrowed(ty).or_else(|| words.lifetime.as_ref().map(owned)) {
        return Err(error);
    }
    if words.find(&["impl"]).is_some() {
        let text = "what travels has one type, known to both sides; name it instead of `impl`";
        return Err(Error::new_spanned(ty, text));
    }
    if words.find(&["Self"]).is_some() {
        return Err(Error::new_spanned(ty, "clients do not know `Self`; name the type"));
    }
    Ok(())
}

fn borrowed(ty: &Type) -> Option<Error> {
    let Type::Reference(reference) = ty else { return None };
    let owned = match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => String::from("String"),
        Type::Slice(slice) => format!("Vec<{}>", spelled(&slice.elem)),
        other => spelled(other),
    };
    let text = format!("what travels is owned by whoever handles it; use `{owned}`");
    Some(Error::new_spanned(ty, text))
}

fn owned(lifetime: &Ident) -> Error {
    let text = "what travels is owned by whoever handles it; use a type without a lifetime";
    Error::new(lifetime.span(), text)
}

fn spelled(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(" < ", "<").replace(" >", ">").replace(" :: ", "::")
}

/// The identifiers of a type, at any depth.
#[derive(Default)]
struct Words {
    all: Vec<Ident>,
    /// The first lifetime that is not `'static`.
    lifetime: Option<Ident>,
}

impl Words {
    fn collect(&mut self, tokens: TokenStream) {
        let mut quoted = false;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if quoted => {
                    if ident != "static" {
                        self.lifetime.get_or_insert(ident);
                    }
                }
                TokenTree::Ident(ident) => self.all.push(ident),
                TokenTree::Group(group) => self.collect(group.stream()),
                TokenTree::Punct(punct) => {
                    quoted = punct.as_char() == '\'';
                    continue;
                }
                TokenTree::Literal(_) => {}
            }
            quoted = false;
        }
    }

    fn find(&self, words: &[&str]) -> Option<&Ident> {
        self.all.iter().find(|ident| words.iter().any(|word| *ident == word))
    }
}
