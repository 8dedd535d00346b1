//! What the instruction counts are of: a message, and a connection without a socket.
#![forbid(unsafe_code)]

mod route;

use bytes::{Buf, Bytes, BytesMut};
use polywire_codec::Message as _;
use polywire_core::{Body, Encoding, MethodName, Payload, Request, Response};
use polywire_macros::Schema;
use polywire_wire::netrpc::{self, NetrpcReader, NetrpcServer, NetrpcWriter};
use polywire_wire::{CallReader, CallWriter, Limits, Outgoing, ServerEvent, ServerWire};
use serde::{Deserialize, Serialize};

pub use self::route::Routes;

/// What goes there and back.
#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub struct Message {
    /// Of no meaning.
    pub payload: Bytes,
}

impl Message {
    /// A message of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { payload: Bytes::from(vec![7; bytes]) }
    }
}

/// A record as services really have them.
#[derive(Debug, Clone, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub struct Order {
    id: u64,
    customer: String,
    paid: bool,
    total: f64,
    lines: Vec<Line>,
}

/// A part of it.
#[derive(Debug, Clone, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_codec")]
pub struct Line {
    article: String,
    count: u32,
    price: f64,
}

impl Order {
    /// An order with so many lines.
    #[must_use]
    pub fn new(lines: usize) -> Self {
        let line = Line { article: "coffee, ground".to_owned(), count: 3, price: 7.25 };
        let lines = vec![line; lines];
        Self { id: 1 << 40, customer: "Ann Example".to_owned(), paid: true, total: 87.0, lines }
    }
}

/// Both ends of a net/rpc connection, and the bytes between them.
#[derive(Debug)]
pub struct Connection {
    writer: NetrpcWriter,
    reader: NetrpcReader,
    server: NetrpcServer,
    method: MethodName,
    sent: Outgoing,
    answered: Outgoing,
    wire: BytesMut,
    calls: u64,
}

impl Connection {
    /// A connection that has had a call, so that both ends know the other's types.
    #[must_use]
    pub fn warm() -> Self {
        let limits = Limits::default();
        let (writer, reader) = netrpc::client(&limits);
        let mut connection = Self {
            writer,
            reader,
            server: NetrpcServer::new(&limits),
            method: MethodName::new("Echo", "Echo"),
            sent: Outgoing::default(),
            answered: Outgoing::default(),
            wire: BytesMut::with_capacity(64 << 10),
            calls: 0,
        };
        for _ in 0..2 {
            let message = connection.call(Message::new(32));
            assert_eq!(message.payload.len(), 32);
        }
        connection
    }

    /// An echo: all that happens to a call except input, output, routing and scheduling.
    pub fn call(&mut self, message: Message) -> Message {
        self.send(&message);
        drop(message);
        self.serve();
        self.answer()
    }

    /// The caller encodes and frames.
    fn send(&mut self, message: &Message) {
        let payload = message.encode(self.writer.encoding()).expect("gob takes it");
        let request = Request::new(self.method.clone(), Body::Unary(payload));
        self.calls += 1;
        self.writer.write(self.calls, &request, None, &mut self.sent).expect("a plain call");
    }

    /// The server reads, decodes, encodes and frames.
    fn serve(&mut self) {
        carry(&mut self.sent, &mut self.wire);
        let event = self.server.read(&mut self.wire).expect("what the client wrote");
        let Some(ServerEvent::Call { ticket, request, .. }) = event else {
            panic!("not a call");
        };
        let payload = echo(request.body);
        self.server.write(ticket, Ok(Response::unary(payload)), &mut self.answered);
    }

    /// The caller reads and decodes.
    fn answer(&mut self) -> Message {
        carry(&mut self.answered, &mut self.wire);
        let answer = self.reader.read(&mut self.wire).expect("what the server wrote");
        let (_, reply) = answer.expect("a whole answer");
        Message::decode(&unary(reply.expect("no error").body)).expect("what was encoded")
    }
}

/// What a typed handler does.
fn echo(body: Body) -> Payload {
    let message = Message::decode(&unary(body)).expect("what was encoded");
    message.encode(Encoding::Gob).expect("gob takes it")
}

fn unary(body: Body) -> Payload {
    match body {
        Body::Unary(payload) => payload,
        _ => panic!("one value"),
    }
}

/// What the socket would do.
fn carry(from: &mut Outgoing, to: &mut BytesMut) {
    while from.has_remaining() {
        let chunk = from.chunk();
        to.extend_from_slice(chunk);
        let len = chunk.len();
        from.advance(len);
    }
}
