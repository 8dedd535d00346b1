//! gzip, RFC 1952.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use flate2::{Compress, Compression as Level, Crc, FlushCompress, Status};

use super::{Compression, DecompressError, read_within};

/// One member: a header that says nothing, the deflated message, its checksum and its length.
pub(super) fn compress(message: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(message.len() / 2 + HEADER.len() + SLACK);
    out.extend_from_slice(&HEADER);
    DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        loop {
            let taken = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
            let rest = message.get(taken..).unwrap_or_default();
            match deflate.compress_vec(rest, &mut out, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => break,
                // The vector is full: `compress_vec` writes into spare capacity only.
                Ok(Status::Ok | Status::BufError) => out.reserve(out.capacity().max(SLACK)),
                Err(_) => unreachable!("deflating from memory fails only on a wrong state"),
            }
        }
    });
    let mut checksum = Crc::new();
    checksum.update(message);
    out.extend_from_slice(&checksum.sum().to_le_bytes());
    out.extend_from_slice(&checksum.amount().to_le_bytes());
    Bytes::from(out)
}

/// Any number of members one after another, as the RFC allows and Go reads them.
pub(super) fn decompress(message: &[u8], limit: usize) -> Result<Bytes, DecompressError> {
    read_within(MultiGzDecoder::new(message), message.len(), limit, Compression::Gzip)
}

thread_local! {
    // Its tables take a quarter of a mebibyte: more than most messages.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Level::default(), false));
}

/// Deflate, no flags, no time, no extra flags, system unknown.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Room for the trailer and for what a short message grows by.
const SLACK: usize = 64;
