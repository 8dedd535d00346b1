//! What `#[service]` makes of traits and of impl blocks.
#![deny(missing_docs, unused_qualifications, unreachable_pub, unnameable_types, warnings)]

mod fake;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Poll, Waker};

use fake::__private::{Context, Method, Service, ServiceDefinition, Status};
use polywire_core::{Code, MethodName, Reply, Request};
use polywire_macros::{Schema, service};
use polywire_schema::{Kind, Type};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(crate = "fake")]
struct Hello {
    name: String,
}

struct Refused;

impl From<Refused> for Status {
    fn from(Refused: Refused) -> Self {
        Self::new(Code::PermissionDenied, "refused")
    }
}

/// Greets people.
///
/// In several ways.
#[service(crate = "crate::fake", package = "greeter.v1")]
trait Greeter {
    /// Says hello.
    #[rpc(idempotent)]
    async fn hello(&self, cx: &Context, req: Hello) -> Result<String, Status>;

    async fn get_user_id(&self) -> u64;

    #[rpc(name = "Sum", detached)]
    async fn add(&self, left_hand: i32, __service: i32) -> Result<i32, Refused>;

    async fn touch(&self, times: u32) {
        let _: u32 = times;
    }

    #[rpc(skip)]
    async fn unseen(&self, what: &str) -> usize {
        what.len()
    }

    #[rpc(skip)]
    fn constant() -> u8 {
        7
    }
}

struct Impl;

impl Greeter for Impl {
    async fn hello(&self, cx: &Context, req: Hello) -> Result<String, Status> {
        Ok(format!("{} {}", cx.method, req.name))
    }

    async fn get_user_id(&self) -> u64 {
        7
    }

    async fn add(&self, left_hand: i32, right: i32) -> Result<i32, Refused> {
        left_hand.checked_add(right).ok_or(Refused)
    }
}

/// Counts.
#[derive(Default)]
struct Counter {
    count: AtomicU32,
}

/// Counts calls.
#[service(crate = "fake", name = "Count")]
impl Counter {
    const STEP: u32 = 1;

    /// Makes one.
    #[must_use]
    pub(crate) fn make() -> Self {
        Self::default()
    }

    /// Counts one more.
    pub(crate) async fn next_id(&self) -> Result<u32, Status> {
        Ok(self.add(Self::STEP).await)
    }

    /// Not for peers.
    #[rpc(skip)]
    pub(crate) async fn reset(&mut self) {
        *self.count.get_mut() = std::future::ready(0).await;
    }

    /// Runs at once.
    pub(crate) fn current(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// Adds.
    #[rpc(idempotent)]
    pub(crate) async fn plus(&self, _cx: &Context, mut n: u32) -> u32 {
        n += 0;
        self.add(n).await
    }

    async fn add(&self, n: u32) -> u32 {
        std::future::ready(self.count.fetch_add(n, Ordering::Relaxed) + n).await
    }
}

/// Calls the method of that name, as a router would.
struct Router(Vec<Method>);

impl Service for Router {
    async fn call(&self, req: Request) -> Reply {
        let found = self.0.iter().find(|method| method.descriptor.path == req.method.as_str());
        (found.expect("a known method").handler)(req).await
    }
}

/// The output of a future that has nothing to wait for.
fn now<F: Future>(future: F) -> F::Output {
    let mut cx = std::task::Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut cx) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("pending"),
    }
}

fn greeter() -> GreeterClient<Router> {
    GreeterClient::new(Router(GreeterServer::new(Impl).methods()))
}

fn names(ty: &'static Type) -> Vec<(&'static str, &'static str)> {
    let Kind::Struct(described) = ty.kind else { panic!("{ty}") };
    described.fields.iter().map(|field| (field.serde, field.go)).collect()
}

#[test]
fn the_descriptor_has_names_docs_and_flags() {
    let described = GreeterServer::new(Impl).descriptor();
    assert_eq!((described.name, described.package), ("Greeter", "greeter.v1"));
    assert_eq!(described.docs, "Greets people.\n\nIn several ways.");
    let paths: Vec<_> = described.methods.iter().map(|method| (method.name, method.path)).collect();
    assert_eq!(
        paths,
        [
            ("Hello", "Greeter.Hello"),
            ("GetUserID", "Greeter.GetUserID"),
            ("Sum", "Greeter.Sum"),
            ("Touch", "Greeter.Touch"),
        ]
    );
    assert!(described.methods.iter().all(|method| method.package == "greeter.v1"));
    let [hello, id, sum, _] = described.methods else { panic!() };
    assert_eq!((hello.docs, hello.idempotent, hello.detached), ("Says hello.", true, false));
    assert_eq!((sum.idempotent, sum.detached), (false, true));
    assert_eq!((id.request)().name(), "()");
    assert_eq!((id.reply)().name(), "u64");
}

#[test]
fn several_arguments_travel_as_a_struct_of_their_names() {
    let sum = &GreeterServer::new(Impl).descriptor().methods[2];
    assert_eq!((sum.request)().name(), "GreeterAddArgs");
    assert_eq!(names((sum.request)()), [("left_hand", "LeftHand"), ("__service", "Service")]);
}

#[test]
fn a_client_reaches_an_implementation_without_a_socket() {
    let client = greeter();
    let hello = now(client.hello(Hello { name: "Alice".into() }).into_future());
    assert_eq!(hello.unwrap(), "Greeter.Hello Alice");
    assert_eq!(now(client.get_user_id().into_future()).unwrap(), 7);
    assert_eq!(now(client.add(1, 2).into_future()).unwrap(), 3);
    assert!(now(client.touch(1).into_future()).is_ok());
}

#[test]
fn an_error_of_the_users_becomes_a_status() {
    let status = now(greeter().add(i32::MAX, 1).into_future()).unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[test]
fn skipped_functions_stay_callable_and_unseen() {
    assert_eq!(now(Impl.unseen("four")), 4);
    assert_eq!(Impl::constant(), 7);
    let names: Vec<_> =
        GreeterServer::new(Impl).methods().iter().map(|m| m.descriptor.name).collect();
    assert_eq!(names, ["Hello", "GetUserID", "Sum", "Touch"]);
}

#[test]
fn public_async_methods_of_an_impl_block_are_offered() {
    let counter = Arc::new(Counter::make());
    let server = CounterServer::from_arc(Arc::clone(&counter));
    let described = server.descriptor();
    assert_eq!((described.name, described.docs), ("Count", "Counts calls."));
    let paths: Vec<_> = described.methods.iter().map(|method| method.path).collect();
    assert_eq!(paths, ["Count.NextID", "Count.Plus"]);

    let client = CounterClient::new(Router(server.clone().methods()));
    assert_eq!(now(client.next_id().into_future()).unwrap(), 1);
    assert_eq!(now(client.plus(2).into_future()).unwrap(), 3);
    assert_eq!(counter.current(), 3);
    let mut counter = Counter::make();
    now(counter.reset());
    assert_eq!(format!("{server:?}"), "CounterServer");
}

#[test]
fn a_client_connects_to_a_url_or_finds_a_service() {
    let client: GreeterClient = now(GreeterClient::connect("netrpc://a:1")).unwrap();
    assert_eq!(format!("{client:?}"), "GreeterClient(Channel(\"netrpc://a:1\"))");
    assert!(now(CounterClient::discover("")).is_err());
}

#[test]
fn handlers_are_sent_between_threads() {
    fn sent<T: Send + Sync + 'static>(_: &T) {}
    sent(&GreeterServer::new(Impl));
    sent(&GreeterServer::new(Impl).methods());
    fn future<T: Send>(_: &T) {}
    let context = Context::new(MethodName::new("a", "b"));
    future(&Greeter::hello(&Impl, &context, Hello { name: String::new() }));
}
