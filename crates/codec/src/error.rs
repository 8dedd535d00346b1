//! Why a value did not become bytes, or bytes no value.

use polywire_core::{Code, Encoding, Status};

/// Why a value could not be encoded or decoded. The stream it travels on is unharmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The value is fine in Rust and cannot be said in gob.
    #[error("{0}")]
    GobEncode(#[from] polywire_gob::EncodeError),
    /// The bytes are no gob value of the type asked for; the text is Go's.
    #[error("{0}")]
    GobDecode(#[from] polywire_gob::DecodeError),
    /// The value cannot be said in JSON, or the bytes are no JSON of the type asked for.
    #[error("{0}")]
    Json(#[from] crate::json::JsonError),
    /// The value cannot be said in protobuf, or the bytes are no message of the type asked for.
    #[error("{0}")]
    Protobuf(#[from] crate::protobuf::ProtobufError),
    /// The type has no form in this encoding at all.
    #[error("{0}")]
    Register(#[from] polywire_gob::RegisterError),
    /// The payload is in an encoding this build does not know.
    #[error("encoding `{0}` is not supported")]
    Unsupported(Encoding),
    /// A value was expected and the body was empty.
    #[error("the body is empty")]
    Empty,
    /// One value was expected and the body is a stream.
    #[error("the body is a stream, where one value was expected")]
    Stream,
}

impl CodecError {
    /// The status a caller sees when its argument cannot be decoded.
    #[must_use]
    pub fn into_argument_status(self) -> Status {
        Status::new(Code::InvalidArgument, self.to_string()).with_source(self)
    }

    /// The status a caller sees when the reply cannot be encoded or decoded.
    #[must_use]
    pub fn into_reply_status(self) -> Status {
        Status::new(Code::Internal, self.to_string()).with_source(self)
    }
}
