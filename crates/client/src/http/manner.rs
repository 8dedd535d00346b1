//! What one connection speaks, and how.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use polywire_codec::compression::Compression;
use polywire_core::{CallKind, Encoding};
use polywire_wire::connect::{ContentType, Protocol};

/// A protocol of calls over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Grpc,
    GrpcWeb,
    Connect,
    /// go-micro's own.
    Micro,
    /// The same in envelopes of JSON-RPC.
    MicroRpc,
    /// gRPC as go-micro speaks it.
    MicroGrpc,
}

impl Dialect {
    pub(crate) const fn needs_http2(self) -> bool {
        matches!(self, Self::Grpc | Self::MicroGrpc)
    }

    /// Whether it is go-micro's own, over HTTP/1.1.
    pub(crate) const fn is_micro(self) -> bool {
        matches!(self, Self::Micro | Self::MicroRpc)
    }
}

/// What one connection speaks, and how.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) dialect: Dialect,
    pub(crate) codec: Encoding,
    pub(crate) compression: Compression,
    pub(crate) max_message_bytes: usize,
    /// Whether idempotent methods are called by GET, which only Connect can.
    pub(crate) get: bool,
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// The name by which a service of go-micro's is found.
    pub(crate) service: Option<Arc<str>>,
}

impl Manner {
    /// The content type of calls of this kind.
    pub(super) const fn content(&self, kind: CallKind) -> ContentType {
        let protocol = match (self.dialect, kind) {
            (Dialect::Grpc | Dialect::MicroGrpc, _) => Protocol::Grpc,
            (Dialect::GrpcWeb, _) => Protocol::GrpcWeb,
            // The bodies of go-micro are bare messages as well; its heads are made elsewhere.
            (Dialect::Connect | Dialect::Micro | Dialect::MicroRpc, CallKind::Unary) => {
                Protocol::ConnectUnary
            }
            (Dialect::Connect | Dialect::Micro | Dialect::MicroRpc, _) => Protocol::ConnectStream,
        };
        ContentType { protocol, codec: self.codec, text: false }
    }
}

/// The authority of an address; one of this machine has none, and gets the name that it is known
/// by.
pub(crate) fn authority(address: &str) -> Option<Authority> {
    if address.starts_with("memory:") || address.starts_with("unix:") {
        return Some(Authority::from_static("localhost"));
    }
    Authority::from_maybe_shared(Bytes::copy_from_slice(address.as_bytes())).ok()
}
