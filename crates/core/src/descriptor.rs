//! What a service offers, known before the first call.

use std::fmt;
use std::sync::Arc;

use polywire_schema::TypeRef;

use crate::{ReplyFuture, Request};

/// A service: its name and its methods.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ServiceDescriptor {
    /// The name on the wire, such as `Greeter`.
    pub name: &'static str,
    /// The package in front of it on wires that have one, such as `greeter.v1`; empty if none.
    pub package: &'static str,
    /// The doc comment.
    pub docs: &'static str,
    /// The methods in declaration order.
    pub methods: &'static [MethodDescriptor],
}

impl ServiceDescriptor {
    /// Describes a service; used by `#[service]`.
    #[must_use]
    pub const fn new(name: &'static str, methods: &'static [MethodDescriptor]) -> Self {
        Self { name, package: "", docs: "", methods }
    }

    /// Sets the package.
    #[must_use]
    pub const fn with_package(mut self, package: &'static str) -> Self {
        self.package = package;
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

/// How many values go each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CallKind {
    /// One there, one back.
    #[default]
    Unary,
    /// Many there, one back.
    ClientStreaming,
    /// One there, many back.
    ServerStreaming,
    /// Many there, many back, at the same time.
    BidiStreaming,
}

impl CallKind {
    /// Whether the caller sends any number of values.
    #[must_use]
    pub const fn client_streams(self) -> bool {
        matches!(self, Self::ClientStreaming | Self::BidiStreaming)
    }

    /// Whether the callee sends any number of values.
    #[must_use]
    pub const fn server_streams(self) -> bool {
        matches!(self, Self::ServerStreaming | Self::BidiStreaming)
    }
}

/// One method of a service.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct MethodDescriptor {
    /// The name on the wire, in Go's style: `Hello`, `SleepMilli`.
    pub name: &'static str,
    /// Service and method joined by a dot, as a client sends it: `Greeter.Hello`.
    pub path: &'static str,
    /// The package of the service, as in [`ServiceDescriptor::package`].
    pub package: &'static str,
    /// The type of the argument.
    pub request: TypeRef,
    /// The type of the result.
    pub reply: TypeRef,
    /// How many values go each way.
    pub kind: CallKind,
    /// Whether calling it twice is the same as calling it once.
    pub idempotent: bool,
    /// Whether the handler goes on when its caller has gone away.
    pub detached: bool,
    /// The doc comment.
    pub docs: &'static str,
}

impl MethodDescriptor {
    /// Describes a method; used by `#[service]`.
    #[must_use]
    pub const fn new(
        name: &'static str,
        path: &'static str,
        request: TypeRef,
        reply: TypeRef,
    ) -> Self {
        Self {
            name,
            path,
            package: "",
            request,
            reply,
            kind: CallKind::Unary,
            idempotent: false,
            detached: false,
            docs: "",
        }
    }

    /// Sets the package of the service.
    #[must_use]
    pub const fn with_package(mut self, package: &'static str) -> Self {
        self.package = package;
        self
    }

    /// Says how many values go each way.
    #[must_use]
    pub const fn with_kind(mut self, kind: CallKind) -> Self {
        self.kind = kind;
        self
    }

    /// Says that calling it twice is the same as calling it once.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Says that the handler goes on when its caller has gone away.
    #[must_use]
    pub const fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

/// Answers the calls of one method; made by a typed leaf.
pub type Handler = Arc<dyn Fn(Request) -> ReplyFuture + Send + Sync>;

/// A method and what answers it.
#[derive(Clone)]
pub struct Method {
    /// What it is.
    pub descriptor: &'static MethodDescriptor,
    /// What answers it.
    pub handler: Handler,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method").field("path", &self.descriptor.path).finish_non_exhaustive()
    }
}

/// What `#[service]` makes of a user's implementation: a description and a handler per method.
pub trait ServiceDefinition: Send + Sync + 'static {
    /// The service's name and methods.
    fn descriptor(&self) -> &'static ServiceDescriptor;

    /// One handler per method of the descriptor, in the same order.
    fn methods(self) -> Vec<Method>;
}
