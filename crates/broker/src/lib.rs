//! Publish and subscribe: backends of [`polywire_core::Broker`], and typed publishers.
//!
//! A [`Publisher`] encodes values and hands them to a broker, which brings them to every subscription
//! of the topic, and to one of each queue. Which backend does that is one line of text:
//!
//! | text | backend | feature |
//! |---|---|---|
//! | `memory:`, `memory:NAME` | [`MemoryBroker`]: subscribers of this process | `memory` (default) |
//! | `http:`, `http://HOST:PORT` | [`HttpBroker`]: go-micro's own, found through a registry | `http` (default) |
//! | `nats://HOST:PORT,..` | [`NatsBroker`]: a NATS server | `nats` |
//! | `jetstream://HOST:PORT,..` | [`JetStreamBroker`]: a NATS server that keeps events until they are handled | `jetstream` |
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | TLS between publishers and subscribers of `http` |
//!
//! ```
//! use polywire_broker::{MemoryBroker, Publisher};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use futures_util::StreamExt as _;
//! use polywire_core::Broker as _;
//!
//! let broker = Arc::new(MemoryBroker::new());
//! let mut numbers = broker.subscribe("numbers", None).await?;
//! Publisher::new(broker, "numbers").publish(&7_u32).await?;
//! let delivery = numbers.next().await.unwrap();
//! assert_eq!(&delivery.event.body[..], b"7");
//! # Ok(())
//! # }
//! ```
//!
//! Events come at most once, but for those of JetStream; what is promised beyond that, each backend
//! says. What all promise is written down as tests: `polywire_testkit::broker`.
#![forbid(unsafe_code)]

#[cfg(feature = "http")]
mod http;
#[cfg(feature = "memory")]
mod memory;
#[cfg(any(feature = "http", feature = "nats"))]
mod message;
#[cfg(feature = "nats")]
mod nats;
mod publisher;
#[cfg(any(feature = "memory", feature = "http", feature = "nats"))]
mod subscribing;
mod unique;
mod url;

#[cfg(feature = "http")]
pub use self::http::{HttpBroker, HttpBrokerOptions};
#[cfg(feature = "memory")]
pub use self::memory::MemoryBroker;
#[cfg(feature = "jetstream")]
pub use self::nats::{JetStreamBroker, JetStreamOptions};
#[cfg(feature = "nats")]
pub use self::nats::{NatsBroker, NatsOptions};
pub use self::publisher::{PublishError, Publisher};
pub use self::url::{ADDRESS_ENVIRONMENT, ENVIRONMENT, MICRO_ENVIRONMENT, from_env, from_url};

/// What the methods of the seam return.
#[cfg(any(feature = "memory", feature = "http", feature = "nats"))]
type BrokerFuture<T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, polywire_core::BrokerError>> + Send>>;
