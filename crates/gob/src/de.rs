//! Decoding.
use crate::{DecodeError, Frame};
use polywire_schema::Schema;
use serde::de::DeserializeOwned;
/// Decodes one value.
///
/// # Errors
/// When the value does not fit; never fatal.
pub fn decode<T: DeserializeOwned + Schema>(frame: &Frame) -> Result<T, DecodeError> {
    let _ = frame;
    unimplemented!()
}
/// Decodes definitions and one value.
///
/// # Errors
/// When the value does not fit.
pub fn from_slice<T: DeserializeOwned + Schema>(bytes: &[u8]) -> Result<T, DecodeError> {
    let _ = bytes;
    unimplemented!()
}
