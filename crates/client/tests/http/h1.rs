//! Calls over HTTP/1.1, against a peer that writes its bytes by hand.

use futures_util::{StreamExt as _, stream};
use polywire_client::ChannelOptions;
use polywire_core::{Body, CallKind, Code, Encoding, PayloadStream, Service as _};
use polywire_net::Socket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::peer::*;

const PONG: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\n\
                      x-at: head\r\ntrailer-x-at: end\r\ncontent-length: 4\r\n\r\npong";

/// Reads one request that has its length in its head; empty at the end of the connection.
pub(crate) async fn request(socket: &mut Socket) -> String {
    let mut read = Vec::new();
    while let Ok(byte) = socket.read_u8().await {
        read.push(byte);
        if read.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8(read.clone()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            socket.read_exact(&mut body).await.unwrap();
            read.extend_from_slice(&body);
            break;
        }
    }
    String::from_utf8(read).unwrap()
}

/// Answers each request on each connection with the same bytes, and passes requests on.
pub(crate) async fn answering(answer: &'static [u8]) -> (Peer, mpsc::Receiver<String>) {
    let (seen, requests) = mpsc::channel(16);
    let peer = Peer::scripted(move |_nth, mut socket| {
        let seen = seen.clone();
        async move {
            loop {
                let request = request(&mut socket).await;
                if request.is_empty() {
                    break;
                }
                seen.send(request).await.unwrap();
                socket.write_all(answer).await.unwrap();
            }
        }
    })
    .await;
    (peer, requests)
}

fn channel(peer: &Peer, scheme: &str) -> polywire_client::Channel {
    peer.channel(scheme, "?http=1.1", ChannelOptions::default().retries(0))
}

#[tokio::test]
async fn calls_one_after_another_share_a_connection() {
    let (peer, mut requests) = answering(PONG).await;
    let channel = channel(&peer, "connect");
    for _ in 0..3 {
        let reply = channel.call(call(b"ping")).await;
        assert_eq!(bytes(&reply), b"pong");
        let reply = reply.unwrap();
        assert_eq!(reply.metadata.get("x-at"), Some("head"));
        assert_eq!(reply.trailers.unwrap().snapshot().get("x-at"), Some("end"));
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with("POST /test.Echo/Say HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nhost: localhost\r\n"), "{request}");
        assert!(request.contains("\r\nconnect-protocol-version: 1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\nping"), "{request}");
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn calls_at_once_have_connections_of_their_own_and_leave_them_to_others() {
    let (peer, _requests) = answering(PONG).await;
    let channel = channel(&peer, "connect");
    for _ in 0..2 {
        let (one, other) = tokio::join!(channel.call(call(b"one")), channel.call(call(b"other")));
        assert_eq!((bytes(&one), bytes(&other)), (&b"pong"[..], &b"pong"[..]));
    }
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced() {
    let peer = Peer::scripted(|_nth, mut socket| async move {
        request(&mut socket).await;
        socket.write_all(PONG).await.unwrap();
    })
    .await;
    let channel = channel(&peer, "connect");
    for _ in 0..2 {
        assert_eq!(bytes(&channel.call(call(b"ping")).await), b"pong");
        // The end of the connection is seen in its turn.
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn a_stream_of_replies_comes_in_chunks_and_leaves_the_connection_to_the_next_call() {
    const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web+proto\r\n\
        transfer-encoding: chunked\r\n\r\n\
        8\r\n\0\0\0\0\x03one\r\n8\r\n\0\0\0\0\x03two\r\n\
        14\r\n\x80\0\0\0\x0fgrpc-status: 0\n\r\n0\r\n\r\n";
    let (peer, mut requests) = answering(STREAM).await;
    let channel = channel(&peer, "grpc-web");
    for _ in 0..2 {
        let body = Body::Unary(payload(b"ping"));
        let mut replies = stream(channel.call(streaming(CallKind::ServerStreaming, body)).await);
        for expected in [&b"one"[..], b"two"] {
            assert_eq!(replies.next().await.unwrap().unwrap().bytes, expected);
        }
        assert!(replies.next().await.is_none());
        let request = requests.recv().await.unwrap();
        assert!(request.contains("\r\ncontent-type: application/grpc-web+proto\r\n"), "{request}");
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_stream_of_arguments_goes_in_chunks() {
    let (seen, mut sent) = mpsc::channel(1);
    let peer = Peer::scripted(move |_nth, mut socket| {
        let seen = seen.clone();
        async move {
            let mut read = Vec::new();
            while !read.ends_with(b"\r\n0\r\n\r\n") {
                read.push(socket.read_u8().await.unwrap());
            }
            seen.send(String::from_utf8(read).unwrap()).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/connect+proto\r\n\
                content-length: 16\r\n\r\n\0\0\0\0\x04pong\x02\0\0\0\x02{}";
            socket.write_all(answer).await.unwrap();
        }
    })
    .await;
    let arguments = stream::iter([Ok(payload(b"one")), Ok(payload(b"two"))]);
    let body = Body::Stream(PayloadStream::new(Encoding::Protobuf, arguments));
    let call = streaming(CallKind::ClientStreaming, body);
    assert_eq!(bytes(&channel(&peer, "connect").call(call).await), b"pong");
    let sent = sent.recv().await.unwrap();
    assert!(sent.contains("\r\ntransfer-encoding: chunked\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n10\r\n\0\0\0\0\u{3}one\0\0\0\0\u{3}two\r\n0\r\n\r\n"), "{sent}");
}

#[tokio::test]
async fn a_call_that_is_withdrawn_closes_its_connection() {
    let (seen, mut ended) = mpsc::channel(1);
    let peer = Peer::scripted(move |_nth, mut socket| {
        let seen = seen.clone();
        async move {
            request(&mut socket).await;
            seen.send("asked").await.unwrap();
            assert_eq!(request(&mut socket).await, "");
            seen.send("closed").await.unwrap();
        }
    })
    .await;
    let channel = channel(&peer, "connect");
    tokio::select! {
        reply = channel.call(call(b"ping")) => panic!("{reply:?}"),
        asked = ended.recv() => assert_eq!(asked, Some("asked")),
    }
    assert_eq!(ended.recv().await, Some("closed"));
}

#[tokio::test]
async fn a_reply_that_is_no_http_or_cut_short_is_an_error() {
    for (answer, text) in [
        (
            &b"HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 9\r\n\r\npong"
                [..],
            "EOF",
        ),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1"),
        (b"", "EOF"),
    ] {
        let peer = Peer::scripted(move |_nth, mut socket| async move {
            request(&mut socket).await;
            socket.write_all(answer).await.unwrap();
        })
        .await;
        let status = channel(&peer, "connect").call(call(b"ping")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.message().contains(text), "{status}");
    }
}
