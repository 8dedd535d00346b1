mod streams;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use polywire_codec::Message;
use polywire_core::{
    Address, Body, CallKind, Context as CallContext, Encoding, Method, MethodDescriptor, Response,
    ServiceDefinition, ServiceDescriptor,
};
use polywire_schema::Schema;
use polywire_wire::netrpc::{NetrpcReader, NetrpcServer, NetrpcWriter, client};
use polywire_wire::{CallReader, CallWriter, ClientEvent};
use tokio::io::{AsyncReadExt as _, DuplexStream, ReadBuf, duplex};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Limits, Router, unary};

/// Answers at once, when it is let, never, or by a panic.
#[derive(Clone)]
struct Probe {
    gate: Arc<Semaphore>,
    dropped: Arc<AtomicUsize>,
}

struct CountsItsDrop(Arc<AtomicUsize>);

impl Drop for CountsItsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

static METHODS: [MethodDescriptor; 6] = [
    MethodDescriptor::new("Echo", "Probe.Echo", i64::schema, i64::schema),
    MethodDescriptor::new("Wait", "Probe.Wait", i64::schema, i64::schema),
    MethodDescriptor::new("Panic", "Probe.Panic", i64::schema, i64::schema),
    MethodDescriptor::new("Count", "Probe.Count", i64::schema, i64::schema)
        .with_kind(CallKind::ServerStreaming),
    MethodDescriptor::new("Hold", "Probe.Hold", i64::schema, i64::schema)
        .with_kind(CallKind::ClientStreaming),
    MethodDescriptor::new("Sum", "Probe.Sum", i64::schema, i64::schema)
        .with_kind(CallKind::ClientStreaming),
];
static SERVICE: ServiceDescriptor = ServiceDescriptor::new("Probe", &METHODS);

impl ServiceDefinition for Probe {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &SERVICE
    }

    fn methods(self) -> Vec<Method> {
        let [echo, wait, panic, ..] = &METHODS;
        let streaming = streams::methods(&self);
        let plain = [
            unary(echo, |_: CallContext, n: i64| async move { Ok(n) }),
            unary(wait, move |_: CallContext, n: i64| {
                let (gate, dropped) = (Arc::clone(&self.gate), Arc::clone(&self.dropped));
                async move {
                    let _guard = CountsItsDrop(dropped);
                    let Ok(permit) = gate.acquire().await else {
                        return Err(Status::new(Code::Aborted, "the gate is closed"));
                    };
                    permit.forget();
                    Ok(n)
                }
            }),
            unary(panic, |_: CallContext, n: i64| async move {
                assert!(n < 0, "on purpose");
                Ok(n)
            }),
        ];
        plain.into_iter().chain(streaming).collect()
    }
}

/// A stream that counts how often it is written to.
struct Counted {
    io: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The peer's end of a connection that is being driven.
struct Peer {
    io: DuplexStream,
    writer: NetrpcWriter,
    reader: NetrpcReader,
    unread: BytesMut,
    /// Values that the reader gave at once.
    events: VecDeque<ClientEvent>,
    out: Outgoing,
    writes: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    dropped: Arc<AtomicUsize>,
    drain: CancellationToken,
    server: JoinSet<io::Result<()>>,
}

impl Peer {
    fn connect(limits: Limits, buffer: usize) -> Self {
        let (theirs, io) = duplex(buffer);
        let (writes, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (gate, drain) = (Arc::new(Semaphore::new(0)), CancellationToken::new());
        let probe = Probe { gate: Arc::clone(&gate), dropped: Arc::clone(&dropped) };
        let shared = Shared::for_test(Router::new().add(probe).unwrap(), limits, drain.clone());
        let theirs = Counted { io: theirs, writes: Arc::clone(&writes) };
        let mut server = JoinSet::new();
        server.spawn(async move {
            let address = Address::from("memory:test");
            let info = ConnectionInfo::new(address.clone(), address, "netrpc", false);
            let wire = NetrpcServer::new(&shared.limits.wire);
            let (mut theirs, mut src) = (theirs, BytesMut::new());
            Driver::new(wire, &shared, Arc::new(info)).run(&mut theirs, &mut src).await
        });
        let (writer, reader) = client(&polywire_wire::Limits::default());
        let (unread, out) = (BytesMut::new(), Outgoing::default());
        let events = VecDeque::new();
        Self { io, writer, reader, unread, events, out, writes, gate, dropped, drain, server }
    }

    fn call(&mut self, id: u64, method: &str, timeout: Option<Duration>) {
        let argument = i64::try_from(id).unwrap().encode(Encoding::Gob).unwrap();
        let name = MethodName::from_dotted(method).unwrap();
        let request = Request::new(name, Body::Unary(argument));
        self.writer.write(id, &request, timeout, &mut self.out).unwrap();
    }

    async fn send(&mut self) {
        self.io.write_all_buf(&mut self.out).await.unwrap();
    }

    async fn reply(&mut self) -> (u64, Result<i64, Status>) {
        loop {
            if let Some((id, reply)) = self.reader.read(&mut self.unread).unwrap() {
                let value = reply.map(|Response { body, .. }| match body {
                    Body::Unary(payload) => i64::decode(&payload).unwrap(),
                    other => panic!("{other:?}"),
                });
                return (id, value);
            }
            assert_ne!(self.io.read_buf(&mut self.unread).await.unwrap(), 0, "the server closed");
        }
    }

    /// How the server's side of the connection ended.
    async fn ended(&mut self) -> io::Result<()> {
        self.server.join_next().await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn the_replies_of_a_batch_leave_in_few_writes() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    for id in 0..64 {
        peer.call(id, "Probe.Echo", None);
    }
    peer.send().await;
    for id in 0..64 {
        let (answered, value) = peer.reply().await;
        assert_eq!((answered, value.unwrap()), (id, i64::try_from(id).unwrap()));
    }
    assert_eq!(peer.writes.load(Ordering::SeqCst), 64_usize.div_ceil(16));
}

#[tokio::test]
async fn a_call_that_waits_holds_up_nobody() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.call(1, "Probe.Wait", None);
    peer.call(2, "Probe.Echo", None);
    peer.send().await;
    assert_eq!(peer.reply().await.0, 2);
    peer.gate.add_permits(1);
    assert_eq!(peer.reply().await.0, 1);
}

#[tokio::test]
async fn a_half_closed_connection_still_answers_what_it_was_asked() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.call(1, "Probe.Wait", None);
    peer.send().await;
    peer.io.shutdown().await.unwrap();
    peer.gate.add_permits(1);
    assert_eq!(peer.reply().await.1.unwrap(), 1);
    peer.ended().await.unwrap();
}

#[tokio::test]
async fn a_panic_is_an_error_for_its_caller_and_nobody_else() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.call(1, "Probe.Panic", None);
    peer.call(2, "Probe.Echo", None);
    peer.send().await;
    let (id, status) = peer.reply().await;
    assert_eq!((id, status.unwrap_err().message()), (1, "the handler panicked"));
    assert_eq!(peer.reply().await.1.unwrap(), 2);
}

#[tokio::test]
async fn nothing_is_read_while_as_many_calls_wait_as_may() {
    let mut peer = Peer::connect(Limits::default().calls_in_flight(2), 1 << 20);
    for id in 1..=2 {
        peer.call(id, "Probe.Wait", None);
    }
    peer.call(3, "Probe.Echo", None);
    peer.send().await;
    // The echo, which would be answered at once, is not: it has not been read.
    peer.gate.add_permits(1);
    let (first, _) = peer.reply().await;
    assert!(first <= 2, "call {first} was read over the limit");
    assert_eq!(peer.reply().await.0, 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_ends_at_its_deadline() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.call(1, "Probe.Wait", Some(Duration::from_secs(5)));
    peer.send().await;
    let (_, status) = peer.reply().await;
    assert_eq!(status.unwrap_err().message(), "the deadline has passed");
    assert_eq!(peer.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_cancelled_call_is_dropped() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    // The first reply shows the peer that cancelling is understood.
    peer.call(1, "Probe.Echo", None);
    peer.send().await;
    peer.reply().await.1.unwrap();
    peer.call(2, "Probe.Wait", None);
    peer.writer.cancel(2, &mut peer.out);
    peer.call(3, "Probe.Echo", None);
    peer.send().await;
    assert_eq!(peer.reply().await.0, 3);
    while peer.dropped.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_takes_its_calls_along() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.call(1, "Probe.Wait", None);
    peer.call(2, "Probe.Echo", None);
    peer.send().await;
    peer.reply().await.1.unwrap();
    peer.server.shutdown().await;
    while peer.dropped.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_when_the_server_drains() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.drain.cancel();
    peer.ended().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_been_shut_takes_what_its_peer_still_sends_for_a_second() {
    let mut peer = Peer::connect(Limits::default(), 16);
    peer.drain.cancel();
    assert_eq!(peer.io.read_buf(&mut peer.unread).await.unwrap(), 0);
    peer.io.write_all(&[0; 1000]).await.unwrap();
    let begin = Instant::now();
    peer.ended().await.unwrap();
    assert_eq!(begin.elapsed(), LINGER);
    peer.io.write_all(&[0; 1000]).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_both_sides_have_shut_is_closed_at_once() {
    let mut peer = Peer::connect(Limits::default(), 16);
    peer.drain.cancel();
    assert_eq!(peer.io.read_buf(&mut peer.unread).await.unwrap(), 0);
    peer.io.shutdown().await.unwrap();
    let begin = Instant::now();
    peer.ended().await.unwrap();
    assert!(begin.elapsed().is_zero(), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_is_answered_when_the_server_drains() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.call(1, "Probe.Wait", None);
    peer.call(2, "Probe.Echo", None);
    peer.send().await;
    peer.reply().await.1.unwrap();
    peer.drain.cancel();
    peer.gate.add_permits(1);
    assert_eq!(peer.reply().await.0, 1);
    peer.ended().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_replies_is_given_up() {
    let mut peer = Peer::connect(Limits::default().write_stall(Duration::from_secs(3)), 256);
    for id in 0..64 {
        peer.call(id, "Probe.Echo", None);
    }
    let send = async { peer.io.write_all_buf(&mut peer.out).await };
    let (sent, ended) = tokio::join!(send, peer.server.join_next());
    assert!(sent.is_err(), "the connection was not closed");
    let error = ended.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().contains("write_stall"), "{error}");
}

#[test]
fn reading_what_is_not_there_keeps_no_buffer() {
    let (mut theirs, _ours) = duplex(64);
    let (mut reader, mut src) = (Reader::default(), BytesMut::new());
    let polled = reader.read(&mut theirs, &mut src).now_or_never();
    assert!(polled.is_none());
    assert_eq!(src.capacity(), 0);
}
