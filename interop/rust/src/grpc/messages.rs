//! The messages, as far as the offline cases use them.

use bytes::Bytes;
use polywire::Schema;
use serde::{Deserialize, Serialize};

/// Nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Empty {}

/// A truth value that may be absent where it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct BoolValue {
    /// The value.
    #[schema(tag = 1)]
    pub value: bool,
}

/// What a payload is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum PayloadType {
    /// Zeros.
    #[default]
    #[schema(tag = 0, proto = "COMPRESSABLE")]
    Compressable,
}

/// Bytes that are there for their number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Payload {
    /// What they are.
    #[schema(tag = 1, proto = "type")]
    pub kind: PayloadType,
    /// The bytes.
    #[schema(tag = 2)]
    pub body: Bytes,
}

/// A status to answer with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct EchoStatus {
    /// Its code.
    #[schema(tag = 1)]
    pub code: i32,
    /// Its text.
    #[schema(tag = 2)]
    pub message: String,
}

/// The argument of `UnaryCall`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct SimpleRequest {
    /// What to answer with.
    #[schema(tag = 1)]
    pub response_type: PayloadType,
    /// How many bytes to answer with.
    #[schema(tag = 2)]
    pub response_size: i32,
    /// What the caller sends along.
    #[schema(tag = 3)]
    pub payload: Option<Payload>,
    /// Whether the answer is to be compressed.
    #[schema(tag = 6)]
    pub response_compressed: Option<BoolValue>,
    /// The status to answer with.
    #[schema(tag = 7)]
    pub response_status: Option<EchoStatus>,
    /// Whether this message is compressed.
    #[schema(tag = 8)]
    pub expect_compressed: Option<BoolValue>,
}

/// The reply of `UnaryCall`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct SimpleResponse {
    /// As many bytes as were asked for.
    #[schema(tag = 1)]
    pub payload: Option<Payload>,
}

/// One argument of `StreamingInputCall`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct StreamingInputCallRequest {
    /// Bytes to be counted.
    #[schema(tag = 1)]
    pub payload: Option<Payload>,
    /// Whether this message is compressed.
    #[schema(tag = 2)]
    pub expect_compressed: Option<BoolValue>,
}

/// The reply of `StreamingInputCall`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct StreamingInputCallResponse {
    /// The bytes of all payloads.
    #[schema(tag = 1)]
    pub aggregated_payload_size: i32,
}

/// One reply that is wanted of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct ResponseParameters {
    /// How many bytes it has.
    #[schema(tag = 1)]
    pub size: i32,
    /// How long to wait before it, in microseconds.
    #[schema(tag = 2)]
    pub interval_us: i32,
    /// Whether it is to be compressed.
    #[schema(tag = 3)]
    pub compressed: Option<BoolValue>,
}

/// The argument of the methods that answer with a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct StreamingOutputCallRequest {
    /// What to answer with.
    #[schema(tag = 1)]
    pub response_type: PayloadType,
    /// The replies wanted.
    #[schema(tag = 2)]
    pub response_parameters: Vec<ResponseParameters>,
    /// What the caller sends along.
    #[schema(tag = 3)]
    pub payload: Option<Payload>,
    /// The status to end with.
    #[schema(tag = 7)]
    pub response_status: Option<EchoStatus>,
}

/// One reply of the methods that answer with a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct StreamingOutputCallResponse {
    /// As many bytes as were asked for.
    #[schema(tag = 1)]
    pub payload: Option<Payload>,
}

impl Payload {
    /// So many zeros.
    #[must_use]
    pub fn zeros(bytes: usize) -> Self {
        Self { kind: PayloadType::Compressable, body: vec![0; bytes].into() }
    }
}
