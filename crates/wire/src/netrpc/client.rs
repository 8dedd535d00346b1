//! The client's side of a net/rpc connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use polywire_core::{Code, Encoding, Metadata, Origin, Reply, Request, Response, Status};
use polywire_gob::{Frame, Sent, Splitter};

use super::body::Carried;
use super::header::{EXT_VERSION, KIND_CALL, NO_METADATA, RequestHeader, types};
use super::incoming::{body, encoding, stream_error};
use super::plan::{Header, HeaderReader, Side};
use crate::{CallReader, CallWriter, Limits, Outgoing, WireError};

/// The client's side of a net/rpc connection.
#[must_use]
pub fn client(limits: &Limits) -> (NetrpcWriter, NetrpcReader) {
    let peer = Peer(Arc::new(AtomicU8::new(UNKNOWN)));
    let writer =
        NetrpcWriter { max_bytes: limits.message_bytes, peer: peer.clone(), sent: Sent::default() };
    let reader = NetrpcReader {
        max_metadata: limits.metadata_bytes,
        splitter: Splitter::new(limits.gob_limits()),
        headers: HeaderReader::new(Side::Response, limits),
        waiting: None,
        peer,
    };
    (writer, reader)
}

/// What is known about the peer: nothing until its first reply, which shows the extension or does
/// not.
#[derive(Debug, Clone)]
struct Peer(Arc<AtomicU8>);

const UNKNOWN: u8 = 0;
const PLAIN: u8 = 1;
const EXTENDED: u8 = 2;

impl Peer {
    fn is(&self, what: u8) -> bool {
        // Nothing else is read on the strength of this flag.
        self.0.load(Ordering::Relaxed) == what
    }

    fn learn(&self, ext: u64) {
        if ext >= EXT_VERSION {
            self.0.store(EXTENDED, Ordering::Relaxed);
        } else if self.is(UNKNOWN) {
            self.0.store(PLAIN, Ordering::Relaxed);
        }
    }
}

/// The half of a net/rpc client that writes calls.
#[derive(Debug)]
pub struct NetrpcWriter {
    max_bytes: usize,
    peer: Peer,
    sent: Sent,
}

impl CallWriter for NetrpcWriter {
    fn write(
        &mut self,
        id: u64,
        call: &Request,
        remaining: Option<Duration>,
        dst: &mut Outgoing,
    ) -> Result<(), Status> {
        let carried = Carried::new(&call.body, self.peer.is(EXTENDED))
            .and_then(|carried| carried.within(self.max_bytes))
            .map_err(|status| status.with_origin(Origin::NotSent))?;
        carried.define(types().request, &mut self.sent, dst);
        // A Go server skips what it does not know, but need not be sent it for ever.
        let plain = self.peer.is(PLAIN);
        let header = RequestHeader {
            method: call.method.as_byte_str().as_bytes(),
            seq: id,
            ext: if self.peer.is(UNKNOWN) { EXT_VERSION } else { 0 },
            meta: if plain { NO_METADATA } else { &call.metadata },
            timeout: remaining.filter(|_| !plain),
            encoding: carried.encoding(),
            kind: KIND_CALL,
        };
        header.put(dst.tail());
        carried.put(dst);
        Ok(())
    }

    /// Writes a header that withdraws the call, to peers that have shown the extension.
    fn cancel(&mut self, id: u64, dst: &mut Outgoing) {
        if self.peer.is(EXTENDED) {
            RequestHeader::cancel(id).put(dst.tail());
        }
    }

    fn encoding(&self) -> Encoding {
        Encoding::Gob
    }
}

/// The half of a net/rpc client that reads replies: `Header -> Body -> Header -> ..`.
#[derive(Debug)]
pub struct NetrpcReader {
    max_metadata: usize,
    splitter: Splitter,
    headers: HeaderReader,
    /// The reply whose body has not come yet.
    waiting: Option<Waiting>,
    peer: Peer,
}

/// A reply as its header tells it.
#[derive(Debug)]
struct Waiting {
    id: u64,
    /// What the body is to be read as and what travels beside it, or how the call failed.
    outcome: Result<(Encoding, Metadata), Status>,
}

impl NetrpcReader {
    fn header(&mut self, frame: &Frame) -> Result<Waiting, WireError> {
        let header = self.headers.read(frame)?;
        self.peer.learn(header.ext);
        Ok(Waiting { id: header.seq, outcome: self.outcome(&header, frame) })
    }

    fn outcome(&self, header: &Header<'_>, frame: &Frame) -> Result<(Encoding, Metadata), Status> {
        if header.meta.bytes > self.max_metadata {
            let (size, limit) = (header.meta.bytes, self.max_metadata);
            let why =
                format!("metadata bytes of {size} is over the limit of {limit} (metadata_bytes)");
            return Err(Status::new(Code::ResourceExhausted, why));
        }
        let metadata = header.meta.metadata(frame);
        if header.error.is_empty() {
            return Ok((encoding(header.encoding)?, metadata));
        }
        let text = String::from_utf8_lossy(header.error);
        let details = frame.bytes().slice_ref(header.details);
        let status = Status::new(Code::from_number(header.code), text);
        Err(status.with_details(details).with_metadata(metadata))
    }
}

impl Waiting {
    fn complete(self, frame: Frame) -> (u64, Reply) {
        let reply = self.outcome.and_then(|(encoding, metadata)| {
            let mut response = Response::new(body(frame, encoding)?);
            response.metadata = metadata;
            Ok(response)
        });
        (self.id, reply)
    }
}

impl CallReader for NetrpcReader {
    fn read(&mut self, src: &mut BytesMut) -> Result<Option<(u64, Reply)>, WireError> {
        loop {
            let frame = match self.splitter.next(src) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(error) => return Err(stream_error(&error)),
            };
            match self.waiting.take() {
                Some(waiting) => return Ok(Some(waiting.complete(frame))),
                None => self.waiting = Some(self.header(&frame)?),
            }
        }
    }

    fn finish(&mut self, src: &mut BytesMut) -> Result<(), WireError> {
        if self.waiting.is_none() && self.splitter.is_between_values(src) {
            Ok(())
        } else {
            Err(WireError::UnexpectedEof)
        }
    }
}

#[cfg(test)]
mod tests;
