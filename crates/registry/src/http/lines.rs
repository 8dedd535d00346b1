//! The answer to a watch: one line of JSON after another.

use bytes::{Bytes, BytesMut};
use hyper::body::Incoming;
use polywire_core::RegistryError;

use super::connection::{Connection, chunk};

/// The lines of an answer, as they come.
#[derive(Debug)]
pub(crate) struct Lines {
    from: String,
    body: Incoming,
    /// What has come of lines that were not yet handed on.
    read: BytesMut,
    /// How much of it is known to be without an end of a line.
    searched: usize,
    _connection: Connection,
}

impl Lines {
    pub(super) fn new(from: String, body: Incoming, connection: Connection) -> Self {
        Self { from, body, read: BytesMut::new(), searched: 0, _connection: connection }
    }

    /// The next line that is not empty, without its end; `None` after the last.
    ///
    /// **Cancel safe.**
    ///
    /// # Errors
    /// The answer breaks off, or a line is longer than [`MAX_LINE_BYTES`].
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, RegistryError> {
        loop {
            while let Some(line) = self.take() {
                if !line.is_empty() {
                    return Ok(Some(line));
                }
            }
            if self.read.len() > MAX_LINE_BYTES {
                let why = format!("a line of more than {MAX_LINE_BYTES} bytes from {}", self.from);
                return Err(RegistryError::new(why));
            }
            let Some(chunk) = chunk(&mut self.body).await? else {
                let last = std::mem::take(&mut self.read).freeze();
                self.searched = 0;
                return Ok((!last.is_empty()).then_some(last));
            };
            self.read.extend_from_slice(&chunk);
        }
    }

    /// A whole line of what has been read.
    fn take(&mut self) -> Option<Bytes> {
        let fresh = self.read.get(self.searched..).unwrap_or_default();
        let Some(end) = fresh.iter().position(|&byte| byte == b'\n') else {
            self.searched = self.read.len();
            return None;
        };
        let mut line = self.read.split_to(self.searched + end + 1);
        self.searched = 0;
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Some(line.freeze())
    }
}

/// How long one line may be: several of the largest records an engine takes.
pub(crate) const MAX_LINE_BYTES: usize = 8 * 1024 * 1024;
