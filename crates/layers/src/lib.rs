//! Layers for both sides of a call: deadline, concurrency limit, panic containment, trace.
//!
//! `FooLayer` makes `Foo<S>`, which wraps any [`Service`](polywire_core::Service): a router, a
//! client channel, another layer. A server contains panics and ends calls at their deadline by
//! itself; these layers do the same for routers called without one, and for clients.
//!
//! ```
//! use polywire_core::Service;
//! use polywire_layers::{ConcurrencyLimitLayer, DeadlineLayer, Layer};
//!
//! fn stack(service: impl Service) -> impl Service {
//!     // Top to bottom, as a request meets them.
//!     let limited = ConcurrencyLimitLayer::new("orders", 100).layer(service);
//!     DeadlineLayer::new().layer(limited)
//! }
//! ```
#![forbid(unsafe_code)]

mod catch_panic;
mod concurrency_limit;
mod deadline;
#[cfg(test)]
mod probe;
mod trace;

pub use tower_layer::Layer;

pub use self::catch_panic::{CatchPanic, CatchPanicLayer};
pub use self::concurrency_limit::{ConcurrencyLimit, ConcurrencyLimitLayer};
pub use self::deadline::{Deadline, DeadlineLayer};
pub use self::trace::{Trace, TraceLayer};
