//! The server's side of a connection of its own.

mod answers;
mod stream;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use bytes::BytesMut;
use polywire_core::{Body, CallKind, Code, Encoding, MethodName, Reply, Request, Status};

use self::answers::Answers;
use self::stream::{Stage, Stream, signed};
use super::http1::{Message, Next, Reader};
use super::{Argument, Echo, event, method};
use crate::{
    Appetite, INITIAL_WINDOW, Limits, Outgoing, ReplyFrame, ServerEvent, ServerWire, WireError,
    window_cost,
};

/// How many values go each way in calls of a method; `None` if nobody offers it.
pub type KindOf = Box<dyn Fn(&MethodName) -> Option<CallKind> + Send>;

/// The server's side of a connection whose messages are go-micro's.
///
/// Calls of one message each way are answered in the order they came in, as HTTP has it; messages of
/// streams go out when there are any, unasked. What is not of this wire, or unusual, ends it
/// ([`Appetite::Leaves`]) and is left for whoever serves HTTP at large.
pub struct MicroServer {
    limits: Limits,
    kind_of: KindOf,
    reader: Reader,
    answers: Answers,
    streams: HashMap<u64, Stream>,
    /// The streams by the names that the peer gave them.
    names: HashMap<String, u64>,
    last_key: u64,
    appetite: Appetite,
    /// The stream that has been sent more than its reader has taken; nothing is read until it has.
    starved: Option<u64>,
}

/// What a reply needs to find its way back.
#[derive(Debug)]
pub struct MicroTicket(Form);

#[derive(Debug)]
enum Form {
    /// A call of one message each way, by its place in the order.
    Unary {
        place: u64,
        echo: Box<Echo>,
        closes: bool,
    },
    Stream {
        key: u64,
    },
}

type Event = ServerEvent<MicroTicket>;

impl MicroServer {
    /// The start of a connection.
    #[must_use]
    pub fn new(limits: &Limits, kind_of: KindOf) -> Self {
        Self {
            limits: limits.clone(),
            kind_of,
            reader: Reader::new(limits),
            answers: Answers::default(),
            streams: HashMap::new(),
            names: HashMap::new(),
            last_key: 0,
            appetite: Appetite::Hungry,
            starved: None,
        }
    }

    /// What a message comes to; `None` if nothing.
    fn message(&mut self, message: Message) -> Option<Event> {
        let key = message.head.stream.as_ref().and_then(|name| self.names.get(name)).copied();
        match (key, message.head.is_end) {
            (Some(key), true) => self.end(key),
            // Of a stream that is over, or was never open.
            (None, true) => None,
            (Some(key), false) => self.next_of_stream(key, message),
            (None, false) => self.call(message),
        }
    }

    /// A message that begins a call, or is none.
    fn call(&mut self, message: Message) -> Option<Event> {
        let mut echo = Echo::new(&message.head);
        let closes = message.closes;
        match self.prepare(message, &mut echo) {
            Err(status) => Some(self.reject(echo, closes, status)),
            Ok(Prepared::Unary { request, timeout }) => {
                let key = self.next_key();
                let ticket = self.unary(key, echo, closes);
                Some(ServerEvent::Call { ticket, key, request, timeout })
            }
            Ok(Prepared::Stream { name, kind, request, timeout }) => {
                self.open(name, kind, request, timeout, echo)
            }
        }
    }

    fn prepare(&self, message: Message, echo: &mut Echo) -> Result<Prepared, Status> {
        let Message { head, body, .. } = message;
        let argument = Argument::read(head.content?, body)?;
        *echo = echo.clone().with(&argument);
        let timeout = head.timeout;
        if let Some(topic) = &head.topic {
            let mut request = event(topic, argument.payload, &self.limits)?;
            request.metadata = head.metadata;
            return Ok(Prepared::Unary { request, timeout });
        }
        let endpoint = head.endpoint.or(argument.endpoint);
        let method = method(&endpoint.unwrap_or_default(), &self.limits)?;
        let kind = (self.kind_of)(&method);
        let mut request = Request::new(method, Body::Unary(argument.payload));
        request.metadata = head.metadata;
        match (kind, head.stream) {
            (None | Some(CallKind::Unary), _) => Ok(Prepared::Unary { request, timeout }),
            (Some(kind), Some(name)) => Ok(Prepared::Stream { name, kind, request, timeout }),
            (Some(_), None) => {
                let text = "the method takes or gives a stream, which needs Micro-Stream";
                Err(Status::new(Code::InvalidArgument, text))
            }
        }
    }

    /// Opens a stream; what its first message holds, no handler sees.
    fn open(
        &mut self,
        name: String,
        kind: CallKind,
        mut request: Request,
        timeout: Option<Duration>,
        echo: Echo,
    ) -> Option<Event> {
        request.body = Body::Empty;
        let (key, codec) = (self.next_key(), echo.codec());
        if kind.client_streams() {
            self.keep(key, Stream::new(name, echo, Stage::streaming()));
            return Some(open_event(key, request, timeout, Some((codec, INITIAL_WINDOW))));
        }
        if self.is_crowded() {
            let text = format!("over the limit of {MAX_WAITING} streams without an argument");
            return Some(self.reject(echo, false, Status::new(Code::ResourceExhausted, text)));
        }
        let stage = Stage::Opened { request: Box::new(request), timeout };
        self.keep(key, Stream::new(name, echo, stage));
        None
    }

    /// A message of a stream that is open.
    fn next_of_stream(&mut self, key: u64, message: Message) -> Option<Event> {
        let stream = self.streams.get_mut(&key)?;
        let codec = stream.echo.codec();
        let argument = message.head.content.and_then(|content| {
            if content.codec != codec {
                let text = format!("a message in {} of a stream in {codec}", content.codec);
                return Err(Status::new(Code::InvalidArgument, text));
            }
            Argument::read(content, message.body)
        });
        match &mut stream.stage {
            Stage::Called { .. } => {
                let value = argument.map(|argument| argument.payload);
                let cost = value.as_ref().map_or(0, |value| window_cost(value.bytes.len()));
                if !stream.credit(signed(cost).saturating_neg()) {
                    self.starved = Some(key);
                }
                Some(ServerEvent::Message { key, value })
            }
            Stage::Opened { request, timeout } => {
                let timeout = *timeout;
                let empty = Request::new(request.method.clone(), Body::Empty);
                let mut request = std::mem::replace(&mut **request, empty);
                stream.stage = Stage::unheard(false);
                let ticket = MicroTicket(Form::Stream { key });
                match argument {
                    Err(status) => Some(ServerEvent::Reject { ticket, status }),
                    Ok(argument) => {
                        request.body = Body::Unary(argument.payload);
                        Some(open_event(key, request, timeout, None))
                    }
                }
            }
        }
    }

    /// The caller says nothing more on a stream. Where it has sent its only argument, it has lost
    /// interest in the reply: there is no other way to say so.
    fn end(&mut self, key: u64) -> Option<Event> {
        match self.streams.get(&key)?.stage {
            Stage::Called { streams_in: true, .. } => Some(ServerEvent::End { key }),
            Stage::Called { .. } => {
                self.forget(key);
                Some(ServerEvent::Cancel { key })
            }
            Stage::Opened { .. } => {
                self.forget(key);
                None
            }
        }
    }

    fn reject(&mut self, echo: Echo, closes: bool, status: Status) -> Event {
        ServerEvent::Reject { ticket: self.unary(0, echo, closes), status }
    }

    fn unary(&mut self, key: u64, echo: Echo, closes: bool) -> MicroTicket {
        if closes {
            self.appetite = Appetite::Sated;
        }
        let place = self.answers.expect(key);
        MicroTicket(Form::Unary { place, echo: Box::new(echo), closes })
    }

    const fn next_key(&mut self) -> u64 {
        self.last_key = self.last_key.wrapping_add(1);
        self.last_key
    }

    fn keep(&mut self, key: u64, stream: Stream) {
        self.names.insert(stream.name.clone(), key);
        self.streams.insert(key, stream);
    }

    fn forget(&mut self, key: u64) -> Option<Stream> {
        let stream = self.streams.remove(&key)?;
        self.names.remove(&stream.name);
        self.feed(key);
        Some(stream)
    }

    /// This stream holds nothing back.
    fn feed(&mut self, key: u64) {
        self.starved = self.starved.filter(|starved| *starved != key);
    }

    /// Whether as many streams wait for their argument as may, of which nobody else knows.
    fn is_crowded(&self) -> bool {
        let waits = |stream: &&Stream| matches!(stream.stage, Stage::Opened { .. });
        self.streams.values().filter(waits).count() >= MAX_WAITING
    }
}

/// A message that was understood.
enum Prepared {
    Unary { request: Request, timeout: Option<Duration> },
    Stream { name: String, kind: CallKind, request: Request, timeout: Option<Duration> },
}

impl ServerWire for MicroServer {
    type Ticket = MicroTicket;

    fn read(&mut self, src: &mut BytesMut) -> Result<Option<Event>, WireError> {
        while self.appetite() == Appetite::Hungry {
            match self.reader.next(src)? {
                Next::More => break,
                Next::Message(message) => {
                    if let Some(event) = self.message(*message) {
                        return Ok(Some(event));
                    }
                }
                Next::TooLarge(message) => {
                    self.appetite = Appetite::Sated;
                    let limit = self.limits.message_bytes;
                    let text =
                        format!("message is over the limit of {limit} bytes (message_bytes)");
                    let status = Status::new(Code::ResourceExhausted, text);
                    return Ok(Some(self.reject(Echo::new(&message.head), true, status)));
                }
                Next::Foreign if self.streams.is_empty() => self.appetite = Appetite::Leaves,
                Next::Foreign => return Err(malformed("another request beside a stream")),
            }
        }
        Ok(None)
    }

    fn finish(&mut self, src: &mut BytesMut) -> Result<Option<Event>, WireError> {
        if let Some(event) = self.read(src)? {
            return Ok(Some(event));
        }
        // Who closes a connection of HTTP waits for nothing.
        if let Some(key) = self.answers.give_up() {
            return Ok(Some(ServerEvent::Cancel { key }));
        }
        if self.reader.is_within() && self.appetite == Appetite::Hungry {
            src.clear();
            self.appetite = Appetite::Sated;
            return Err(WireError::UnexpectedEof);
        }
        Ok(None)
    }

    fn write(&mut self, ticket: MicroTicket, reply: Reply, dst: &mut Outgoing) {
        match ticket.0 {
            Form::Unary { place, echo, closes } => {
                self.answers.put(place, echo.answer(reply), closes, dst);
            }
            Form::Stream { key } => {
                if let Some(stream) = self.forget(key) {
                    stream.only(reply, dst);
                }
            }
        }
    }

    fn frame(&mut self, key: u64, frame: ReplyFrame<'_>, dst: &mut Outgoing) -> Result<(), Status> {
        let Some(stream) = self.streams.get_mut(&key) else { return Ok(()) };
        match frame {
            ReplyFrame::Head(metadata, encoding) => stream.lead(metadata, encoding)?,
            ReplyFrame::Message(payload) => stream.put(payload, dst)?,
            ReplyFrame::Run(run) => {
                run.values().try_for_each(|value| stream.put(&value.to_payload(), dst))?;
            }
            ReplyFrame::Window(bytes) => {
                if stream.credit(signed(bytes)) {
                    self.feed(key);
                }
            }
            ReplyFrame::Stop => {
                stream.stage = Stage::unheard(true);
                self.feed(key);
            }
            ReplyFrame::End(trailers) => {
                if let Some(stream) = self.forget(key) {
                    stream.end(trailers.clone(), dst);
                }
            }
            ReplyFrame::Failed(status) => {
                if let Some(stream) = self.forget(key) {
                    stream.fail(status, dst);
                }
            }
        }
        Ok(())
    }

    fn is_within(&self) -> bool {
        self.reader.is_within()
    }

    fn appetite(&self) -> Appetite {
        let waits = self.starved.is_some() || self.answers.is_full();
        if waits && self.appetite == Appetite::Hungry { Appetite::Waits } else { self.appetite }
    }
}

fn open_event(
    key: u64,
    request: Request,
    timeout: Option<Duration>,
    arguments: Option<(Encoding, u64)>,
) -> Event {
    let ticket = MicroTicket(Form::Stream { key });
    // What holds replies back is the connection alone.
    ServerEvent::Open { ticket, key, request, timeout, window: u64::MAX, arguments }
}

fn malformed(why: &str) -> WireError {
    WireError::Malformed { what: "go-micro connection", why: why.to_owned() }
}

impl fmt::Debug for MicroServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MicroServer").field("streams", &self.streams.len()).finish_non_exhaustive()
    }
}

/// Streams that may wait for their argument on one connection.
const MAX_WAITING: usize = 128;

#[cfg(test)]
mod tests;
