//! Zstandard, RFC 8878.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;

use super::{Compression, DecompressError, read_within};

/// One frame that states its size and has a checksum.
pub(super) fn compress(message: &[u8]) -> Bytes {
    let compressed = COMPRESSOR.with_borrow_mut(|slot| {
        let mut compressor = match slot.take() {
            Some(compressor) => compressor,
            None => {
                let mut new = Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL)?;
                new.include_checksum(true)?;
                new
            }
        };
        let compressed = compressor.compress(message)?;
        *slot = Some(compressor);
        Ok::<_, io::Error>(compressed)
    });
    match compressed {
        Ok(compressed) => Bytes::from(compressed),
        Err(_) => unreachable!("the output has the size that any message fits in"),
    }
}

/// Any number of frames one after another, as the RFC allows.
pub(super) fn decompress(message: &[u8], limit: usize) -> Result<Bytes, DecompressError> {
    let corrupt = |source| DecompressError::Corrupt { compression: Compression::Zstd, source };
    let mut decoder = Decoder::with_buffer(message).map_err(corrupt)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(corrupt)?;
    read_within(decoder, message.len(), limit, Compression::Zstd)
}

thread_local! {
    // Its tables take more than a mebibyte: more than most messages.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// Frames with a window of more than 8 MiB are refused: RFC 9659 forbids them in HTTP, and the
/// window is allocated before the first byte is decompressed.
const WINDOW_LOG_MAX: u32 = 23;
