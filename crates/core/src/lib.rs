//! The nouns of polywire: requests, replies, statuses and the seams between crates.
//!
//! Every wire, in and out, is translated to one currency: a [`Request`] goes in, a [`Reply`] comes
//! out. A [`Service`] answers requests; layers wrap services; the router is a service too. The
//! body stays encoded ([`Payload`]) until the leaf that knows its Rust type decodes it.
//!
//! Other crates implement the seams found here: [`Service`], [`ServiceDefinition`] (what
//! `#[service]` generates), [`SubscriberDefinition`] (what `#[subscribe]` does), [`Registry`] and
//! [`Broker`].
//!
//! There is no I/O, no clock and no runtime in this crate: deadlines are compared with a `now`
//! that the caller passes in, addresses are text.
#![forbid(unsafe_code)]

mod address;
mod broker;
mod byte_str;
mod context;
mod deadline;
mod descriptor;
mod encoded_run;
mod extensions;
mod message_compression;
mod metadata;
mod method;
mod payload;
mod payload_stream;
mod peer_identity;
mod reencode;
mod registry;
mod request;
mod service;
mod status;
mod subscriber;
mod trailers;

pub use self::address::Address;
pub use self::broker::{
    Broker, BrokerError, BrokerErrorKind, Delivery, Event, Receipt, Subscription,
};
pub use self::byte_str::ByteStr;
pub use self::context::{ConnectionInfo, Context, ReplyMetadata};
pub use self::deadline::Deadline;
pub use self::descriptor::{
    CallKind, Handler, Method, MethodDescriptor, ServiceDefinition, ServiceDescriptor,
};
pub use self::encoded_run::{EncodedRun, RunBudget, RunEnd};
pub use self::extensions::Extensions;
pub use self::message_compression::MessageCompression;
pub use self::metadata::Metadata;
pub use self::method::{IllFormedName, MethodName};
pub use self::payload::{Body, EncodedValue, Encoding, Payload};
pub use self::payload_stream::{AppendStream, Appended, LendStream, PayloadStream};
pub use self::peer_identity::PeerIdentity;
pub use self::reencode::{Reencode, ReencodeError};
pub use self::registry::{
    Instance, InstanceMethod, Lease, LeaseHealth, Registry, RegistryError, ServiceSnapshot,
    SnapshotStream, ValueShape,
};
pub use self::request::{EventSource, Hints, Reply, Request, Response};
pub use self::service::{BoxService, ReplyFuture, Service};
pub use self::status::{Code, Origin, Status};
pub use self::subscriber::{Subscriber, SubscriberDefinition, SubscriberDescriptor};
pub use self::trailers::Trailers;
