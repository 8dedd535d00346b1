use polywire_core::MethodName;

use super::*;
use crate::vectors::{captures, named};

fn request(encoding: Encoding, argument: &str) -> Request {
    let payload = Payload::new(encoding, Bytes::from(argument.to_owned()));
    Request::new(MethodName::new("Arith", "Add"), Body::Unary(payload))
}

fn written(version: Version, calls: &[(u64, Request)]) -> String {
    let (mut writer, _) = client(version, &Limits::default());
    let mut out = Outgoing::default();
    for (id, call) in calls {
        writer.write(*id, call, None, &mut out).unwrap();
        writer.cancel(*id, &mut out);
    }
    String::from_utf8(out.tail().to_vec()).unwrap()
}

/// A Go client's words for what came of a call.
fn outcome(bytes: &[u8], step: usize) -> String {
    let (_, mut reader) = client(Version::V1, &Limits::default());
    let mut src = BytesMut::new();
    for piece in bytes.chunks(step) {
        src.extend_from_slice(piece);
        loop {
            match reader.read(&mut src) {
                Ok(None) => break,
                Err(WireError::Malformed { why, .. }) => return format!("dead: {why}"),
                Err(error) => return format!("dead: {error}"),
                Ok(Some((0, Ok(response)))) => {
                    let Body::Unary(payload) = response.body else { panic!() };
                    assert_eq!(payload.encoding, Encoding::GoJson);
                    return String::from_utf8(payload.bytes.to_vec()).unwrap();
                }
                Ok(Some((0, Err(status)))) => return format!("error {}", status.message()),
                Ok(Some((_unknown, _))) => {}
            }
        }
    }
    "nothing".to_owned()
}

#[test]
fn captured_replies_are_read_as_gos_client_reads_them() {
    let mut count = 0;
    for capture in captures("client_raw") {
        let Some(name) = capture.name.strip_prefix("clientraw_json_") else { continue };
        // The object is named in JSON here and in Go's syntax there; what the id should have been
        // is not this client's to say. A result of the wrong type is the caller's to find out.
        let expected = match name {
            "error_object" => "dead: invalid error {\"code\":-1,\"message\":\"m\"}",
            "error_number" => "dead: invalid error 5",
            "null_null" => "dead: invalid error <nil>",
            "string_id" | "negative_id" => "dead: an id that was never sent",
            "wrong_result" => "\"str\"",
            "error_string" | "error_string_with_result" => "error oops",
            "error_empty_string" | "error_empty_string_with_result" => "error unspecified error",
            "case_insensitive" => "{\"c\":15}",
            _ => "{\"C\":15}",
        };
        for step in [1, 5, usize::MAX] {
            assert_eq!(outcome(&capture.stream("s2c"), step), expected, "{name}");
        }
        let first = &capture.results[0];
        let said = expected.trim_start_matches("dead: ").trim_start_matches("error ");
        let same = first.contains(said) || first.contains(&said.replace("\"c\"", "\"C\""));
        let ours = ["error_object", "string_id", "negative_id", "wrong_result"];
        assert_eq!(same, !ours.contains(&name), "{name}: Go says {first}");
        count += 1;
    }
    assert_eq!(count, 16);
}

#[test]
fn calls_of_1_0_are_gos_bytes() {
    let capture = named("conversation_json", "conv_json_json_all");
    let sent = String::from_utf8(capture.stream("c2s")).unwrap();
    let calls = sent.lines().map(|line| {
        let (method, rest) =
            line.strip_prefix("{\"method\":\"").unwrap().split_once("\",\"params\":[").unwrap();
        let (argument, id) = rest.rsplit_once("],\"id\":").unwrap();
        let payload = Payload::new(Encoding::GoJson, Bytes::from(argument.to_owned()));
        let name = MethodName::from_dotted(method).unwrap();
        (id.trim_end_matches('}').parse().unwrap(), Request::new(name, Body::Unary(payload)))
    });
    assert_eq!(written(Version::V1, &calls.collect::<Vec<_>>()), sent);
}

#[test]
fn calls_of_2_0_have_params_by_name_or_position() {
    for (argument, expected) in [
        ("{\"a\":1}", ",\"params\":{\"a\":1}"),
        ("[1,2]", ",\"params\":[[1,2]]"),
        ("5", ",\"params\":[5]"),
        ("null", ""),
    ] {
        assert_eq!(
            written(Version::V2, &[(3, request(Encoding::Json, argument))]),
            format!("{{\"jsonrpc\":\"2.0\",\"method\":\"Arith.Add\"{expected},\"id\":3}}\n")
        );
    }
}

#[test]
fn replies_of_2_0_carry_results_and_statuses() {
    let read = |text: &str| {
        let (_, mut reader) = client(Version::V2, &Limits::default());
        reader.read(&mut BytesMut::from(text))
    };
    let (id, reply) = read(r#"{"jsonrpc":"2.0","result":null,"id":7}"#).unwrap().unwrap();
    assert_eq!(id, 7);
    let Body::Unary(payload) = reply.unwrap().body else { panic!() };
    assert_eq!((payload.encoding, &*payload.bytes), (Encoding::Json, &b"null"[..]));
    let text = r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"what?"},"id":8}"#;
    let (id, reply) = read(text).unwrap().unwrap();
    let status = reply.unwrap_err();
    assert_eq!((id, status.code(), status.message()), (8, Code::Unimplemented, "what?"));
    for broken in [
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"parse"},"id":null}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","result":1}"#,
        r#"{"jsonrpc":"2.0","error":"text","id":1}"#,
        "[]",
        "{]",
    ] {
        assert!(read(broken).is_err(), "{broken}");
    }
}

#[test]
fn an_argument_in_another_encoding_is_not_sent() {
    let (mut writer, _) = client(Version::V1, &Limits::default().message_bytes(3));
    let mut out = Outgoing::default();
    let status =
        writer.write(0, &request(Encoding::Gob, "x"), None, &mut out).expect_err("it is gob");
    assert_eq!((status.code(), status.origin()), (Code::Internal, Origin::NotSent));
    let status =
        writer.write(0, &request(Encoding::GoJson, "1234"), None, &mut out).expect_err("too long");
    assert_eq!(status.message(), "message bytes of 4 is over the limit of 3 (message_bytes)");
    assert!(out.is_empty());
}

#[test]
fn a_stream_cut_inside_a_reply_is_told_from_one_cut_between() {
    let whole = br#"{"id":0,"result":1,"error":null}"#;
    for cut in 0..=whole.len() {
        let (_, mut reader) = client(Version::V1, &Limits::default());
        let mut src = BytesMut::from(&whole[..cut]);
        let found = reader.read(&mut src).unwrap().is_some();
        assert_eq!(found, cut == whole.len());
        assert_eq!(reader.finish(&mut src).is_ok(), cut == 0 || found, "cut at {cut}");
    }
}
