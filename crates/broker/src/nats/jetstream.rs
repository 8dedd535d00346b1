//! Streams of a NATS server, which keep events until they are handled.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{GetStreamByNameErrorKind, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, AckKind, Message, stream};
use futures_util::{Stream, StreamExt as _};
use polywire_core::{Broker, BrokerError, Delivery, Event, Receipt, Subscription};

use super::connection::{Connection, in_time};
use super::{NatsOptions, incoming, outgoing};
use crate::{BrokerFuture, subscribing};

/// A NATS server with JetStream as broker: events are kept until they are handled.
///
/// The topic is the subject. It is kept by the stream that has it; where there is none, the first
/// publish or subscription makes one, in files, which keeps events as long as
/// [the options](JetStreamOptions::keep) say. A queue is a durable consumer, which goes on where it
/// was when its members come back; a subscription without a queue is a consumer of its own, which is
/// gone when it is.
///
/// # Delivery
///
/// **At least once** to a queue that has been subscribed to before: an event that is not accepted
/// ([`Delivery::accept`]) comes again, at once to another member or, the longer the more often it was
/// rejected, up to a minute later; so does one whose handler takes longer than
/// [`JetStreamOptions::accept_within`]. Handlers should not mind an event that comes twice. A
/// publisher knows that the server has stored the event, and the server drops what is published again
/// under the same id within two minutes.
#[derive(Debug, Clone)]
pub struct JetStreamBroker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Connection,
    options: JetStreamOptions,
    /// The streams that are known to have a topic.
    streams: Mutex<HashMap<String, String>>,
}

/// How events are kept.
#[derive(Debug, Clone)]
pub struct JetStreamOptions {
    connect: NatsOptions,
    keep: Duration,
    accept_within: Duration,
}

impl Default for JetStreamOptions {
    fn default() -> Self {
        let (keep, accept_within) = (Duration::from_secs(86_400), Duration::from_secs(60));
        Self { connect: NatsOptions::default(), keep, accept_within }
    }
}

impl JetStreamOptions {
    /// How the server is connected to.
    #[must_use]
    pub fn connect(mut self, options: NatsOptions) -> Self {
        self.connect = options;
        self
    }

    /// How long a stream that is made here keeps events. Default: a day.
    #[must_use]
    pub const fn keep(mut self, time: Duration) -> Self {
        self.keep = time;
        self
    }

    /// How long a handler may take before the event comes again. Default: a minute.
    #[must_use]
    pub const fn accept_within(mut self, time: Duration) -> Self {
        self.accept_within = time;
        self
    }
}

impl JetStreamBroker {
    /// The servers at these addresses, as of [`NatsBroker::new`](crate::NatsBroker::new).
    ///
    /// # Errors
    /// When an address is malformed.
    pub fn new(servers: &str) -> Result<Self, BrokerError> {
        Self::with_options(servers, JetStreamOptions::default())
    }

    /// As [`new`](Self::new), with events kept as the options say.
    ///
    /// # Errors
    /// When an address is malformed.
    pub fn with_options(servers: &str, options: JetStreamOptions) -> Result<Self, BrokerError> {
        let connection = Connection::new(servers, options.connect.clone())?;
        Ok(Self(Arc::new(Inner { connection, options, streams: Mutex::default() })))
    }
}

impl Inner {
    async fn context(&self) -> Result<jetstream::Context, BrokerError> {
        Ok(jetstream::new(self.connection.client().await?))
    }

    /// The stream that keeps a topic; it is made if there is none.
    async fn stream(
        &self,
        context: &jetstream::Context,
        topic: &str,
    ) -> Result<String, BrokerError> {
        let known = || self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = known().get(topic) {
            return Ok(stream.clone());
        }
        let failed = |error| {
            BrokerError::unavailable(format!("cannot ask which stream keeps `{topic}`"))
                .with_source(error)
        };
        let stream = match context.stream_by_subject(topic).await {
            Ok(stream) => stream,
            Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => {
                self.make_stream(context, topic).await?
            }
            Err(error) if error.kind() == GetStreamByNameErrorKind::InvalidSubject => {
                let text = format!("`{topic}` is no subject of NATS");
                return Err(BrokerError::refused(text).with_source(error));
            }
            Err(error) => return Err(failed(error)),
        };
        known().insert(topic.to_owned(), stream.clone());
        Ok(stream)
    }

    async fn make_stream(
        &self,
        context: &jetstream::Context,
        topic: &str,
    ) -> Result<String, BrokerError> {
        let name = format!("polywire-{}", escaped(topic));
        let config = stream::Config {
            name: name.clone(),
            subjects: vec![topic.to_owned()],
            max_age: self.options.keep,
            ..stream::Config::default()
        };
        let made = context.create_stream(config).await;
        made.map(|_| name).map_err(|error| {
            let text = format!("no stream keeps `{topic}`, and none can be made");
            BrokerError::not_found(text).with_source(error)
        })
    }

    async fn publish(&self, event: Event) -> Result<(), BrokerError> {
        let (event, payload) = outgoing(event)?;
        let context = self.context().await?;
        self.stream(&context, &event.topic).await?;
        let text = || format!("cannot publish to `{}`", event.topic);
        let publication = PublishMessage::build().payload(payload).message_id(&event.id);
        let stored = async {
            context.send_publish(event.topic.clone(), publication).await?.await.map(|_| ())
        };
        in_time(text, stored).await?.map_err(|error| {
            let failed = match error.kind() {
                PublishErrorKind::StreamNotFound => {
                    // It was removed; the next publish looks again.
                    let mut known = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
                    known.remove(&event.topic);
                    BrokerError::not_found(text())
                }
                PublishErrorKind::MaxPayloadExceeded => BrokerError::refused(text()),
                _ => BrokerError::unavailable(text()),
            };
            failed.with_source(error)
        })
    }

    async fn subscribe(
        &self,
        topic: String,
        queue: Option<String>,
    ) -> Result<Box<dyn Subscription>, BrokerError> {
        subscribing::check(&topic, queue.as_deref())?;
        let context = self.context().await?;
        let name = self.stream(&context, &topic).await?;
        let text = format!("cannot subscribe to `{topic}` at stream `{name}`");
        let failed = |error: Box<dyn Error + Send + Sync>| {
            BrokerError::unavailable(text.clone()).with_source(io::Error::other(error))
        };
        let durable = queue.map(|queue| format!("{}-{}", escaped(&queue), escaped(&topic)));
        let config = pull::Config {
            filter_subject: topic,
            deliver_policy: DeliverPolicy::New,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.options.accept_within,
            inactive_threshold: if durable.is_some() { Duration::ZERO } else { FORGOTTEN },
            durable_name: durable.clone(),
            ..pull::Config::default()
        };
        let stream = context.get_stream(&name).await.map_err(|error| failed(error.into()))?;
        let consumer = match durable {
            Some(durable) => stream.get_or_create_consumer(&durable, config).await,
            None => stream.create_consumer(config).await,
        };
        let consumer = consumer.map_err(|error| failed(error.into()))?;
        let messages = consumer.stream().max_messages_per_batch(AHEAD).messages();
        let messages = messages.await.map_err(|error| failed(error.into()))?;
        Ok(Box::new(JetStreamSubscription { messages: Some(messages), telling: None }))
    }
}

impl Broker for JetStreamBroker {
    fn publish(&self, event: Event) -> BrokerFuture<()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.publish(event).await })
    }

    fn subscribe(&self, topic: &str, queue: Option<&str>) -> BrokerFuture<Box<dyn Subscription>> {
        let (topic, queue) = (topic.to_owned(), queue.map(str::to_owned));
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.subscribe(topic, queue).await })
    }

    fn flush(&self) -> BrokerFuture<()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let client = inner.connection.client().await?;
            inner.connection.flush(&client).await
        })
    }
}

/// The messages; none once it has ended. What came and was not taken goes to other members, or comes
/// again.
struct JetStreamSubscription {
    messages: Option<pull::Stream>,
    /// The server is being told of a message that it need not send again.
    telling: Option<BrokerFuture<()>>,
}

impl Stream for JetStreamSubscription {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        loop {
            if let Some(telling) = &mut self.telling {
                // If that fails, the message comes again and is looked at once more.
                drop(ready!(telling.as_mut().poll(cx)));
                self.telling = None;
            }
            let Some(messages) = &mut self.messages else { return Poll::Ready(None) };
            match ready!(messages.poll_next_unpin(cx)) {
                Some(Ok(message)) => {
                    let event = incoming(&message.subject, &message.payload);
                    let receipt = JetStreamReceipt(message);
                    match event {
                        Some(event) => {
                            return Poll::Ready(Some(Delivery::with_receipt(event, receipt)));
                        }
                        // What is no event would come again for ever.
                        None => {
                            self.telling = Some(Box::pin(Box::new(receipt).tell(AckKind::Term)));
                        }
                    }
                }
                // The server is away or has moved; the stream goes on by itself, or ends.
                Some(Err(error)) => tracing::warn!(%error, "JetStream"),
                None => self.messages = None,
            }
        }
    }
}

impl Subscription for JetStreamSubscription {
    fn unsubscribe(
        &mut self,
    ) -> Pin<Box<dyn Future<Output = Result<(), BrokerError>> + Send + '_>> {
        self.messages = None;
        Box::pin(std::future::ready(Ok(())))
    }
}

struct JetStreamReceipt(Message);

impl JetStreamReceipt {
    async fn tell(self: Box<Self>, kind: AckKind) -> Result<(), BrokerError> {
        let text = || format!("cannot tell what became of an event of `{}`", self.0.subject);
        let told = in_time(text, self.0.ack_with(kind)).await?;
        told.map_err(|error| BrokerError::unavailable(text()).with_source(io::Error::other(error)))
    }
}

impl Receipt for JetStreamReceipt {
    fn accept(self: Box<Self>) -> BrokerFuture<()> {
        Box::pin(self.tell(AckKind::Ack))
    }

    fn reject(self: Box<Self>) -> BrokerFuture<()> {
        let times = self.0.info().map_or(1, |info| info.delivered);
        Box::pin(self.tell(AckKind::Nak(Some(pause(times)))))
    }
}

/// How long an event stays away that was rejected so many times.
fn pause(times: i64) -> Duration {
    let doubled = u32::try_from(times.clamp(1, 7) - 1).unwrap_or_default();
    LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.pow(doubled))
}

/// A name that streams and consumers may have, another one for each text: letters, digits and `-` stand
/// for themselves, any other byte is `_` and its hexadecimal digits.
fn escaped(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(name, "_{byte:02x}").unwrap_or_default();
        }
    }
    name
}

/// Events that a subscription is given ahead of those it has accepted.
const AHEAD: usize = 16;

/// How long the server keeps a consumer whose subscription is gone.
const FORGOTTEN: Duration = Duration::from_secs(300);

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_the_server_and_apart() {
        assert_eq!(escaped("orders.created-v1"), "orders_2ecreated-v1");
        assert_ne!(escaped("a.b"), escaped("a_2eb"));
    }

    #[test]
    fn the_more_often_an_event_was_rejected_the_longer_it_stays_away() {
        let seconds: Vec<_> = [0, 1, 2, 3, 6, 7, 1000].map(|n| pause(n).as_secs()).into();
        assert_eq!(seconds, [1, 1, 2, 4, 32, 60, 60]);
    }
}
