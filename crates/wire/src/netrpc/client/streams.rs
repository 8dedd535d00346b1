//! What a client writes and reads of streams.

use std::time::Duration;

use polywire_core::{Body, Code, Origin, Payload, Reply, Request, Status};

use super::{EXTENDED, NetrpcReader, NetrpcWriter, PLAIN, UNKNOWN};
use crate::netrpc::body::{Carried, named};
use crate::netrpc::header::{
    EXT_VERSION, KIND_ASK, KIND_CALL, KIND_CANCEL, KIND_END, KIND_MESSAGE, KIND_OPEN, KIND_WINDOW,
    RequestHeader, types,
};
use crate::netrpc::incoming::{Waiting, encoding};
use crate::{CallFrame, ClientEvent, INITIAL_WINDOW, Outgoing, WireError};

/// Whether a body follows a reply of this kind.
pub(super) const fn has_body(kind: u64) -> bool {
    matches!(kind, KIND_CALL | KIND_MESSAGE)
}

impl NetrpcWriter {
    /// Appends the start of a stream. To a peer of which nothing is known it says what it could
    /// do, and no arguments may follow before the peer has said the same.
    pub(super) fn put_open(
        &mut self,
        id: u64,
        call: &Request,
        remaining: Option<Duration>,
        window: u64,
        dst: &mut Outgoing,
    ) -> Result<u64, Status> {
        let peer = self.peer.known();
        if peer == PLAIN {
            return Err(no_streams("").with_origin(Origin::NotSent));
        }
        let (kind, carried, encoding) = match &call.body {
            Body::Stream(values) => (KIND_OPEN, Carried::Nothing, named(values.encoding())),
            body => {
                let carried = Carried::new(body, peer == EXTENDED)
                    .and_then(|carried| carried.within(self.max_bytes))
                    .map_err(|status| status.with_origin(Origin::NotSent))?;
                let encoding = carried.encoding();
                (KIND_ASK, carried, encoding)
            }
        };
        self.run.close();
        carried.define(types().request, &mut self.sent, dst);
        let header = RequestHeader {
            method: call.method.as_byte_str().as_bytes(),
            seq: id,
            ext: if peer == UNKNOWN { EXT_VERSION } else { 0 },
            meta: &call.metadata,
            timeout: remaining,
            encoding,
            kind,
            window,
            count: 0,
        };
        header.put(dst.tail());
        carried.put(dst);
        Ok(if header.ext == 0 { INITIAL_WINDOW } else { 0 })
    }

    pub(super) fn put_frame(
        &mut self,
        id: u64,
        frame: CallFrame<'_>,
        dst: &mut Outgoing,
    ) -> Result<(), Status> {
        if let CallFrame::Message(payload) = frame {
            return self.put_message(id, payload, dst);
        }
        self.run.close();
        match frame {
            CallFrame::Message(_) => {}
            CallFrame::End => RequestHeader::of_kind(KIND_END, id).put(dst.tail()),
            CallFrame::Window(window) => {
                let header = RequestHeader { window, ..RequestHeader::of_kind(KIND_WINDOW, id) };
                header.put(dst.tail());
            }
        }
        Ok(())
    }

    fn put_message(
        &mut self,
        id: u64,
        payload: &Payload,
        dst: &mut Outgoing,
    ) -> Result<(), Status> {
        let carried = Carried::payload(payload, true)?.within(self.max_bytes)?;
        if self.run.grow(id, payload.encoding, 1, dst) == 1 {
            carried.define_body(&mut self.sent, dst);
        } else {
            carried.define(types().request, &mut self.sent, dst);
            let (encoding, header) = (carried.encoding(), RequestHeader::of_kind(KIND_MESSAGE, id));
            RequestHeader { encoding, count: 1, ..header }.put(dst.tail());
            self.run.begin(id, payload.encoding, 1, dst);
        }
        self.run.put(dst, |dst| carried.put(dst));
        Ok(())
    }
}

impl NetrpcReader {
    /// What a header without a body says.
    ///
    /// # Errors
    /// When it is of a kind that is not understood.
    pub(super) fn lone_header(&self, waiting: &Waiting) -> Result<ClientEvent, WireError> {
        let Waiting { header, bytes, .. } = waiting;
        let id = header.seq;
        Ok(match header.kind {
            KIND_OPEN => {
                let metadata = self.metadata(waiting);
                let encoding = encoding(header.encoding.of(bytes));
                ClientEvent::Head { id, head: metadata.and_then(|m| Ok((m, encoding?))) }
            }
            KIND_END => ClientEvent::End { id, end: self.metadata(waiting) },
            KIND_WINDOW => ClientEvent::Window { id, bytes: header.window },
            KIND_CANCEL => ClientEvent::Stop { id },
            kind => {
                let why = format!("replies of kind {kind} are not understood");
                return Err(WireError::Malformed { what: "netrpc header", why });
            }
        })
    }
}

/// What it means that a stream's start was answered by a peer without streams.
pub(super) fn of_plain_peer(reply: Reply) -> Status {
    match reply {
        Ok(_) => no_streams(""),
        Err(status) => no_streams(&format!("; it answered: {}", status.message())),
    }
}

fn no_streams(more: &str) -> Status {
    let text = format!("the peer speaks plain net/rpc, which has no streams{more}");
    Status::new(Code::Unimplemented, text)
}
