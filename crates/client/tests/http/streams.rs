//! Calls with any number of messages, one way or both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream as streams};
use h2::Reason;
use polywire_client::{ChannelOptions, ClientError, HttpOptions};
use polywire_core::{
    Body, CallKind, Code, Deadline, Encoding, Origin, Payload, PayloadStream, Service as _, Status,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::peer::*;

fn arguments(
    values: impl futures_util::Stream<Item = Result<Payload, Status>> + Send + 'static,
) -> Body {
    Body::Stream(PayloadStream::new(Encoding::Protobuf, values))
}

fn few(values: &'static [&'static [u8]]) -> Body {
    arguments(streams::iter(values.iter().map(|bytes| Ok(payload(bytes)))))
}

/// Answers each chunk as it comes.
async fn echo_as_it_comes(call: Incoming, mut respond: h2::server::SendResponse<Bytes>) {
    let mut body = call.into_body();
    let content = [("content-type", "application/grpc")];
    let mut out = respond.send_response(head(200, &content), false).unwrap();
    while let Some(chunk) = body.data().await {
        let Ok(chunk) = chunk else { return };
        body.flow_control().release_capacity(chunk.len()).unwrap();
        out.send_data(chunk, false).unwrap();
    }
    out.send_trailers(headers(&[("grpc-status", "0"), ("count", "many")])).unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_there_and_one_back() {
    let peer = Peer::answering(|call, respond| async {
        let (_head, body) = read(call).await;
        let both = [message(0, b"one"), message(0, b""), message(0, b"three")].concat();
        assert_eq!(body, both);
        reply(respond, &[], message(0, b"sum"), &[("grpc-status", "0")]);
    })
    .await;
    let body = few(&[b"one", b"", b"three"]);
    let answer = peer.grpc().call(streaming(CallKind::ClientStreaming, body)).await;
    assert_eq!(bytes(&answer), b"sum");
}

#[tokio::test(start_paused = true)]
async fn one_there_and_many_back() {
    let peer = Peer::answering(|call, respond| async {
        read(call).await;
        let both = [message(0, b"one"), message(0, b"two")].concat();
        reply(respond, &[("lead", "1")], both.into(), &[("grpc-status", "0"), ("trail", "2")]);
    })
    .await;
    let body = Body::Unary(payload(b"ping"));
    let answer = peer.grpc().call(streaming(CallKind::ServerStreaming, body)).await.unwrap();
    assert_eq!(answer.metadata.get("lead"), Some("1"));
    let trailers = answer.trailers.clone().unwrap();
    let values: Vec<_> = stream(Ok(answer)).map(|value| value.unwrap().bytes).collect().await;
    assert_eq!(values, ["one", "two"]);
    assert_eq!(trailers.snapshot().get("trail"), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn both_ways_at_the_same_time() {
    let peer = Peer::answering(echo_as_it_comes).await;
    let (say, heard) = mpsc::channel(1);
    let body = arguments(streams::unfold(heard, async |mut heard| {
        heard.recv().await.map(|value| (value, heard))
    }));
    let mut answers = stream(peer.grpc().call(streaming(CallKind::BidiStreaming, body)).await);
    for _ in 0..100 {
        say.send(Ok(payload(b"ping"))).await.unwrap();
        assert_eq!(answers.next().await.unwrap().unwrap().bytes, "ping");
    }
    drop(say);
    assert!(answers.next().await.is_none());
    assert!(answers.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_outlives_its_channel() {
    let peer = Peer::answering(echo_as_it_comes).await;
    let channel = peer.grpc();
    let body = few(&[b"one", b"two"]);
    let answers = stream(channel.call(streaming(CallKind::BidiStreaming, body)).await);
    drop(channel);
    assert_eq!(answers.count().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_comes_behind_the_values_before_it() {
    let peer = Peer::answering(|call, respond| async {
        read(call).await;
        let trailers = [("grpc-status", "10"), ("grpc-message", "enough")];
        reply(respond, &[], message(0, b"one"), &trailers);
    })
    .await;
    let body = Body::Unary(payload(b"ping"));
    let mut answers = stream(peer.grpc().call(streaming(CallKind::ServerStreaming, body)).await);
    assert_eq!(answers.next().await.unwrap().unwrap().bytes, "one");
    assert_eq!(answers.next().await.unwrap().unwrap_err().to_string(), "aborted: enough");
    assert!(answers.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_off_is_no_end() {
    let peer = Peer::scripted(|_nth, socket| async move {
        let mut connection = h2::server::handshake(socket).await.unwrap();
        let (_call, mut respond) = connection.accept().await.unwrap().unwrap();
        let content = [("content-type", "application/grpc")];
        let mut out = respond.send_response(head(200, &content), false).unwrap();
        out.send_data(message(0, b"one"), false).unwrap();
        let serving = async { drop(connection.accept().await) };
        tokio::select! { () = serving => {}, () = sleep(Duration::from_secs(1)) => {} }
    })
    .await;
    let body = Body::Unary(payload(b"ping"));
    let mut answers = stream(peer.grpc().call(streaming(CallKind::ServerStreaming, body)).await);
    assert_eq!(answers.next().await.unwrap().unwrap().bytes, "one");
    let status = answers.next().await.unwrap().unwrap_err();
    assert_eq!(status.origin(), Origin::Lost);
    assert!(matches!(status.cause(), Some(ClientError::UnexpectedEof)), "{status:?}");
}

/// A peer that reads and answers nothing but a head, and tells how calls are reset.
async fn listening() -> (Peer, mpsc::Receiver<Reason>) {
    let (told, resets) = mpsc::channel(16);
    let peer = Peer::answering(move |call, mut respond| {
        let told = told.clone();
        async move {
            let content = [("content-type", "application/grpc")];
            let mut out = respond.send_response(head(200, &content), false).unwrap();
            if let Ok(reason) = std::future::poll_fn(|cx| out.poll_reset(cx)).await {
                told.send(reason).await.unwrap();
            }
            drop(call);
        }
    })
    .await;
    (peer, resets)
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_resets_the_call_and_ends_its_arguments() {
    let (peer, mut resets) = listening().await;
    let channel = peer.grpc();
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let body = arguments(streams::once(async move {
        std::future::pending::<()>().await;
        drop(alive);
        Ok(payload(b""))
    }));
    let answers = stream(channel.call(streaming(CallKind::BidiStreaming, body)).await);
    drop(answers);
    assert_eq!(resets.recv().await, Some(Reason::CANCEL));
    assert_eq!(ended.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn arguments_that_fail_withdraw_the_call_and_are_its_status() {
    let (peer, mut resets) = listening().await;
    let channel = peer.grpc();
    let failing = || {
        arguments(streams::iter([Ok(payload(b"one"))]).chain(streams::once(async {
            sleep(Duration::from_secs(1)).await;
            Err(Status::new(Code::DataLoss, "the file is gone"))
        })))
    };
    let mut answers = stream(channel.call(streaming(CallKind::BidiStreaming, failing())).await);
    let status = answers.next().await.unwrap().unwrap_err();
    assert_eq!(status.to_string(), "data_loss: the file is gone");
    assert_eq!(resets.recv().await, Some(Reason::CANCEL));
    let reply = channel.call(streaming(CallKind::ClientStreaming, failing())).await;
    assert_eq!(reply.unwrap_err().to_string(), "data_loss: the file is gone");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_its_deadline() {
    let (peer, mut resets) = listening().await;
    let channel = peer.grpc();
    let mut request = streaming(CallKind::BidiStreaming, arguments(streams::pending()));
    request.deadline = Deadline::after(Instant::now().into_std(), Duration::from_secs(3));
    let began = Instant::now();
    let mut answers = stream(channel.call(request).await);
    let status = answers.next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(resets.recv().await, Some(Reason::CANCEL));
    assert!(answers.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn arguments_that_were_begun_are_not_sent_again() {
    let peer = Peer::answering(|_call, mut respond| async move {
        sleep(Duration::from_millis(1)).await;
        respond.send_reset(Reason::REFUSED_STREAM);
    })
    .await;
    let reply = peer.grpc().call(streaming(CallKind::ClientStreaming, few(&[b"one"]))).await;
    assert_eq!(reply.unwrap_err().origin(), Origin::NotSent);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_taken_of_the_arguments_than_the_peer_has_room_for() {
    let (peer, _resets) = listening().await;
    let channel = peer.grpc();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let endless = arguments(streams::repeat_with(move || {
        count.fetch_add(1024, Ordering::Relaxed);
        Ok(Payload::new(Encoding::Protobuf, Bytes::from_static(&[0; 1024])))
    }));
    let _answers = stream(channel.call(streaming(CallKind::BidiStreaming, endless)).await);
    sleep(Duration::from_secs(60)).await;
    let taken = taken.load(Ordering::Relaxed);
    // The peer's window of 64 KiB, and what is gathered for the next chunk.
    assert!((65_535..65_535 + 2 * 16 * 1024).contains(&taken), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_is_sent_no_more_than_its_window() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let peer = Peer::answering(move |_call, mut respond| {
        let count = Arc::clone(&count);
        async move {
            let content = [("content-type", "application/grpc")];
            let mut out = respond.send_response(head(200, &content), false).unwrap();
            let block = message(0, &[7; 1000]);
            for _ in 0..3000 {
                out.reserve_capacity(block.len());
                while out.capacity() < block.len() {
                    std::future::poll_fn(|cx| out.poll_capacity(cx)).await.unwrap().unwrap();
                }
                count.fetch_add(block.len(), Ordering::Relaxed);
                out.send_data(block.clone(), false).unwrap();
            }
            out.send_trailers(headers(&[("grpc-status", "0")])).unwrap();
        }
    })
    .await;
    let http = HttpOptions::default().stream_window_bytes(100_000);
    let channel = peer.channel("grpc", "", ChannelOptions::default().http(http));
    let body = Body::Unary(payload(b"ping"));
    let answers = stream(channel.call(streaming(CallKind::ServerStreaming, body)).await);
    sleep(Duration::from_secs(60)).await;
    let unread = sent.load(Ordering::Relaxed);
    assert!((98_000..=100_000).contains(&unread), "{unread}");
    assert_eq!(answers.count().await, 3000);
}

#[tokio::test(start_paused = true)]
async fn a_window_full_of_small_messages_does_not_end_the_connection() {
    let peer = Peer::answering(|_call, mut respond| async move {
        let content = [("content-type", "application/grpc")];
        let mut out = respond.send_response(head(200, &content), false).unwrap();
        for _ in 0..30_000 {
            out.send_data(message(0, &[7; 32]), false).unwrap();
        }
        out.send_trailers(headers(&[("grpc-status", "0")])).unwrap();
    })
    .await;
    let body = Body::Unary(payload(b"ping"));
    let answers = stream(peer.grpc().call(streaming(CallKind::ServerStreaming, body)).await);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(answers.filter(|value| std::future::ready(value.is_ok())).count().await, 30_000);
}
