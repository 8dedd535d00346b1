//! The server's side of a net/rpc connection.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use polywire_core::{
    ByteStr, Code, Encoding, Metadata, MethodName, Reply, Request, Response, Status,
};
use polywire_gob::{DecodeError, Frame, Sent, Splitter};

use super::body::Carried;
use super::header::{EXT_VERSION, ExtendedResponse, KIND_CALL, KIND_CANCEL, PlainResponse, types};
use super::incoming::{body, encoding, stream_error};
use super::plan::{Header, HeaderReader, Side};
use crate::{Limits, Outgoing, ServerEvent, ServerWire, WireError};

/// The server's side of a net/rpc connection over gob: `Header -> Body -> Header -> ..`.
#[derive(Debug)]
pub struct NetrpcServer {
    limits: Limits,
    splitter: Splitter,
    headers: HeaderReader,
    /// The call whose body has not come yet.
    waiting: Option<Waiting>,
    /// What ends the connection once the answer to it has been handed out.
    failed: Option<WireError>,
    /// Whether the unfinished call at the end of the stream has been answered.
    ended: bool,
    /// Whether the peer has shown the extension.
    extended: bool,
    sent: Sent,
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

/// A call as its header tells it.
#[derive(Debug)]
struct Waiting {
    ticket: NetrpcTicket,
    /// The name, or the refusal of the call.
    method: Result<MethodName, Status>,
    metadata: Metadata,
    timeout: Option<Duration>,
    encoding: Encoding,
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
            waiting: None,
            failed: None,
            ended: false,
            extended: false,
            sent: Sent::default(),
        }
    }

    /// Takes a header; gives an event if it is one by itself.
    fn header(&mut self, frame: &Frame) -> Result<Option<Event>, WireError> {
        let header = self.headers.read(frame)?;
        let ext = header.ext >= EXT_VERSION;
        self.extended |= ext;
        match header.kind {
            KIND_CALL => {
                self.waiting = Some(self.call(&header, frame));
                Ok(None)
            }
            KIND_CANCEL => Ok(Some(ServerEvent::Cancel { key: header.seq })),
            kind => {
                let why = format!("requests of kind {kind} are not understood");
                Err(WireError::Malformed { what: "netrpc header", why })
            }
        }
    }

    fn call(&self, header: &Header<'_>, frame: &Frame) -> Waiting {
        let name = frame.bytes().slice_ref(header.method);
        let method = self.check(header).and_then(|encoding| Ok((method(&name)?, encoding)));
        let echo = match &method {
            _ if self.extended => ByteStr::default(),
            Ok((method, _)) => method.as_byte_str().clone(),
            Err(_) => ByteStr::from(String::from_utf8_lossy(&name).into_owned()),
        };
        let (method, encoding) = match method {
            Ok((method, encoding)) => (Ok(method), encoding),
            Err(status) => (Err(status), Encoding::Gob),
        };
        Waiting {
            ticket: NetrpcTicket { seq: header.seq, method: echo, ext: header.ext >= EXT_VERSION },
            method,
            metadata: header.meta.metadata(frame),
            timeout: timeout(header.timeout),
            encoding,
        }
    }

    /// Refuses what is over a limit or not understood.
    fn check(&self, header: &Header<'_>) -> Result<Encoding, Status> {
        let over = |what: &str, size: usize, limit: usize, setting: &str| {
            let why = format!("{what} of {size} is over the limit of {limit} ({setting})");
            Status::new(Code::ResourceExhausted, why)
        };
        let (name, meta) = (header.method.len(), header.meta.bytes);
        if name > self.limits.name_bytes {
            return Err(over("method name bytes", name, self.limits.name_bytes, "name_bytes"));
        }
        if meta > self.limits.metadata_bytes {
            let limit = self.limits.metadata_bytes;
            return Err(over("metadata bytes", meta, limit, "metadata_bytes"));
        }
        encoding(header.encoding)
    }

    /// Puts a call together with its body.
    fn complete(waiting: Waiting, frame: Frame) -> Event {
        let ticket = waiting.ticket;
        let request = waiting.method.and_then(|method| {
            let mut request = Request::new(method, body(frame, waiting.encoding)?);
            request.metadata = waiting.metadata;
            Ok(request)
        });
        match request {
            Ok(request) => {
                let key = ticket.seq;
                ServerEvent::Call { ticket, key, request, timeout: waiting.timeout }
            }
            Err(status) => ServerEvent::Reject { ticket, status },
        }
    }

    /// Answers the call whose body cannot be read; the connection ends behind the answer.
    fn broken_body(&mut self, error: &DecodeError) -> Result<Option<Event>, WireError> {
        let Some(waiting) = self.waiting.take() else {
            return Err(stream_error(error));
        };
        let status = Status::new(Code::InvalidArgument, error.to_string());
        self.failed = Some(stream_error(error));
        Ok(Some(ServerEvent::Reject { ticket: waiting.ticket, status }))
    }
}

impl ServerWire for NetrpcServer {
    type Ticket = NetrpcTicket;

    fn read(&mut self, src: &mut BytesMut) -> Result<Option<Event>, WireError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            let frame = match self.splitter.next(src) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(error) => return self.broken_body(&error),
            };
            match self.waiting.take() {
                Some(waiting) => return Ok(Some(Self::complete(waiting, frame))),
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
            Some(waiting) => {
                let why = if inside { "unexpected EOF" } else { "EOF" };
                let status = waiting.method.err();
                let status = status.unwrap_or_else(|| Status::new(Code::Cancelled, why));
                Ok(Some(ServerEvent::Reject { ticket: waiting.ticket, status }))
            }
        }
    }

    fn write(&mut self, ticket: NetrpcTicket, reply: Reply, dst: &mut Outgoing) {
        match reply {
            Err(status) => self.put_status(&ticket, &status, dst),
            Ok(response) => match Carried::new(&response.body, self.extended) {
                Err(status) => self.put_status(&ticket, &status, dst),
                Ok(carried) => self.put_response(&ticket, &response, &carried, dst),
            },
        }
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
        // An empty text would read as success.
        let error = match status.message() {
            "" => status.code().as_str(),
            text => text,
        };
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

fn method(name: &Bytes) -> Result<MethodName, Status> {
    let name = ByteStr::from_utf8(name.clone())
        .map_err(|error| Status::new(Code::Unimplemented, error.to_string()))?;
    MethodName::from_dotted(name)
        .map_err(|error| Status::new(Code::Unimplemented, error.to_string()))
}

/// Nanoseconds; zero is no limit, and less than zero a limit that has passed.
fn timeout(nanoseconds: i64) -> Option<Duration> {
    (nanoseconds != 0).then(|| Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
