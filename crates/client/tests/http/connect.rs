//! Connect: messages without a prefix, failures in JSON, streams that end by a message.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream as streams};
use polywire_client::{ChannelOptions, HttpOptions};
use polywire_codec::compression::Compression;
use polywire_core::{
    Body, CallKind, Code, Deadline, Encoding, Payload, PayloadStream, Service as _, Status,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::peer::*;

/// Answers with a head and a body.
fn answer(
    mut respond: h2::server::SendResponse<Bytes>,
    status: u16,
    pairs: &[(&'static str, &str)],
    body: impl Into<Bytes>,
) {
    let mut stream = respond.send_response(head(status, pairs), false).unwrap();
    stream.send_data(body.into(), true).unwrap();
}

const PROTO: (&str, &str) = ("content-type", "application/proto");
const JSON: (&str, &str) = ("content-type", "application/json");
const STREAM: (&str, &str) = ("content-type", "application/connect+proto");

#[tokio::test(start_paused = true)]
async fn one_message_each_way_is_the_body_itself() {
    let (seen, mut calls) = mpsc::channel(1);
    let peer = Peer::answering(move |call, respond| {
        let seen = seen.clone();
        async move {
            seen.send(read(call).await).await.unwrap();
            let pairs = [PROTO, ("served-by", "a"), ("trailer-took", "7")];
            answer(respond, 200, &pairs, "pong");
        }
    })
    .await;
    let mut request = call(b"ping");
    request.metadata.append("tenant", "acme");
    request.deadline = Deadline::after(Instant::now().into_std(), Duration::from_millis(1500));
    let reply = peer.connect().call(request).await;
    assert_eq!(bytes(&reply), b"pong");
    let reply = reply.unwrap();
    assert_eq!(reply.metadata.get("served-by"), Some("a"));
    assert_eq!(reply.metadata.get("trailer-took"), None);
    assert_eq!(reply.trailers.unwrap().snapshot().get("took"), Some("7"));

    let (head, body) = calls.recv().await.unwrap();
    assert_eq!(body, "ping");
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/test.Echo/Say"));
    for (name, value) in [
        ("content-type", "application/proto"),
        ("connect-protocol-version", "1"),
        ("connect-timeout-ms", "1500"),
        ("accept-encoding", Compression::NAMES),
        ("tenant", "acme"),
    ] {
        assert_eq!(head.headers[name], value, "{name}");
    }
}

/// What a channel makes of an answer to a call of one message.
async fn status_of(
    status: u16,
    pairs: &'static [(&'static str, &str)],
    body: &'static [u8],
) -> Status {
    let peer = Peer::answering(move |call, respond| async move {
        read(call).await;
        answer(respond, status, pairs, body);
    })
    .await;
    let channel = peer.channel("connect", "", ChannelOptions::default().retries(0));
    ask(&channel, b"ping").await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_json_with_details_and_metadata() {
    let body = br#"{"code":"not_found","message":"no such","details":[{"type":"x","value":"dg"}]}"#;
    let pairs = &[JSON, ("served-by", "a"), ("trailer-field", "name")];
    let status = status_of(404, pairs, body).await;
    assert_eq!(status.to_string(), "not_found: no such");
    assert_eq!(&**status.details(), b"\x1a\x1a\x0a\x15type.googleapis.com/x\x12\x01v");
    assert_eq!(status.metadata().get("served-by"), Some("a"));
    assert_eq!(status.metadata().get("field"), Some("name"));
}

#[tokio::test(start_paused = true)]
async fn every_wrong_answer_has_its_code() {
    for (status, pairs, body, code) in [
        (403, &[PROTO] as &[_], &b"{\"code\":\"aborted\"}"[..], Code::PermissionDenied),
        (503, &[("content-type", "text/html")], b"<html>", Code::Unavailable),
        (500, &[JSON], b"not JSON", Code::Unknown),
        (409, &[JSON], b"{}", Code::Unknown),
        (429, &[], b"", Code::Unavailable),
        (200, &[("content-type", "image/jpeg")], b"", Code::Unknown),
        (200, &[JSON], b"{}", Code::Internal),
        (200, &[STREAM], b"", Code::Unknown),
        (200, &[PROTO, ("content-encoding", "lzw")], b"pong", Code::Internal),
        (200, &[PROTO, ("content-encoding", "gzip")], b"pong", Code::Internal),
    ] {
        let failed = status_of(status, pairs, body).await;
        assert_eq!(failed.code(), code, "{status} {pairs:?}: {failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_compressed_as_a_whole() {
    let peer = Peer::answering(|call, respond| async {
        let (head, body) = read(call).await;
        assert_eq!(head.headers["content-encoding"], "gzip");
        assert_eq!(Compression::Gzip.decompress(&body, 100).unwrap(), "ping");
        let pairs = [PROTO, ("content-encoding", "gzip")];
        answer(respond, 200, &pairs, Compression::Gzip.compress(b"pong"));
    })
    .await;
    let channel = peer.channel("connect", "?compression=gzip", ChannelOptions::default());
    assert_eq!(bytes(&ask(&channel, b"ping").await), b"pong");
}

#[tokio::test(start_paused = true)]
async fn idempotent_methods_are_called_by_get_if_an_option_says_so() {
    let (seen, mut calls) = mpsc::channel(1);
    let peer = Peer::answering(move |call, respond| {
        let seen = seen.clone();
        async move {
            let (head, body) = read(call).await;
            seen.send((head.method.to_string(), head.uri.query().map(str::to_owned), body))
                .await
                .unwrap();
            answer(respond, 200, &[PROTO], "pong");
        }
    })
    .await;
    let get = ChannelOptions::default().http(HttpOptions::default().get_idempotent());
    let (get, post) = (peer.channel("connect", "", get), peer.connect());
    let query = "connect=v1&base64=1&encoding=proto&message=cGluZw";
    for (channel, idempotent, expected) in [
        (&get, true, ("GET", Some(query), "")),
        (&get, false, ("POST", None, "ping")),
        (&post, true, ("POST", None, "ping")),
    ] {
        let mut request = call(b"ping");
        request.hints.idempotent = idempotent;
        assert_eq!(bytes(&channel.call(request).await), b"pong");
        let (method, query, body) = calls.recv().await.unwrap();
        assert_eq!(
            (&*method, query.as_deref(), &*body),
            (expected.0, expected.1, expected.2.as_bytes())
        );
    }
    // What makes too long a URL goes by POST.
    let long = Payload::new(Encoding::Protobuf, vec![7; 10_000].into());
    let mut request = polywire_core::Request::new(method(), Body::Unary(long));
    request.hints.idempotent = true;
    get.call(request).await.unwrap();
    assert_eq!(calls.recv().await.unwrap().0, "POST");
}

fn arguments(values: &'static [&'static [u8]]) -> Body {
    let values = streams::iter(values.iter().map(|bytes| Ok(payload(bytes))));
    Body::Stream(PayloadStream::new(Encoding::Protobuf, values))
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_by_a_message_of_json() {
    let peer = Peer::answering(|call, respond| async {
        let (head, body) = read(call).await;
        assert_eq!(head.headers["content-type"], "application/connect+proto");
        assert_eq!(head.headers["connect-protocol-version"], "1");
        assert_eq!(head.headers["connect-accept-encoding"], Compression::NAMES);
        let end = message(2, br#"{"metadata":{"count":["2"]}}"#);
        answer(respond, 200, &[STREAM, ("lead", "1")], [body, end].concat());
    })
    .await;
    let body = arguments(&[b"one", b"two"]);
    let reply = peer.connect().call(streaming(CallKind::BidiStreaming, body)).await.unwrap();
    assert_eq!(reply.metadata.get("lead"), Some("1"));
    let trailers = reply.trailers.clone().unwrap();
    let values: Vec<_> = stream(Ok(reply)).map(|value| value.unwrap().bytes).collect().await;
    assert_eq!(values, ["one", "two"]);
    assert_eq!(trailers.snapshot().get("count"), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_its_last_message_was_cut_off() {
    for (body, code, text) in [
        (message(0, b"one"), Code::Internal, "without its last message"),
        (message(2, b"oops"), Code::Internal, "not a JSON object"),
        (
            message(2, br#"{"error":{"code":"aborted","message":"enough"}}"#),
            Code::Aborted,
            "enough",
        ),
        (message(2, b"{}"), Code::Unimplemented, "no message"),
    ] {
        let peer = Peer::answering(move |call, respond| {
            let body = body.clone();
            async move {
                read(call).await;
                answer(respond, 200, &[STREAM], body);
            }
        })
        .await;
        let body = arguments(&[b"one"]);
        let reply = peer.connect().call(streaming(CallKind::ClientStreaming, body)).await;
        let status = reply.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(text), "{status}");
    }
}
