//! The frame, and a buffer that is read into and parsed in place.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// Bytes before the payload.
pub(crate) const HEADER: usize = 16;

/// Room for a connection that says little.
const SMALL: usize = 4 << 10;

/// Room for a connection that fills whatever it is given, large frames aside.
const LARGE: usize = 256 << 10;

/// The length of the whole frame that begins here; `None` if its header is not whole yet.
pub(crate) fn frame_len(bytes: &[u8]) -> Option<usize> {
    let header = bytes.first_chunk::<HEADER>()?;
    let [a, b, c, d, ..] = *header;
    Some(HEADER + u32::from_le_bytes([a, b, c, d]) as usize)
}

/// The call a frame belongs to.
pub(crate) fn frame_id(frame: &[u8]) -> usize {
    let id = frame.get(8..HEADER).and_then(|bytes| bytes.try_into().ok());
    u64::from_le_bytes(id.unwrap_or_default()) as usize
}

/// Appends a frame.
pub(crate) fn put_frame(out: &mut Vec<u8>, id: usize, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&1_u32.to_le_bytes());
    out.extend_from_slice(&(id as u64).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Bytes read and not yet used up. Kept for the life of the connection; it grows while reads fill
/// it, and is small again once it has been empty after a small read.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; SMALL], filled: 0 }
    }

    /// Reads once; `Ok(0)` is the end of the stream.
    pub(crate) fn poll_read(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(&mut self.bytes[self.filled..]);
        ready!(Pin::new(stream).poll_read(cx, &mut room))?;
        let read = room.filled().len();
        self.filled += read;
        Poll::Ready(Ok(read))
    }

    /// All whole frames that are there, end to end.
    pub(crate) fn whole_frames(&mut self) -> &mut [u8] {
        let mut end = 0;
        while let Some(len) = frame_len(&self.bytes[end..self.filled]) {
            if self.filled - end < len {
                break;
            }
            end += len;
        }
        &mut self.bytes[..end]
    }

    /// Forgets the first bytes, and makes room for what is likely to come.
    pub(crate) fn consume(&mut self, used: usize) {
        let was_full = self.filled == self.bytes.len();
        self.bytes.copy_within(used..self.filled, 0);
        self.filled -= used;
        let frame = frame_len(&self.bytes[..self.filled]).unwrap_or(0);
        if frame > self.bytes.len() {
            self.bytes.resize(frame.max(LARGE), 0);
        } else if was_full && self.bytes.len() < LARGE {
            self.bytes.resize(self.bytes.len() * 4, 0);
        }
    }
}
