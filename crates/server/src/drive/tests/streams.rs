use futures_util::stream;
use polywire_codec::Streaming;
use polywire_core::{Metadata, PayloadStream};
use polywire_wire::CallFrame;

use super::*;
use crate::{client_streaming, server_streaming};

/// `Count` counts to its argument, and panics there if that is below zero; `Hold` reads nothing;
/// `Sum` adds.
pub(super) fn methods(probe: &Probe) -> [Method; 3] {
    let [.., count, hold, sum] = &METHODS;
    let dropped = Arc::clone(&probe.dropped);
    [
        server_streaming(count, |_: CallContext, n: i64| async move {
            let numbers = (1..).map(move |at| {
                assert!(n > 0 || at <= -n, "on purpose");
                Ok(at)
            });
            let count = usize::try_from(n).unwrap_or(usize::MAX);
            Ok::<_, Status>(stream::iter(numbers.take(count)))
        }),
        client_streaming(hold, move |_: CallContext, numbers: Streaming<i64>| {
            let guard = CountsItsDrop(Arc::clone(&dropped));
            async move {
                let _both = (guard, numbers);
                std::future::pending::<Result<i64, Status>>().await
            }
        }),
        client_streaming(sum, |_: CallContext, mut numbers: Streaming<i64>| async move {
            let mut sum = 0;
            while let Some(n) = numbers.message().await? {
                sum += n;
            }
            Ok::<_, Status>(sum)
        }),
    ]
}

impl Peer {
    /// Opens a call whose one argument is a number, or whose arguments follow.
    fn open(&mut self, id: u64, method: &str, argument: Option<i64>, window: u64) {
        let name = MethodName::from_dotted(method).unwrap();
        let body = match argument {
            Some(n) => Body::Unary(n.encode(Encoding::Gob).unwrap()),
            None => Body::Stream(PayloadStream::new(Encoding::Gob, stream::pending())),
        };
        self.writer.open(id, &Request::new(name, body), None, window, &mut self.out).unwrap();
    }

    fn tell(&mut self, id: u64, frame: CallFrame<'_>) {
        self.writer.frame(id, frame, &mut self.out).unwrap();
    }

    fn argument(&mut self, id: u64, n: i64) {
        self.tell(id, CallFrame::Message(&n.encode(Encoding::Gob).unwrap()));
    }

    async fn event(&mut self) -> ClientEvent {
        loop {
            match self.events.pop_front().or_else(|| self.reader.next(&mut self.unread).unwrap()) {
                Some(ClientEvent::Messages { id, values }) => {
                    let values = values.into_payloads(Encoding::Gob).map(Ok);
                    let values = values.map(|value| ClientEvent::Message { id, value });
                    self.events.extend(values);
                    continue;
                }
                Some(event) => return event,
                None => {}
            }
            assert_ne!(self.io.read_buf(&mut self.unread).await.unwrap(), 0, "the server closed");
        }
    }

    /// Values of a stream up to its end.
    async fn values(&mut self) -> (Vec<i64>, Result<Metadata, Status>) {
        let mut values = Vec::new();
        loop {
            match self.event().await {
                ClientEvent::Head { .. } => {}
                ClientEvent::Message { value, .. } => {
                    values.push(i64::decode(&value.unwrap()).unwrap());
                }
                ClientEvent::End { end, .. } => return (values, end),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Shows both sides that they know the extension.
    async fn greet(&mut self) {
        self.call(0, "Probe.Echo", None);
        self.send().await;
        self.reply().await.1.unwrap();
    }
}

#[tokio::test]
async fn values_that_are_ready_leave_in_one_write() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.open(1, "Probe.Count", Some(100), 1 << 20);
    peer.send().await;
    let (values, end) = peer.values().await;
    assert!(end.is_ok() && values.into_iter().eq(1..=100));
    assert_eq!(peer.writes.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn values_that_stay_ready_leave_in_large_writes() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.open(1, "Probe.Count", Some(40_000), 1 << 30);
    peer.send().await;
    let (values, end) = peer.values().await;
    assert!(end.is_ok() && values.into_iter().eq(1..=40_000));
    // Some 250,000 bytes, 32 KiB at once: by this clock no time passes.
    let writes = peer.writes.load(Ordering::SeqCst);
    assert!((7..=9).contains(&writes), "{writes} writes");
}

#[tokio::test]
async fn no_more_is_sent_than_the_window_and_one_value_allow() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.open(1, "Probe.Count", Some(1000), 1000);
    peer.send().await;
    let mut count = 0;
    for id in 2..=3 {
        peer.call(id, "Probe.Echo", None);
        peer.send().await;
        loop {
            match peer.event().await {
                ClientEvent::Message { .. } => count += 1,
                ClientEvent::Reply { id: answered, .. } if answered == id => break,
                _ => {}
            }
        }
    }
    // Each takes four bytes or five, and 32.
    assert!((26..=28).contains(&count), "{count} values");
    peer.tell(1, CallFrame::Window(1 << 20));
    peer.send().await;
    let (values, end) = peer.values().await;
    assert!(end.is_ok());
    assert_eq!(values.len() + count, 1000);
}

#[tokio::test]
async fn a_plain_call_of_a_method_that_streams_is_told_so() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.call(5, "Probe.Count", None);
    // One argument is a stream of one.
    peer.call(6, "Probe.Sum", None);
    peer.send().await;
    for _ in 0..2 {
        match peer.reply().await {
            (5, status) => {
                let status = status.unwrap_err();
                assert_eq!(status.code(), Code::Unimplemented);
                assert!(status.message().contains("answers with a stream"), "{status}");
            }
            (id, sum) => assert_eq!((id, sum.unwrap()), (6, 6)),
        }
    }
}

#[tokio::test]
async fn a_peer_that_sends_more_than_it_may_loses_its_call() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.greet().await;
    peer.open(1, "Probe.Hold", None, 0);
    for n in 0..2000 {
        peer.argument(1, n);
    }
    peer.send().await;
    let ClientEvent::End { id: 1, end: Err(status) } = peer.event().await else { panic!() };
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("stream_window"), "{status}");
    while peer.dropped.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    peer.greet().await;
}

#[tokio::test]
async fn a_stream_that_panics_is_an_error_for_its_caller_and_nobody_else() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.open(1, "Probe.Count", Some(-3), 1 << 20);
    peer.send().await;
    let (values, end) = peer.values().await;
    assert_eq!(values, [1, 2, 3]);
    assert_eq!(end.unwrap_err().message(), "the handler panicked");
    peer.greet().await;
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused_and_those_within_are_heard() {
    let mut peer = Peer::connect(Limits::default().calls_in_flight(2), 1 << 20);
    peer.greet().await;
    peer.open(1, "Probe.Sum", None, 0);
    peer.open(2, "Probe.Hold", None, 0);
    peer.open(3, "Probe.Sum", None, 0);
    peer.argument(1, 7);
    peer.tell(1, CallFrame::End);
    peer.send().await;
    let (id, status) = peer.reply().await;
    let status = status.unwrap_err();
    assert_eq!((id, status.code()), (3, Code::ResourceExhausted));
    assert!(status.message().contains("calls_in_flight"), "{status}");
    let (id, sum) = peer.reply().await;
    assert_eq!((id, sum.unwrap()), (1, 7));
}

#[tokio::test]
async fn a_call_that_is_open_cannot_be_opened_again() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.greet().await;
    peer.open(1, "Probe.Hold", None, 0);
    peer.open(1, "Probe.Hold", None, 0);
    peer.send().await;
    let status = peer.reply().await.1.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::InvalidArgument, "call 1 is open already")
    );
}

#[tokio::test]
async fn a_peer_that_ends_takes_its_streams_along() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.greet().await;
    peer.open(1, "Probe.Hold", None, 0);
    peer.open(2, "Probe.Count", Some(1000), 100);
    peer.send().await;
    peer.io.shutdown().await.unwrap();
    peer.ended().await.unwrap();
    assert_eq!(peer.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_said_of_a_call_that_has_ended_is_nobodys() {
    let mut peer = Peer::connect(Limits::default(), 1 << 20);
    peer.greet().await;
    peer.argument(9, 1);
    peer.tell(9, CallFrame::Window(u64::MAX));
    peer.tell(9, CallFrame::End);
    peer.writer.cancel(9, &mut peer.out);
    peer.greet().await;
}
