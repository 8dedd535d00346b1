//! Values that are published, instead of bytes.

use std::fmt;
use std::sync::Arc;

use polywire_codec::{CodecError, Message};
use polywire_core::{
    Broker, BrokerError, ByteStr, Code, Context, Encoding, Event, Metadata, Origin, Status,
};

use crate::unique;

/// Publishes values to one topic.
///
/// Values travel in JSON, the canonical one of Protocol Buffers, unless
/// [`protobuf`](Self::protobuf) says otherwise; go-micro takes either. Every event has an id of its
/// own. Clones share the broker.
#[derive(Clone)]
pub struct Publisher {
    broker: Arc<dyn Broker>,
    topic: String,
    headers: Metadata,
    encoding: Encoding,
    content_type: &'static str,
}

/// Why a value was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The value has no form in the encoding; publishing it again does not help.
    #[error("an event of topic `{topic}` cannot be encoded")]
    Encode {
        /// The topic.
        topic: String,
        /// What is wrong with the value.
        source: CodecError,
    },
    /// The broker did not take it; whether to try again is a matter of its
    /// [kind](BrokerError::kind).
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl From<PublishError> for Status {
    /// So that a handler that publishes can use `?`.
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Broker(error) => error.into(),
            PublishError::Encode { .. } => Self::new(Code::Internal, error.to_string())
                .with_origin(Origin::NotSent)
                .with_source(error),
        }
    }
}

impl Publisher {
    /// Publishes to a topic.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>, topic: impl Into<String>) -> Self {
        Self {
            broker,
            topic: topic.into(),
            headers: Metadata::new(),
            encoding: Encoding::ProtoJson,
            content_type: "application/json",
        }
    }

    /// Has values travel in Protocol Buffers.
    #[must_use]
    pub const fn protobuf(mut self) -> Self {
        self.encoding = Encoding::Protobuf;
        self.content_type = "application/protobuf";
        self
    }

    /// Adds a header to every event.
    #[must_use]
    pub fn header(mut self, name: impl Into<ByteStr>, value: impl Into<ByteStr>) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Publishes a value.
    ///
    /// **Cancel safe**, but for that the event may have been published.
    ///
    /// # Errors
    /// When the value cannot be encoded or the broker does not take it.
    pub async fn publish<T: Message + Sync>(&self, value: &T) -> Result<(), PublishError> {
        let event = self.event(value)?;
        Ok(self.broker.publish(event).await?)
    }

    /// Publishes a value on behalf of the call or event that is being handled: the trace it belongs to
    /// (`traceparent`, `tracestate`, `baggage`) goes on with the event.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_within<T: Message + Sync>(
        &self,
        cx: &Context,
        value: &T,
    ) -> Result<(), PublishError> {
        let mut event = self.event(value)?;
        for name in TRACE {
            for traced in cx.metadata.get_all(name) {
                event.headers.append(name, traced);
            }
        }
        Ok(self.broker.publish(event).await?)
    }

    /// Waits until what was published has left this process, or was given up; see [`Broker::flush`].
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub async fn flush(&self) -> Result<(), BrokerError> {
        self.broker.flush().await
    }

    fn event<T: Message>(&self, value: &T) -> Result<Event, PublishError> {
        let failed = |source| PublishError::Encode { topic: self.topic.clone(), source };
        let payload = value.encode(self.encoding).map_err(failed)?;
        let event = Event::new(self.topic.clone(), self.content_type, payload.bytes);
        Ok(event.with_id(unique::uuid()).with_headers(self.headers.clone()))
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("topic", &self.topic)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// What W3C's trace context and baggage are called.
const TRACE: [&str; 3] = ["traceparent", "tracestate", "baggage"];

#[cfg(all(test, feature = "memory"))]
mod tests {
    use futures_util::StreamExt as _;
    use polywire_core::MethodName;

    use super::*;
    use crate::MemoryBroker;

    #[tokio::test]
    async fn a_value_travels_with_its_headers_and_the_trace_it_belongs_to() {
        let broker = Arc::new(MemoryBroker::new());
        let mut events = broker.subscribe("t", None).await.unwrap();
        let publisher = Publisher::new(broker, "t").header("zone", "z1");
        let mut cx = Context::new(MethodName::new("A", "B"));
        cx.metadata.append("Traceparent", "00-1-2-01");
        cx.metadata.append("authorization", "secret");
        publisher.publish_within(&cx, &"hi".to_owned()).await.unwrap();
        let first = events.next().await.unwrap().event;
        assert_eq!(
            (&first.body[..], first.content_type.as_str()),
            (&b"\"hi\""[..], "application/json")
        );
        let headers: Vec<_> = first.headers.iter().collect();
        assert_eq!(headers, [("zone", "z1"), ("traceparent", "00-1-2-01")]);

        publisher.protobuf().publish(&7_u32).await.unwrap();
        let second = events.next().await.unwrap().event;
        assert_eq!(
            (&second.body[..], second.content_type.as_str()),
            (&b"\x08\x07"[..], "application/protobuf")
        );
        assert!(!first.id.is_empty() && first.id != second.id);
    }
}
