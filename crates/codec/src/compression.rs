//! Compressing one message, and undoing it within a limit.

mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::io::{self, Read};

use bytes::Bytes;

/// How the bytes of one message are compressed; each message stands alone.
///
/// `Zstd` needs the feature `zstd`: without it the name is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    /// Every compression of this build, the preferred one first.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "zstd")]
        Self::Zstd,
        Self::Gzip,
        Self::Identity,
    ];

    /// The names of [`ALL`](Self::ALL), as `grpc-accept-encoding` and `accept-encoding` list them.
    pub const NAMES: &str =
        if cfg!(feature = "zstd") { "zstd, gzip, identity" } else { "gzip, identity" };

    /// The name HTTP gives it, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    /// The compression of that name, without regard to case; `None` if this build has none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// The one to answer with, given the peer's list of what it accepts.
    ///
    /// The list is in the peer's order of preference, as Connect has it; quality values of HTTP
    /// are obeyed where there are any. [`Identity`](Self::Identity) is taken only if nothing else
    /// fits, wherever it stands in the list: gRPC peers put it first out of habit. Names this
    /// build does not know, and `*`, count for nothing.
    #[must_use]
    pub fn choose(accepted: &str) -> Self {
        let mut best = (0.0_f32, Self::Identity);
        for item in accepted.split(',') {
            let mut parts = item.split(';');
            let name = parts.next().unwrap_or_default().trim();
            let quality = parts.find_map(quality).unwrap_or(1.0);
            match Self::from_name(name) {
                None | Some(Self::Identity) => {}
                // Strictly more: of equals the first one stays.
                Some(known) if quality > best.0 => best = (quality, known),
                Some(_) => {}
            }
        }
        best.1
    }

    /// Compresses one message.
    #[must_use]
    pub fn compress(self, message: &[u8]) -> Bytes {
        match self {
            Self::Identity => Bytes::copy_from_slice(message),
            Self::Gzip => gzip::compress(message),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::compress(message),
        }
    }

    /// Undoes the compression of one message. What is empty was never compressed, as Connect has
    /// it, and comes back as it is.
    ///
    /// No more than `limit` bytes and one buffer of 32 KiB are ever made of it, whatever the message
    /// promises about itself. Beside them there is the window that a zstd frame asks for, 8 MiB at
    /// most.
    ///
    /// # Errors
    /// [`DecompressError::TooLarge`] if there would be more than `limit` bytes;
    /// [`DecompressError::Corrupt`] if the message is cut short, has bytes behind its end, or was
    /// not compressed this way.
    pub fn decompress(self, message: &[u8], limit: usize) -> Result<Bytes, DecompressError> {
        match self {
            _ if message.is_empty() => Ok(Bytes::new()),
            Self::Identity if message.len() > limit => Err(DecompressError::TooLarge { limit }),
            Self::Identity => Ok(Bytes::copy_from_slice(message)),
            Self::Gzip => gzip::decompress(message, limit),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::decompress(message, limit),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a message could not be decompressed. The stream it came on is unharmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecompressError {
    /// The message is larger than allowed once decompressed; its sender has to send less.
    #[error("message is over the limit of {limit} bytes once decompressed")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The bytes are no whole message of this compression; sending them again does not help.
    #[error("corrupt {compression} message")]
    Corrupt {
        /// What the bytes should have been.
        compression: Compression,
        /// What is wrong with them.
        source: io::Error,
    },
}

/// The value of a parameter `q=…`; `None` for every other parameter. What is no number is 0.
fn quality(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().unwrap_or(0.0))
}

/// Reads to the end, unless that is more than `limit` bytes; allocates as they come.
fn read_within(
    mut from: impl Read,
    compressed: usize,
    limit: usize,
    compression: Compression,
) -> Result<Bytes, DecompressError> {
    let corrupt = |source| DecompressError::Corrupt { compression, source };
    let mut block = [0; BLOCK];
    // Most messages come to less than four times their compressed size.
    let mut message = Vec::with_capacity(compressed.saturating_mul(4).min(limit).min(BLOCK));
    loop {
        let read = from.read(&mut block).map_err(corrupt)?;
        let Some(new) = block.get(..read).filter(|new| !new.is_empty()) else {
            return Ok(Bytes::from(message));
        };
        if new.len() > limit.saturating_sub(message.len()) {
            return Err(DecompressError::TooLarge { limit });
        }
        message.extend_from_slice(new);
    }
}

/// How much is decompressed before the limit is looked at again.
const BLOCK: usize = 32 * 1024;

#[cfg(test)]
mod tests;
