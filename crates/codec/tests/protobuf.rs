//! Protobuf as other implementations write and read it.
#![expect(clippy::unwrap_used, reason = "a failure is what a test shows")]

#[path = "protobuf/bytes.rs"]
mod bytes;
#[path = "protobuf/google.rs"]
mod google;
#[path = "protobuf/json.rs"]
mod json;
#[path = "protobuf/malformed.rs"]
mod malformed;
#[path = "protobuf/peer.rs"]
mod peer;
#[path = "protobuf/values.rs"]
mod values;
