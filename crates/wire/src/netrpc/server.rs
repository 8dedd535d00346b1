//! The server's side of a net/rpc connection.

mod streams;

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use polywire_core::{
    Body, ByteStr, Code, Encoding, Metadata, MethodName, Payload, Reply, Request, Response, Status,
};
use polywire_gob::{DecodeError, Frame, Sent, Splitter};

use super::body::Carried;
use super::header::{
    EXT_VERSION, ExtendedResponse, KIND_CALL, KIND_MESSAGE, KIND_OPEN, PlainResponse, types,
};
use super::incoming::{Value, Waiting, encoding, stream_error, whole_value};
use super::names::Names;
use super::plan::{Header, HeaderReader, Place, Side, Source};
use super::run::Run;
use crate::{Limits, Outgoing, ReplyFrame, ServerEvent, ServerWire, WireError};

/// The server's side of a net/rpc connection over gob: `Header -> Body -> Header -> ..`.
#[derive(Debug)]
pub struct NetrpcServer {
    limits: Limits,
    splitter: Splitter,
    headers: HeaderReader,
    names: Names,
    /// The call whose body has not come yet.
    waiting: Option<Waiting>,
    /// What ends the connection once the answer to it has been handed out.
    failed: Option<WireError>,
    /// Whether the unfinished call at the end of the stream has been answered.
    ended: bool,
    /// Whether the peer has shown the extension.
    extended: bool,
    /// Whether the next frame of a stream is to show the extension.
    owes_ext: bool,
    sent: Sent,
    run: Run,
}

/// What a reply needs to find its way back: the number of its call and the method's name.
#[derive(Debug)]
pub struct NetrpcTicket {
    seq: u64,
    /// Echoed to Go's peers; empty for those with the extension, who do not read it.
    method: ByteStr,
    /// Whether the call carried `Ext`, which the answer echoes then.
    ext: bool,
}

/// What a header says of a call.
struct Head {
    method: MethodName,
    encoding: Encoding,
    metadata: Metadata,
}

type Event = ServerEvent<NetrpcTicket>;

impl NetrpcServer {
    /// The start of a connection.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            splitter: Splitter::new(limits.gob_limits()),
            headers: HeaderReader::new(Side::Request, limits),
            names: Names::default(),
            waiting: None,
            failed: None,
            ended: false,
            extended: false,
            owes_ext: false,
            sent: Sent::default(),
            run: Run::default(),
        }
    }

    /// Takes a header and its body off the buffer in one piece, if both are there and of types
    /// that were met before: every call but the first of its kind.
    #[inline]
    fn whole_call(&mut self, src: &mut BytesMut) -> Result<Option<Event>, WireError> {
        let Some(head) = self.splitter.peek(src, 0) else { return Ok(None) };
        let Some(body) = self.splitter.peek(src, head.end) else { return Ok(None) };
        let value = Place::new(head.start, head.end);
        let table = self.splitter.table();
        let header = self.headers.read(Source { bytes: src, value, id: head.id, table })?;
        if header.kind != KIND_CALL && !streams::has_body(header.kind) {
            return Ok(None);
        }
        let mut bytes = src.split_to(body.end).freeze();
        self.splitter.taken();
        if header.kind == KIND_MESSAGE {
            return Ok(Some(self.message(header, head.end, bytes)));
        }
        let head_of_call = self.head(&header, &bytes);
        let method = header.method;
        let refused = head_of_call.is_err().then(|| method.share(&bytes));
        bytes.advance(head.end);
        let value = Value { bytes, table: self.splitter.table() };
        Ok(Some(self.complete(&header, head_of_call, refused, value)))
    }

    /// Takes a header; gives an event if it is one by itself.
    fn header(&mut self, frame: &Frame) -> Result<Option<Event>, WireError> {
        let header = self.headers.read_frame(frame)?;
        self.learn(&header);
        if header.kind != KIND_CALL && !streams::has_body(header.kind) {
            return streams::lone_header(&header).map(Some);
        }
        // A copy: the buffer is not shared while it grows to take a large body.
        let bytes = Bytes::copy_from_slice(frame.bytes());
        self.waiting = Some(Waiting::new(header, bytes));
        Ok(None)
    }

    fn learn(&mut self, header: &Header) {
        if header.ext >= EXT_VERSION {
            self.extended = true;
            self.owes_ext = header.kind != KIND_CALL;
        }
    }

    /// Puts a call together with its body. `refused` is the name of a call that is not handed out.
    #[inline]
    fn complete(
        &self,
        header: &Header,
        head: Result<Head, Status>,
        refused: Option<Bytes>,
        value: Value<'_>,
    ) -> Event {
        let reject = |status, name: &[u8]| {
            let ticket = self.ticket(header, || String::from_utf8_lossy(name).into_owned().into());
            ServerEvent::Reject { ticket, status }
        };
        let head = match head {
            Ok(head) => head,
            Err(status) => return reject(status, &refused.unwrap_or_default()),
        };
        let body = match value.body(head.encoding) {
            Ok(body) => body,
            // The arguments that follow are in this encoding; here nothing is.
            Err(_) if header.kind == KIND_OPEN => {
                Body::Unary(Payload::new(head.encoding, Bytes::new()))
            }
            Err(status) => return reject(status, head.method.as_byte_str().as_bytes()),
        };
        let ticket = self.ticket(header, || head.method.as_byte_str().clone());
        let mut request = Request::new(head.method, body);
        request.metadata = head.metadata;
        let timeout = timeout(header.timeout);
        let call = ServerEvent::Call { ticket, key: header.seq, request, timeout };
        if header.kind == KIND_CALL {
            return call;
        }
        streams::opened(header, call)
    }

    /// What the header says of the call, unless it is over a limit or not understood.
    #[inline]
    fn head(&mut self, header: &Header, bytes: &Bytes) -> Result<Head, Status> {
        let (name, meta) = (header.method.len(), header.meta.bytes);
        if name > self.limits.name_bytes {
            return Err(over("method name bytes", name, self.limits.name_bytes, "name_bytes"));
        }
        if meta > self.limits.metadata_bytes {
            let limit = self.limits.metadata_bytes;
            return Err(over("metadata bytes", meta, limit, "metadata_bytes"));
        }
        let encoding = encoding(header.encoding.of(bytes))?;
        let method = self.names.find(header.method.of(bytes))?;
        let metadata = if meta > 0 { header.meta.metadata(bytes) } else { Metadata::new() };
        Ok(Head { method, encoding, metadata })
    }

    /// The ticket of a call; plain peers get the method's name back.
    #[inline]
    fn ticket(&self, header: &Header, name: impl FnOnce() -> ByteStr) -> NetrpcTicket {
        let method = if self.extended { ByteStr::default() } else { name() };
        NetrpcTicket { seq: header.seq, method, ext: header.ext >= EXT_VERSION }
    }

    /// The ticket of a call whose body never came whole.
    fn unfinished(&self, waiting: &Waiting) -> NetrpcTicket {
        let name = waiting.header.method.of(&waiting.bytes);
        self.ticket(&waiting.header, || String::from_utf8_lossy(name).into_owned().into())
    }

    /// Answers the call whose body cannot be read; the connection ends behind the answer.
    fn broken_body(&mut self, error: &DecodeError) -> Result<Option<Event>, WireError> {
        let waiting = self.waiting.take().filter(|waiting| !waiting.is_of_stream());
        let Some(waiting) = waiting else { return Err(stream_error(error)) };
        let status = Status::new(Code::InvalidArgument, error.to_string());
        self.failed = Some(stream_error(error));
        Ok(Some(ServerEvent::Reject { ticket: self.unfinished(&waiting), status }))
    }
}

impl ServerWire for NetrpcServer {
    type Ticket = NetrpcTicket;

    const TAKES_RUNS: bool = true;

    fn read(&mut self, src: &mut BytesMut) -> Result<Option<Event>, WireError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            if self.waiting.is_none() {
                if let Some(event) = self.whole_call(src)? {
                    return Ok(Some(event));
                }
            } else if let Some((key, value)) =
                whole_value(&mut self.waiting, &mut self.splitter, src)
            {
                return Ok(Some(ServerEvent::Message { key, value }));
            }
            let frame = match self.splitter.next(src) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(error) => return self.broken_body(&error),
            };
            match self.waiting.take() {
                Some(waiting) if waiting.is_of_stream() => {
                    let (bytes, table) = frame.into_parts();
                    let value = waiting.message(Value { bytes, table: &table });
                    let key = waiting.header.seq;
                    self.waiting = waiting.rest();
                    return Ok(Some(ServerEvent::Message { key, value }));
                }
                Some(Waiting { header, bytes, .. }) => {
                    let head = self.head(&header, &bytes);
                    let refused = head.is_err().then(|| header.method.share(&bytes));
                    let (bytes, table) = frame.into_parts();
                    let value = Value { bytes, table: &table };
                    return Ok(Some(self.complete(&header, head, refused, value)));
                }
                None => {
                    if let Some(event) = self.header(&frame)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    /// A header without its body is answered as Go answers it: `EOF`, or `unexpected EOF` if some
    /// of the body came.
    fn finish(&mut self, src: &mut BytesMut) -> Result<Option<Event>, WireError> {
        if self.ended {
            return Ok(None);
        }
        if let Some(event) = self.read(src)? {
            return Ok(Some(event));
        }
        self.ended = true;
        let inside = !self.splitter.is_between_values(src);
        src.clear();
        match self.waiting.take() {
            None if inside => Err(WireError::UnexpectedEof),
            None => Ok(None),
            Some(waiting) if waiting.is_of_stream() => Err(WireError::UnexpectedEof),
            Some(waiting) => {
                let why = if inside { "unexpected EOF" } else { "EOF" };
                let status = self.head(&waiting.header, &waiting.bytes).err();
                let status = status.unwrap_or_else(|| Status::new(Code::Cancelled, why));
                Ok(Some(ServerEvent::Reject { ticket: self.unfinished(&waiting), status }))
            }
        }
    }

    fn write(&mut self, ticket: NetrpcTicket, reply: Reply, dst: &mut Outgoing) {
        self.run.close();
        match reply {
            Err(status) => self.put_status(&ticket, &status, dst),
            Ok(response) => match Carried::new(&response.body, self.extended) {
                Err(status) => self.put_status(&ticket, &status, dst),
                Ok(carried) => self.put_response(&ticket, &response, &carried, dst),
            },
        }
    }

    fn frame(&mut self, key: u64, frame: ReplyFrame<'_>, dst: &mut Outgoing) -> Result<(), Status> {
        self.put_frame(key, frame, dst)
    }
}

impl NetrpcServer {
    fn put_response(
        &mut self,
        ticket: &NetrpcTicket,
        response: &Response,
        carried: &Carried<'_>,
        dst: &mut Outgoing,
    ) {
        if self.extended {
            carried.define(types().extended_response, &mut self.sent, dst);
            let header = ExtendedResponse {
                seq: ticket.seq,
                error: "",
                ext: ticket.ext_version(),
                meta: &response.metadata,
                code: 0,
                details: &[],
                encoding: carried.encoding(),
                kind: KIND_CALL,
                window: 0,
                count: 0,
            };
            header.put(dst.tail());
        } else {
            carried.define(types().response, &mut self.sent, dst);
            let header =
                PlainResponse { method: ticket.method.as_bytes(), seq: ticket.seq, error: "" };
            header.put(dst.tail());
        }
        carried.put(dst);
    }

    /// An error, with the empty struct for a body: what Go's server sends.
    fn put_status(&mut self, ticket: &NetrpcTicket, status: &Status, dst: &mut Outgoing) {
        let error = text(status);
        if self.extended {
            Carried::Nothing.define(types().extended_response, &mut self.sent, dst);
            let header = ExtendedResponse {
                seq: ticket.seq,
                error,
                ext: ticket.ext_version(),
                meta: status.metadata(),
                code: u64::from(status.code().number()),
                details: status.details(),
                encoding: "",
                kind: KIND_CALL,
                window: 0,
                count: 0,
            };
            header.put(dst.tail());
        } else {
            Carried::Nothing.define(types().response, &mut self.sent, dst);
            PlainResponse { method: ticket.method.as_bytes(), seq: ticket.seq, error }
                .put(dst.tail());
        }
        Carried::Nothing.put(dst);
    }
}

impl NetrpcTicket {
    fn ext_version(&self) -> u64 {
        if self.ext { EXT_VERSION } else { 0 }
    }
}

/// What a status says; an empty text would read as success.
fn text(status: &Status) -> &str {
    match status.message() {
        "" => status.code().as_str(),
        text => text,
    }
}

fn over(what: &str, size: usize, limit: usize, setting: &str) -> Status {
    let why = format!("{what} of {size} is over the limit of {limit} ({setting})");
    Status::new(Code::ResourceExhausted, why)
}

/// Nanoseconds; zero is no limit, and less than zero a limit that has passed.
fn timeout(nanoseconds: i64) -> Option<Duration> {
    (nanoseconds != 0).then(|| Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
