//! The server's side of one connection.

use std::time::Duration;

use bytes::BytesMut;
use polywire_core::{Code, Encoding, Payload, Reply, Request, Status};

use crate::{Outgoing, ReplyFrame, WireError};

/// The server's side of one connection: bytes to calls, replies to bytes.
pub trait ServerWire: Send + 'static {
    /// What a reply needs to find its way back; handed out with a call and handed in with its
    /// reply, unread in between.
    type Ticket: Send + 'static;

    /// Whether [`ReplyFrame::Run`] costs this wire less than [`ReplyFrame::Message`] does.
    const TAKES_RUNS: bool = false;

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

    /// Appends something about a stream that was opened under this key. Whole frames go in, or
    /// nothing.
    ///
    /// # Errors
    /// When the wire cannot carry a value.
    fn frame(&mut self, key: u64, frame: ReplyFrame<'_>, dst: &mut Outgoing) -> Result<(), Status> {
        let _ = (key, frame, dst);
        Err(Status::new(Code::Internal, "this wire has no streams"))
    }

    /// Whether part of a message has come, whose rest may not be long in coming. Default: no, as
    /// for wires that bound no pause.
    fn is_within(&self) -> bool {
        false
    }

    /// Whether more is to be read off the connection. Default: as long as there is anything.
    fn appetite(&self) -> Appetite {
        Appetite::Hungry
    }
}

/// Whether a wire takes more off its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Appetite {
    /// It does.
    Hungry,
    /// Not until a stream's reader has taken what there is ([`ReplyFrame::Window`]), or a call is
    /// answered that others wait behind.
    Waits,
    /// Nothing more; the connection ends once every call under way is answered.
    Sated,
    /// Nothing more: what follows is another protocol's. Once every call under way is answered, the
    /// connection is its, with the bytes that were not taken.
    Leaves,
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
    /// A call whose caller takes a stream for an answer; one value will do as well.
    Open {
        /// To be handed back with a reply that is one value or a status.
        ticket: T,
        /// What everything else about this call will carry.
        key: u64,
        /// The call; its deadline is not set, and if arguments follow its body is empty.
        request: Request,
        /// How long the caller waits, counted from now.
        timeout: Option<Duration>,
        /// How many bytes of replies may be sent before the caller allows more.
        window: u64,
        /// If any number of arguments follow: how they are encoded, and how many bytes of them
        /// the caller sends without being allowed more.
        arguments: Option<(Encoding, u64)>,
    },
    /// An argument of a call that was opened.
    Message {
        /// The key of the call, which may have ended already.
        key: u64,
        /// The value; an error if it is in an encoding not known here.
        value: Result<Payload, Status>,
    },
    /// There are no more arguments.
    End {
        /// The key of the call, which may have ended already.
        key: u64,
    },
    /// Replies of so many more bytes may be sent.
    Window {
        /// The key of the call, which may have ended already.
        key: u64,
        /// How many.
        bytes: u64,
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
