//! Clients with go-micro's defaults: how often they call, when, and what they say when they give up.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polywire::prelude::*;
use polywire::registry::MemoryRegistry;
use polywire::{
    CallOptions, ChannelOptions, ClientError, MicroError, Origin, Registry, RetryIf, Running,
    gomicro,
};
use tokio::time::Instant;

#[derive(Serialize, Deserialize, Schema)]
struct Order {
    /// What the service is to do: fail with this code, or nothing at all.
    code: i32,
}

/// Counts how often it is called.
struct Moody(Arc<AtomicUsize>);

#[polywire::service]
impl Moody {
    /// Answers with an error of this code; with none if it is 0, and never if it is negative.
    pub(crate) async fn act(&self, order: Order) -> Result<Order, Status> {
        self.0.fetch_add(1, Ordering::Relaxed);
        match order.code {
            0 => Ok(order),
            code if code < 0 => std::future::pending().await,
            code => Err(MicroError::new("moody", code, "no").into()),
        }
    }
}

struct Setup {
    calls: Arc<AtomicUsize>,
    address: String,
    _running: Running,
}

impl Setup {
    async fn new(name: &str) -> Self {
        let (calls, address) = (Arc::default(), format!("memory:{name}"));
        let app = App::new("moody").serve(MoodyServer::new(Moody(Arc::clone(&calls))));
        let running = app.listen(&*address).private().start().await.unwrap();
        Self { calls, address, _running: running }
    }

    /// How many calls were made of it, how long it took, and what the client is told.
    async fn ask(&self, options: ChannelOptions, code: i32) -> (usize, Duration, Status) {
        let url = format!("micro://{}", self.address);
        let client = MoodyClient::new(Channel::lazy(&url, options).unwrap());
        let (before, began) = (self.calls.load(Ordering::Relaxed), Instant::now());
        let status = client.act(Order { code }).await.err().unwrap();
        (self.calls.load(Ordering::Relaxed) - before, began.elapsed(), status)
    }
}

fn micro(status: &Status) -> (&str, i32, &str) {
    let error = status.cause::<MicroError>().unwrap();
    (&error.id, error.code, &error.detail)
}

const PATIENCE_LOST: (&str, i32, &str) =
    ("go.micro.client", 408, "call timeout: context deadline exceeded");

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_answer_is_asked_every_five_seconds_for_thirty() {
    let setup = Setup::new("gomicro-silent").await;
    let (calls, took, status) = setup.ask(gomicro::defaults(), -1).await;
    // At 0, 5.1, 10.7, 17.6 and 26.9 s.
    assert_eq!((calls, took.as_secs()), (5, 30));
    assert_eq!((micro(&status), status.origin()), (PATIENCE_LOST, Origin::Lost));

    let (calls, took, status) = setup.ask(gomicro::defaults_v2(), -1).await;
    assert_eq!((calls, took.as_secs()), (1, 5));
    assert_eq!(micro(&status), PATIENCE_LOST);
}

#[tokio::test(start_paused = true)]
async fn retries_follow_go_micros_conditions_and_pauses() {
    let setup = Setup::new("gomicro-failing").await;
    let tenths = [0, 1, 6, 19, 43, 79];
    for (options, code, expected) in [
        (gomicro::defaults(), 408, 6),
        (gomicro::defaults(), 500, 1),
        (gomicro::defaults(), 404, 1),
        (gomicro::defaults_v2(), 408, 2),
        (gomicro::defaults_v2(), 500, 2),
        (gomicro::defaults_v2(), 404, 1),
        (gomicro::defaults().retries(0), 408, 1),
        (gomicro::defaults_v2().calls(&gomicro::call_defaults()), 408, 6),
        // What polywire does by itself: nothing twice that may not be done twice.
        (ChannelOptions::default(), 408, 1),
        (ChannelOptions::default(), 500, 1),
    ] {
        let (calls, took, status) = setup.ask(options, code).await;
        assert_eq!((calls, micro(&status)), (expected, ("moody", code, "no")));
        let pauses = Duration::from_millis(100 * tenths[..expected].iter().sum::<u64>());
        assert!(took >= pauses && took < pauses + Duration::from_millis(100), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_an_internal_error_and_can_be_made_to_cost_no_call() {
    let setup = Setup::new("gomicro-there").await;
    let list = CallOptions::new().addresses(["memory:gomicro-nobody", &setup.address]);
    let channel = |options| Channel::lazy(&format!("micro://{}", setup.address), options).unwrap();
    let client = MoodyClient::new(channel(gomicro::defaults()));
    let mut refused = 0;
    // A node that refused is not asked again for a second.
    for _ in 0..100 {
        let Err(status) = client.act(Order { code: 0 }).options(&list).await else { continue };
        let said = "connection error: cannot connect to memory:gomicro-nobody";
        assert_eq!(micro(&status), ("go.micro.client", 500, said));
        assert_eq!(status.origin(), Origin::NotSent);
        refused += 1;
    }
    assert_eq!(refused, 1);

    let both = RetryIf::timed_out().or(RetryIf::safe());
    let client = MoodyClient::new(channel(gomicro::defaults()));
    for _ in 0..100 {
        let call = client.act(Order { code: 0 }).options(&list).retry_if(both.clone());
        call.await.unwrap();
    }
    let nobody = list.addresses(["nowhere"]);
    let status = client.act(Order { code: 0 }).options(&nobody).await.err().unwrap();
    assert!(status.cause::<ClientError>().is_none(), "it is in go-micro's words");
}

#[tokio::test(start_paused = true)]
async fn an_address_needs_no_registry_and_says_what_is_spoken_there() {
    let setup = Setup::new("gomicro-address").await;
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let url = |scheme: &str| format!("{scheme}{}", setup.address);
    for (channel, address) in [
        // go-micro's wire, as its client speaks it with addresses.
        (Channel::discover_with(Arc::clone(&registry), "moody", gomicro::defaults()), url("")),
        (Channel::discover(Arc::clone(&registry), "moody"), url("")),
        (Channel::discover(registry, "moody"), url("micro://")),
        (Channel::lazy("memory:nobody", ChannelOptions::default()).unwrap(), url("micro://")),
        (Channel::lazy("micro://memory:nobody", gomicro::defaults()).unwrap(), url("jsonrpc://")),
    ] {
        let client = MoodyClient::new(channel);
        let reply = client.act(Order { code: 0 }).addresses([address.clone()]).await;
        assert_eq!(reply.map(|order| order.code).unwrap(), 0, "{address}");
    }
    assert_eq!(setup.calls.load(Ordering::Relaxed), 5);
}
