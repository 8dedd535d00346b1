use std::fmt::Write as _;

use polywire_core::{Body, MethodName};
use polywire_gob::{Frame, Schema, TypeTable, decode};
use serde::{Deserialize, Serialize};

use super::*;
use crate::netrpc::connect_request;
use crate::vectors::{captures, named};

#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Args {
    a: i64,
    b: i64,
}

#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Reply {
    c: i64,
}

/// A Go client's words for what came of call 0, which expects a `Reply`.
fn outcome(bytes: &[u8], ends: bool, step: usize) -> String {
    let (_, mut reader) = client(&Limits::default());
    let mut src = BytesMut::new();
    for piece in bytes.chunks(step) {
        src.extend_from_slice(piece);
        loop {
            match reader.read(&mut src) {
                Ok(None) => break,
                Err(error) => return format!("dead: {error}"),
                Ok(Some((0, Err(status)))) => return format!("error {}", status.message()),
                Ok(Some((0, Ok(response)))) => return value(&response.body),
                Ok(Some((_unknown, _))) => {}
            }
        }
    }
    match ends.then(|| reader.finish(&mut src)) {
        Some(Err(error)) => format!("dead: {error}"),
        Some(Ok(())) => "closed".to_owned(),
        None => "nothing".to_owned(),
    }
}

fn value(body: &Body) -> String {
    let Body::Unary(payload) = body else { panic!("{body:?}") };
    let table = payload.context.as_ref().map(TypeTable::from_context).unwrap_or_default();
    match decode::<Reply>(&Frame::new(payload.bytes.clone(), table)) {
        Ok(reply) => format!("{{\"C\":{}}}", reply.c),
        Err(error) => format!("reading body {error}"),
    }
}

#[test]
fn captured_replies_are_read_as_gos_client_reads_them() {
    let mut count = 0;
    for capture in captures("client_raw") {
        let Some(name) = capture.name.strip_prefix("clientraw_") else { panic!() };
        if name.starts_with("http_") || name.starts_with("json_") {
            continue;
        }
        // Where Go's text differs: a stream that ends between two replies is told apart from one
        // that breaks off, and the part of the text that names the reader is left out.
        let expected = match name {
            "empty_close" => "closed",
            "header_then_close" | "truncated_body_close" => "dead: unexpected EOF",
            "garbage" => "nothing",
            _ => capture.results[0].split_once(" -> ").unwrap().1,
        };
        let expected = expected
            .replace("error rpc.ServerError \"oops\"", "error oops")
            .replace("error *errors.errorString \"", "")
            .replace("Reply\"", "Reply");
        let streams = [Some(capture.stream("s2c")), capture.later.clone().map(|later| later.1)];
        for stream in streams.into_iter().flatten() {
            for step in [1, 5, usize::MAX] {
                assert_eq!(outcome(&stream, capture.ends("s2c"), step), expected, "{name}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 11);
}

#[test]
fn every_truncation_of_every_reply_ends_in_an_error_or_in_nothing() {
    for capture in captures("conversation_gob") {
        let stream = capture.stream("s2c");
        let step = if stream.len() > 2000 { 97 } else { 1 };
        for cut in (0..=stream.len()).step_by(step) {
            let (_, mut reader) = client(&Limits::default());
            let mut src = BytesMut::from(&stream[..cut]);
            while let Ok(Some(_)) = reader.read(&mut src) {}
            let ended = reader.finish(&mut src);
            assert!(ended.is_ok() || matches!(ended, Err(WireError::UnexpectedEof)));
        }
    }
}

#[test]
fn a_changed_byte_anywhere_in_a_reply_never_panics() {
    for capture in captures("conversation_gob") {
        let stream = capture.stream("s2c");
        let step = if stream.len() > 2000 { 97 } else { 1 };
        for at in (0..stream.len()).step_by(step) {
            for change in [0x01, 0x80, 0xff] {
                let mut src = BytesMut::from(&stream[..]);
                src[at] ^= change;
                let (_, mut reader) = client(&Limits::default());
                while let Ok(Some((_, reply))) = reader.read(&mut src) {
                    let _reply = reply.map(|response| value(&response.body));
                }
            }
        }
    }
}

fn call(bytes: &mut Outgoing, writer: &mut NetrpcWriter, id: u64) -> Vec<u8> {
    let (value, definitions) = polywire_gob::encode(&Args { a: 7, b: 8 }).unwrap();
    let payload = polywire_core::Payload::new(Encoding::Gob, value).with_context(definitions);
    let mut request = Request::new(MethodName::new("Arith", "Add"), Body::Unary(payload));
    request.metadata.append("a", "b");
    writer.write(id, &request, Some(Duration::from_secs(1)), bytes).unwrap();
    bytes.tail().split().to_vec()
}

#[test]
fn a_go_server_is_sent_no_more_than_go_sends_once_it_is_known() {
    let capture = named("conversation_gob", "conv_gob_two_calls");
    let (mut writer, mut reader) = client(&Limits::default());
    let mut out = Outgoing::default();
    let first = call(&mut out, &mut writer, 0);
    assert!(first.windows(3).any(|window| window == b"Ext"), "it says what it could do");
    let mut src = BytesMut::from(&capture.stream("s2c")[..]);
    reader.read(&mut src).unwrap().unwrap().1.unwrap();
    let second = call(&mut out, &mut writer, 1);
    let mut hex = String::new();
    for byte in &second {
        write!(hex, "{byte:02x}").unwrap();
    }
    // Behind the type's id: method, number, end.
    assert!(hex.contains("010941726974682e416464010100"), "{hex}");
    writer.cancel(1, &mut out);
    assert!(out.is_empty(), "Go knows no cancel");
}

#[test]
fn the_connect_request_is_gos() {
    let capture = named("conversation_http", "conv_http_two_calls");
    assert!(capture.stream("c2s").starts_with(&connect_request("/_goRPC_")));
}

#[test]
fn a_call_over_the_limit_is_not_sent() {
    let (mut writer, _) = client(&Limits::default().message_bytes(10));
    let (value, definitions) = polywire_gob::encode(&"x".repeat(20)).unwrap();
    let payload = polywire_core::Payload::new(Encoding::Gob, value).with_context(definitions);
    let request = Request::new(MethodName::new("A", "B"), Body::Unary(payload));
    let mut out = Outgoing::default();
    let status = writer.write(0, &request, None, &mut out).unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::ResourceExhausted, Origin::NotSent));
    assert!(status.message().ends_with("over the limit of 10 (message_bytes)"));
    assert!(out.is_empty());
}
