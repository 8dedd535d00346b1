use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::future::join_all;
use polywire_core::{
    Body, Code, Instance, MethodName, Origin, RegistryError, Response, ServiceSnapshot,
    SnapshotStream, Status,
};
use polywire_registry::MemoryRegistry;
use polywire_wire::netrpc::NetrpcServer;
use polywire_wire::{Limits, Outgoing, ReplyFrame, ServerEvent, ServerWire};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};

use super::connect::{Dialled, Halves};
use super::*;

mod ejection;
mod guided;
mod snapshots;
mod streams;

/// How a node behaves; may be changed at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Answers with the argument, or with the sum of a stream of them.
    Echo,
    /// Reads, answers nothing.
    Mute,
    /// Ends the connection when a call comes.
    Dying,
    /// Takes no connection.
    Gone,
    /// Neither takes nor refuses a connection.
    Void,
    /// Answers with an error of its own.
    Refusing,
    /// Answers, after the handshake behind HTTP.
    Http,
}

/// Nodes by address, without sockets.
#[derive(Debug, Default)]
struct Net {
    moods: Mutex<HashMap<String, Mood>>,
    dials: AtomicUsize,
    calls: AtomicUsize,
    tasks: Mutex<JoinSet<()>>,
}

impl Net {
    fn new(moods: impl IntoIterator<Item = (&'static str, Mood)>) -> Arc<Self> {
        let net = Arc::new(Self::default());
        moods.into_iter().for_each(|(address, mood)| net.set(address, mood));
        net
    }

    fn set(&self, address: &str, mood: Mood) {
        self.moods.lock().unwrap().insert(address.to_owned(), mood);
    }

    fn mood(&self, address: &str) -> Mood {
        self.moods.lock().unwrap().get(address).copied().unwrap_or(Mood::Gone)
    }

    fn dials(&self) -> usize {
        self.dials.load(Ordering::Relaxed)
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn dial(self: &Arc<Self>, endpoint: &Endpoint) -> Dialled {
        let (net, address) = (Arc::clone(self), endpoint.address.to_string());
        Box::pin(async move {
            net.dials.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            match net.mood(&address) {
                Mood::Gone => return Err(io::ErrorKind::ConnectionRefused.into()),
                Mood::Void => std::future::pending().await,
                _ => {}
            }
            let (near, far) = duplex(1 << 16);
            net.tasks.lock().unwrap().spawn(serve(Arc::clone(&net), address, far));
            let (read, write) = split(near);
            Ok(Halves::new(read, write))
        })
    }

    fn channel(self: &Arc<Self>, url: &str, options: ChannelOptions) -> Channel {
        let nodes = Arc::new(NodeSet::fixed(url, Endpoint::parse(url).unwrap()));
        self.over(nodes, options, JoinSet::new())
    }

    fn discover(self: &Arc<Self>, registry: Arc<dyn Registry>, options: ChannelOptions) -> Channel {
        let nodes = Arc::new(NodeSet::unknown("greeter"));
        let mut task = JoinSet::new();
        task.spawn(discovery::follow(registry, Arc::clone(&nodes), options.empty_grace));
        self.over(nodes, options, task)
    }

    fn over(
        self: &Arc<Self>,
        nodes: Arc<NodeSet>,
        options: ChannelOptions,
        discovery: JoinSet<()>,
    ) -> Channel {
        let net = Arc::clone(self);
        let connector = Connector::with_dial(&options, move |endpoint| net.dial(endpoint));
        Channel(Arc::new(Inner::new(nodes, connector, options, Encoding::Gob, discovery)))
    }
}

/// Serves one connection as the node's mood is.
async fn serve(net: Arc<Net>, address: String, mut io: DuplexStream) {
    let mut wire = NetrpcServer::new(&Limits::default());
    let (mut unread, mut out) = (BytesMut::new(), Outgoing::default());
    let mut opened = None;
    if net.mood(&address) == Mood::Http {
        while !unread.ends_with(b"\n\n") {
            io.read_buf(&mut unread).await.unwrap();
        }
        assert_eq!(unread, "CONNECT /rpc HTTP/1.0\n\n", "nothing comes before the answer");
        unread.clear();
        io.write_all(b"HTTP/1.0 200 Connected to Go RPC\n\n").await.unwrap();
    }
    while io.read_buf(&mut unread).await.is_ok_and(|count| count > 0) {
        while let Ok(Some(event)) = wire.read(&mut unread) {
            let (ticket, request) = match event {
                ServerEvent::Call { ticket, request, .. } => (ticket, request),
                ServerEvent::Open { ticket, key, arguments, .. } => {
                    if arguments.is_some() {
                        wire.frame(key, ReplyFrame::Window(1 << 16), &mut out).unwrap();
                    }
                    net.calls.fetch_add(1, Ordering::Relaxed);
                    opened = Some((ticket, 0));
                    continue;
                }
                ServerEvent::Message { value, .. } => {
                    let (_, sum) = opened.as_mut().unwrap();
                    *sum += polywire_codec::decode::<i64>(&value.unwrap()).unwrap();
                    continue;
                }
                ServerEvent::End { .. } => {
                    let (ticket, sum) = opened.take().unwrap();
                    wire.write(ticket, Ok(Response::new(body(sum))), &mut out);
                    continue;
                }
                _ => continue,
            };
            net.calls.fetch_add(1, Ordering::Relaxed);
            match net.mood(&address) {
                Mood::Echo | Mood::Http => {
                    wire.write(ticket, Ok(Response::new(body(value(&request.body)))), &mut out);
                }
                Mood::Refusing => {
                    wire.write(ticket, Err(Status::new(Code::Unavailable, "busy")), &mut out);
                }
                Mood::Mute => {}
                Mood::Dying | Mood::Gone | Mood::Void => return,
            }
        }
        while out.has_remaining() {
            if io.write_buf(&mut out).await.is_err() {
                return;
            }
        }
    }
}

fn body(value: i64) -> Body {
    Body::Unary(polywire_codec::encode(&value, Encoding::Gob).unwrap())
}

fn value(body: &Body) -> i64 {
    let Body::Unary(payload) = body else { panic!("no value") };
    polywire_codec::decode(payload).unwrap()
}

fn request(argument: i64) -> Request {
    Request::new(MethodName::from_dotted("Test.Echo").unwrap(), body(argument))
}

fn idempotent(argument: i64) -> Request {
    let mut request = request(argument);
    request.hints.idempotent = true;
    request
}

async fn ask(channel: &Channel, request: Request) -> Result<i64, Status> {
    channel.call(request).await.map(|response| value(&response.body))
}

fn options() -> ChannelOptions {
    ChannelOptions::default()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_first_calls_make_one_connection() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let channel = net.channel("a:1", options());
    let replies = join_all((0..1000).map(|number| ask(&channel, request(number)))).await;
    for (number, reply) in (0..).zip(replies) {
        assert_eq!(reply.unwrap(), number);
    }
    assert_eq!(net.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_caller_that_connects_may_go_away() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let channel = net.channel("a:1", options());
    let mut first = Box::pin(ask(&channel, request(1)));
    let mut second = Box::pin(ask(&channel, request(2)));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(first);
    assert_eq!(second.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_made_anew() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let channel = net.channel("a:1", options());
    assert_eq!(ask(&channel, request(1)).await.unwrap(), 1);
    net.set("a:1", Mood::Dying);
    let lost = ask(&channel, request(2)).await.unwrap_err();
    assert_eq!(lost.origin(), Origin::Lost);
    net.set("a:1", Mood::Echo);
    assert_eq!(ask(&channel, request(3)).await.unwrap(), 3);
    assert_eq!((net.dials(), net.calls()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn calls_fail_at_once_while_a_node_is_given_a_pause() {
    let net = Net::new([]);
    let channel = net.channel("a:1", options().retries(0));
    for _ in 0..100 {
        let status = ask(&channel, request(1)).await.unwrap_err();
        assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::NotSent));
        assert_eq!(status.message(), "cannot connect to a:1");
        assert!(matches!(status.cause(), Some(ClientError::Connect { .. })));
    }
    // A pause may be as short as nothing, but not a hundred times.
    assert!(net.dials() < 20, "{} dials", net.dials());
    tokio::time::sleep(Duration::from_secs(1)).await;
    net.set("a:1", Mood::Echo);
    assert_eq!(ask(&channel, request(2)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_sent_waits_for_the_node_to_come_back() {
    let net = Net::new([]);
    let channel = net.channel("a:1", options().retries(50));
    let back = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        net.set("a:1", Mood::Echo);
    };
    let (reply, ()) = tokio::join!(ask(&channel, request(1)), back);
    assert_eq!(reply.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_fate_is_unknown_is_repeated_only_if_it_is_idempotent() {
    let net = Net::new([("a:1", Mood::Dying)]);
    let channel = net.channel("a:1", options());
    assert_eq!(ask(&channel, request(1)).await.unwrap_err().message(), "unexpected EOF");
    assert_eq!(net.calls(), 1);
    assert_eq!(ask(&channel, idempotent(1)).await.unwrap_err().message(), "unexpected EOF");
    assert_eq!(net.calls(), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_call_and_no_retry_goes_past_it() {
    let net = Net::new([("a:1", Mood::Mute), ("b:1", Mood::Gone)]);
    let channel = net.channel("a:1", options().timeout(Duration::from_secs(3)));
    let began = Instant::now();
    let status = ask(&channel, idempotent(1)).await.unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::DeadlineExceeded, Origin::Lost));
    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(net.calls(), 1);

    let channel = net.channel("b:1", options().retries(u32::MAX).timeout(Duration::from_secs(3)));
    let began = Instant::now();
    let status = ask(&channel, request(1)).await.unwrap_err();
    assert_eq!(status.origin(), Origin::NotSent);
    assert!(began.elapsed() <= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_not_sent() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let channel = net.channel("a:1", options());
    let mut late = request(1);
    late.deadline = Some(Deadline::at(Instant::now().into_std()));
    let status = ask(&channel, late).await.unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::DeadlineExceeded, Origin::NotSent));
    assert_eq!(net.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn behind_http_nothing_is_sent_before_the_answer() {
    let net = Net::new([("a:1", Mood::Http)]);
    let channel = net.channel("netrpc+http://a:1/rpc", options());
    assert_eq!(ask(&channel, request(1)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_closed_channel_ends_calls_in_gos_words() {
    let net = Net::new([("a:1", Mood::Mute)]);
    let channel = net.channel("a:1", options());
    let close = async {
        while net.calls() == 0 {
            tokio::task::yield_now().await;
        }
        channel.clone().close();
    };
    let (reply, ()) = tokio::join!(ask(&channel, idempotent(1)), close);
    assert_eq!(reply.unwrap_err().message(), "connection is shut down");
    let status = ask(&channel, request(2)).await.unwrap_err();
    assert!(matches!(status.cause(), Some(ClientError::Shutdown)));
    assert_eq!((net.dials(), net.calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_channel_closed_while_it_connects_stays_closed() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let channel = net.channel("a:1", options());
    let mut call = Box::pin(ask(&channel, request(1)));
    assert!(futures_util::poll!(&mut call).is_pending());
    assert_eq!(net.dials(), 1);
    channel.close();
    assert_eq!(call.await.unwrap_err().message(), "connection is shut down");
    assert_eq!(net.calls(), 0);
}

async fn register(registry: &MemoryRegistry, address: &str) -> Box<dyn polywire_core::Lease> {
    registry.register(Instance::new("greeter", address, address.into())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_node_that_dies_costs_idempotent_calls_nothing() {
    let net = Net::new([("a:1", Mood::Echo), ("b:1", Mood::Echo), ("c:1", Mood::Echo)]);
    let registry = MemoryRegistry::new();
    let _leases = join_all(["a:1", "b:1", "c:1"].map(|node| register(&registry, node))).await;
    let channel = net.discover(Arc::new(registry), options());
    for round in 0..300 {
        match round {
            100 => net.set("a:1", Mood::Dying),
            101 => net.set("a:1", Mood::Gone),
            200 => net.set("a:1", Mood::Echo),
            _ => {}
        }
        let calls = (0..20).map(|caller| ask(&channel, idempotent(caller)));
        for (caller, reply) in (0..).zip(join_all(calls).await) {
            assert_eq!(reply.unwrap(), caller);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_reached_is_passed_over() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let registry = MemoryRegistry::new();
    let _leases = join_all(["a:1", "gone:1"].map(|node| register(&registry, node))).await;
    let channel = net.discover(Arc::new(registry), options());
    for number in 0..1000 {
        assert_eq!(ask(&channel, request(number)).await.unwrap(), number);
    }
    assert!(net.dials() <= 4, "{} dials", net.dials());
}

#[tokio::test(start_paused = true)]
async fn retries_have_a_budget() {
    let net = Net::new([("a:1", Mood::Dying), ("b:1", Mood::Dying), ("c:1", Mood::Dying)]);
    let registry = MemoryRegistry::new();
    let _leases = join_all(["a:1", "b:1", "c:1"].map(|node| register(&registry, node))).await;
    let channel = net.discover(Arc::new(registry), options());
    let began = Instant::now();
    for number in 0..1000 {
        ask(&channel, idempotent(number)).await.unwrap_err();
    }
    let floor = usize::try_from(began.elapsed().as_millis()).unwrap() / 100;
    assert!(net.calls() <= 1000 + 200 + 100 + floor + 1, "{} attempts", net.calls());
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_the_first_word_of_the_registry_and_fail_if_it_knows_nobody() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let registry = MemoryRegistry::new();
    let channel = net.discover(Arc::new(registry.clone()), options());
    let status = ask(&channel, request(1)).await.unwrap_err();
    assert_eq!(status.message(), "no instance of service `greeter`");
    assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::NotSent));
    let _lease = register(&registry, "a:1").await;
    while ask(&channel, request(1)).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_emptied_registry_is_not_believed_while_nodes_are_connected() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let registry = MemoryRegistry::new();
    let lease = register(&registry, "a:1").await;
    let channel = net.discover(Arc::new(registry), options());
    assert_eq!(ask(&channel, request(1)).await.unwrap(), 1);
    lease.revoke().await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(ask(&channel, request(2)).await.unwrap(), 2);
    // The node itself says the same by ending the connection.
    net.set("a:1", Mood::Dying);
    ask(&channel, request(3)).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = ask(&channel, request(4)).await.unwrap_err();
    assert_eq!(status.message(), "no instance of service `greeter`");
}

#[tokio::test(start_paused = true)]
async fn an_emptied_registry_is_believed_after_the_grace() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let registry = MemoryRegistry::new();
    let lease = register(&registry, "a:1").await;
    let channel = net.discover(Arc::new(registry), options());
    assert_eq!(ask(&channel, request(1)).await.unwrap(), 1);
    lease.revoke().await.unwrap();
    tokio::time::sleep(Duration::from_secs(31)).await;
    ask(&channel, request(2)).await.unwrap_err();
}

/// A registry that answers once and is not to be reached after that.
struct Failing(AtomicUsize);

impl Registry for Failing {
    fn register(&self, _: Instance) -> BoxFuture<Box<dyn polywire_core::Lease>> {
        Box::pin(async { Err(RegistryError::new("down")) })
    }

    fn watch(&self, _: &str) -> BoxFuture<SnapshotStream> {
        let first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            if !first {
                return Err(RegistryError::new("down"));
            }
            let node = Instance::new("greeter", "a", "a:1".into());
            let snapshot = ServiceSnapshot::new(vec![node]);
            let stream: SnapshotStream = Box::pin(futures_util::stream::iter([snapshot]));
            Ok(stream)
        })
    }

    fn services(&self) -> BoxFuture<Vec<String>> {
        Box::pin(async { Err(RegistryError::new("down")) })
    }
}

type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send>>;

#[tokio::test(start_paused = true)]
async fn the_last_snapshot_outlives_an_outage_of_the_registry() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let registry = Arc::new(Failing(AtomicUsize::new(0)));
    let channel = net.discover(Arc::clone(&registry) as Arc<dyn Registry>, options());
    for number in 0..60 {
        assert_eq!(ask(&channel, request(number)).await.unwrap(), number);
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let watches = registry.0.load(Ordering::Relaxed);
    assert!((20..2000).contains(&watches), "asked {watches} times in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stays_keeps_its_connection_when_others_come_and_go() {
    let net = Net::new([("a:1", Mood::Echo), ("b:1", Mood::Echo)]);
    let registry = MemoryRegistry::new();
    let _a = register(&registry, "a:1").await;
    let channel = net.discover(Arc::new(registry.clone()), options());
    for number in 0..10 {
        let b = register(&registry, "b:1").await;
        tokio::task::yield_now().await;
        assert_eq!(ask(&channel, request(number)).await.unwrap(), number);
        b.revoke().await.unwrap();
        tokio::task::yield_now().await;
    }
    let a = channel.0.nodes.pick(&[]).await.unwrap();
    assert_eq!(a.id, "a:1");
    assert!(net.dials() <= 11);
}

#[tokio::test(start_paused = true)]
async fn a_jsonrpc_url_speaks_as_go_does() {
    let (near, mut far) = duplex(1 << 16);
    let near = Mutex::new(Some(near));
    let connector = Connector::with_dial(&options(), move |_| {
        let (read, write) = split(near.lock().unwrap().take().expect("one connection"));
        Box::pin(async { Ok(Halves::new(read, write)) })
    });
    let endpoint = Endpoint::parse("jsonrpc://a:1").unwrap();
    let encoding = endpoint.wire.encoding(&options());
    let nodes = Arc::new(NodeSet::fixed("jsonrpc://a:1", endpoint));
    let channel =
        Channel(Arc::new(Inner::new(nodes, connector, options(), encoding, JoinSet::new())));
    let server = async {
        let mut text = BytesMut::new();
        while !text.ends_with(b"\n") {
            far.read_buf(&mut text).await.unwrap();
        }
        assert_eq!(text, "{\"method\":\"Test.Echo\",\"params\":[7],\"id\":0}\n");
        far.write_all(b"{\"id\":0,\"result\":8,\"error\":null}\n").await.unwrap();
    };
    let argument = polywire_codec::encode(&7_i64, channel.encoding()).unwrap();
    let method = MethodName::from_dotted("Test.Echo").unwrap();
    let (reply, ()) =
        tokio::join!(ask(&channel, Request::new(method, Body::Unary(argument))), server);
    assert_eq!(reply.unwrap(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_options_is_small() {
    let net = Net::new([("a:1", Mood::Echo)]);
    let channel = net.channel("a:1", options());
    let size = size_of_val(&channel.call(request(1)));
    assert!(size <= 560, "the future of a call has {size} bytes, and is moved with every call");
}
