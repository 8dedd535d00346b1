//! What both sides of an interop run agree on - the services a peer offers and the types they take -
//! and polywire's client of them. Go's counterparts are in `interop/go`.
#![forbid(unsafe_code)]
#![expect(clippy::unused_async, reason = "methods of a service are async, whatever they do")]

mod arith;
mod builtin;
pub mod client;
pub mod grpc;
pub mod odd;
mod settings;
pub mod trouble;
mod types;
pub mod witness;

pub use arith::{Args, Arith, ArithClient, ArithServer, Reply};
pub use builtin::{Builtin, BuiltinClient, BuiltinServer};
pub use settings::Settings;
pub use types::{
    Base, List, Many, Maps, Narrow, Point, Tree, Types, TypesClient, TypesServer, chain,
};
