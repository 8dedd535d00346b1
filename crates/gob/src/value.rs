//! Values whose type is known only at run time.
use crate::{DecodeError, Definitions, EncodeError, Frame};
use bytes::Bytes;
use std::sync::Arc;
/// A value whose type is known only at run time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A truth value.
    Bool(bool),
}
/// Decodes one value of any type.
///
/// # Errors
/// When it is malformed.
pub fn decode_value(frame: &Frame) -> Result<Value, DecodeError> {
    let _ = frame;
    unimplemented!()
}
/// Encodes one value as a whole message, without definitions.
///
/// # Errors
/// When it cannot be encoded.
pub fn encode_value(value: &Value) -> Result<(Bytes, Arc<Definitions>), EncodeError> {
    let _ = value;
    unimplemented!()
}
