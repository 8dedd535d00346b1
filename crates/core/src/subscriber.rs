//! What handles events, known before the first one.

use std::fmt;

use polywire_schema::TypeRef;

use crate::Handler;

/// One function that handles the events of a topic.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SubscriberDescriptor {
    /// Its name in the program, for logs: `Audit.created`.
    pub name: &'static str,
    /// The topic, such as `orders.created`.
    pub topic: &'static str,
    /// The queue within which each event goes to one member; without one, every member gets a copy.
    pub queue: Option<&'static str>,
    /// The type of the events.
    pub event: TypeRef,
    /// The doc comment.
    pub docs: &'static str,
}

impl SubscriberDescriptor {
    /// Describes a subscriber that belongs to no queue; used by `#[subscribe]`.
    #[must_use]
    pub const fn new(name: &'static str, topic: &'static str, event: TypeRef) -> Self {
        Self { name, topic, queue: None, event, docs: "" }
    }

    /// Sets the queue.
    #[must_use]
    pub const fn with_queue(mut self, queue: &'static str) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

/// A subscriber and what handles its events; made by a typed leaf.
#[derive(Clone)]
pub struct Subscriber {
    /// What it is.
    pub descriptor: &'static SubscriberDescriptor,
    /// What handles the events. The reply's body is not looked at.
    pub handler: Handler,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("name", &self.descriptor.name)
            .field("topic", &self.descriptor.topic)
            .finish_non_exhaustive()
    }
}

/// What `#[subscribe]` makes of a user's methods or function: one subscriber for each.
pub trait SubscriberDefinition: Send + Sync + 'static {
    /// The subscribers, in the order in which they handle the events of one topic.
    fn subscribers(self) -> Vec<Subscriber>;
}
