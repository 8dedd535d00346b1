//! The client's side of a net/rpc connection.

mod streams;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use polywire_core::{Code, Encoding, Metadata, Origin, Reply, Request, Response, Status};
use polywire_gob::{Sent, Splitter};

use super::body::Carried;
use super::header::{EXT_VERSION, KIND_CALL, KIND_CANCEL, NO_METADATA, RequestHeader, types};
use super::incoming::{Value, Waiting, encoding, stream_error, whole_value, whole_values};
use super::plan::{Header, HeaderReader, Place, Side, Source};
use super::run::Run;
use crate::{CallFrame, CallReader, CallWriter, ClientEvent, Limits, Outgoing, WireError};

/// The client's side of a net/rpc connection.
#[must_use]
pub fn client(limits: &Limits) -> (NetrpcWriter, NetrpcReader) {
    let peer = Peer(Arc::new(AtomicU8::new(UNKNOWN)));
    let (max_bytes, sent, run) = (limits.message_bytes, Sent::default(), Run::default());
    let writer = NetrpcWriter { max_bytes, peer: peer.clone(), sent, run };
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
    fn known(&self) -> u8 {
        // Nothing else is read on the strength of this flag.
        self.0.load(Ordering::Relaxed)
    }

    fn is(&self, what: u8) -> bool {
        self.known() == what
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
    run: Run,
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
        self.run.close();
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
            window: 0,
            count: 0,
        };
        header.put(dst.tail());
        carried.put(dst);
        Ok(())
    }

    /// Writes a header that withdraws the call, to peers that have shown the extension.
    fn cancel(&mut self, id: u64, dst: &mut Outgoing) {
        if self.peer.is(EXTENDED) {
            self.run.close();
            RequestHeader::of_kind(KIND_CANCEL, id).put(dst.tail());
        }
    }

    fn encoding(&self) -> Encoding {
        Encoding::Gob
    }

    fn open(
        &mut self,
        id: u64,
        call: &Request,
        remaining: Option<Duration>,
        window: u64,
        dst: &mut Outgoing,
    ) -> Result<u64, Status> {
        self.put_open(id, call, remaining, window, dst)
    }

    fn frame(&mut self, id: u64, frame: CallFrame<'_>, dst: &mut Outgoing) -> Result<(), Status> {
        self.put_frame(id, frame, dst)
    }

    fn reply_to_open(&self, reply: Reply) -> Reply {
        if self.peer.is(EXTENDED) { reply } else { Err(streams::of_plain_peer(reply)) }
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

impl NetrpcReader {
    /// Takes a header and its body off the buffer in one piece, if both are there and of types
    /// that were met before.
    #[inline]
    fn whole(&mut self, src: &mut BytesMut) -> Result<Option<ClientEvent>, WireError> {
        let Some(head) = self.splitter.peek(src, 0) else { return Ok(None) };
        let Some(body) = self.splitter.peek(src, head.end) else { return Ok(None) };
        let value = Place::new(head.start, head.end);
        let table = self.splitter.table();
        let header = self.headers.read(Source { bytes: src, value, id: head.id, table })?;
        if !streams::has_body(header.kind) {
            return Ok(None);
        }
        self.peer.learn(header.ext);
        let mut bytes = src.split_to(body.end).freeze();
        self.splitter.taken();
        let table = self.splitter.table();
        if header.is_plain_success() {
            bytes.advance(head.end);
            let body = Value { bytes, table }.body(Encoding::Gob);
            let (id, reply) = (header.seq, body.map(Response::new));
            return Ok(Some(ClientEvent::Reply { id, reply }));
        }
        let waiting = Waiting::of(header, &bytes, head.end);
        bytes.advance(head.end);
        let event = self.complete(&waiting, Value { bytes, table });
        self.waiting = waiting.rest();
        Ok(Some(event))
    }

    fn complete(&self, waiting: &Waiting, value: Value<'_>) -> ClientEvent {
        if waiting.is_of_stream() {
            return ClientEvent::Message { id: waiting.header.seq, value: waiting.message(value) };
        }
        ClientEvent::Reply { id: waiting.header.seq, reply: self.reply(waiting, value) }
    }

    /// The metadata of a header.
    ///
    /// # Errors
    /// When it is over the limit, and the status that the header tells of.
    fn metadata(&self, Waiting { header, bytes, .. }: &Waiting) -> Result<Metadata, Status> {
        if header.meta.bytes > self.max_metadata {
            let (size, limit) = (header.meta.bytes, self.max_metadata);
            let why =
                format!("metadata bytes of {size} is over the limit of {limit} (metadata_bytes)");
            return Err(Status::new(Code::ResourceExhausted, why));
        }
        let metadata = header.meta.metadata(bytes);
        if header.error.is_empty() {
            return Ok(metadata);
        }
        let text = String::from_utf8_lossy(header.error.of(bytes));
        let status = Status::new(Code::from_number(header.code), text);
        let details = header.details.share(bytes);
        Err(status.with_details(details).with_metadata(metadata))
    }

    fn reply(&self, waiting: &Waiting, value: Value<'_>) -> Reply {
        let metadata = self.metadata(waiting)?;
        let Waiting { header, bytes, .. } = waiting;
        let mut response = Response::new(value.body(encoding(header.encoding.of(bytes))?)?);
        response.metadata = metadata;
        Ok(response)
    }
}

impl Header {
    /// Whether it is Go's header of a success, nothing added.
    const fn is_plain_success(&self) -> bool {
        self.error.is_empty()
            && self.encoding.is_empty()
            && self.meta.bytes == 0
            && self.kind == KIND_CALL
    }
}

impl CallReader for NetrpcReader {
    fn next(&mut self, src: &mut BytesMut) -> Result<Option<ClientEvent>, WireError> {
        loop {
            if self.waiting.is_none() {
                if let Some(event) = self.whole(src)? {
                    return Ok(Some(event));
                }
            } else if let Some((id, values)) =
                whole_values(&mut self.waiting, &mut self.splitter, src)
            {
                return Ok(Some(ClientEvent::Messages { id, values }));
            } else if let Some((id, value)) =
                whole_value(&mut self.waiting, &mut self.splitter, src)
            {
                return Ok(Some(ClientEvent::Message { id, value }));
            }
            let frame = match self.splitter.next(src) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(error) => return Err(stream_error(&error)),
            };
            match self.waiting.take() {
                Some(waiting) => {
                    let (bytes, table) = frame.into_parts();
                    let event = self.complete(&waiting, Value { bytes, table: &table });
                    self.waiting = waiting.rest();
                    return Ok(Some(event));
                }
                None => {
                    let header = self.headers.read_frame(&frame)?;
                    self.peer.learn(header.ext);
                    // A copy: the buffer is not shared while it grows to take a large body.
                    let bytes = Bytes::copy_from_slice(frame.bytes());
                    let waiting = Waiting::new(header, bytes);
                    if !streams::has_body(waiting.header.kind) {
                        return self.lone_header(&waiting).map(Some);
                    }
                    self.waiting = Some(waiting);
                }
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
