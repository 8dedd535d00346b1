//! The client's side of one connection, in two halves that share no lock.

use std::time::Duration;

use bytes::BytesMut;
use polywire_core::{Code, Encoding, Metadata, Origin, Payload, Reply, Request, Status};

use crate::{CallFrame, Outgoing, ValueRun, WireError};

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

    /// Appends the start of a stream. A body of one value is its only argument; for one that is a
    /// stream, arguments may follow as [`CallFrame`]s. `window` is how many bytes of replies may
    /// come before the caller takes any. Gives how many bytes of arguments may be sent before the
    /// peer allows more.
    ///
    /// # Errors
    /// When the wire or this peer has no streams, and as [`write`](Self::write).
    fn open(
        &mut self,
        id: u64,
        call: &Request,
        remaining: Option<Duration>,
        window: u64,
        dst: &mut Outgoing,
    ) -> Result<u64, Status> {
        let _ = (id, call, remaining, window, dst);
        Err(no_streams())
    }

    /// Appends something about an open stream.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn frame(&mut self, id: u64, frame: CallFrame<'_>, dst: &mut Outgoing) -> Result<(), Status> {
        let _ = (id, frame, dst);
        Err(no_streams())
    }

    /// Makes sense of a plain reply to a stream's start.
    ///
    /// # Errors
    /// The reply's own, and another in its place if the peer turns out to have no streams.
    fn reply_to_open(&self, reply: Reply) -> Reply {
        reply
    }
}

fn no_streams() -> Status {
    let text = "this wire has no streams";
    Status::new(Code::Unimplemented, text).with_origin(Origin::NotSent)
}

/// The half that the reading task uses: bytes to replies.
pub trait CallReader: Send + 'static {
    /// Takes what comes next off `src`; `None` means "read more". What concerns calls that nobody
    /// waits for is to be dropped by its id.
    ///
    /// # Errors
    /// When the connection cannot go on: every call without a reply is lost.
    fn next(&mut self, src: &mut BytesMut) -> Result<Option<ClientEvent>, WireError>;

    /// As [`next`](Self::next), for those who open no streams: whole replies only.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    fn read(&mut self, src: &mut BytesMut) -> Result<Option<(u64, Reply)>, WireError> {
        loop {
            match self.next(src)? {
                None => return Ok(None),
                Some(ClientEvent::Reply { id, reply }) => return Ok(Some((id, reply))),
                Some(_) => {}
            }
        }
    }

    /// Says whether the stream ended between two replies. To be called when the peer sends no
    /// more and [`read`](Self::read) has given `None`.
    ///
    /// # Errors
    /// [`WireError::UnexpectedEof`] if it ended inside one.
    fn finish(&mut self, src: &mut BytesMut) -> Result<(), WireError>;
}

/// What a peer says to its caller.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The answer to a call, after which nothing comes.
    Reply {
        /// The call's id.
        id: u64,
        /// The answer.
        reply: Reply,
    },
    /// The answer to a call is a stream.
    Head {
        /// The call's id.
        id: u64,
        /// What precedes the first value, and how values are encoded; an error if that is over a
        /// limit or not known here.
        head: Result<(Metadata, Encoding), Status>,
    },
    /// One value of a stream.
    Message {
        /// The call's id.
        id: u64,
        /// The value; an error if it is in an encoding not known here.
        value: Result<Payload, Status>,
    },
    /// Several values of a stream.
    Messages {
        /// The call's id.
        id: u64,
        /// The values.
        values: ValueRun,
    },
    /// The end of a stream, after which nothing comes.
    End {
        /// The call's id.
        id: u64,
        /// What follows the last value, or why there are no more.
        end: Result<Metadata, Status>,
    },
    /// Arguments of so many more bytes may be sent.
    Window {
        /// The call's id.
        id: u64,
        /// How many.
        bytes: u64,
    },
    /// Nobody reads the arguments of this call any longer.
    Stop {
        /// The call's id.
        id: u64,
    },
}
