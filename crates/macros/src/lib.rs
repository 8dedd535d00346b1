//! The derive and attribute macros of polywire.
//!
//! `#[derive(Schema)]` describes a message beside serde's derives. What it writes names nothing but
//! `::polywire::__private` (or another crate's, see `#[schema(crate = "...")]`), so it works
//! wherever that crate is a dependency. There is no logic of encodings or wires here: the
//! descriptor is data, and what a wire cannot carry is refused at registration, not here.
#![forbid(unsafe_code)]

mod derive;
mod docs;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Describes a struct or enum to every encoding, from its fields and its serde attributes.
///
/// | form | descriptor |
/// |---|---|
/// | struct with named fields, tuple struct of two and more | a struct; tuple fields are `F0`, `F1`, ... |
/// | `struct Id(u64)`, `#[serde(transparent)]` | what it holds |
/// | `struct Unit;` | unit |
/// | enum | an enum, with or without data |
///
/// Type parameters get a `Schema` bound. Lifetime parameters are refused: a message is owned by
/// whoever handles it.
///
/// # serde's attributes
///
/// `rename`, `rename_all`, `rename_all_fields`, `default`, `skip`, `transparent` and
/// `skip_serializing_if` are read. Attributes that make the two sides differ or leave no fixed
/// shape (`flatten`, `tag`, `untagged`, `skip_serializing`, ...) are compile errors, and so is code
/// of one's own (`with`, `from`, `into`, ...) unless `#[schema(as = "Type")]` says what it writes.
///
/// # Own attributes
///
/// | attribute | on | effect |
/// |---|---|---|
/// | `go = "UserID"` | type, field, variant | the name on Go's wires |
/// | `java = "org.example.User"` | type, field | the class, or the field's name, on Java's wires |
/// | `proto = "user_id"` | field | the name in protobuf |
/// | `tag = 3` | field, variant | the protobuf tag or number; default: the position |
/// | `as = "u64"` | type, field, variant | described like that type, which serde must match |
/// | `crate = "polywire_gob"` | type | the crate whose `__private` module the output names |
///
/// An explicit `#[serde(rename = "...")]` is what the other names are worked out from; `rename_all`
/// leaves them alone.
#[proc_macro_derive(Schema, attributes(schema, serde))]
pub fn derive_schema(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive::expand(&input).unwrap_or_else(|error| error.into_compile_error()).into()
}
