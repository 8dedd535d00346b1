//! The one currency: what every wire is translated to and from.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::{
    Body, CallKind, ConnectionInfo, Context, Deadline, Extensions, MessageCompression, Metadata,
    MethodName, Payload, Status, Trailers,
};

/// What a service answers with.
pub type Reply = Result<Response, Status>;

/// One call, its argument still encoded.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What is called.
    pub method: MethodName,
    /// What travels beside the argument.
    pub metadata: Metadata,
    /// When the caller stops waiting.
    pub deadline: Option<Deadline>,
    /// The argument.
    pub body: Body,
    /// On the server: the connection it came in on.
    pub connection: Option<Arc<ConnectionInfo>>,
    /// On the client: how the call may be carried out.
    pub hints: Hints,
    /// What layers hand on to those further in.
    pub extensions: Extensions,
}

/// How a call may be carried out; known to the caller, and sent only where a wire says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Hints {
    /// How many values go each way.
    pub kind: CallKind,
    /// Whether doing it twice is the same as doing it once, so that a call whose fate is unknown
    /// may be sent again.
    pub idempotent: bool,
    /// Attempts after the first; `None` leaves it to the client.
    pub retries: Option<u32>,
    /// What stands in front of the service's name, with a dot between, on wires whose names hold
    /// packages: `greeter.v1`. Empty if nothing does.
    pub package: &'static str,
}

/// How a request that is an event came here; without one among its
/// [extensions](Request::extensions), a request is a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventSource {
    /// By a broker, through a subscription to its topic: it is for the subscribers of that one, which
    /// belong to this queue, or to none.
    Subscription(Option<Arc<str>>),
    /// By a peer, from its connection: it is for all subscribers of its topic.
    Peer,
}

impl Request {
    /// An event, for the subscribers of its topic.
    #[must_use]
    pub fn of_event(topic: &str, payload: Payload, source: EventSource) -> Self {
        let mut request = Self::new(MethodName::of_topic(topic), Body::Unary(payload));
        request.extensions.insert(source);
        request
    }

    /// A call with nothing but a method and an argument.
    #[must_use]
    pub const fn new(method: MethodName, body: Body) -> Self {
        Self {
            method,
            metadata: Metadata::new(),
            deadline: None,
            body,
            connection: None,
            hints: Hints { kind: CallKind::Unary, idempotent: false, retries: None, package: "" },
            extensions: Extensions::new(),
        }
    }

    /// Parts the argument from what the handler's context shows.
    #[must_use]
    pub fn into_parts(self) -> (Context, Body) {
        let mut context = Context::new(self.method);
        context.metadata = self.metadata;
        context.deadline = self.deadline;
        context.connection = self.connection;
        context.extensions = self.extensions;
        (context, self.body)
    }
}

/// The answer to a call, its value still encoded.
#[derive(Default)]
#[non_exhaustive]
pub struct Response {
    /// What travels beside the value.
    pub metadata: Metadata,
    /// The value.
    pub body: Body,
    /// What travels behind the last value, if anything does.
    pub trailers: Option<Trailers>,
    /// Which of the values are compressed, if the handler asked to have a say.
    pub compression: Option<MessageCompression>,
    held: Vec<Box<dyn Any + Send>>,
}

impl Response {
    /// An answer with a body.
    #[must_use]
    pub const fn new(body: Body) -> Self {
        Self {
            metadata: Metadata::new(),
            body,
            trailers: None,
            compression: None,
            held: Vec::new(),
        }
    }

    /// An answer of one value.
    #[must_use]
    pub const fn unary(payload: Payload) -> Self {
        Self::new(Body::Unary(payload))
    }

    /// Keeps a guard until the response has been written or dropped.
    #[must_use]
    pub fn hold(mut self, guard: impl Any + Send) -> Self {
        self.held.push(Box::new(guard));
        self
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("metadata", &self.metadata)
            .field("body", &self.body)
            .field("held", &self.held.len())
            .finish()
    }
}
