//! Write a service once, in plain Rust. Clients in several RPC dialects call it, unmodified, on one
//! port.
//!
//! ```
//! use polywire::prelude::*;
//!
//! #[derive(Serialize, Deserialize, Schema)]
//! struct HelloRequest {
//!     name: String,
//! }
//!
//! #[derive(Serialize, Deserialize, Schema)]
//! struct HelloReply {
//!     greeting: String,
//! }
//!
//! struct MyGreeter;
//!
//! #[polywire::service(name = "Greeter")]
//! impl MyGreeter {
//!     /// Says hello.
//!     #[rpc(idempotent)]
//!     pub async fn hello(&self, req: HelloRequest) -> Result<HelloReply, Status> {
//!         Ok(HelloReply { greeting: format!("Hello, {}!", req.name) })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In a program: `.run().await`, which serves until SIGTERM or Ctrl-C.
//! let app = App::new("greeter").serve(MyGreeterServer::new(MyGreeter)).private().start().await?;
//!
//! let greeter = MyGreeterClient::connect(&format!("netrpc://{}", app.address())).await?;
//! let reply = greeter
//!     .hello(HelloRequest { name: "Ann".into() })
//!     .timeout(Duration::from_secs(1))
//!     .await?;
//! assert_eq!(reply.greeting, "Hello, Ann!");
//! app.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! | word | is |
//! |---|---|
//! | [`App`] | what you run: server, registration, shutdown |
//! | [`service`] | makes a trait or the methods of a type callable, and writes their client |
//! | [`Schema`] | what a message derives beside serde's traits |
//! | [`Status`], [`Code`] | how a call fails |
//! | [`Context`] | what a handler may know of its caller |
//! | [`Channel`] | what generated clients call through |
//! | [`CallOptions`] | where calls go, how long they take and how often they are tried |
//! | [`gomicro`] | what go-micro's clients do unless told otherwise |
//! | [`Router`], [`Server`] | the parts of an `App`, for tests and for programs of their own kind |
//! | [`Service`], [`Layer`] | what answers calls, and what wraps it |
//! | [`Registry`] | who knows where services run |
//! | [`subscribe`], [`Publisher`] | has functions handle events, and publishes them |
//! | [`Broker`] | who brings events from publishers to subscribers |
//!
//! | feature | adds |
//! |---|---|
//! | `local` (default) | the registry of one machine: lease files in a directory |
//! | `broker-http` (default) | go-micro's broker over HTTP, found through the registry |
//! | `broker-nats`, `broker-jetstream` | a NATS server as broker |
//! | `tls` | TLS on the same port |
//! | `zstd` | messages over HTTP compressed by Zstandard, beside gzip |
//! | `prost` | what `polywire-build` makes of `.proto` files |
//! | `chrono`, `uuid` | messages with `DateTime<Utc>`, `Uuid` |
//!
//! | variable | means | default |
//! |---|---|---|
//! | `POLYWIRE_REGISTRY` | where services are registered and found | `local:` |
//! | `POLYWIRE_BROKER`, go-micro's `MICRO_BROKER` | what an [`App`] subscribes to | `http:` |
//! | `POLYWIRE_LISTEN` | where an [`App`] listens | `127.0.0.1:0`: any free port |
#![forbid(unsafe_code)]

mod app;
mod builtin;
mod connect;
pub mod gomicro;
pub mod grpc_reflection;
pub mod health;
pub mod reflection;

pub use futures_core::Stream;
pub use polywire_broker::{self as broker, PublishError, Publisher};
pub use polywire_client::{
    Attempt, AttemptFuture, Backoff, Balancer, Call, CallOptions, Candidate, Channel,
    ChannelOptions, ClientError, Filter, Freshness, HttpCodec, HttpOptions, HttpVersion,
    MicroError, NodeState, Picker, RetryIf, WireKind,
};
pub use polywire_codec::{self as codec, Message, Streaming};
pub use polywire_core::{
    self as core, Address, BoxService, Broker, BrokerError, CallKind, Code, Context, Event,
    Instance, LeaseHealth, Metadata, Origin, PeerIdentity, Registry, RegistryError, Reply, Request,
    Response, Service, ServiceDefinition, Status, SubscriberDefinition, Trailers,
};
pub use polywire_gob as gob;
pub use polywire_layers as layers;
pub use polywire_layers::Layer;
pub use polywire_macros::{Schema, service, subscribe};
pub use polywire_net::{ClientAuth, HandshakeError, Pem, TlsClient, TlsError, TlsServer};
pub use polywire_registry as registry;
pub use polywire_schema as schema;
pub use polywire_server as server;
pub use polywire_server::{BoxStream, Router, Server};

pub use self::app::{App, AppError, Running, asked_to_end};
pub use self::connect::ConnectError;

/// Brings in what `polywire-build` made of a package of `.proto` files: `include_proto!("a.v1")`.
#[cfg(feature = "prost")]
#[macro_export]
macro_rules! include_proto {
    ($package:tt) => {
        include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
    };
}

/// What a program that writes or calls services needs, in one line.
pub mod prelude {
    pub use std::time::Duration;

    pub use serde::{Deserialize, Serialize};

    pub use crate::{
        App, BoxStream, Channel, Code, Context, Router, Schema, Status, Stream, Streaming,
    };
}

/// What the macros' output names; not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use futures_core::Stream;
    pub use polywire_client::{Call, Channel};
    pub use polywire_codec::__private::*;
    pub use polywire_codec::Streaming;
    pub use polywire_core::{
        CallKind, Context, Method, MethodDescriptor, Service, ServiceDefinition, ServiceDescriptor,
        Status, Subscriber, SubscriberDefinition, SubscriberDescriptor,
    };
    pub use polywire_server::{
        Answer, bidi_streaming, client_streaming, event, server_streaming, unary,
    };
    pub use serde;

    pub use crate::connect::ConnectError;

    /// Connects to the peer at a URL.
    ///
    /// # Errors
    /// When the URL is malformed, or nobody answers.
    pub async fn connect(url: &str) -> Result<Channel, ConnectError> {
        crate::connect::connect(url).await
    }

    /// Follows a service in the registry of the environment.
    ///
    /// # Errors
    /// When the registry cannot be opened.
    pub async fn discover(service: &str) -> Result<Channel, ConnectError> {
        crate::connect::discover(service).await
    }
}
