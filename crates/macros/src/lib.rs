//! The derive and attribute macros of polywire.
//!
//! `#[derive(Schema)]` describes a message beside serde's derives. What it writes names nothing but
//! `::polywire::__private` (or another crate's, see `#[schema(crate = "...")]`), so it works
//! wherever that crate is a dependency. There is no logic of encodings or wires here: the
//! descriptor is data, and what a wire cannot carry is refused at registration, not here.
//!
//! # What a `__private` module holds
//!
//! | for | names |
//! |---|---|
//! | the derive | `schema` (the crate `polywire-schema`), `impl_message!` (takes the generics, the type and the where clause, each in braces), `serde` (in generic types, if `impl_message!` uses the clause) |
//! | `#[service]` | `Method`, `MethodDescriptor`, `ServiceDefinition`, `ServiceDescriptor`, `Service`, `Context` and `Status` of `polywire-core`, and `serde` with its derives |
//! | servers | `unary::<Arg, Reply, _, _>(&'static MethodDescriptor, Fn(Context, Arg) -> Future<Result<Reply, Status>>) -> Method` |
//! | `#[subscribe]` | `Subscriber`, `SubscriberDefinition`, `SubscriberDescriptor` and `Context` of `polywire-core`, and `event::<Event, _, _>(&'static SubscriberDescriptor, Fn(Context, Event) -> Future<Result<(), Status>>) -> Subscriber` |
//! | clients | `Channel`, async `connect(&str)` and `discover(&str)` that make one, their `ConnectError`, and `Call::<'_, S, Arg, Reply>::new(&S, &'static MethodDescriptor, Arg)` |
#![forbid(unsafe_code)]

mod derive;
mod docs;
mod service;
mod subscribe;

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
/// | `proto = "user_id"` | field, variant | the name in protobuf |
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

/// Makes a service of a trait, or of the methods of a type.
///
/// A trait `Greeter` gets `GreeterServer<T>` around an implementation and `GreeterClient` beside
/// it; a type `Arith` with an `impl` block gets `ArithServer` and `ArithClient`. The options are
/// `name = "Greeter"` (the service's name on the wire; default: the trait's or type's),
/// `package = "greeter.v1"` (for wires that have one) and `crate = "path"` (where `polywire` is
/// found under another name).
///
/// A method is an `async fn` that takes `&self`, then `&Context` if it wants one, then any number of
/// owned arguments: none travel as `()`, one as itself, several as a struct of their names. It
/// returns a value, or a `Result` whose error turns into a `Status`. In an `impl` block every async
/// function with `&self` is a method unless it is private, and a private one is if it has `#[rpc]`.
/// The name on the wire is the Go spelling of the function's:
/// `sleep_milli` is `SleepMilli`.
///
/// | on a method | effect |
/// |---|---|
/// | `#[rpc(name = "Hello")]` | the name on the wire |
/// | `#[rpc(idempotent)]` | calling twice is calling once, so a client may try again |
/// | `#[rpc(detached)]` | goes on when its caller has gone away |
/// | `#[rpc(skip)]` | not offered to peers |
///
/// The trait's methods are rewritten to return `impl Future + Send`, and the trait requires
/// `Send + Sync + 'static`; implementations still write `async fn`.
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(options.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Has the methods of a type, or a function, handle events.
///
/// On an `impl` block, the methods with `#[event(topic = "orders.created")]` handle the events of
/// that topic; a type `Audit` gets `AuditSubscriber` around a value of it. On a function, which takes
/// no `&self`, the topic stands here, and a function `created` gets `CreatedSubscriber`. Either is
/// given to `App::subscribe` or `Router::subscribe`.
///
/// A handler is an `async fn` that takes `&Context` if it wants one, and one owned event. It returns
/// nothing, or a `Result<(), E>` whose error turns into a `Status`. The context's metadata are the
/// headers of the event, and its method names the topic. Several handlers of one topic each get the
/// event anew, one after another.
///
/// | option | on | effect |
/// |---|---|---|
/// | `topic = "orders.created"` | function, `#[event]` | which events |
/// | `queue = "audit"` | function, `#[event]`, block (for all of its methods) | shares them with whoever has the same queue: each event goes to one; default: everybody gets a copy |
/// | `crate = "path"` | function, block | where `polywire` is found under another name |
#[proc_macro_attribute]
pub fn subscribe(options: TokenStream, item: TokenStream) -> TokenStream {
    subscribe::expand(options.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
