//! The seam between programs and whatever carries events from publishers to subscribers.

use std::error::Error;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;

use crate::{Code, Encoding, Metadata, Origin, Payload, Status};

/// Something that has happened, for whoever subscribes to its topic.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What it is about, such as `orders.created`.
    pub topic: String,
    /// What tells it from every other event; empty if its publisher gave it none.
    pub id: String,
    /// What travels beside the body. Neither topic nor id nor content type are in here.
    pub headers: Metadata,
    /// How the body is encoded, such as `application/json`; empty if its publisher did not say.
    pub content_type: String,
    /// What happened.
    pub body: Bytes,
}

impl Event {
    /// An event without id and headers.
    #[must_use]
    pub fn new(
        topic: impl Into<String>,
        content_type: impl Into<String>,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            topic: topic.into(),
            id: String::new(),
            headers: Metadata::new(),
            content_type: content_type.into(),
            body: body.into(),
        }
    }

    /// Sets the id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets what travels beside the body.
    #[must_use]
    pub fn with_headers(mut self, headers: Metadata) -> Self {
        self.headers = headers;
        self
    }

    /// The body as a value in the encoding that the content type says: canonical JSON of Protocol
    /// Buffers for `application/json`, Protocol Buffers for `application/protobuf` and where nothing
    /// is said, as go-micro has it. Parameters of the content type are passed over.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for another content type, in go-micro's words.
    pub fn payload(&self) -> Result<Payload, Status> {
        let name = self.content_type.split(';').next().unwrap_or_default().trim();
        let known = CONTENT_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        match known {
            Some((_, encoding)) => Ok(Payload::new(*encoding, self.body.clone())),
            None => {
                let text = format!("unsupported Content-Type: {}", self.content_type);
                Err(Status::new(Code::InvalidArgument, text))
            }
        }
    }
}

/// Which encoding a content type means.
const CONTENT_TYPES: [(&str, Encoding); 4] = [
    ("application/json", Encoding::ProtoJson),
    ("application/protobuf", Encoding::Protobuf),
    ("application/proto", Encoding::Protobuf),
    ("", Encoding::Protobuf),
];

impl fmt::Debug for Event {
    /// Shows the size of the body, never the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("topic", &self.topic)
            .field("id", &self.id)
            .field("headers", &self.headers)
            .field("content_type", &self.content_type)
            .field("len", &self.body.len())
            .finish()
    }
}

/// A boxed future of the broker seam.
type BrokerFuture<T> = Pin<Box<dyn Future<Output = Result<T, BrokerError>> + Send>>;

/// Carries events from publishers to subscribers.
///
/// # Delivery
///
/// **At most once.** An event that was published may be lost: nobody subscribed at that moment, a
/// subscriber was not reached for too long, or it ended with the event in its hands. Every subscription
/// gets a copy, but those to one topic with the same queue share: each event goes to one of them. A
/// backend that promises more, or keeps an order, says so.
pub trait Broker: Send + Sync + 'static {
    /// Hands an event over. Success means that the broker has it, not that anybody got it: to publish
    /// where nobody subscribes is no error. An event without an id may be given one.
    ///
    /// Dropping the future may leave the event published.
    fn publish(&self, event: Event) -> BrokerFuture<()>;

    /// Subscribes to a topic, alone or as one of a queue, whose name is not to be empty. Events that
    /// are published once this has returned come to the subscription, as far as their publishers have
    /// heard of it.
    fn subscribe(&self, topic: &str, queue: Option<&str>) -> BrokerFuture<Box<dyn Subscription>>;

    /// Waits until what was published has left this process, or was given up. For programs that end
    /// after they have published.
    fn flush(&self) -> BrokerFuture<()>;
}

/// The events of one subscription, in the order in which they came. The stream ends when the
/// subscription has: by [`unsubscribe`](Self::unsubscribe), or since the broker was closed.
///
/// Dropping it unsubscribes as soon as possible and gives up what has not been taken.
pub trait Subscription: Stream<Item = Delivery> + Send + Unpin + 'static {
    /// Lets no further events come and waits until the broker has taken note. Those that came before
    /// are still in the stream, which ends behind them.
    fn unsubscribe(&mut self)
    -> Pin<Box<dyn Future<Output = Result<(), BrokerError>> + Send + '_>>;
}

/// An event that came to a subscription.
pub struct Delivery {
    /// The event.
    pub event: Event,
    receipt: Option<Box<dyn Receipt>>,
}

/// Tells a broker that delivers more than once what became of an event.
pub trait Receipt: Send + Sync + 'static {
    /// The event was handled and need not come again.
    fn accept(self: Box<Self>) -> BrokerFuture<()>;

    /// The event was not handled and is to come again, here or elsewhere.
    fn reject(self: Box<Self>) -> BrokerFuture<()>;
}

impl Delivery {
    /// An event that comes once, whatever becomes of it.
    #[must_use]
    pub const fn new(event: Event) -> Self {
        Self { event, receipt: None }
    }

    /// An event that comes again unless it is accepted.
    #[must_use]
    pub fn with_receipt(event: Event, receipt: impl Receipt) -> Self {
        Self { event, receipt: Some(Box::new(receipt)) }
    }

    /// Takes the event and what its broker wants to be told, separately.
    #[must_use]
    pub fn into_parts(self) -> (Event, Option<Box<dyn Receipt>>) {
        (self.event, self.receipt)
    }

    /// Says that the event was handled. Of no effect where events come at most once.
    ///
    /// # Errors
    /// When the broker cannot be told; the event may come again then.
    pub fn accept(self) -> BrokerFuture<()> {
        self.receipt.map_or_else(nothing, Receipt::accept)
    }

    /// Says that the event was not handled and is to come again. Of no effect where events come at
    /// most once: then it is lost.
    ///
    /// # Errors
    /// When the broker cannot be told; the event comes again all the same, later.
    pub fn reject(self) -> BrokerFuture<()> {
        self.receipt.map_or_else(nothing, Receipt::reject)
    }
}

fn nothing() -> BrokerFuture<()> {
    Box::pin(ready(Ok(())))
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("event", &self.event)
            .field("comes_again", &self.receipt.is_some())
            .finish()
    }
}

/// Why a broker did not do what it was asked.
#[derive(Debug, Clone)]
pub struct BrokerError {
    kind: BrokerErrorKind,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of trouble it is, and so whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BrokerErrorKind {
    /// The broker cannot be reached, or has no room at the moment; the same may work later.
    Unavailable,
    /// The broker does not do this, now or later: a topic or an event it does not take, an account
    /// that may not.
    Refused,
    /// Something that has to be there first is not: a stream, a registry.
    NotFound,
}

impl BrokerError {
    /// Says what failed and names the thing, such as `cannot reach nats://127.0.0.1:4222`.
    #[must_use]
    pub fn new(kind: BrokerErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// As [`new`](Self::new), of [`BrokerErrorKind::Unavailable`].
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(BrokerErrorKind::Unavailable, message)
    }

    /// As [`new`](Self::new), of [`BrokerErrorKind::Refused`].
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(BrokerErrorKind::Refused, message)
    }

    /// As [`new`](Self::new), of [`BrokerErrorKind::NotFound`].
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(BrokerErrorKind::NotFound, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What kind of trouble it is.
    #[must_use]
    pub const fn kind(&self) -> BrokerErrorKind {
        self.kind
    }

    /// Whether the same may work later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, BrokerErrorKind::Unavailable)
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for BrokerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

impl From<BrokerError> for Status {
    /// So that a handler that publishes can use `?`.
    fn from(error: BrokerError) -> Self {
        let code = match error.kind {
            BrokerErrorKind::Unavailable => Code::Unavailable,
            BrokerErrorKind::Refused => Code::FailedPrecondition,
            BrokerErrorKind::NotFound => Code::NotFound,
        };
        Self::new(code, error.to_string()).with_origin(Origin::NotSent).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_says_how_the_body_is_encoded() {
        for (content_type, encoding) in [
            ("application/json", Encoding::ProtoJson),
            ("Application/JSON; charset=utf-8", Encoding::ProtoJson),
            ("application/protobuf", Encoding::Protobuf),
            ("", Encoding::Protobuf),
        ] {
            let payload = Event::new("t", content_type, "{}").payload().unwrap();
            assert_eq!((payload.encoding, &payload.bytes[..]), (encoding, &b"{}"[..]));
        }
        let status = Event::new("t", "text/plain", "x").payload().unwrap_err();
        assert_eq!(status.message(), "unsupported Content-Type: text/plain");
    }

    #[test]
    fn bodies_and_values_of_headers_stay_out_of_logs() {
        let headers = [("token", "secret")].into_iter().collect();
        let event = Event::new("t", "", "secret").with_headers(headers);
        assert!(!format!("{event:?}").contains("secret"));
    }
}
