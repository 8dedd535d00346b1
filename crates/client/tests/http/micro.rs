//! go-micro's calls, against a peer that writes its bytes by hand.

use std::time::Duration;

use polywire_client::ChannelOptions;
use polywire_core::{Code, Deadline, Origin, Service as _};
use polywire_wire::micro::MicroError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::h1::answering;
use crate::peer::*;

/// As go-micro's servers answer: with the headers of the first request.
const PONG: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nAccept: application/protobuf\r\n\
                      Content-Type: application/protobuf\r\nMicro-Id: 0\r\nMicro-Stream: 0\r\n\
                      Micro-Service: test\r\nTimeout: 1\r\nTrace-Id: 7\r\n\r\npong";

/// A channel to a peer that answers every request with the same bytes.
async fn channel(
    answer: &'static [u8],
) -> (polywire_client::Channel, Peer, mpsc::Receiver<String>) {
    let (peer, requests) = answering(answer).await;
    let channel = peer.channel("micro", "?codec=proto", ChannelOptions::default().retries(0));
    (channel, peer, requests)
}

#[tokio::test]
async fn calls_share_a_connection_and_each_names_a_stream_of_its_own() {
    let (channel, peer, mut requests) = channel(PONG).await;
    for n in 0..3 {
        let reply = ask(&channel, b"ping").await;
        assert_eq!(bytes(&reply), b"pong");
        let metadata = reply.unwrap().metadata;
        assert_eq!(metadata.get("trace-id"), Some("7"));
        assert_eq!(metadata.get("micro-service"), None);
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        for line in [
            "host: localhost",
            "content-type: application/protobuf",
            "accept: application/protobuf",
            "micro-endpoint: Echo.Say",
            "micro-method: Echo.Say",
            "micro-service: test.Echo",
            &format!("micro-id: {n}"),
            &format!("micro-stream: {n}"),
        ] {
            assert!(request.contains(&format!("\r\n{line}\r\n")), "{line} is not in {request}");
        }
        assert!(request.ends_with("\r\n\r\nping"), "{request}");
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_remains_is_sent() {
    let (channel, _peer, mut requests) = channel(PONG).await;
    let mut call = call(b"ping");
    let now = tokio::time::Instant::now().into_std();
    call.deadline = Deadline::after(now, Duration::from_secs(3));
    channel.call(call).await.unwrap();
    let request = requests.recv().await.unwrap();
    assert!(request.contains("\r\ntimeout: 3000000000\r\n"), "{request}");
}

#[tokio::test]
async fn an_error_of_the_service_is_all_it_was_and_leaves_the_connection() {
    const ERROR: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\
        Micro-Error: {\"id\":\"my.id\",\"code\":404,\"detail\":\"no err\",\"status\":\"Not Found\"}\r\n\r\n";
    let (channel, peer, _requests) = channel(ERROR).await;
    for _ in 0..2 {
        let status = ask(&channel, b"ping").await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no err"));
        assert_eq!(status.origin(), Origin::Service);
        assert_eq!(status.cause::<MicroError>(), Some(&MicroError::new("my.id", 404, "no err")));
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn answers_of_others_are_failures() {
    for (answer, code, text) in [
        (&b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"[..], Code::Unavailable, "HTTP 503"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nunsup",
            Code::Internal,
            "of type `text/plain`",
        ),
    ] {
        let (channel, _peer, _requests) = channel(answer).await;
        let status = ask(&channel, b"ping").await.unwrap_err();
        assert_eq!(status.code(), code);
        assert!(status.message().contains(text), "{status}");
    }
}

#[tokio::test]
async fn a_connection_with_an_answer_that_nobody_waits_for_is_not_used_again() {
    let (started, mut waits) = mpsc::channel(1);
    let peer = Peer::scripted(move |nth, mut socket| {
        let started = started.clone();
        async move {
            let mut heard = [0; 4096];
            while socket.read(&mut heard).await.is_ok_and(|read| read > 0) {
                started.send(()).await.unwrap();
                // The first connection answers late, when its call has been given up.
                if nth == 0 {
                    std::future::pending::<()>().await;
                }
                socket.write_all(PONG).await.unwrap();
            }
        }
    })
    .await;
    let channel = peer.channel("micro", "?codec=proto", ChannelOptions::default().retries(0));
    tokio::select! {
        _ = ask(&channel, b"ping") => panic!("nobody answers"),
        _ = waits.recv() => {}
    }
    assert_eq!(bytes(&ask(&channel, b"ping").await), b"pong");
    assert_eq!(peer.connections(), 2);
}
