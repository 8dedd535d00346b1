//! Encoding.
use crate::{Definitions, EncodeError};
use bytes::Bytes;
use polywire_schema::Schema;
use serde::Serialize;
use std::sync::Arc;
/// Encodes one value as a whole message, without definitions.
///
/// # Errors
/// When it cannot be encoded.
pub fn encode<T: Serialize + Schema + ?Sized>(
    value: &T,
) -> Result<(Bytes, Arc<Definitions>), EncodeError> {
    let _ = value;
    unimplemented!()
}
/// Definitions and value.
///
/// # Errors
/// When it cannot be encoded.
pub fn to_vec<T: Serialize + Schema + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let _ = value;
    unimplemented!()
}
