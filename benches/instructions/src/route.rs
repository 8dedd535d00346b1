//! From a method's name to its handler, and nothing else.

use std::future::{Future as _, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use polywire_core::{
    Body, Handler, Method, MethodDescriptor, MethodName, Request, Response, Service as _,
    ServiceDefinition, ServiceDescriptor,
};
use polywire_schema::Schema as _;
use polywire_server::Router;

macro_rules! methods {
    ($($name:literal)*) => {
        [$(MethodDescriptor::new($name, concat!("S.", $name), i64::schema, i64::schema)),*]
    };
}

static METHODS: [MethodDescriptor; 8] =
    methods!["Add" "Get" "List" "Update" "Delete" "Watch" "Export" "Import"];
static SERVICE: ServiceDescriptor = ServiceDescriptor::new("S", &METHODS);

struct Answers;

impl ServiceDefinition for Answers {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &SERVICE
    }

    fn methods(self) -> Vec<Method> {
        let handler: Handler = Arc::new(|_request| Box::pin(ready(Ok(Response::default()))));
        let method = |descriptor| Method { descriptor, handler: Arc::clone(&handler) };
        METHODS.iter().map(method).collect()
    }
}

/// A router of 64 methods in 8 services.
#[derive(Debug)]
pub struct Routes(Router);

impl Routes {
    /// A router that has answered before.
    ///
    /// # Panics
    /// When a service cannot be added.
    #[must_use]
    pub fn warm() -> Self {
        let names = ["users", "orders", "carts", "stock", "mail", "search", "audit", "net.rpc.S"];
        let routes = Self(names.iter().fold(Router::new(), |router, name| {
            router.add_named(name, Answers).expect("the names differ")
        }));
        routes.call(Self::request());
        routes
    }

    /// A call of one of its methods.
    #[must_use]
    pub fn request() -> Request {
        Request::new(MethodName::new("net.rpc.S", "Export"), Body::Empty)
    }

    /// Routes a call to its handler and takes the answer.
    ///
    /// # Panics
    /// When the call is not answered at once.
    pub fn call(&self, request: Request) -> Response {
        let call = pin!(self.0.call(request));
        match call.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response,
            other => panic!("{other:?}"),
        }
    }
}
