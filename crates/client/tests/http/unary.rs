//! Calls of one message each way.

use std::time::Duration;

use bytes::Bytes;
use polywire_client::{ChannelOptions, HttpCodec, HttpOptions};
use polywire_codec::compression::Compression;
use polywire_core::{
    Body, Deadline, Encoding, MessageCompression, Payload, Request as Call, Service as _,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::peer::*;

#[tokio::test(start_paused = true)]
async fn a_call_is_one_post_of_a_prefixed_message_and_its_reply_has_metadata_at_both_ends() {
    let (seen, mut calls) = mpsc::channel(1);
    let peer = Peer::answering(move |call, respond| {
        let seen = seen.clone();
        async move {
            seen.send(read(call).await).await.unwrap();
            let body = message(0, b"pong");
            let trailers = [("grpc-status", "0"), ("took", "7")];
            reply(respond, &[("served-by", "a")], body, &trailers);
        }
    })
    .await;
    let mut request = call(b"ping");
    request.metadata.append("tenant", "acme");
    request.metadata.append("key-bin", "AAE=");
    request.metadata.append("te", "not for metadata");
    request.deadline = Deadline::after(Instant::now().into_std(), Duration::from_millis(1500));
    let answer = peer.grpc().call(request).await;
    assert_eq!(bytes(&answer), b"pong");
    let answer = answer.unwrap();
    assert_eq!(answer.metadata.get("served-by"), Some("a"));
    assert_eq!(answer.trailers.unwrap().snapshot().get("took"), Some("7"));

    let (head, body) = calls.recv().await.unwrap();
    assert_eq!(body, &b"\0\0\0\0\x04ping"[..]);
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/test.Echo/Say"));
    assert_eq!(head.uri.scheme_str(), Some("http"));
    assert_eq!(head.uri.authority().unwrap().as_str(), "localhost");
    for (name, value) in [
        ("content-type", "application/grpc+proto"),
        ("te", "trailers"),
        ("grpc-timeout", "1500000u"),
        ("tenant", "acme"),
        ("key-bin", "AAE"),
        ("grpc-accept-encoding", Compression::NAMES),
    ] {
        let values: Vec<_> = head.headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
    assert!(!head.headers.contains_key("grpc-encoding"));
}

#[tokio::test(start_paused = true)]
async fn the_path_has_the_package_in_front_of_the_service() {
    let peer = Peer::answering(|call, respond| async move {
        let path = call.uri().path().to_owned();
        reply(respond, &[], message(0, path.as_bytes()), &[("grpc-status", "0")]);
    })
    .await;
    let mut request = call(b"ping");
    request.hints.package = "greeter.v1";
    assert_eq!(bytes(&peer.grpc().call(request).await), b"/greeter.v1.test.Echo/Say");
}

#[tokio::test(start_paused = true)]
async fn an_empty_message_is_a_message_and_a_large_one_comes_whole() {
    let peer = Peer::answering(echo).await;
    let channel = peer.grpc();
    assert_eq!(bytes(&ask(&channel, b"").await), b"");
    let nothing = channel.call(Call::new(method(), Body::Empty)).await;
    assert_eq!(bytes(&nothing), b"");
    // Larger than every window, and than what is copied behind a prefix.
    let large = Bytes::from(vec![7; 9 << 20]);
    let request = Call::new(method(), Body::Unary(Payload::new(Encoding::Protobuf, large.clone())));
    assert_eq!(bytes(&channel.call(request).await), &large);
}

#[tokio::test(start_paused = true)]
async fn many_calls_share_one_connection() {
    let peer = Peer::answering(echo).await;
    let channel = peer.grpc();
    let calls = (0..500).map(|_| ask(&channel, b"ping"));
    for reply in futures_util::future::join_all(calls).await {
        assert_eq!(bytes(&reply), b"ping");
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_argument_in_another_encoding_is_not_sent() {
    let peer = Peer::answering(echo).await;
    let gob = Payload::new(Encoding::Gob, Bytes::new());
    let status = peer.grpc().call(Call::new(method(), Body::Unary(gob))).await.unwrap_err();
    assert_eq!(status.message(), "writing body the argument is in gob, the wire carries proto");
}

#[tokio::test(start_paused = true)]
async fn the_codec_is_said_by_the_url_or_by_the_options() {
    let peer = Peer::answering(|call, mut respond| async move {
        let (head, body) = read(call).await;
        assert_eq!(head.headers["content-type"], "application/grpc+json");
        let content = [("content-type", "application/grpc+json; charset=utf-8")];
        let mut stream = respond.send_response(self::head(200, &content), false).unwrap();
        stream.send_data(body, false).unwrap();
        stream.send_trailers(headers(&[("grpc-status", "0")])).unwrap();
    })
    .await;
    let options = ChannelOptions::default().http(HttpOptions::default().codec(HttpCodec::Json));
    for channel in [
        peer.channel("grpc", "?codec=json", ChannelOptions::default()),
        peer.channel("grpc", "", options),
    ] {
        assert_eq!(channel.encoding(), Encoding::ProtoJson);
        let argument = Payload::new(Encoding::ProtoJson, Bytes::from_static(b"{}"));
        let answer = channel.call(Call::new(method(), Body::Unary(argument))).await;
        assert_eq!(bytes(&answer), b"{}");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_compressed_as_options_and_the_caller_say() {
    let (seen, mut calls) = mpsc::channel(1);
    let peer = Peer::answering(move |call, respond| {
        let seen = seen.clone();
        async move {
            let (head, body) = read(call).await;
            let encoding = head.headers.get("grpc-encoding").cloned();
            seen.send((encoding, body[0])).await.unwrap();
            let message = message(1, &Compression::Gzip.compress(b"pong"));
            reply(respond, &[("grpc-encoding", "gzip")], message, &[("grpc-status", "0")]);
        }
    })
    .await;
    let plain = peer.grpc();
    let gzip = peer.channel("grpc", "?compression=gzip", ChannelOptions::default());
    let wish = |compress| {
        let wish = MessageCompression::default();
        if compress {
            wish.compress();
        } else {
            wish.leave();
        }
        wish
    };
    for (channel, wish, sent) in [
        (&plain, None, (None, 0)),
        (&gzip, None, (Some("gzip"), 1)),
        (&plain, Some(wish(true)), (Some("gzip"), 1)),
        (&gzip, Some(wish(false)), (None, 0)),
    ] {
        let mut request = call(b"ping");
        if let Some(wish) = &wish {
            request.extensions.insert(wish.clone());
        }
        assert_eq!(bytes(&channel.call(request).await), b"pong");
        let (encoding, flags) = calls.recv().await.unwrap();
        assert_eq!((encoding.as_ref().map(|value| value.to_str().unwrap()), flags), sent);
        assert!(wish.is_none_or(|wish| wish.received_compressed()));
    }
}

#[tokio::test(start_paused = true)]
async fn grpc_web_has_its_trailers_in_the_body() {
    let peer = Peer::answering(|call, mut respond| async move {
        let (head, body) = read(call).await;
        assert_eq!(head.headers["content-type"], "application/grpc-web+proto");
        assert!(!head.headers.contains_key("te"));
        let content = [("content-type", "application/grpc-web+proto")];
        let mut stream = respond.send_response(self::head(200, &content), false).unwrap();
        let failed = body.ends_with(b"fail");
        if !failed {
            stream.send_data(body, false).unwrap();
        }
        let lines: &[u8] = if failed {
            b"grpc-status: 5\r\ngrpc-message: no%20such\r\n"
        } else {
            b"Grpc-Status:0\r\nx: y\r\n"
        };
        stream.send_data(message(0x80, lines), true).unwrap();
    })
    .await;
    let channel = peer.channel("grpc-web", "", ChannelOptions::default());
    let answer = ask(&channel, b"ping").await;
    assert_eq!(bytes(&answer), b"ping");
    assert_eq!(answer.unwrap().trailers.unwrap().snapshot().get("x"), Some("y"));
    let status = ask(&channel, b"fail").await.unwrap_err();
    assert_eq!(status.to_string(), "not_found: no such");
}

#[tokio::test(start_paused = true)]
async fn grpc_web_may_have_its_status_in_the_head_of_a_body_that_turns_out_empty() {
    let peer = Peer::answering(|call, mut respond| async move {
        let (_, body) = read(call).await;
        let content = ("content-type", "application/grpc-web+proto");
        let status = [content, ("grpc-status", "5"), ("grpc-message", "no%20such"), ("x", "y")];
        let mut stream = respond.send_response(head(200, &status), false).unwrap();
        tokio::task::yield_now().await;
        if body.ends_with(b"body") {
            stream.send_data(body, false).unwrap();
            stream.send_data(message(0x80, b"grpc-status: 0\r\n"), true).unwrap();
        } else {
            stream.send_data(Bytes::new(), true).unwrap();
        }
    })
    .await;
    let channel = peer.channel("grpc-web", "", ChannelOptions::default());
    let status = ask(&channel, b"ping").await.unwrap_err();
    assert_eq!(status.to_string(), "not_found: no such");
    assert_eq!(status.metadata().get_all("x").collect::<Vec<_>>(), ["y"]);
    assert_eq!(bytes(&ask(&channel, b"body").await), b"body");
}
