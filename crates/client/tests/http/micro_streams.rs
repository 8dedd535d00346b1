//! go-micro's streams, against peers that write the bytes of its servers by hand.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use polywire_client::{Channel, ChannelOptions, ClientError, MicroError};
use polywire_core::{
    Body, CallKind, Code, Deadline, Encoding, Origin, PayloadStream, Service as _,
};
use polywire_net::Socket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::peer::*;

/// One side of a connection, as the peer's handler sees it.
struct Wire {
    socket: Socket,
    heard: Vec<u8>,
}

impl Wire {
    /// The next message: its head in lower case and its body. `None` at the end.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            let text = String::from_utf8_lossy(&self.heard).into_owned();
            if let Some((head, rest)) = text.split_once("\r\n\r\n") {
                let lower = head.to_lowercase();
                let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
                let chunked = lower.contains("transfer-encoding: chunked");
                let length = length.map_or(5, |length| length.parse().unwrap());
                assert!(!chunked || rest.len() < 5 || rest.starts_with("0\r\n\r\n"), "{rest}");
                if rest.len() >= length {
                    let body = rest[..length].to_owned();
                    self.heard.drain(..head.len() + 4 + length);
                    return Some((lower, body));
                }
            }
            if self.socket.read_buf(&mut self.heard).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// A message of the reply, with the headers of the first request as Go's servers send them.
    async fn say(&mut self, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nContent-Type: application/protobuf\r\n\
             Accept: application/protobuf\r\nMicro-Stream: 0\r\nTrace-Id: 7\r\n\r\n{body}"
        );
        self.socket.write_all(answer.as_bytes()).await.unwrap();
    }

    async fn fail(&mut self, error: &str) {
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nMicro-Error: {error}\r\n\r\n");
        self.socket.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// A peer that hands its connections to a function.
async fn peer<F, A>(script: F) -> (Peer, Channel)
where
    F: Fn(Wire) -> A + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let peer = Peer::scripted(move |nth, socket| {
        // The first connection is the channel's own, for calls of one message each way.
        let serving = (nth > 0).then(|| script(Wire { socket, heard: Vec::new() }));
        async move {
            match serving {
                Some(serving) => serving.await,
                None => std::future::pending().await,
            }
        }
    })
    .await;
    let channel = peer.channel("micro", "?codec=proto", ChannelOptions::default());
    (peer, channel)
}

/// A call whose arguments come from a channel.
fn arguments(kind: CallKind) -> (mpsc::Sender<&'static [u8]>, polywire_core::Request) {
    let (sender, values) = mpsc::channel(8);
    let values = futures_util::stream::unfold(values, |mut values| async move {
        let bytes: &[u8] = values.recv().await?;
        Some((Ok(payload(bytes)), values))
    });
    let body = Body::Stream(PayloadStream::new(Encoding::Protobuf, values));
    (sender, streaming(kind, body))
}

async fn next(stream: &mut PayloadStream) -> Option<Bytes> {
    Some(stream.next().await?.unwrap().bytes)
}

#[tokio::test]
async fn a_stream_of_replies_has_its_argument_in_the_second_message() {
    let (heard, mut messages) = mpsc::channel(8);
    let (peer, channel) = peer(move |mut wire| {
        let heard = heard.clone();
        async move {
            for _ in 0..2 {
                heard.send(wire.next().await.unwrap()).await.unwrap();
            }
            for body in ["one", "two", ""] {
                wire.say(body).await;
            }
            wire.fail("EOS").await;
            assert!(wire.next().await.is_none(), "the peer has ended the stream itself");
            heard.send((String::new(), "closed".to_owned())).await.unwrap();
        }
    })
    .await;
    for _ in 0..2 {
        let call = streaming(CallKind::ServerStreaming, Body::Unary(payload(b"ping")));
        let response = channel.call(call).await.unwrap();
        let trailers = response.trailers.clone().unwrap();
        let mut replies = stream(Ok(response));
        for body in ["one", "two", ""] {
            assert_eq!(next(&mut replies).await.unwrap(), body);
        }
        assert!(next(&mut replies).await.is_none());
        assert_eq!(trailers.snapshot().iter().collect::<Vec<_>>(), [("trace-id", "7")]);
        let (open, body) = messages.recv().await.unwrap();
        assert_eq!(body, "");
        for line in [
            "host: localhost",
            "content-type: application/protobuf",
            "micro-service: test.echo",
            "micro-endpoint: echo.say",
            "micro-method: echo.say",
        ] {
            assert!(open.contains(&format!("\r\n{line}")), "{line} is not in {open}");
        }
        assert!(open.contains("\r\nmicro-stream: ") && !open.contains("\r\ntimeout: "), "{open}");
        assert_eq!(messages.recv().await.unwrap().1, "ping");
        assert_eq!(messages.recv().await.unwrap().1, "closed");
    }
    // Each stream has had one of its own.
    assert_eq!(peer.connections(), 3);
}

#[tokio::test]
async fn messages_go_both_ways_at_once() {
    let (_peer, channel) = peer(|mut wire| async move {
        wire.next().await.unwrap();
        while let Some((head, body)) = wire.next().await {
            if head.contains("micro-error: eos") {
                return wire.fail("EOS").await;
            }
            wire.say(&body.to_uppercase()).await;
        }
    })
    .await;
    let (sender, call) = arguments(CallKind::BidiStreaming);
    let mut replies = stream(channel.call(call).await);
    for (argument, reply) in [(&b"a"[..], "A"), (b"bc", "BC")] {
        sender.send(argument).await.unwrap();
        assert_eq!(next(&mut replies).await.unwrap(), reply);
    }
    drop(sender);
    assert!(next(&mut replies).await.is_none());
}

#[tokio::test]
async fn a_stream_of_arguments_is_answered_once_and_not_ended() {
    let (_peer, channel) = peer(|mut wire| async move {
        let mut all = String::new();
        wire.next().await.unwrap();
        while let Some((head, body)) = wire.next().await {
            if head.contains("micro-error: eos") {
                // Go's servers say no more than that.
                wire.say(&all).await;
                assert!(wire.next().await.is_none());
                return;
            }
            all.push_str(&body);
        }
    })
    .await;
    let (sender, call) = arguments(CallKind::ClientStreaming);
    for argument in [&b"a"[..], b"b", b"c"] {
        sender.send(argument).await.unwrap();
    }
    drop(sender);
    let reply = channel.call(call).await;
    assert_eq!(bytes(&reply), b"abc");
}

#[tokio::test]
async fn an_error_ends_a_stream_and_is_all_it_was() {
    let error = r#"{"id":"greeter","code":409,"detail":"enough","status":"Conflict"}"#;
    let (_peer, channel) = peer(move |mut wire| async move {
        wire.next().await.unwrap();
        wire.say("one").await;
        wire.fail(error).await;
        wire.next().await;
    })
    .await;
    let call = streaming(CallKind::ServerStreaming, Body::Unary(payload(b"")));
    let mut replies = stream(channel.call(call).await);
    assert_eq!(next(&mut replies).await.unwrap(), "one");
    let status = replies.next().await.unwrap().unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::AlreadyExists, Origin::Service));
    assert_eq!(status.cause(), Some(&MicroError::new("greeter", 409, "enough")));
    assert!(replies.next().await.is_none());
}

#[tokio::test]
async fn who_drops_a_stream_of_replies_says_so_and_closes() {
    let (heard, mut messages) = mpsc::channel(8);
    let (_peer, channel) = peer(move |mut wire| {
        let heard = heard.clone();
        async move {
            wire.next().await.unwrap();
            wire.next().await.unwrap();
            wire.say("one").await;
            let (head, body) = wire.next().await.unwrap();
            assert!(head.contains("micro-error: eos") && head.contains("micro-stream: "), "{head}");
            assert_eq!(body, "0\r\n\r\n");
            heard.send(wire.next().await.is_none()).await.unwrap();
        }
    })
    .await;
    let call = streaming(CallKind::ServerStreaming, Body::Unary(payload(b"ping")));
    let mut replies = stream(channel.call(call).await);
    assert_eq!(next(&mut replies).await.unwrap(), "one");
    drop(replies);
    assert!(messages.recv().await.unwrap(), "the connection is closed");
}

#[tokio::test]
async fn arguments_that_are_given_up_do_not_look_whole() {
    let (heard, mut messages) = mpsc::channel(8);
    let (_peer, channel) = peer(move |mut wire| {
        let heard = heard.clone();
        async move {
            while let Some((head, body)) = wire.next().await {
                assert!(!head.contains("micro-error"), "{head}");
                heard.send(body).await.unwrap();
            }
            heard.send("closed".to_owned()).await.unwrap();
        }
    })
    .await;
    let (sender, call) = arguments(CallKind::BidiStreaming);
    let replies = stream(channel.call(call).await);
    sender.send(b"a").await.unwrap();
    assert_eq!(messages.recv().await.unwrap(), "");
    assert_eq!(messages.recv().await.unwrap(), "a");
    drop(replies);
    assert_eq!(messages.recv().await.unwrap(), "closed");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_sent_and_kept() {
    let (heard, mut messages) = mpsc::channel(8);
    let (_peer, channel) = peer(move |mut wire| {
        let heard = heard.clone();
        async move {
            heard.send(wire.next().await.unwrap().0).await.unwrap();
            while wire.next().await.is_some() {}
        }
    })
    .await;
    let mut call = streaming(CallKind::ServerStreaming, Body::Unary(payload(b"ping")));
    let start = Instant::now();
    call.deadline = Deadline::after(start.into_std(), Duration::from_secs(3));
    let mut replies = stream(channel.call(call).await);
    assert!(messages.recv().await.unwrap().contains("\r\ntimeout: 3000000000"));
    let status = replies.next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_ends_without_a_word_is_asked_and_its_server_hangs_up() {
    // As servers from v5.1 on: what is told of a stream that is over closes the connection.
    let (peer, channel) = peer(|mut wire| async move {
        wire.next().await.unwrap();
        let mut ends = 0;
        while let Some((head, _)) = wire.next().await {
            ends += u32::from(head.contains("micro-error: eos"));
            match ends {
                1 => wire.say("last").await,
                4 => return,
                _ => {}
            }
        }
    })
    .await;
    let (sender, call) = arguments(CallKind::BidiStreaming);
    let mut replies = stream(channel.call(call).await);
    drop(sender);
    assert_eq!(next(&mut replies).await.unwrap(), "last");
    assert!(next(&mut replies).await.is_none());
    // The last connection was made to see that the server is there.
    while peer.connections() < 3 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_is_no_end() {
    for ends in [false, true] {
        let (_peer, channel) = peer(move |mut wire| async move {
            wire.next().await.unwrap();
            wire.say("one").await;
            if ends {
                while wire.next().await.is_some_and(|(head, _)| !head.contains("eos")) {}
            }
        })
        .await;
        let (sender, call) = arguments(CallKind::BidiStreaming);
        let mut replies = stream(channel.call(call).await);
        assert_eq!(next(&mut replies).await.unwrap(), "one");
        let _kept = (!ends).then_some(sender);
        let status = replies.next().await.unwrap().unwrap_err();
        assert_eq!(status.origin(), Origin::Lost);
        assert!(matches!(status.cause(), Some(ClientError::UnexpectedEof)), "{status:?}");
    }
}

#[tokio::test]
async fn a_channel_that_closes_ends_its_streams() {
    let (_peer, channel) = peer(|mut wire| async move {
        wire.say("one").await;
        while wire.next().await.is_some() {}
    })
    .await;
    let call = streaming(CallKind::ServerStreaming, Body::Unary(payload(b"ping")));
    let mut replies = stream(channel.call(call).await);
    assert_eq!(next(&mut replies).await.unwrap(), "one");
    channel.close();
    let status = replies.next().await.unwrap().unwrap_err();
    assert!(matches!(status.cause(), Some(ClientError::Shutdown)), "{status:?}");
}

#[tokio::test]
async fn an_argument_that_fails_ends_the_call_with_its_reason() {
    let (_peer, channel) = peer(|mut wire| async move {
        while let Some((head, _)) = wire.next().await {
            assert!(!head.contains("micro-error"), "{head}");
        }
    })
    .await;
    let enough = polywire_core::Status::new(Code::Aborted, "enough");
    let values = futures_util::stream::iter([Ok(payload(b"a")), Err(enough)]);
    let body = Body::Stream(PayloadStream::new(Encoding::Protobuf, values));
    let status = channel.call(streaming(CallKind::ClientStreaming, body)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Aborted, "enough"));
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_of_the_wire() {
    let (_peer, channel) = peer(|mut wire| async move {
        wire.socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while wire.next().await.is_some() {}
    })
    .await;
    let call = streaming(CallKind::ServerStreaming, Body::Unary(payload(b"ping")));
    let mut replies = stream(channel.call(call).await);
    let status = replies.next().await.unwrap().unwrap_err();
    assert!(matches!(status.cause(), Some(ClientError::Wire(_))), "{status:?}");
}
