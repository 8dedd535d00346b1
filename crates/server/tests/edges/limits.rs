//! How long a peer may take to be served at all.

use std::time::Duration;

use polywire_server::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::peer::{Peer, Probe, Running, start, text_of};

const FIRST_BYTES: Duration = Duration::from_secs(7);
const HEAD_TIME: Duration = Duration::from_secs(9);
pub(crate) const TLS_HANDSHAKE: Duration = Duration::from_secs(11);

/// Sends this and no more, and sees the server hang up at the limit.
pub(crate) async fn hung_up_at(limit: Duration, server: &Running, sent: &[u8]) {
    let mut peer = server.dial().await;
    peer.write_all(sent).await.unwrap();
    let since = Instant::now();
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0, "after {sent:?}");
    // The clock is paused, so this is no measurement; it ticks in whole milliseconds.
    let waited = since.elapsed();
    let late = Duration::from_millis(2);
    assert!((limit..limit + late).contains(&waited), "{waited:?} after {sent:?}");
}

pub(crate) fn limits() -> Limits {
    let limits = Limits::default().first_bytes(FIRST_BYTES);
    limits.head_time(HEAD_TIME).tls_handshake(TLS_HANDSHAKE)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_begins_and_never_says_what_it_speaks_is_hung_up_on() {
    let server = start("first bytes", &Probe::new(), |server| server.limits(limits())).await;
    for sent in [&b"CON"[..], b"PRI * HTTP/2.0\r\n\r\n", b"{"] {
        hung_up_at(FIRST_BYTES, &server, sent).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_to_its_end_is_hung_up_on() {
    let server = start("half a head", &Probe::new(), |server| server.limits(limits())).await;
    for sent in [&b"CONNECT /_goRPC_ HT"[..], b"GET /debug/rpc HTTP/1.1\r\nA: b\r\n"] {
        hung_up_at(HEAD_TIME, &server, sent).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_may_dial_long_before_it_calls() {
    let server = start("early", &Probe::new(), |server| server.limits(limits())).await;
    let stream = server.dial().await;
    tokio::time::sleep(FIRST_BYTES * 1000).await;
    assert!(!Peer::new(Box::new(stream)).call::<bool>("Probe.Encrypted", 0).await);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_makes_room_for_a_newcomer() {
    let one = limits().connections(1);
    let server = start("room", &Probe::new(), |server| server.limits(one)).await;
    let (_silent, newcomer) = (server.dial().await, server.dial().await);
    assert!(!Peer::new(Box::new(newcomer)).call::<bool>("Probe.Encrypted", 0).await);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_served_may_be_silent_for_as_long_as_it_likes() {
    let server = start("silence", &Probe::new(), |server| server.limits(limits())).await;
    let mut peer = Peer::new(Box::new(server.dial().await));
    assert!(!peer.call::<bool>("Probe.Encrypted", 0).await);
    tokio::time::advance(FIRST_BYTES * 1000).await;
    assert!(!peer.call::<bool>("Probe.Encrypted", 0).await);
}

#[tokio::test]
async fn a_slow_reader_gets_every_byte() {
    let server = start("slow and plain", &Probe::new(), |server| server).await;
    let mut peer = Peer::new(Box::new(server.dial().await)).slow(1000);
    for size in [1 << 20, (1 << 20) + 1] {
        assert_eq!(peer.call::<String>("Probe.Text", size).await, text_of(size));
    }
}

/// A frame of HTTP/2.
#[cfg(feature = "http")]
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A call of gRPC for a text of 64 KiB.
#[cfg(feature = "http")]
fn call_for_a_text(stream: u32) -> Vec<u8> {
    let literal = |name: &str, value: &str| {
        let len = |text: &str| u8::try_from(text.len()).unwrap();
        [&[0, len(name)], name.as_bytes(), &[len(value)], value.as_bytes()].concat()
    };
    let head = [
        literal(":method", "POST"),
        literal(":scheme", "http"),
        literal(":path", "/Probe/Text"),
        literal("content-type", "application/grpc+json"),
    ];
    [frame(1, 4, stream, &head.concat()), frame(0, 1, stream, b"\0\0\0\0\x0565536")].concat()
}

#[cfg(feature = "http")]
#[tokio::test(start_paused = true)]
async fn calls_whose_replies_nobody_takes_do_not_begin() {
    let probe = Probe::new();
    let server = start("nobody takes", &probe, |server| server).await;
    let mut peer = server.dial().await;
    // Every window is as wide as it goes, so it is the connection that is full.
    let widest = [&[0, 4][..], &0x7fff_ffff_u32.to_be_bytes()].concat();
    let wider = (0x7fff_ffff_u32 - 65_535).to_be_bytes();
    peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    peer.write_all(&[frame(4, 0, 0, &widest), frame(8, 0, 0, &wider)].concat()).await.unwrap();
    for number in 0..100 {
        peer.write_all(&call_for_a_text(number * 2 + 1)).await.unwrap();
    }
    // The clock goes on once nobody has anything left to do.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = probe.done();
    assert!((1..=32).contains(&begun), "{begun} calls have begun");
    // They do once there is room.
    let mut replies = Vec::new();
    while probe.done() < 100 {
        assert_ne!(peer.read_buf(&mut replies).await.unwrap(), 0, "the server closed");
    }
}
