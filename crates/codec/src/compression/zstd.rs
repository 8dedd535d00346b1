//! Zstandard, RFC 8878.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use zstd::bulk::{Compressor, Decompressor};
use zstd::stream::read::Decoder;
use zstd::zstd_safe::get_frame_content_size;

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
        Err(_) => unreachable!("there is room for any message, and the level is a known one"),
    }
}

/// Any number of frames one after another, as the RFC allows.
pub(super) fn decompress(message: &[u8], limit: usize) -> Result<Bytes, DecompressError> {
    if let Some(whole) = decompress_at_once(message, limit) {
        return Ok(whole);
    }
    let corrupt = |source| DecompressError::Corrupt { compression: Compression::Zstd, source };
    let mut decoder = Decoder::with_buffer(message).map_err(corrupt)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(corrupt)?;
    read_within(decoder, message.len(), limit, Compression::Zstd)
}

/// The short way for a frame that states a size which may be believed: no window, and tables that
/// are there already. `None` leaves it to the long way to say what is wrong.
fn decompress_at_once(message: &[u8], limit: usize) -> Option<Bytes> {
    let size = usize::try_from(get_frame_content_size(message).ok()??).ok()?;
    if size > limit.min(message.len().saturating_mul(8).max(AT_ONCE)) {
        return None;
    }
    let decompressed = DECOMPRESSOR.with_borrow_mut(|slot| {
        let mut decompressor = match slot.take() {
            Some(decompressor) => decompressor,
            None => Decompressor::new()?,
        };
        let decompressed = decompressor.decompress(message, size);
        *slot = Some(decompressor);
        decompressed
    });
    decompressed.ok().map(Bytes::from)
}

thread_local! {
    // Their tables take a hundred kibibytes and more: more than most messages.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// Frames with a window of more than 8 MiB are refused: RFC 9659 forbids them in HTTP, and the
/// window is allocated before the first byte is decompressed.
const WINDOW_LOG_MAX: u32 = 23;

/// The size, in bytes, that a frame may state without having sent an eighth of it.
const AT_ONCE: usize = 64 * 1024;
