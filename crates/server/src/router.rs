//! From a method's name to what answers it.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use polywire_codec::CodecError;
use polywire_core::{
    Code, Handler, MethodDescriptor, MethodName, Reply, ReplyFuture, Request, Service,
    ServiceDefinition, ServiceDescriptor, Status, SubscriberDefinition, SubscriberDescriptor,
};
use polywire_wire::http1::{DebugMethod, DebugService};

use crate::topics::Topics;

/// Answers requests by the method they name. Clones share what was added.
#[derive(Clone, Default)]
pub struct Router(Arc<Services>);

#[derive(Clone, Default)]
struct Services {
    by_name: Map<String, Entry>,
    /// The names with their packages, as wires have them whose names hold those.
    by_full_name: Map<String, Entry>,
    topics: Topics,
}

/// Keys are names the program registered; peers only look up, so no defence against chosen keys is
/// needed.
type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

#[derive(Clone)]
struct Entry {
    descriptor: &'static ServiceDescriptor,
    methods: Arc<Map<&'static str, Counted>>,
}

struct Counted {
    descriptor: &'static MethodDescriptor,
    handler: Handler,
    calls: AtomicU64,
}

/// Why a service cannot be offered; the texts are Go's where Go has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another service has the name; choose another one.
    #[error("rpc: service already defined: {0}")]
    Taken(String),
    /// A service needs a name.
    #[error("rpc.Register: no service name for type {0}")]
    NoName(&'static str),
    /// A subscriber needs a topic.
    #[error("subscriber {0} has an empty topic")]
    NoTopic(&'static str),
    /// A service needs a method.
    #[error("rpc.Register: type {0} has no exported methods of suitable type")]
    NoMethods(&'static str),
    /// An argument or result has no form on one of the wires.
    #[error("method {method}: {source}")]
    Type {
        /// The method, or the subscriber.
        method: &'static str,
        /// The type, the field, and the wire that cannot carry it.
        source: CodecError,
    },
}

impl Router {
    /// Answers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service under its own name.
    ///
    /// # Errors
    /// When the name is taken, or a type cannot travel.
    #[expect(clippy::should_implement_trait, reason = "services are added, not summed")]
    pub fn add(self, service: impl ServiceDefinition) -> Result<Self, RegisterError> {
        let name = service.descriptor().name;
        self.add_named(name, service)
    }

    /// Adds a service under another name, as Go's `RegisterName` does.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_named(
        mut self,
        name: &str,
        service: impl ServiceDefinition,
    ) -> Result<Self, RegisterError> {
        let descriptor = service.descriptor();
        if name.is_empty() {
            return Err(RegisterError::NoName(descriptor.name));
        }
        if descriptor.methods.is_empty() {
            return Err(RegisterError::NoMethods(descriptor.name));
        }
        if self.0.by_name.contains_key(name) {
            return Err(RegisterError::Taken(name.to_owned()));
        }
        for method in descriptor.methods {
            for ty in [method.request, method.reply] {
                polywire_codec::check(ty())
                    .map_err(|source| RegisterError::Type { method: method.path, source })?;
            }
        }
        let methods = service.methods().into_iter().map(|method| {
            let (descriptor, handler) = (method.descriptor, method.handler);
            let counted = Counted { descriptor, handler, calls: AtomicU64::new(0) };
            (descriptor.name, counted)
        });
        let entry = Entry { descriptor, methods: Arc::new(methods.collect()) };
        let services = Arc::make_mut(&mut self.0);
        if !descriptor.package.is_empty() {
            let full_name = format!("{}.{name}", descriptor.package);
            services.by_full_name.insert(full_name, entry.clone());
        }
        services.by_name.insert(name.to_owned(), entry);
        Ok(self)
    }

    /// Adds what handles events. Subscribers of one topic run in the order in which they were added.
    ///
    /// # Errors
    /// When a topic is empty, or the type of the events cannot travel.
    pub fn subscribe(
        mut self,
        subscribers: impl SubscriberDefinition,
    ) -> Result<Self, RegisterError> {
        for subscriber in subscribers.subscribers() {
            let descriptor = subscriber.descriptor;
            if descriptor.topic.is_empty() {
                return Err(RegisterError::NoTopic(descriptor.name));
            }
            polywire_codec::check((descriptor.event)())
                .map_err(|source| RegisterError::Type { method: descriptor.name, source })?;
            Arc::make_mut(&mut self.0).topics.add(subscriber);
        }
        Ok(self)
    }

    /// Every topic that has subscribers, with each queue that they belong to, `None` for those that
    /// belong to none.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<(&'static str, Option<&'static str>)> {
        self.0.topics.subscriptions()
    }

    /// Every subscriber.
    pub fn subscribers(&self) -> impl Iterator<Item = &'static SubscriberDescriptor> {
        self.0.topics.subscribers()
    }

    /// Every service, and the name it was added under.
    pub fn services(&self) -> impl Iterator<Item = (&str, &'static ServiceDescriptor)> {
        self.0.by_name.iter().map(|(name, entry)| (name.as_str(), entry.descriptor))
    }

    /// What the debug page shows.
    pub(crate) fn debug_services(&self) -> Vec<DebugService> {
        let service = |(name, entry): (&String, &Entry)| {
            let methods = entry.methods.values().map(|method| {
                let (argument, reply) =
                    ((method.descriptor.request)(), (method.descriptor.reply)());
                let calls = method.calls.load(Ordering::Relaxed);
                DebugMethod::new(method.descriptor.name, argument, reply, calls)
            });
            DebugService { name: name.clone(), methods: methods.collect() }
        };
        self.0.by_name.iter().map(service).collect()
    }

    /// Starts a call without another box around the leaf's own.
    pub(crate) fn start(&self, mut req: Request) -> ReplyFuture {
        match self.find(&req) {
            Ok(method) => {
                method.calls.fetch_add(1, Ordering::Relaxed);
                (method.handler)(req)
            }
            // Events come behind calls, whose way to their handlers is no longer for them.
            Err(status) => match self.0.topics.start(&mut req) {
                Some(handled) => handled,
                None => Box::pin(ready(Err(status))),
            },
        }
    }

    fn find(&self, request: &Request) -> Result<&Counted, Status> {
        let missing = |what| {
            Status::new(Code::Unimplemented, format!("rpc: can't find {what} {}", request.method))
        };
        let entry = self.entry(&request.method).ok_or_else(|| missing("service"))?;
        entry.methods.get(request.method.method()).ok_or_else(|| missing("method"))
    }

    fn entry(&self, name: &MethodName) -> Option<&Entry> {
        let service = name.service();
        self.0.by_name.get(service).or_else(|| self.0.by_full_name.get(service))
    }

    /// What is known of a method before it is called.
    #[cfg(feature = "http")]
    pub(crate) fn descriptor(&self, name: &MethodName) -> Option<&'static MethodDescriptor> {
        self.entry(name)?.methods.get(name.method()).map(|method| method.descriptor)
    }
}

impl Service for Router {
    fn call(&self, req: Request) -> impl Future<Output = Reply> + Send {
        self.start(req)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.by_name.keys()).finish()
    }
}
