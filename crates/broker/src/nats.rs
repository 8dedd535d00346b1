//! A NATS server as broker.

mod connection;
#[cfg(feature = "jetstream")]
mod jetstream;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_nats::Subscriber;
use async_nats::client::PublishErrorKind;
use futures_util::{Stream, StreamExt as _};
use polywire_core::{Broker, BrokerError, Delivery, Event, Subscription};

pub use self::connection::NatsOptions;
use self::connection::{Connection, in_time};
#[cfg(feature = "jetstream")]
pub use self::jetstream::{JetStreamBroker, JetStreamOptions};
use crate::{BrokerFuture, message, subscribing, unique};

/// A NATS server, or a cluster of them, as broker.
///
/// The topic is the subject, the queue a queue group, and what travels is go-micro's JSON, so that
/// programs with go-micro's NATS broker take part. A topic that is subscribed to may have NATS's
/// wildcards (`orders.*`, `orders.>`).
///
/// # Delivery
///
/// At most once, and in the order in which one publisher sent. What the server has been sent and its
/// subscribers have not is lost with either of them; a subscription that has 4096 untaken events loses
/// further ones, which the log says. While the server cannot be reached, publishing is
/// [an error](polywire_core::BrokerErrorKind::Unavailable), and subscriptions wait for it to come
/// back.
#[derive(Debug, Clone)]
pub struct NatsBroker(Arc<Connection>);

impl NatsBroker {
    /// The servers at these addresses, `host:port` or `user:password@host:port` with commas between;
    /// without any, the one at `127.0.0.1:4222`. The first use connects.
    ///
    /// # Errors
    /// When an address is malformed.
    pub fn new(servers: &str) -> Result<Self, BrokerError> {
        Self::with_options(servers, NatsOptions::default())
    }

    /// As [`new`](Self::new), connected to as the options say.
    ///
    /// # Errors
    /// When an address is malformed.
    pub fn with_options(servers: &str, options: NatsOptions) -> Result<Self, BrokerError> {
        Ok(Self(Arc::new(Connection::new(servers, options)?)))
    }
}

/// What is to be published, with an id.
fn outgoing(mut event: Event) -> Result<(Event, bytes::Bytes), BrokerError> {
    let topic = &event.topic;
    if topic.is_empty() || topic.split('.').any(|token| ["", "*", ">"].contains(&token)) {
        let text =
            format!("`{topic}` is no topic to publish to: a part of it is empty or a wildcard");
        return Err(BrokerError::refused(text));
    }
    if event.id.is_empty() {
        event.id = unique::uuid();
    }
    let payload = message::encode(&event);
    Ok((event, payload))
}

/// The event in a message; `None` if it is none, which the log says.
fn incoming(subject: &str, payload: &[u8]) -> Option<Event> {
    match message::decode(payload) {
        Ok(mut event) => {
            // The header is the publisher's word, the subject the server's.
            subject.clone_into(&mut event.topic);
            Some(event)
        }
        Err(error) => {
            tracing::warn!(topic = subject, %error, "a message is no event");
            None
        }
    }
}

impl Broker for NatsBroker {
    fn publish(&self, event: Event) -> BrokerFuture<()> {
        let connection = Arc::clone(&self.0);
        Box::pin(async move {
            let (event, payload) = outgoing(event)?;
            let client = connection.client().await?;
            let text = || format!("cannot publish to `{}`", event.topic);
            let published = client.publish(event.topic.clone(), payload);
            in_time(text, published).await?.map_err(|error| {
                let failed = match error.kind() {
                    PublishErrorKind::Send => BrokerError::unavailable(text()),
                    _ => BrokerError::refused(text()),
                };
                failed.with_source(error)
            })
        })
    }

    fn subscribe(&self, topic: &str, queue: Option<&str>) -> BrokerFuture<Box<dyn Subscription>> {
        let (topic, queue) = (topic.to_owned(), queue.map(str::to_owned));
        let connection = Arc::clone(&self.0);
        Box::pin(async move {
            subscribing::check(&topic, queue.as_deref())?;
            let text = format!("cannot subscribe to `{topic}`");
            let client = connection.client().await?;
            let subscribed = match queue {
                Some(queue) => client.queue_subscribe(topic, queue).await,
                None => client.subscribe(topic).await,
            };
            let subscriber = subscribed
                .map_err(|error| BrokerError::refused(text.clone()).with_source(error))?;
            connection.flush(&client).await?;
            let subscription: Box<dyn Subscription> = Box::new(NatsSubscription(subscriber));
            Ok(subscription)
        })
    }

    fn flush(&self) -> BrokerFuture<()> {
        let connection = Arc::clone(&self.0);
        Box::pin(async move {
            let client = connection.client().await?;
            connection.flush(&client).await
        })
    }
}

/// The server is told when the subscriber is dropped.
struct NatsSubscription(Subscriber);

impl Stream for NatsSubscription {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        loop {
            let Some(message) = std::task::ready!(self.0.poll_next_unpin(cx)) else {
                return Poll::Ready(None);
            };
            if let Some(event) = incoming(&message.subject, &message.payload) {
                return Poll::Ready(Some(Delivery::new(event)));
            }
        }
    }
}

impl Subscription for NatsSubscription {
    fn unsubscribe(
        &mut self,
    ) -> Pin<Box<dyn Future<Output = Result<(), BrokerError>> + Send + '_>> {
        Box::pin(async move {
            let text = || "cannot unsubscribe".to_owned();
            let drained = in_time(text, self.0.drain()).await?;
            drained.map_err(|error| BrokerError::unavailable(text()).with_source(error))
        })
    }
}
