//! Messages with a prefix of five bytes: flags and a length. gRPC, gRPC-Web and the streams of
//! Connect have the same.

use std::mem;

use bytes::{Buf, Bytes, BytesMut};
use polywire_core::{Code, Status};

/// The flag of a compressed message, in all three protocols.
pub const COMPRESSED: u8 = 1;

/// Bytes before a message: its flags, and its length as a big-endian number of 32 bits.
pub const PREFIX: usize = 5;

/// The prefix of a message.
///
/// # Errors
/// [`Code::ResourceExhausted`] if the message is of 4 GiB or more, which has no prefix.
pub fn envelope(flags: u8, message: &[u8]) -> Result<[u8; PREFIX], Status> {
    let Ok(len) = u32::try_from(message.len()) else {
        let text = format!("message of {} bytes is over the 4 GiB of a frame", message.len());
        return Err(Status::new(Code::ResourceExhausted, text));
    };
    let [a, b, c, d] = len.to_be_bytes();
    Ok([flags, a, b, c, d])
}

/// One message as it came: still compressed, if its flags say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the protocol says about the message.
    pub flags: u8,
    /// The message, without its prefix.
    pub bytes: Bytes,
}

/// Cuts the chunks of a body into messages, wherever the chunks were cut.
///
/// A message that lies in one chunk shares its memory; one that does not is copied together, and
/// what is kept for it grows with the bytes that came, not with the length it announces.
#[derive(Debug)]
pub struct Envelopes {
    max_message_bytes: usize,
    /// The front of the body; messages in it were cut by the end of a chunk.
    gathered: BytesMut,
    /// What follows it.
    chunk: Bytes,
    /// How much of the chunk is a message that is lent, with its prefix.
    lent: usize,
}

impl Envelopes {
    /// Starts a body whose messages may have this many bytes each, as they come: compressed or
    /// not.
    #[must_use]
    pub fn new(max_message_bytes: usize) -> Self {
        Self { max_message_bytes, gathered: BytesMut::new(), chunk: Bytes::new(), lent: 0 }
    }

    /// Takes the next chunk of the body. Best called when [`next`](Self::next) has said `None`:
    /// chunks that wait are copied.
    pub fn push(&mut self, chunk: Bytes) {
        self.take_back();
        if !self.chunk.is_empty() {
            self.gathered.extend_from_slice(&self.chunk);
        }
        self.chunk = chunk;
    }

    /// The next whole message; `None` means "push more".
    ///
    /// # Errors
    /// [`Code::ResourceExhausted`] as soon as a prefix announces more than the limit, before any of
    /// that message is kept. The body cannot be read any further.
    #[expect(clippy::should_implement_trait, reason = "None is no end, and errors are statuses")]
    pub fn next(&mut self) -> Result<Option<Envelope>, Status> {
        self.take_back();
        if self.gathered.is_empty() {
            let Some((flags, len)) = self.read_prefix(&self.chunk)? else { return Ok(None) };
            if self.chunk.len().saturating_sub(PREFIX) < len {
                return Ok(None);
            }
            self.chunk.advance(PREFIX);
            return Ok(Some(Envelope { flags, bytes: self.chunk.split_to(len) }));
        }
        self.gather_up_to(PREFIX);
        let Some((flags, len)) = self.read_prefix(&self.gathered)? else { return Ok(None) };
        self.gather_up_to(len.saturating_add(PREFIX));
        if self.gathered.len().saturating_sub(PREFIX) < len {
            return Ok(None);
        }
        self.gathered.advance(PREFIX);
        Ok(Some(Envelope { flags, bytes: self.gathered.split_to(len).freeze() }))
    }

    /// The next message, if it has no flags and lies whole in one chunk, as most do. `None` says
    /// nothing; [`next`](Self::next) does.
    #[inline]
    pub fn next_plain(&mut self) -> Option<Bytes> {
        if !self.lend_plain() {
            return None;
        }
        let mut message = self.chunk.split_to(mem::take(&mut self.lent));
        message.advance(PREFIX);
        Some(message)
    }

    /// As [`next_plain`](Self::next_plain), but the message stays where it is: [`lent`](Self::lent)
    /// is it. Whether there is one.
    #[inline]
    pub fn lend_plain(&mut self) -> bool {
        self.take_back();
        let Some(&[0, a, b, c, d]) = self.chunk.first_chunk() else { return false };
        let Ok(len) = usize::try_from(u32::from_be_bytes([a, b, c, d])) else { return false };
        let is_whole = len <= self.chunk.len().saturating_sub(PREFIX);
        if len > self.max_message_bytes || !is_whole || !self.gathered.is_empty() {
            return false;
        }
        self.lent = PREFIX.saturating_add(len);
        true
    }

    /// The message that is lent, until another is asked for or more is pushed.
    #[inline]
    #[must_use]
    pub fn lent(&self) -> &[u8] {
        self.chunk.get(PREFIX..self.lent).unwrap_or_default()
    }

    /// Gives up the message that was lent.
    #[inline]
    fn take_back(&mut self) {
        self.chunk.advance(mem::take(&mut self.lent));
    }

    /// Whether every byte that was pushed has come out as part of a message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffered() == 0
    }

    /// Bytes that were pushed and have not come out; what the body holds in memory.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.gathered.len().saturating_add(self.chunk.len()).saturating_sub(self.lent)
    }

    /// Ends the body; to be called when [`next`](Self::next) has said `None`.
    ///
    /// # Errors
    /// [`Code::Internal`] if it ends inside a message.
    pub fn finish(&self) -> Result<(), Status> {
        if self.is_empty() {
            return Ok(());
        }
        Err(Status::new(Code::Internal, "the stream ended inside a message"))
    }

    /// Moves bytes of the chunk behind those gathered, until there are `len`.
    fn gather_up_to(&mut self, len: usize) {
        let missing = len.saturating_sub(self.gathered.len()).min(self.chunk.len());
        if missing > 0 {
            self.gathered.extend_from_slice(&self.chunk.split_to(missing));
        }
    }

    fn read_prefix(&self, from: &[u8]) -> Result<Option<(u8, usize)>, Status> {
        let Some(&[flags, a, b, c, d]) = from.first_chunk() else { return Ok(None) };
        let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if len > self.max_message_bytes {
            let max = self.max_message_bytes;
            let text = format!("message of {len} bytes is over the limit of {max} (message_bytes)");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        Ok(Some((flags, len)))
    }
}

#[cfg(test)]
mod tests;
