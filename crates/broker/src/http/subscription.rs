//! One subscription: its place at the endpoint, its lease in the registry, its events.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::Stream;
use polywire_core::{BrokerError, Delivery, Lease, Subscription};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use super::endpoint::Endpoint;

pub(super) struct HttpSubscription {
    /// The last subscription to let go of it closes the port.
    endpoint: Option<Arc<Endpoint>>,
    id: String,
    topic: String,
    lease: Option<Box<dyn Lease>>,
    events: Receiver<Delivery>,
    /// The endpoint is served among the broker's tasks, which its user may let go of before.
    _tasks: Arc<Mutex<JoinSet<()>>>,
}

impl HttpSubscription {
    /// A subscription that can be posted to; nobody has been told of it yet.
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        id: String,
        topic: String,
        tasks: Arc<Mutex<JoinSet<()>>>,
    ) -> Self {
        let events = endpoint.subscriptions().add(&id, &topic);
        Self { endpoint: Some(endpoint), id, topic, lease: None, events, _tasks: tasks }
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn hold(&mut self, lease: Box<dyn Lease>) {
        self.lease = Some(lease);
    }

    fn leave(&mut self) {
        if let Some(endpoint) = self.endpoint.take() {
            endpoint.subscriptions().remove(&self.id);
        }
    }
}

impl Stream for HttpSubscription {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.events.poll_recv(cx)
    }
}

impl Subscription for HttpSubscription {
    fn unsubscribe(
        &mut self,
    ) -> Pin<Box<dyn Future<Output = Result<(), BrokerError>> + Send + '_>> {
        Box::pin(async move {
            // Publishers stop first; what they post in the meantime is still taken.
            let revoked = match self.lease.take() {
                Some(lease) => lease.revoke().await,
                None => Ok(()),
            };
            self.leave();
            revoked.map_err(|error| {
                let text = format!("cannot withdraw the subscription to `{}`", self.topic);
                BrokerError::unavailable(text).with_source(error)
            })
        })
    }
}

impl Drop for HttpSubscription {
    fn drop(&mut self) {
        self.leave();
    }
}
