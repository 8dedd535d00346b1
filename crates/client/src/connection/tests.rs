mod streams;

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use futures_util::future::join_all;
use polywire_core::{Body, Code, Metadata, MethodName, Origin, Payload, Response, Status};
use polywire_wire::netrpc::{self, NetrpcServer, NetrpcTicket};
use polywire_wire::{Limits, Outgoing, ServerEvent, ServerWire};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

use super::*;
use crate::ClientError;

/// The peer: net/rpc's server side, driven by hand.
struct Peer {
    io: DuplexStream,
    wire: NetrpcServer,
    unread: BytesMut,
    out: Outgoing,
}

/// What the peer got.
enum Got {
    Call(NetrpcTicket, Box<Request>),
    Cancel,
    Opened(u64),
    Argument,
}

impl Peer {
    fn new(io: DuplexStream) -> Self {
        let wire = NetrpcServer::new(&Limits::default());
        Self { io, wire, unread: BytesMut::new(), out: Outgoing::default() }
    }

    /// Everything that came with the next read; nothing at the end.
    async fn batch(&mut self) -> Vec<Got> {
        let mut batch = Vec::new();
        while batch.is_empty() {
            if self.io.read_buf(&mut self.unread).await.unwrap() == 0 {
                break;
            }
            while let Some(event) = self.wire.read(&mut self.unread).unwrap() {
                batch.push(match event {
                    ServerEvent::Call { ticket, request, .. } => {
                        Got::Call(ticket, Box::new(request))
                    }
                    ServerEvent::Cancel { .. } => Got::Cancel,
                    ServerEvent::Open { key, .. } => Got::Opened(key),
                    ServerEvent::Message { .. } => Got::Argument,
                    other => panic!("{other:?}"),
                });
            }
        }
        batch
    }

    async fn call(&mut self) -> (NetrpcTicket, Box<Request>) {
        let mut batch = self.batch().await;
        assert_eq!(batch.len(), 1);
        match batch.pop() {
            Some(Got::Call(ticket, request)) => (ticket, request),
            _ => panic!("no call"),
        }
    }

    fn reply(&mut self, ticket: NetrpcTicket, value: i64) {
        self.wire.write(ticket, Ok(Response::new(body(value))), &mut self.out);
    }

    async fn flush(&mut self) {
        while self.out.has_remaining() {
            self.io.write_buf(&mut self.out).await.unwrap();
        }
    }

    /// Answers every call with its own argument until the client goes; gives the batches' sizes.
    async fn echo(mut self) -> Vec<usize> {
        let mut sizes = Vec::new();
        loop {
            let batch = self.batch().await;
            if batch.is_empty() {
                return sizes;
            }
            sizes.push(batch.len());
            for got in batch {
                if let Got::Call(ticket, request) = got {
                    self.reply(ticket, value(&request.body));
                }
            }
            self.flush().await;
        }
    }
}

/// Counts writes; passes on at most `most` bytes in each.
struct Counted {
    io: WriteHalf<DuplexStream>,
    writes: Arc<AtomicUsize>,
    most: usize,
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let bytes = &bytes[..bytes.len().min(self.most)];
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

fn halves(buffer: usize) -> (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>, Peer) {
    let (near, far) = duplex(buffer);
    let (read, write) = split(near);
    (read, write, Peer::new(far))
}

fn connect(limits: ConnectionLimits) -> (Connection, Peer) {
    let (read, write, peer) = halves(1 << 20);
    (Connection::new(read, write, netrpc::client(&Limits::default()), limits), peer)
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

async fn echo(connection: &Connection, argument: i64) -> Result<i64, Status> {
    let request = request(argument);
    connection.call(&request).await.map(|response| value(&response.body))
}

fn cause(status: &Status) -> &ClientError {
    status.cause().expect("a client error")
}

#[tokio::test]
async fn replies_in_any_order_find_their_callers() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let server = async {
        let mut tickets = Vec::new();
        while tickets.len() < 10 {
            for got in peer.batch().await {
                if let Got::Call(ticket, request) = got {
                    tickets.push((ticket, value(&request.body)));
                }
            }
        }
        for (ticket, value) in tickets.into_iter().rev() {
            peer.reply(ticket, value);
        }
        peer.flush().await;
    };
    let calls = join_all((0..10).map(|number| echo(&connection, number)));
    let (replies, ()) = tokio::join!(calls, server);
    for (number, reply) in replies.into_iter().enumerate() {
        assert_eq!(reply.unwrap(), i64::try_from(number).unwrap());
    }
}

#[tokio::test]
async fn one_call_is_written_by_its_caller_in_its_first_poll() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let request = request(7);
    let mut call = std::pin::pin!(connection.call(&request));
    assert!(futures_util::poll!(&mut call).is_pending());
    // The connection's task has not run yet: nothing here gave it a turn.
    let read = peer.io.read_buf(&mut peer.unread);
    assert!(futures_util::poll!(std::pin::pin!(read)).is_ready());
}

#[tokio::test]
async fn what_was_answered_before_the_peer_closed_is_handed_out_though_a_write_fails() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let (answered, late) = (request(1), request(2));
    let mut answered = std::pin::pin!(connection.call(&answered));
    assert!(futures_util::poll!(&mut answered).is_pending());
    let (ticket, _) = peer.call().await;
    peer.reply(ticket, 1);
    peer.flush().await;
    drop(peer);
    // It is written first, since the connection's task has not had a turn to read.
    let (answered, late) = tokio::join!(answered, connection.call(&late));
    assert_eq!(value(&answered.unwrap().body), 1);
    let late = late.unwrap_err();
    assert!(matches!(cause(&late), ClientError::Io(_)), "{late:?}");
    assert_eq!(late.origin(), Origin::NotSent);
}

/// A stream that cannot be written to.
struct Unwritable;

impl AsyncWrite for Unwritable {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_closes_is_waited_for_no_longer_than_a_second_after_a_write_has_failed() {
    let (read, _write, _peer) = halves(1 << 20);
    let wire = netrpc::client(&Limits::default());
    let connection = Connection::new(read, Unwritable, wire, ConnectionLimits::default());
    let begin = tokio::time::Instant::now();
    let status = echo(&connection, 1).await.unwrap_err();
    assert!(matches!(cause(&status), ClientError::Io(_)), "{status:?}");
    assert_eq!(begin.elapsed().as_secs(), 1);
    assert!(!connection.is_open());
}

#[tokio::test]
async fn sixty_four_callers_share_one_write_for_each_batch() {
    let (read, io, peer) = halves(1 << 20);
    let writes = Arc::new(AtomicUsize::new(0));
    let write = Counted { io, writes: Arc::clone(&writes), most: usize::MAX };
    let wire = netrpc::client(&Limits::default());
    let connection = Connection::new(read, write, wire, ConnectionLimits::default());
    let connection = Arc::new(connection);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        peer.echo().await;
    });
    for caller in 0..64 {
        let connection = Arc::clone(&connection);
        tasks.spawn(async move {
            for round in 0..100 {
                let number = caller * 1000 + round;
                assert_eq!(echo(&connection, number).await.unwrap(), number);
            }
        });
    }
    drop(connection);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    // The very first call goes out alone, and its caller stays a step apart from the others.
    let writes = writes.load(Ordering::Relaxed);
    assert!((100..=210).contains(&writes), "{writes} writes for 6400 calls in 100 rounds");
}

#[tokio::test]
async fn a_write_that_takes_little_at_a_time_keeps_the_stream_whole() {
    let (read, io, peer) = halves(64);
    let write = Counted { io, writes: Arc::default(), most: 5 };
    let wire = netrpc::client(&Limits::default());
    let connection = Connection::new(read, write, wire, ConnectionLimits::default());
    let calls = async {
        for round in 0..20 {
            let replies = join_all((0..30).map(|caller| echo(&connection, caller * 100 + round)));
            for (caller, reply) in (0..).zip(replies.await) {
                assert_eq!(reply.unwrap(), caller * 100 + round);
            }
        }
        drop(connection);
    };
    tokio::join!(calls, peer.echo());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_cancelled_calls_never_puts_a_reply_on_another_call() {
    let (connection, peer) = connect(ConnectionLimits::default().calls(40));
    let connection = Arc::new(connection);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        peer.echo().await;
    });
    for caller in 0..50_i64 {
        let connection = Arc::clone(&connection);
        tasks.spawn(async move {
            let mut random = fastrand::Rng::with_seed(caller.unsigned_abs());
            for round in 0..2_000 {
                let number = caller * 10_000 + round;
                let patience = random.u32(..20);
                tokio::select! {
                    biased;
                    reply = echo(&connection, number) => assert_eq!(reply.unwrap(), number),
                    () = yields(patience) => {}
                }
            }
        });
    }
    while tasks.len() > 1 {
        tasks.join_next().await.unwrap().unwrap();
    }
    assert_eq!(echo(&connection, -1).await.unwrap(), -1);
    drop(connection);
    tasks.join_next().await.unwrap().unwrap();
}

async fn yields(count: u32) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_peer_that_understands_is_told_of_a_cancelled_call() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let first = async {
        let (ticket, request) = peer.call().await;
        peer.reply(ticket, value(&request.body));
        peer.flush().await;
    };
    let (reply, ()) = tokio::join!(echo(&connection, 1), first);
    assert_eq!(reply.unwrap(), 1);

    let request = request(2);
    let mut call = Box::pin(connection.call(&request));
    assert!(futures_util::poll!(&mut call).is_pending());
    let (ticket, _) = peer.call().await;
    drop(call);
    assert!(matches!(*peer.batch().await, [Got::Cancel]));
    // The late reply is nobody's, and the next call is answered with its own.
    peer.reply(ticket, 2);
    let late = async {
        let (ticket, request) = peer.call().await;
        peer.reply(ticket, value(&request.body));
        peer.flush().await;
    };
    let (reply, ()) = tokio::join!(echo(&connection, 3), late);
    assert_eq!(reply.unwrap(), 3);
}

#[tokio::test]
async fn calls_beyond_the_limit_wait_in_the_order_they_came() {
    let (connection, mut peer) = connect(ConnectionLimits::default().calls(2));
    let order = std::cell::RefCell::new(Vec::new());
    let calls = join_all((0..6).map(|number| {
        let (connection, order) = (&connection, &order);
        async move {
            echo(connection, number).await.unwrap();
            order.borrow_mut().push(number);
        }
    }));
    let server = async {
        let mut seen = 0;
        while seen < 6 {
            let batch = peer.batch().await;
            assert!(batch.len() <= 2);
            for got in batch {
                let Got::Call(ticket, request) = got else { continue };
                assert_eq!(value(&request.body), seen);
                seen += 1;
                peer.reply(ticket, value(&request.body));
            }
            peer.flush().await;
        }
    };
    tokio::join!(calls, server);
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_caller_that_gives_up_its_turn_passes_it_on() {
    let (connection, mut peer) = connect(ConnectionLimits::default().calls(1));
    let requests = [request(1), request(2), request(3)];
    let [one, two, three] = &requests;
    let mut first = Box::pin(connection.call(one));
    let mut second = Box::pin(connection.call(two));
    let mut third = watched(connection.call(three));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(futures_util::poll!(&mut second).is_pending());
    assert!(third.poll().is_pending());
    drop(first); // calls up the second
    assert!(!third.is_woken());
    drop(second); // which goes
    assert!(third.is_woken());
    assert!(third.poll().is_pending());
    assert_eq!(peer.batch().await.len(), 2);
}

/// A future with a waker that remembers.
fn watched<F: Future>(future: F) -> Watched<F> {
    Watched { future: Box::pin(future), woken: Arc::default() }
}

struct Watched<F> {
    future: Pin<Box<F>>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<F: Future> Watched<F> {
    fn poll(&mut self) -> Poll<F::Output> {
        let waker = Arc::clone(&self.woken).into();
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn an_end_between_replies_and_inside_one_is_an_unexpected_eof() {
    for partial in [false, true] {
        let (connection, mut peer) = connect(ConnectionLimits::default());
        let server = async {
            let (ticket, _) = peer.call().await;
            if partial {
                peer.reply(ticket, 1);
                let half = peer.out.remaining() / 2;
                let bytes = peer.out.copy_to_bytes(half);
                peer.io.write_all(&bytes).await.unwrap();
            }
            drop(peer);
        };
        let (reply, ()) = tokio::join!(echo(&connection, 1), server);
        let status = reply.unwrap_err();
        assert!(matches!(cause(&status), ClientError::UnexpectedEof));
        assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Lost));
        assert_eq!(status.message(), "unexpected EOF");
        let status = echo(&connection, 2).await.unwrap_err();
        assert_eq!(status.origin(), Origin::NotSent);
        assert!(!connection.is_open());
    }
}

#[tokio::test]
async fn what_is_no_reply_ends_the_connection() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let server = async {
        peer.call().await;
        peer.io.write_all(b"\x80\x80\x80\x80").await.unwrap();
    };
    let (reply, ()) = tokio::join!(echo(&connection, 1), server);
    let status = reply.unwrap_err();
    assert!(matches!(cause(&status), ClientError::Wire(_)), "{status:?}");
    assert_eq!(status.origin(), Origin::Lost);
}

#[tokio::test]
async fn a_call_of_which_no_byte_has_left_is_told_so() {
    let (read, io, peer) = halves(1);
    let wire = netrpc::client(&Limits::default());
    let connection = Connection::new(read, io, wire, ConnectionLimits::default());
    let requests = [request(1), request(2)];
    let mut first = Box::pin(connection.call(&requests[0]));
    let mut second = Box::pin(connection.call(&requests[1]));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(peer);
    assert_eq!(first.await.unwrap_err().origin(), Origin::Lost);
    assert_eq!(second.await.unwrap_err().origin(), Origin::NotSent);
}

#[tokio::test]
async fn closing_ends_calls_in_gos_words() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let close = async {
        peer.call().await;
        connection.close();
    };
    let (reply, ()) = tokio::join!(echo(&connection, 1), close);
    let status = reply.unwrap_err();
    assert!(matches!(cause(&status), ClientError::Shutdown));
    assert_eq!(status.message(), "connection is shut down");
    assert_eq!(echo(&connection, 2).await.unwrap_err().message(), "connection is shut down");
    assert!(peer.batch().await.is_empty(), "the peer sees the end");
}

#[tokio::test]
async fn what_the_peer_says_is_no_client_error() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let server = async {
        let (ticket, _) = peer.call().await;
        let status = Status::new(Code::NotFound, "no such thing").with_metadata(Metadata::new());
        peer.wire.write(ticket, Err(status), &mut peer.out);
        peer.flush().await;
    };
    let (reply, ()) = tokio::join!(echo(&connection, 1), server);
    let status = reply.unwrap_err();
    assert_eq!((status.message(), status.origin()), ("no such thing", Origin::Service));
    assert!(status.cause::<ClientError>().is_none());
}

#[tokio::test]
async fn an_argument_the_wire_cannot_carry_harms_nobody() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let wrong = Body::Unary(Payload::new(Encoding::GoJson, "1".into()));
    let request = Request::new(MethodName::from_dotted("Test.Echo").unwrap(), wrong);
    let status = connection.call(&request).await.unwrap_err();
    assert_eq!(status.origin(), Origin::NotSent);
    let server = async {
        let (ticket, request) = peer.call().await;
        peer.reply(ticket, value(&request.body));
        peer.flush().await;
    };
    let (reply, ()) = tokio::join!(echo(&connection, 5), server);
    assert_eq!(reply.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_ended_holds_no_stream() {
    let (write, mut theirs) = duplex(1);
    let wire = netrpc::client(&Limits::default());
    let connection = Connection::new(tokio::io::empty(), write, wire, ConnectionLimits::default());
    // One byte finds room, the other one only fails when nobody is left to take it.
    let refused = theirs.write_all(&[0; 2]);
    let refused = tokio::time::timeout(std::time::Duration::from_secs(60), refused).await.unwrap();
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert!(!connection.is_open());
}
