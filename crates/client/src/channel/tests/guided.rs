//! Calls that say how they are to be made; among others what go-micro's own tests check of its
//! client: CallAddress, CallRetry, CallWrapper.

use std::sync::atomic::AtomicBool;

use polywire_core::InstanceMethod;
use polywire_wire::micro::MicroError;

use super::*;
use crate::{Backoff, Balancer, Candidate, Filter, Picker, RetryIf};

fn with(mut request: Request, options: CallOptions) -> Request {
    request.extensions.insert(options);
    request
}

/// Answers every attempt itself: the first ones fail with this code, the others succeed.
fn failing(times: usize, code: i32) -> (CallOptions, Arc<AtomicUsize>) {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let options = CallOptions::new().wrap(move |_attempt: Attempt<'_>| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            if number < times {
                return Err(MicroError::new("test.error", code, "retry request").into());
            }
            Ok(Response::new(body(7)))
        })
    });
    (options, attempts)
}

/// A wrapper that writes down its name, the node and its metadata, and goes on.
fn noting(name: &'static str, notes: &Arc<Mutex<Vec<String>>>) -> CallOptions {
    let notes = Arc::clone(notes);
    CallOptions::new().wrap(move |attempt: Attempt<'_>| {
        let instance = attempt.instance();
        let zone = instance.metadata.get("zone").map_or("", String::as_str);
        let note = format!("{name} {} {zone} {}", instance.address, attempt.number());
        notes.lock().unwrap().push(note);
        attempt.proceed()
    })
}

async fn registered(instances: impl IntoIterator<Item = Instance>) -> MemoryRegistry {
    let registry = MemoryRegistry::new();
    for instance in instances {
        // A lease that is forgotten keeps its instance as long as the registry lives.
        std::mem::forget(registry.register(instance).await.unwrap());
    }
    registry
}

fn instance(address: &str) -> Instance {
    Instance::new("greeter", address, address.into())
}

#[tokio::test(start_paused = true)]
async fn an_address_of_the_call_goes_before_the_registry() {
    let net = Net::new([("a:1", Mood::Echo), ("10.1.10.1:8080", Mood::Echo)]);
    let registry = registered([instance("a:1")]).await;
    let channel = net.discover(Arc::new(registry), options());
    let notes = Arc::default();
    let given = noting("w", &notes).addresses(["10.1.10.1:8080"]);
    for _ in 0..3 {
        assert_eq!(ask(&channel, with(request(1), given.clone())).await.unwrap(), 1);
    }
    assert_eq!(*notes.lock().unwrap(), ["w 10.1.10.1:8080  0"; 3]);
    assert_eq!(net.dials(), 1, "the connection is kept for the next call");
    let nowhere = CallOptions::new().addresses(["nowhere"]);
    let status = ask(&channel, with(request(1), nowhere)).await.unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::InvalidArgument, Origin::NotSent));
    // No addresses are no list.
    let none = CallOptions::new().addresses(Vec::<String>::new());
    assert_eq!(ask(&channel, with(request(2), none)).await.unwrap(), 2);
    assert!(channel.nodes().iter().any(|node| node.id == "a:1" && node.is_connected));
    channel.close();
    let status = ask(&channel, with(request(1), given)).await.unwrap_err();
    assert!(matches!(status.cause(), Some(ClientError::Shutdown)));
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_in_a_list_costs_no_call() {
    let net = Net::new([("b:1", Mood::Echo)]);
    let channel = net.channel("x:1", options());
    let list = CallOptions::new().addresses(["gone:1", "b:1"]);
    for balancer in [Balancer::least_loaded(), Balancer::random(), Balancer::round_robin()] {
        for number in 0..100 {
            let request = with(request(number), list.clone().balancer(balancer.clone()));
            assert_eq!(ask(&channel, request).await.unwrap(), number);
        }
        channel.reset();
    }
    assert!(net.dials() <= 1 + 3 * 2, "{} dials", net.dials());
}

#[tokio::test(start_paused = true)]
async fn always_and_one_retry_are_two_calls() {
    let net = Net::new([]);
    let channel = net.channel("a:1", options());
    for (retries, failures, attempts) in [(1, 1, 2), (0, 0, 1), (5, 3, 4)] {
        let (options, counted) = failing(failures, 500);
        let options = options.retry_if(RetryIf::always()).retries(retries);
        assert_eq!(ask(&channel, with(request(1), options)).await.unwrap(), 7);
        assert_eq!(counted.load(Ordering::Relaxed), attempts);
    }
    // Once the retries are over the last failure is what the call comes to.
    for (retries, condition, attempts) in [
        (0, RetryIf::always(), 1),
        (2, RetryIf::always(), 3),
        (5, RetryIf::never(), 1),
        (5, RetryIf::timed_out(), 1),
        (5, RetryIf::timed_out_or_internal(), 6),
        (5, RetryIf::custom(|_, retries, _| retries < 3), 4),
    ] {
        let (options, counted) = failing(usize::MAX, 500);
        let options = options.retry_if(condition).retries(retries);
        let status = ask(&channel, with(request(1), options)).await.unwrap_err();
        assert_eq!(status.message(), "retry request");
        assert_eq!(counted.load(Ordering::Relaxed), attempts);
    }
    assert_eq!(net.dials(), 0, "a wrapper that answers itself needs no node");
}

#[tokio::test(start_paused = true)]
async fn the_first_wrapper_is_the_outermost_and_the_channels_are_outside_of_the_calls() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let registry = registered([instance("a:1").with_metadata("zone", "eu")]).await;
    let notes = Arc::default();
    let calls = noting("first", &notes).wrap(|mut attempt: Attempt<'_>| {
        // What one attempt adds does not stay for the next.
        assert_eq!(attempt.metadata().get("n"), None);
        attempt.metadata().insert("n", "1");
        attempt.proceed()
    });
    let channel = net.discover(Arc::new(registry), options().calls(&calls));
    let own = noting("second", &notes).wrap(|attempt: Attempt<'_>| {
        assert_eq!(attempt.request().metadata.get("n"), Some("1"));
        if attempt.number() == 0 {
            return Box::pin(async { Err(Status::new(Code::Aborted, "once more")) });
        }
        Box::pin(async move { attempt.proceed().await.map(|_reply| Response::new(body(8))) })
    });
    let own = own.retry_if(RetryIf::always()).backoff(Backoff::fixed(Duration::ZERO));
    assert_eq!(ask(&channel, with(request(1), own)).await.unwrap(), 8);
    let seen = notes.lock().unwrap().clone();
    assert_eq!(seen, ["first a:1 eu 0", "second a:1 eu 0", "first a:1 eu 1", "second a:1 eu 1"]);
    assert_eq!(net.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_is_always_true_ends_by_the_deadline_and_lets_others_run() {
    let net = Net::new([]);
    let channel = net.channel("a:1", options().no_retry_budget());
    let (forever, counted) = failing(usize::MAX, 500);
    let forever = forever.retry_if(RetryIf::always()).retries(u32::MAX);
    let slow = forever.clone().backoff(Backoff::fixed(Duration::from_millis(1)));
    let began = Instant::now();
    let slow = slow.timeout(Duration::from_secs(1));
    let status = ask(&channel, with(request(1), slow)).await.unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::DeadlineExceeded, Origin::NotSent));
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    assert!((900..=1001).contains(&counted.load(Ordering::Relaxed)));

    let over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&over);
    let busy = forever
        .backoff(Backoff::fixed(Duration::ZERO))
        .retry_if(RetryIf::custom(move |_, _, _| !seen.load(Ordering::Relaxed)));
    let other = async {
        tokio::task::yield_now().await;
        over.store(true, Ordering::Relaxed);
    };
    let (reply, ()) = tokio::join!(ask(&channel, with(request(1), busy)), other);
    assert_eq!(reply.unwrap_err().message(), "retry request");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_pause() {
    let net = Net::new([]);
    let channel = net.channel("a:1", options());
    let (failing, counted) = failing(usize::MAX, 408);
    let options = failing
        .retry_if(RetryIf::timed_out())
        .retries(5)
        .backoff(Backoff::micro())
        .timeout(Duration::from_secs(1));
    let began = Instant::now();
    let status = ask(&channel, with(request(1), options.clone())).await.unwrap_err();
    assert!(matches!(status.cause(), Some(ClientError::Timeout)), "{status:?}");
    // At 0, 100 and 700 ms; the next would be at 2.6 s.
    assert_eq!((began.elapsed(), counted.load(Ordering::Relaxed)), (Duration::from_secs(1), 3));

    // A pause of our own that would be cut short is not begun: the call ends at once, and with its
    // failure rather than for lack of time.
    let long = Backoff::jittered(Duration::from_secs(1));
    let options = options.backoff(long).timeout(Duration::from_nanos(1));
    let began = Instant::now();
    let status = ask(&channel, with(request(1), options)).await.unwrap_err();
    assert!(status.cause::<ClientError>().is_none(), "{status:?}");
    assert_eq!(status.message(), "retry request");
    assert_eq!((began.elapsed(), counted.load(Ordering::Relaxed)), (Duration::ZERO, 3 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_in_an_attempts_time_gives_way_to_another() {
    let net = Net::new([("a:1", Mood::Mute), ("b:1", Mood::Echo)]);
    let registry = registered([instance("a:1"), instance("b:1")]).await;
    let calls = CallOptions::new()
        .attempt_timeout(Duration::from_secs(1))
        .filter(Filter::custom("any", |_| true));
    let channel = net.discover(Arc::new(registry), options().calls(&calls));
    for number in 0..40 {
        assert_eq!(ask(&channel, idempotent(number)).await.unwrap(), number);
    }
    let mute = channel.nodes().into_iter().find(|node| node.id == "a:1").unwrap();
    assert!(mute.failures >= 5 && mute.ejected_for.is_some(), "{mute:?}");
    assert!(net.calls() < 40 + 10, "{} calls", net.calls());

    let only_mute = CallOptions::new().filter(Filter::custom("a:1", |node| node.id == "a:1"));
    let began = Instant::now();
    let status = ask(&channel, with(request(1), only_mute)).await.unwrap_err();
    assert_eq!(status.message(), "no reply from a:1 within 1s");
    assert_eq!((status.code(), status.origin()), (Code::DeadlineExceeded, Origin::Lost));
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_for_a_connection_than_it_says() {
    let net = Net::new([("a:1", Mood::Void)]);
    let channel = net.channel("a:1", options());
    let hurry = CallOptions::new().connect_timeout(Duration::from_millis(100)).retries(0);
    let began = Instant::now();
    let status = ask(&channel, with(request(1), hurry)).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_millis(100));
    assert_eq!((status.message(), status.origin()), ("cannot connect to a:1", Origin::NotSent));
    let began = Instant::now();
    ask(&channel, with(request(1), CallOptions::new().retries(0))).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn filters_leave_those_that_fit_and_say_what_nobody_is() {
    let net = Net::new([("a:1", Mood::Echo), ("b:1", Mood::Echo), ("c:1", Mood::Echo)]);
    let registry = registered([
        instance("a:1").with_version("1.0.0").with_metadata("zone", "eu"),
        instance("b:1").with_version("1.1.0").with_metadata("zone", "us"),
        instance("c:1").with_methods([InstanceMethod::new("Test.Echo")]),
    ])
    .await;
    let channel = net.discover(Arc::new(registry.clone()), options());
    for (filter, expected) in [
        (Filter::version("1.1.0"), "b:1"),
        (Filter::version("latest"), "c:1"),
        (Filter::label("zone", "eu"), "a:1"),
        (Filter::method("Test.Echo"), "c:1"),
    ] {
        for _ in 0..10 {
            let notes = Arc::default();
            let only = noting("w", &notes).filter(filter.clone());
            ask(&channel, with(request(1), only)).await.unwrap();
            assert!(notes.lock().unwrap()[0].contains(expected), "{filter:?}");
        }
    }
    let nobody = CallOptions::new().filter(Filter::version("2")).filter(Filter::label("zone", "x"));
    let status = ask(&channel, with(request(1), nobody.clone())).await.unwrap_err();
    assert_eq!(status.message(), "no instance of service `greeter` fits: version 2, zone=x");
    assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::NotSent));

    let channel = net.discover(Arc::new(registry), options().micro_errors());
    let status = ask(&channel, with(request(1), nobody)).await.unwrap_err();
    let error = status.cause::<MicroError>().unwrap();
    assert_eq!((error.code, &*error.id), (500, "go.micro.client"));
    assert_eq!(error.detail, "error selecting greeter node: none available");
    let missing = net.discover(Arc::new(MemoryRegistry::new()), options().micro_errors());
    let status = ask(&missing, request(1)).await.unwrap_err();
    assert_eq!(status.message(), "service greeter: not found");
}

#[tokio::test(start_paused = true)]
async fn round_robin_gives_every_node_its_turn() {
    let nodes = [("a:1", Mood::Echo), ("b:1", Mood::Echo), ("c:1", Mood::Echo)];
    let net = Net::new(nodes);
    let registry = registered(nodes.map(|(address, _)| instance(address))).await;
    let notes = Arc::default();
    let calls = noting("w", &notes).balancer(Balancer::round_robin());
    let channel = net.discover(Arc::new(registry), options().calls(&calls));
    for number in 0..30 {
        ask(&channel, request(number)).await.unwrap();
    }
    let notes = notes.lock().unwrap();
    for three in notes.chunks(3) {
        for (address, _) in nodes {
            assert!(three.iter().any(|note| note.contains(address)), "{three:?}");
        }
    }
}

/// Takes the last node, and counts.
#[derive(Default)]
struct Last {
    marks: Mutex<Vec<(String, bool)>>,
    resets: AtomicUsize,
}

impl Picker for Arc<Last> {
    fn pick(&self, candidates: &[Candidate]) -> Option<usize> {
        candidates.len().checked_sub(1)
    }

    fn mark(&self, node: &Instance, outcome: Result<(), &Status>) {
        self.marks.lock().unwrap().push((node.id.clone(), outcome.is_ok()));
    }

    fn reset(&self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_picker_of_ones_own_picks_and_hears_how_it_went() {
    let net = Net::new([("a:1", Mood::Echo), ("b:1", Mood::Gone), ("c:1", Mood::Mute)]);
    let last = Arc::new(Last::default());
    let registry = registered(["a:1", "b:1"].map(instance)).await;
    let calls = CallOptions::new().balancer(Balancer::custom(Arc::clone(&last)));
    let channel = net.discover(Arc::new(registry), options().calls(&calls));
    assert_eq!(ask(&channel, request(1)).await.unwrap(), 1);
    let mute = CallOptions::new().addresses(["c:1"]).timeout(Duration::from_secs(1));
    ask(&channel, with(request(1), mute)).await.unwrap_err();
    let marks = last.marks.lock().unwrap().clone();
    assert_eq!(marks, [("b:1", false), ("a:1", true), ("c:1", false)].map(|(a, b)| (a.into(), b)));
    channel.reset();
    assert_eq!(last.resets.load(Ordering::Relaxed), 1);

    let nobody = Balancer::custom(|_: &[Candidate]| None);
    let picky = CallOptions::new().balancer(nobody);
    let status = ask(&channel, with(request(1), picky)).await.unwrap_err();
    assert!(matches!(status.cause(), Some(ClientError::NoneFits { .. })), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn the_calls_own_time_goes_before_the_channels_and_streams_have_another() {
    let net = Net::new([("a:1", Mood::Mute)]);
    let secs = Duration::from_secs;
    let calls = CallOptions::new().timeout(secs(30)).stream_timeout(secs(60));
    let channel = net.channel("a:1", options().calls(&calls));
    let now = Instant::now().into_std();
    let given = Deadline::after(now, secs(40));
    for (own, deadline, kind, expected) in [
        (CallOptions::new(), None, CallKind::Unary, 30),
        (CallOptions::new(), given, CallKind::Unary, 40),
        (CallOptions::new().timeout(secs(2)), None, CallKind::Unary, 2),
        (CallOptions::new().timeout(secs(2)), given, CallKind::Unary, 2),
        (CallOptions::new().timeout(secs(90)), given, CallKind::Unary, 40),
        (CallOptions::new().timeout(secs(2)), None, CallKind::ServerStreaming, 60),
        (CallOptions::new().stream_timeout(secs(3)), None, CallKind::ServerStreaming, 3),
    ] {
        let seen = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&seen);
        let own = own.wrap(move |attempt: Attempt<'_>| {
            *noted.lock().unwrap() = attempt.request().deadline;
            Box::pin(async { Ok(Response::new(body(1))) })
        });
        let mut request = with(request(1), own);
        (request.deadline, request.hints.kind) = (deadline, kind);
        ask(&channel, request).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), Deadline::after(now, secs(expected)));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_every_call_has_its_retries() {
    let net = Net::new([("a:1", Mood::Dying), ("b:1", Mood::Dying), ("c:1", Mood::Dying)]);
    let registry = registered(["a:1", "b:1", "c:1"].map(instance)).await;
    let channel = net.discover(Arc::new(registry), options().no_retry_budget());
    for number in 0..500 {
        ask(&channel, idempotent(number)).await.unwrap_err();
    }
    assert_eq!(net.calls(), 500 * 3);
}

#[tokio::test(start_paused = true)]
async fn one_method_may_have_options_of_its_own() {
    let net = Net::new([("a:1", Mood::Mute)]);
    let secs = Duration::from_secs;
    let (slow, attempts) = failing(1, 408);
    let options = options()
        .calls_of("Test.Slow", &slow.timeout(secs(60)).retry_if(RetryIf::timed_out()))
        .calls_of("Test.Slow", &CallOptions::new().backoff(Backoff::fixed(secs(20))))
        .timeout(secs(2));
    let channel = net.channel("a:1", options);
    let slow = || Request::new(MethodName::new("Test", "Slow"), body(1));
    let began = Instant::now();
    assert_eq!(ask(&channel, slow()).await.unwrap(), 7);
    assert_eq!((began.elapsed(), attempts.load(Ordering::Relaxed)), (secs(20), 2));
    // What the call says goes before what its method's calls do, and other methods do not know.
    let own = CallOptions::new().backoff(Backoff::fixed(secs(5))).timeout(secs(1));
    attempts.store(0, Ordering::Relaxed);
    let began = Instant::now();
    ask(&channel, with(slow(), own)).await.unwrap_err();
    assert_eq!(began.elapsed(), secs(1));
    let began = Instant::now();
    ask(&channel, request(1)).await.unwrap_err();
    assert_eq!(began.elapsed(), secs(2));
}
