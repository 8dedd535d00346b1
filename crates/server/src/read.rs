//! Reading without a buffer of one's own.
//!
//! An idle connection holds no memory to read into: bytes arrive in a buffer that all connections
//! of a thread share, and only what came is copied out. A message that arrives in pieces is read
//! straight into the connection's buffer, as large as the largest one lately.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

/// What one read takes at most while nothing is buffered.
const SCRATCH_BYTES: usize = 64 * 1024;
/// What is reserved for the rest of a message, however small messages were so far.
const MIN_RESERVE: usize = 16 * 1024;
/// What is reserved ahead of bytes at most, however large messages were so far.
const MAX_RESERVE: usize = 2 * 1024 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// Decides how much room the next read gets.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The largest number of bytes that were buffered at once lately.
    high_water: usize,
}

impl Reader {
    /// Reads what there is onto the end of `src`; zero bytes mean that the peer sends no more.
    ///
    /// **Cancel safe**: no byte is lost.
    pub(crate) async fn read(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        src: &mut BytesMut,
    ) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, Pin::new(&mut *io), src)).await
    }

    /// Reads to the end of what the peer sends, and drops it.
    pub(crate) async fn skip(&mut self, io: &mut (impl AsyncRead + Unpin)) {
        let mut dropped = BytesMut::new();
        while let Ok(1..) = self.read(io, &mut dropped).await {
            dropped = BytesMut::new();
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut impl AsyncRead>,
        src: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        if src.is_empty() {
            return SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                ready!(io.poll_read(cx, &mut buffer))?;
                src.extend_from_slice(buffer.filled());
                Poll::Ready(Ok(buffer.filled().len()))
            });
        }
        let len = src.len();
        if src.capacity() == len {
            // Doubling keeps what is copied in proportion to what came; the high-water mark lets a
            // connection of large messages reserve once for each.
            let room = self.high_water.saturating_sub(len).max(len).max(MIN_RESERVE);
            src.reserve(room.min(MAX_RESERVE));
        }
        let read = ready!(poll_read_buf(io, cx, src))?;
        self.high_water = self.high_water.max(src.len());
        Poll::Ready(Ok(read))
    }
}
