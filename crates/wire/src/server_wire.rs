//! The server's side of one connection.

use std::time::Duration;

use bytes::BytesMut;
use polywire_core::{Reply, Request, Status};

use crate::{Outgoing, WireError};

/// The server's side of one connection: bytes to calls, replies to bytes.
pub trait ServerWire: Send + 'static {
    /// What a reply needs to find its way back; handed out with a call and handed in with its
    /// reply, unread in between.
    type Ticket: Send + 'static;

    /// Takes the next event off `src`; `None` means "read more". Bytes of an incomplete message
    /// may have been taken already, so `src` must be the same stream's in every call.
    ///
    /// # Errors
    /// When the connection cannot go on. Replies to calls already handed out may still be written.
    fn read(&mut self, src: &mut BytesMut) -> Result<Option<ServerEvent<Self::Ticket>>, WireError>;

    /// Takes what is left when the peer sends no more: first whole events, then whatever the
    /// unfinished message calls for. To be called until it gives `None`.
    ///
    /// # Errors
    /// [`WireError::UnexpectedEof`] when the peer stopped inside a message that nobody can answer,
    /// and all that [`read`](Self::read) reports.
    fn finish(
        &mut self,
        src: &mut BytesMut,
    ) -> Result<Option<ServerEvent<Self::Ticket>>, WireError>;

    /// Appends a reply. What the wire cannot carry is answered as an internal error. Head and body
    /// go in as one: `dst` never holds half a reply.
    fn write(&mut self, ticket: Self::Ticket, reply: Reply, dst: &mut Outgoing);
}

/// What a peer wants of the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent<T> {
    /// A call to be answered.
    Call {
        /// To be handed back with the reply.
        ticket: T,
        /// What a [`Cancel`](Self::Cancel) of this call will carry. Peers that never cancel may
        /// give several calls the same key.
        key: u64,
        /// The call; its deadline is not set.
        request: Request,
        /// How long the caller waits, counted from now.
        timeout: Option<Duration>,
    },
    /// A call that no service may see; its answer is to be written at once.
    Reject {
        /// To be handed back with the status.
        ticket: T,
        /// The answer.
        status: Status,
    },
    /// The caller has lost interest in a call; it still gets an answer, which it will drop.
    Cancel {
        /// The key of the call, which may have been answered already.
        key: u64,
    },
}
