//! What a request or response carries: bytes in some encoding.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::PayloadStream;

/// How a value is turned into bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Go's encoding/gob, one value; its types are in [`Payload::context`].
    Gob,
    /// JSON as serde writes it: field names as in Rust or as serde renames them.
    Json,
    /// JSON as Go's encoding/json writes it: exported Go names, base64 bytes, durations in
    /// nanoseconds.
    GoJson,
    /// Protocol Buffers; code-first types travel by the tags of their schema.
    Protobuf,
    /// The canonical JSON of Protocol Buffers: lowerCamelCase names, 64-bit integers as text.
    ProtoJson,
}

impl Encoding {
    const ALL: [Self; 5] = [Self::Gob, Self::Json, Self::GoJson, Self::Protobuf, Self::ProtoJson];

    /// The name used on wires and in logs: `gob`, `json`, `go-json`, `proto`, `proto-json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gob => "gob",
            Self::Json => "json",
            Self::GoJson => "go-json",
            Self::Protobuf => "proto",
            Self::ProtoJson => "proto-json",
        }
    }

    /// The encoding of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One encoded value.
#[derive(Clone)]
pub struct Payload {
    /// How [`bytes`](Self::bytes) are to be read.
    pub encoding: Encoding,
    /// The value.
    pub bytes: Bytes,
    /// What the encoding needs beside the bytes: gob's type definitions.
    pub context: Option<Arc<dyn Any + Send + Sync>>,
}

impl Payload {
    /// A value that needs nothing beside its bytes.
    #[must_use]
    pub const fn new(encoding: Encoding, bytes: Bytes) -> Self {
        Self { encoding, bytes, context: None }
    }

    /// The value without its ownership.
    #[must_use]
    pub fn lend(&self) -> EncodedValue<'_> {
        let Self { encoding, bytes, context } = self;
        EncodedValue { encoding: *encoding, bytes, context: context.as_ref() }
    }

    /// Adds what the encoding needs beside the bytes.
    #[must_use]
    pub fn with_context(mut self, context: Arc<dyn Any + Send + Sync>) -> Self {
        self.context = Some(context);
        self
    }
}

impl fmt::Debug for Payload {
    /// Shows the size, never the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("encoding", &self.encoding)
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// A value whose bytes are lent.
#[derive(Debug, Clone, Copy)]
pub struct EncodedValue<'a> {
    /// How the bytes are to be read.
    pub encoding: Encoding,
    /// The value.
    pub bytes: &'a [u8],
    /// What the encoding needs beside the bytes; see [`Payload::context`].
    pub context: Option<&'a Arc<dyn Any + Send + Sync>>,
}

impl EncodedValue<'_> {
    /// The value in bytes of its own.
    #[must_use]
    pub fn to_payload(self) -> Payload {
        let mut payload = Payload::new(self.encoding, Bytes::copy_from_slice(self.bytes));
        payload.context = self.context.cloned();
        payload
    }
}

/// The body of a request or response.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Body {
    /// No value at all.
    #[default]
    Empty,
    /// Exactly one value.
    Unary(Payload),
    /// Any number of values, one after another.
    Stream(PayloadStream),
}
