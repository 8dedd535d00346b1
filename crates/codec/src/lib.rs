//! Values to payloads and back, for every encoding polywire speaks.
//!
//! A [`Message`] is a Rust type that can be encoded and decoded; `#[derive(Schema)]` makes one,
//! and std's types are messages already. Built-in encodings are chosen by a match, so that each
//! leaf's code is compiled for its own type.
//!
//! | encoding | what it is |
//! |---|---|
//! | [`Encoding::Gob`] | Go's encoding/gob |
//! | [`Encoding::Json`] | JSON with the names serde uses |
//! | [`Encoding::GoJson`] | JSON as Go's encoding/json writes and reads it |
//! | [`Encoding::Protobuf`] | Protocol Buffers by the tags of the schema; see [`protobuf`] |
//! | [`Encoding::ProtoJson`] | the canonical JSON of those |
//!
//! Beside the encodings there is the [`compression`] of messages: gzip, and with the feature `zstd`
//! Zstandard.
//!
//! [`Encoding::Gob`]: polywire_core::Encoding::Gob
//! [`Encoding::Json`]: polywire_core::Encoding::Json
//! [`Encoding::GoJson`]: polywire_core::Encoding::GoJson
//! [`Encoding::Protobuf`]: polywire_core::Encoding::Protobuf
//! [`Encoding::ProtoJson`]: polywire_core::Encoding::ProtoJson
#![forbid(unsafe_code)]

pub mod compression;
mod error;
pub mod export;
pub mod json;
mod message;
#[cfg(feature = "prost")]
#[doc(hidden)]
pub mod prost;
pub mod protobuf;
mod std_messages;
mod streaming;

pub use self::error::CodecError;
pub use self::message::{Message, append, check, decode, decode_lent, encode};
pub use self::streaming::{FromResponse, IntoBody, Streaming, encode_stream};

/// What the derive's output names; not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use polywire_core::{Appended, EncodedValue, Encoding, Payload};
    pub use polywire_schema as schema;

    pub use serde;

    pub use crate::__impl_message as impl_message;
    #[cfg(feature = "prost")]
    pub use crate::{__impl_prost_message as impl_prost_message, prost};
}
