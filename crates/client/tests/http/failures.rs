//! Wrong answers, each with its status.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use polywire_client::{ChannelOptions, ClientError};
use polywire_codec::compression::Compression;
use polywire_core::{Code, Origin, Status};
use polywire_wire::Limits;
use tokio::time::sleep;

use crate::peer::*;

/// An answer, for a call whose argument is its name.
type Answer = fn(h2::server::SendResponse<Bytes>);

/// What a channel makes of an answer.
async fn status_of(answer: Answer) -> Status {
    let peer = Peer::answering(move |call, respond| async move {
        read(call).await;
        answer(respond);
    })
    .await;
    let limits = Limits::default().message_bytes(1000);
    let options = ChannelOptions::default().retries(0).wire_limits(limits);
    let channel = peer.channel("grpc", "", options);
    let status = ask(&channel, b"ping").await.unwrap_err();
    assert_eq!(peer.connections(), 1, "the connection survives");
    status
}

const OK: &[(&str, &str)] = &[("grpc-status", "0")];

/// An answer that is nothing but a head.
fn bare(mut respond: h2::server::SendResponse<Bytes>, status: u16, pairs: &[(&'static str, &str)]) {
    respond.send_response(head(status, pairs), true).unwrap();
}

/// What is wrong, an answer in which it is, and the code and part of the text it comes to.
type Case = (&'static str, Answer, Code, &'static str);

/// Replies that end without a status, or with another than the one before.
const ENDS: &[Case] = &[
    (
        "no status",
        |respond| reply(respond, &[], message(0, b"pong"), &[("grpc-message", "x")]),
        Code::Unknown,
        "without a grpc-status",
    ),
    (
        "no trailers",
        |mut respond| {
            let content = [("content-type", "application/grpc")];
            let mut stream = respond.send_response(head(200, &content), false).unwrap();
            stream.send_data(message(0, b"pong"), true).unwrap();
        },
        Code::Unknown,
        "without a grpc-status",
    ),
    (
        "a status in the head, and a body behind it",
        |respond| reply(respond, &[("grpc-status", "9")], message(0, b"x"), &[("x", "y")]),
        Code::Unknown,
        "without a grpc-status",
    ),
    (
        "the status of the trailers counts",
        |respond| {
            reply(respond, &[("grpc-status", "8")], Bytes::new(), &[("grpc-status", "9")]);
        },
        Code::FailedPrecondition,
        "",
    ),
];

/// Replies that do not begin as gRPC's do.
const HEADS: &[Case] = &[
    (
        "a proxy without a server",
        |respond| bare(respond, 503, &[("content-type", "text/html")]),
        Code::Unavailable,
        "HTTP 503 of type `text/html`",
    ),
    ("no such page", |respond| bare(respond, 404, &[]), Code::Unimplemented, "HTTP 404"),
    (
        "a failure that is gRPC's, whatever HTTP says",
        |respond| {
            let pairs = [("content-type", "application/grpc"), ("grpc-status", "5")];
            bare(respond, 500, &pairs);
        },
        Code::NotFound,
        "",
    ),
    (
        "not gRPC",
        |respond| bare(respond, 200, &[("content-type", "image/jpeg")]),
        Code::Unknown,
        "`image/jpeg`",
    ),
    (
        "another codec",
        |mut respond| {
            let content = [("content-type", "application/grpc+json")];
            let mut stream = respond.send_response(head(200, &content), false).unwrap();
            stream.send_trailers(headers(OK)).unwrap();
        },
        Code::Internal,
        "was not asked for",
    ),
];

/// Replies whose messages are not what was asked for.
const MESSAGES: &[Case] = &[
    (
        "compressed, nobody knows how",
        |respond| reply(respond, &[], message(1, b"pong"), OK),
        Code::Internal,
        "does not say how",
    ),
    (
        "compressed, it says that it is not",
        |respond| reply(respond, &[("grpc-encoding", "identity")], message(1, b"pong"), OK),
        Code::Internal,
        "does not say how",
    ),
    (
        "compressed by something else",
        |respond| reply(respond, &[("grpc-encoding", "lzw")], message(1, b"pong"), OK),
        Code::Internal,
        "compressed by `lzw`",
    ),
    (
        "not compressed as it says",
        |respond| reply(respond, &[("grpc-encoding", "gzip")], message(1, b"pong"), OK),
        Code::Internal,
        "corrupt gzip message",
    ),
    (
        "unknown flags",
        |respond| reply(respond, &[], message(4, b"pong"), OK),
        Code::Internal,
        "unknown flags 0x04",
    ),
    (
        "too large",
        |respond| reply(respond, &[], message(0, &[7; 1001]), OK),
        Code::ResourceExhausted,
        "over the limit of 1000 (message_bytes)",
    ),
    (
        "too large once decompressed",
        |respond| {
            let bomb = message(1, &Compression::Gzip.compress(&[7; 1001]));
            reply(respond, &[("grpc-encoding", "gzip")], bomb, OK);
        },
        Code::ResourceExhausted,
        "over the limit of 1000 bytes once decompressed (message_bytes)",
    ),
    (
        "cut short",
        |respond| reply(respond, &[], message(0, b"pong").slice(..7), OK),
        Code::Internal,
        "ended inside a message",
    ),
    ("no message", |respond| reply(respond, &[], Bytes::new(), OK), Code::Unimplemented, ""),
    (
        "no message and no body",
        |respond| {
            let pairs = [("content-type", "application/grpc"), ("grpc-status", "0")];
            bare(respond, 200, &pairs);
        },
        Code::Unimplemented,
        "no message",
    ),
    (
        "two messages",
        |respond| {
            let two = [message(0, b"one"), message(0, b"two")].concat();
            reply(respond, &[], two.into(), OK);
        },
        Code::Unimplemented,
        "more than one message",
    ),
];

#[tokio::test(start_paused = true)]
async fn every_wrong_answer_has_its_code() {
    for (name, answer, code, text) in [ENDS, HEADS, MESSAGES].into_iter().flatten() {
        let status = status_of(*answer).await;
        assert_eq!(status.code(), *code, "{name}: {status}");
        assert!(status.message().contains(text), "{name}: {status}");
        assert_eq!(status.origin(), Origin::Service, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_has_its_message_its_details_and_the_metadata_of_both_ends() {
    let status = status_of(|respond| {
        // google.rpc.Status {code: 3, message: "bad", details: [{type_url: "t/x", value: "v"}]}
        let trailers = [
            ("grpc-status", "3"),
            ("grpc-message", "bad%20name%3A %E2%98%BA"),
            ("grpc-status-details-bin", "CAMSA2JhZBoICgN0L3gSAXY"),
            ("field", "name"),
        ];
        reply(respond, &[("served-by", "a")], Bytes::new(), &trailers);
    })
    .await;
    assert_eq!(status.to_string(), "invalid_argument: bad name: ☺");
    assert_eq!(&**status.details(), b"\x1a\x08\x0a\x03t/x\x12\x01v");
    assert_eq!(status.metadata().get("field"), Some("name"));
    assert_eq!(status.metadata().get("served-by"), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_status_alone_is_a_whole_answer() {
    let status = status_of(|respond| {
        let pairs = [
            ("content-type", "application/grpc"),
            ("grpc-status", "7"),
            ("grpc-message", "not you"),
            ("realm", "r"),
        ];
        bare(respond, 200, &pairs);
    })
    .await;
    assert_eq!(status.to_string(), "permission_denied: not you");
    assert_eq!(status.metadata().get("realm"), Some("r"));
}

#[tokio::test(start_paused = true)]
async fn a_reset_has_the_code_of_its_reason() {
    let cases: &[(Answer, Code)] = &[
        (|mut respond| respond.send_reset(Reason::CANCEL), Code::Cancelled),
        (|mut respond| respond.send_reset(Reason::INTERNAL_ERROR), Code::Internal),
        (|mut respond| respond.send_reset(Reason::ENHANCE_YOUR_CALM), Code::ResourceExhausted),
        (|mut respond| respond.send_reset(Reason::INADEQUATE_SECURITY), Code::PermissionDenied),
    ];
    for (answer, code) in cases {
        let status = status_of(*answer).await;
        assert_eq!((status.code(), status.origin()), (*code, Origin::Lost));
        assert!(status.message().starts_with("the peer reset the call: "), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_refused_was_not_sent() {
    let status = status_of(|mut respond| respond.send_reset(Reason::REFUSED_STREAM)).await;
    assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::NotSent));
    assert!(matches!(status.cause(), Some(ClientError::Unprocessed { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_cannot_be_refused() {
    let peer = Peer::answering(|_call, mut respond| async move {
        let content = [("content-type", "application/grpc")];
        let mut stream = respond.send_response(head(200, &content), false).unwrap();
        // So that the head is not taken back.
        sleep(Duration::from_secs(1)).await;
        stream.send_reset(Reason::REFUSED_STREAM);
    })
    .await;
    let status = ask(&peer.grpc(), b"ping").await.unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Lost));
}
