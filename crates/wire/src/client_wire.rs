//! The client's side of one connection, in two halves that share no lock.

use std::time::Duration;

use bytes::BytesMut;
use polywire_core::{Encoding, Reply, Request, Status};

use crate::{Outgoing, WireError};

/// The half that callers use: calls to bytes.
pub trait CallWriter: Send + 'static {
    /// Appends a call. `id` pairs it with its reply and must not be in use on this connection;
    /// `remaining` is the time left until its deadline.
    ///
    /// # Errors
    /// When the wire cannot carry the call: its encoding, its size. Nothing was appended then.
    fn write(
        &mut self,
        id: u64,
        call: &Request,
        remaining: Option<Duration>,
        dst: &mut Outgoing,
    ) -> Result<(), Status>;

    /// Appends word that nobody waits for this call any longer; nothing where the peer would not
    /// understand. The reply, if one comes, is to be dropped.
    fn cancel(&mut self, id: u64, dst: &mut Outgoing);

    /// The encoding arguments should have.
    fn encoding(&self) -> Encoding;
}

/// The half that the reading task uses: bytes to replies.
pub trait CallReader: Send + 'static {
    /// Takes the next reply off `src`; `None` means "read more". Replies to calls that nobody
    /// waits for are to be dropped by their id.
    ///
    /// # Errors
    /// When the connection cannot go on: every call without a reply is lost.
    fn read(&mut self, src: &mut BytesMut) -> Result<Option<(u64, Reply)>, WireError>;

    /// Says whether the stream ended between two replies. To be called when the peer sends no
    /// more and [`read`](Self::read) has given `None`.
    ///
    /// # Errors
    /// [`WireError::UnexpectedEof`] if it ended inside one.
    fn finish(&mut self, src: &mut BytesMut) -> Result<(), WireError>;
}
