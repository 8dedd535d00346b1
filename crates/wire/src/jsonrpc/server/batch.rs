//! The answers of a batch, which leave together.

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};

/// Which batch of a connection.
pub(super) type BatchId = u64;

/// The batches of a connection that still wait for answers.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: HashMap<BatchId, Batch>,
    next: BatchId,
}

#[derive(Debug)]
struct Batch {
    /// Calls and notifications without an answer.
    waiting: usize,
    /// The answers so far, from the opening bracket on; empty while there are none.
    text: BytesMut,
}

impl Batches {
    /// Opens a batch of so many calls and notifications.
    pub(super) fn open(&mut self, calls: usize) -> BatchId {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.open.insert(id, Batch { waiting: calls, text: BytesMut::new() });
        id
    }

    /// Counts one answer and lets `put` append it, if it has one. Gives the whole answer of the
    /// batch with the last; none if all were notifications.
    pub(super) fn answer(&mut self, id: BatchId, put: impl FnOnce(&mut BytesMut)) -> Option<Bytes> {
        let batch = self.open.get_mut(&id)?;
        let before = batch.text.len();
        batch.text.put_u8(if before == 0 { b'[' } else { b',' });
        let bracket = batch.text.len();
        put(&mut batch.text);
        if batch.text.len() == bracket {
            batch.text.truncate(before);
        }
        batch.waiting = batch.waiting.saturating_sub(1);
        if batch.waiting > 0 {
            return None;
        }
        let mut text = self.open.remove(&id)?.text;
        if text.is_empty() {
            return None;
        }
        text.put_slice(b"]\n");
        Some(text.freeze())
    }
}
