//! The server's side of a JSON-RPC connection.

mod batch;
mod call;

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use polywire_core::{Body, Code, Encoding, Payload, Reply, Status};

use self::batch::{BatchId, Batches};
use super::error_code::{INVALID_REQUEST, PARSE_ERROR, message, number, put_error};
use super::split::{MESSAGE, Splitter};
use super::text::{elements, put_string, share};
use crate::{Limits, Outgoing, ServerEvent, ServerWire, WireError};

/// The server's side of a JSON-RPC connection: 1.0 and 2.0, told apart call by call.
#[derive(Debug)]
pub struct JsonrpcServer {
    limits: Limits,
    splitter: Splitter,
    /// Members of a batch that are still to be handed out.
    members: VecDeque<(Bytes, BatchId)>,
    batches: Batches,
    /// Whether the peer has spoken 2.0, so that it would understand an answer to malformed input.
    speaks_v2: bool,
    /// What ends the connection once the answer to it has been handed out.
    failed: Option<WireError>,
}

/// What a reply needs to find its way back: the version, the id and the batch of its call.
#[derive(Debug)]
pub struct JsonrpcTicket(Form);

#[derive(Debug)]
enum Form {
    /// 1.0, with the id as it is to be echoed.
    V1(Bytes),
    /// 2.0.
    V2 {
        /// `None` for a notification, which has no answer.
        id: Option<Bytes>,
        /// The number of the error if the call was refused here.
        refused: Option<i64>,
        batch: Option<BatchId>,
    },
}

type Event = ServerEvent<JsonrpcTicket>;

impl JsonrpcServer {
    /// The start of a connection.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            splitter: Splitter::new(limits),
            members: VecDeque::new(),
            batches: Batches::default(),
            speaks_v2: false,
            failed: None,
        }
    }

    fn message(&mut self, text: &Bytes) -> Result<Option<Event>, WireError> {
        if text.first() == Some(&b'[') {
            self.speaks_v2 = true;
            return self.batch(text);
        }
        let call = call::read(text, &self.limits)?;
        self.speaks_v2 |= call.is_v2();
        Ok(Some(call.event(None)))
    }

    /// Takes a batch apart; its members are handed out one by one.
    fn batch(&mut self, text: &Bytes) -> Result<Option<Event>, WireError> {
        let (members, count) =
            elements(text, self.limits.batch_calls).map_err(|e| malformed(&e))?;
        if count == 0 {
            return Ok(Some(refuse(None, INVALID_REQUEST, "a batch without calls".to_owned())));
        }
        if count > members.len() {
            let limit = self.limits.batch_calls;
            let why = format!("batch of {count} calls is over the limit of {limit} (batch_calls)");
            return Ok(Some(refuse(None, INVALID_REQUEST, why)));
        }
        let id = self.batches.open(count);
        self.members.extend(members.into_iter().map(|member| (share(text, member), id)));
        Ok(self.member())
    }

    fn member(&mut self) -> Option<Event> {
        let (text, batch) = self.members.pop_front()?;
        Some(call::read_member(&text, &self.limits).event(Some(batch)))
    }

    /// Answers input that is no JSON, if the peer has shown that it speaks 2.0; Go's server just
    /// closes, and so does this one to all others.
    fn fail(&mut self, error: WireError) -> Result<Option<Event>, WireError> {
        if !self.speaks_v2 {
            return Err(error);
        }
        let why = error.to_string();
        self.failed = Some(error);
        Ok(Some(refuse(None, PARSE_ERROR, why)))
    }
}

impl ServerWire for JsonrpcServer {
    type Ticket = JsonrpcTicket;

    fn read(&mut self, src: &mut BytesMut) -> Result<Option<Event>, WireError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if let Some(event) = self.member() {
            return Ok(Some(event));
        }
        let text = match self.splitter.next(src) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(error) => return self.fail(error),
        };
        let claims_v2 = mentions_jsonrpc(&text);
        self.message(&text).or_else(|error| {
            self.speaks_v2 |= claims_v2;
            self.fail(error)
        })
    }

    fn finish(&mut self, src: &mut BytesMut) -> Result<Option<Event>, WireError> {
        match self.read(src)? {
            None if !src.is_empty() => {
                src.clear();
                Err(WireError::UnexpectedEof)
            }
            event => Ok(event),
        }
    }

    fn write(&mut self, ticket: JsonrpcTicket, reply: Reply, dst: &mut Outgoing) {
        match ticket.0 {
            Form::V1(id) => {
                put_v1(&id, &reply, dst.tail());
                dst.tail().put_u8(b'\n');
            }
            Form::V2 { id, refused, batch: None } => {
                if let Some(id) = id {
                    put_v2(&id, refused, &reply, dst.tail());
                    dst.tail().put_u8(b'\n');
                }
            }
            Form::V2 { id, refused, batch: Some(batch) } => {
                let put = |text: &mut BytesMut| {
                    if let Some(id) = &id {
                        put_v2(id, refused, &reply, text);
                    }
                };
                if let Some(text) = self.batches.answer(batch, put) {
                    dst.put_bytes(&text);
                }
            }
        }
    }
}

/// Whether a message that could not be read was meant as 2.0.
fn mentions_jsonrpc(text: &[u8]) -> bool {
    text.windows(V2_MEMBER.len()).any(|window| window == V2_MEMBER)
}

const V2_MEMBER: &[u8] = b"\"jsonrpc\"";

/// A 2.0 call that no service sees, with an id of null.
fn refuse(batch: Option<BatchId>, number: i64, why: String) -> Event {
    let id = Some(Bytes::from_static(NULL));
    let ticket = JsonrpcTicket(Form::V2 { id, refused: Some(number), batch });
    ServerEvent::Reject { ticket, status: Status::new(Code::InvalidArgument, why) }
}

fn malformed(error: &serde_json::Error) -> WireError {
    WireError::Malformed { what: MESSAGE, why: error.to_string() }
}

/// `{"id":0,"result":{"C":15},"error":null}`, in Go's order.
fn put_v1(id: &[u8], reply: &Reply, dst: &mut BytesMut) {
    dst.put_slice(b"{\"id\":");
    dst.put_slice(id);
    match result(reply) {
        // Go's client takes a null result for a broken peer and gives up the connection.
        Ok(b"" | b"null") => dst.put_slice(b",\"result\":{},\"error\":null}"),
        Ok(value) => {
            dst.put_slice(b",\"result\":");
            dst.put_slice(value);
            dst.put_slice(b",\"error\":null}");
        }
        Err(status) => {
            dst.put_slice(b",\"result\":null,\"error\":");
            put_string(message(&status), dst);
            dst.put_u8(b'}');
        }
    }
}

/// `{"jsonrpc":"2.0","result":{"c":15},"id":0}`.
fn put_v2(id: &[u8], refused: Option<i64>, reply: &Reply, dst: &mut BytesMut) {
    dst.put_slice(b"{\"jsonrpc\":\"2.0\",");
    match result(reply) {
        Ok(value) => {
            dst.put_slice(b"\"result\":");
            dst.put_slice(if value.is_empty() { NULL } else { value });
        }
        Err(status) => {
            dst.put_slice(b"\"error\":");
            put_error(&status, refused.unwrap_or_else(|| number(status.code())), dst);
        }
    }
    dst.put_slice(b",\"id\":");
    dst.put_slice(id);
    dst.put_u8(b'}');
}

/// The value of a reply as JSON; an internal error if it is something else.
fn result(reply: &Reply) -> Result<&[u8], std::borrow::Cow<'_, Status>> {
    use std::borrow::Cow;
    match reply {
        Err(status) => Err(Cow::Borrowed(status)),
        Ok(response) => match &response.body {
            Body::Empty => Ok(&[]),
            Body::Unary(Payload { encoding: Encoding::GoJson | Encoding::Json, bytes, .. }) => {
                Ok(bytes)
            }
            Body::Unary(Payload { encoding, .. }) => {
                let why = format!("cannot answer JSON-RPC with a result in {encoding}");
                Err(Cow::Owned(Status::new(Code::Internal, why)))
            }
            _ => {
                let why = "cannot answer JSON-RPC with more than one result";
                Err(Cow::Owned(Status::new(Code::Internal, why)))
            }
        },
    }
}

const NULL: &[u8] = b"null";

#[cfg(test)]
mod tests;
