//! An argument that can be encoded once more.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::{Encoding, Payload};

/// Encodes the argument of a call once more, for a peer that takes another encoding than the one the
/// caller was told of. It is among the request's extensions where the service that is called
/// [`is_mixed`](crate::Service::is_mixed).
#[derive(Clone)]
pub struct Reencode(Arc<Encode>);

type Encode = dyn Fn(Encoding) -> Result<Payload, ReencodeError> + Send + Sync;

/// Why an argument has no form in an encoding: what the encoder said.
pub type ReencodeError = Box<dyn Error + Send + Sync>;

impl Reencode {
    /// Encodes by a function, which may be called any number of times.
    pub fn new(
        encode: impl Fn(Encoding) -> Result<Payload, ReencodeError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(encode))
    }

    /// The argument in this encoding.
    ///
    /// # Errors
    /// When the encoding cannot express it.
    pub fn to(&self, encoding: Encoding) -> Result<Payload, ReencodeError> {
        (self.0)(encoding)
    }
}

impl fmt::Debug for Reencode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reencode")
    }
}
