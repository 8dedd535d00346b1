use polywire_core::Response;
use serde_json::Value;

use super::*;
use crate::vectors::{Capture, captures};

fn server() -> JsonrpcServer {
    JsonrpcServer::new(&Limits::default())
}

fn json(encoding: Encoding, text: &str) -> Response {
    Response::unary(Payload::new(encoding, Bytes::from(text.to_owned())))
}

fn argument(body: &Body) -> (&str, Encoding) {
    let Body::Unary(payload) = body else { panic!("{body:?}") };
    (std::str::from_utf8(&payload.bytes).unwrap(), payload.encoding)
}

fn written(out: &mut Outgoing) -> String {
    String::from_utf8(out.tail().split().to_vec()).unwrap()
}

/// Feeds a stream in pieces of `step` bytes and answers every call by `handler`; gives what was
/// written and how the stream ended.
fn converse(
    stream: &[u8],
    step: usize,
    mut handler: impl FnMut(&str, &str) -> Reply,
) -> (String, Option<WireError>) {
    let (mut server, mut src, mut out) = (server(), BytesMut::new(), Outgoing::default());
    for piece in stream.chunks(step) {
        src.extend_from_slice(piece);
        loop {
            match server.read(&mut src) {
                Ok(None) => break,
                Ok(Some(ServerEvent::Call { ticket, request, .. })) => {
                    let reply = handler(request.method.as_str(), argument(&request.body).0);
                    server.write(ticket, reply, &mut out);
                }
                Ok(Some(ServerEvent::Reject { ticket, status })) => {
                    server.write(ticket, Err(status), &mut out);
                }
                Ok(Some(other)) => unreachable!("JSON-RPC has no {other:?}"),
                Err(error) => return (written(&mut out), Some(error)),
            }
        }
    }
    let end = server.finish(&mut src).err();
    (written(&mut out), end)
}

/// Where this server is meant to differ from Go's, and what it writes instead of Go's bytes.
fn differs(name: &str) -> Option<&'static str> {
    Some(match name {
        // Go never answers; here the reply that cannot be encoded is an error.
        "conv_json_json_nan" => {
            "{\"id\":0,\"result\":null,\"error\":\"not encodable\"}\n\
             {\"id\":1,\"result\":{\"C\":3},\"error\":null}\n"
        }
        // A null result would end Go's client.
        "conv_json_json_nil_any" => {
            "{\"id\":0,\"result\":1,\"error\":null}\n{\"id\":1,\"result\":{},\"error\":null}\n"
        }
        // A 2.0 call is answered in 2.0.
        "raw_json_unknown_fields" => "{\"jsonrpc\":\"2.0\",\"result\":{\"C\":3},\"id\":1}\n",
        // A batch, but of objects that are not 2.0; Go closes.
        "raw_json_array_batch" => {
            "[{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"a member of a batch is \
             not a JSON-RPC 2.0 object\",\"data\":{\"code\":3,\"status\":\"invalid_argument\"}},\
             \"id\":null}]\n"
        }
        _ => return None,
    })
}

/// What the Go service answered to each call, taken from the capture: the wire is on trial here,
/// not the service.
fn answers(capture: &Capture) -> Vec<Reply> {
    let replies = String::from_utf8(capture.stream("s2c")).unwrap();
    let lines = replies.lines().map(|line| {
        let reply: Value = serde_json::from_str(line).unwrap();
        match reply["error"].as_str() {
            Some(error) => Err(Status::new(Code::Unknown, error)),
            None => {
                let start = line.find("\"result\":").unwrap() + "\"result\":".len();
                let end = line.rfind(",\"error\"").unwrap();
                Ok(json(Encoding::GoJson, &line[start..end]))
            }
        }
    });
    let mut answers: Vec<_> = lines.collect();
    match capture.name.as_str() {
        "conv_json_json_nan" => {
            answers.insert(0, Err(Status::new(Code::Internal, "not encodable")));
        }
        // Go answered the second call first.
        "raw_json_two_in_one_write" | "conv_json_json_pipelined" => answers.reverse(),
        _ => {}
    }
    answers
}

#[test]
fn captured_connections_are_answered_with_gos_bytes() {
    let mut count = 0;
    for capture in captures("conversation_json").into_iter().chain(captures("raw_json")) {
        for step in [1, 7, usize::MAX] {
            let mut answers = answers(&capture).into_iter();
            let rejected = ["ill-formed", "missing params", "[1]interface"];
            let mut from_service = answers.by_ref().filter(|reply| match reply {
                Ok(_) => true,
                Err(status) => !rejected.iter().any(|part| status.message().contains(part)),
            });
            let (text, error) = converse(&capture.stream("c2s"), step, |_, _| {
                from_service.next().expect("Go answered as many calls")
            });
            let (mut expected, name) =
                (String::from_utf8(capture.stream("s2c")).unwrap(), &capture.name);
            if let Some(other) = differs(name) {
                expected = other.to_owned();
            }
            let mut got: Vec<_> = text.split_inclusive('\n').collect();
            let mut wanted: Vec<_> = expected.split_inclusive('\n').collect();
            got.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(got, wanted, "{name} in pieces of {step}");
            let closes = capture.results == ["server closed the connection"];
            assert_eq!(
                error.is_some(),
                closes && name != "raw_json_array_batch",
                "{name} ended with {error:?}"
            );
        }
        count += 1;
    }
    assert_eq!(count, 37);
}

#[test]
fn the_argument_is_the_first_element_and_shares_the_message() {
    let mut src = BytesMut::from(r#"{"method":"A.B","params":[{"A": 1},{"A":2}],"id":1}"#);
    let at = src.as_ptr() as usize + r#"{"method":"A.B","params":["#.len();
    let Ok(Some(ServerEvent::Call { request, .. })) = server().read(&mut src) else { panic!() };
    assert_eq!(argument(&request.body), ("{\"A\": 1}", Encoding::GoJson));
    assert_eq!(argument(&request.body).0.as_ptr() as usize, at);
    assert_eq!(request.method.as_str(), "A.B");
}

#[test]
fn params_of_2_0_come_by_name_or_by_position() {
    for (params, expected) in [
        (r#","params":{"a":1,"b":2}"#, r#"{"a":1,"b":2}"#),
        (r#","params":[{"a":1}]"#, r#"{"a":1}"#),
        (r#","params":[1,2]"#, "[1,2]"),
        (r#","params":[[1,2]]"#, "[1,2]"),
        (r#","params":[]"#, "null"),
        (r#","params":null"#, "null"),
        ("", "null"),
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","method":"A.B","id":1{params}}}"#);
        let event = server().read(&mut BytesMut::from(&*text)).unwrap();
        let Some(ServerEvent::Call { request, .. }) = event else { panic!("{text}: {event:?}") };
        assert_eq!(argument(&request.body), (expected, Encoding::Json));
    }
}

fn echo(method: &str, argument: &str) -> Reply {
    match method {
        "A.Fail" => Err(Status::new(Code::NotFound, "no such thing")),
        _ => Ok(json(Encoding::Json, argument)),
    }
}

/// The examples of the JSON-RPC 2.0 specification, with method names that have a dot.
#[test]
fn calls_of_2_0_are_answered_as_its_specification_says() {
    let invalid = |message: &str| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"error\":{{\"code\":-32600,\"message\":\"{message}\",\"data\":\
             {{\"code\":3,\"status\":\"invalid_argument\"}}}},\"id\":null}}"
        )
    };
    let not_2_0 = invalid("a member of a batch is not a JSON-RPC 2.0 object");
    for (sent, expected) in [
        (
            r#"{"jsonrpc":"2.0","method":"A.Echo","params":[42],"id":1}"#,
            "{\"jsonrpc\":\"2.0\",\"result\":42,\"id\":1}\n".to_owned(),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"A.Echo","params":{"x":1},"id":"a<b"}"#,
            "{\"jsonrpc\":\"2.0\",\"result\":{\"x\":1},\"id\":\"a\\u003cb\"}\n".to_owned(),
        ),
        (r#"{"jsonrpc":"2.0","method":"A.Echo","params":[1,2,3]}"#, String::new()),
        (r#"{"jsonrpc":"2.0","method":"nodot"}"#, String::new()),
        (
            r#"{"jsonrpc":"2.0","method":"A.Fail","id":null}"#,
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32005,\"message\":\"no such thing\",\
             \"data\":{\"code\":5,\"status\":\"not_found\"}},\"id\":null}\n"
                .to_owned(),
        ),
        (
            r#"{"jsonrpc":"2.0","method":1,"params":"bar"}"#,
            invalid("the method is missing or not a string") + "\n",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"A.B","id":[1]}"#,
            invalid("the id is neither a number nor a string") + "\n",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"A.B","params":"bar","id":3}"#,
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"params must be an object \
             or an array, not a string\",\"data\":{\"code\":3,\"status\":\"invalid_argument\"}},\
             \"id\":3}\n"
                .to_owned(),
        ),
        ("[]", invalid("a batch without calls") + "\n"),
        ("[1]", format!("[{not_2_0}]\n")),
        ("[1,[2],{}]", format!("[{not_2_0},{not_2_0},{not_2_0}]\n")),
        (
            r#"[{"jsonrpc":"2.0","method":"A.Echo","params":[1],"id":1},{"jsonrpc":"2.0","method":"A.Echo"},{"jsonrpc":"2.0","method":"A.Echo","params":[2],"id":2}]"#,
            "[{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1},{\"jsonrpc\":\"2.0\",\"result\":2,\"id\":2}]\n"
                .to_owned(),
        ),
        (r#"[{"jsonrpc":"2.0","method":"A.B"},{"jsonrpc":"2.0","method":"A.B"}]"#, String::new()),
    ] {
        for step in [1, usize::MAX] {
            let (text, error) = converse(sent.as_bytes(), step, echo);
            assert_eq!(text, expected, "{sent}");
            assert!(error.is_none(), "{sent}: {error:?}");
        }
    }
}

#[test]
fn malformed_2_0_is_answered_once_and_ends_the_connection() {
    let parse_error = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,";
    for sent in [
        r#"{"jsonrpc":"2.0","method":"A.B","params":[1,}"#.to_owned() + "]}",
        r#"[{"jsonrpc":"2.0","method"}]"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"A.B"} nonsense"#.to_owned(),
    ] {
        let (text, error) = converse(sent.as_bytes(), 3, echo);
        assert!(text.starts_with(parse_error) && text.matches('\n').count() == 1, "{sent}: {text}");
        assert!(error.is_some(), "{sent}");
    }
}

#[test]
fn answers_of_a_batch_leave_together_whatever_the_order_they_come_in() {
    let mut server = server();
    let mut src = BytesMut::from(
        r#"[{"jsonrpc":"2.0","method":"A.B","id":1},{"jsonrpc":"2.0","method":"A.B","id":2}]"#,
    );
    let mut tickets = Vec::new();
    while let Some(ServerEvent::Call { ticket, .. }) = server.read(&mut src).unwrap() {
        tickets.push(ticket);
    }
    let mut out = Outgoing::default();
    server.write(tickets.pop().unwrap(), Ok(json(Encoding::Json, "20")), &mut out);
    assert!(out.is_empty());
    server.write(tickets.pop().unwrap(), Ok(json(Encoding::Json, "10")), &mut out);
    assert_eq!(
        written(&mut out),
        "[{\"jsonrpc\":\"2.0\",\"result\":20,\"id\":2},{\"jsonrpc\":\"2.0\",\"result\":10,\"id\":1}]\n"
    );
}

#[test]
fn limits_are_named_where_they_are_passed() {
    let limits = Limits::default().batch_calls(2).name_bytes(4).message_bytes(200);
    let answer = |sent: &str| {
        let mut server = JsonrpcServer::new(&limits);
        let mut out = Outgoing::default();
        let event = server.read(&mut BytesMut::from(sent)).unwrap();
        let Some(ServerEvent::Reject { ticket, status }) = event else { panic!("{event:?}") };
        server.write(ticket, Err(status), &mut out);
        written(&mut out)
    };
    assert!(answer("[1,2,3]").contains("batch of 3 calls is over the limit of 2 (batch_calls)"));
    assert!(
        answer(r#"{"method":"A.Long","params":[]}"#)
            .contains("method name bytes of 6 is over the limit of 4 (name_bytes)")
    );
    let error = JsonrpcServer::new(&limits).read(&mut BytesMut::from(&*"[".repeat(600)));
    assert!(error.unwrap_err().to_string().contains("(message_bytes)"));
}

#[test]
fn a_stream_cut_inside_a_message_is_told_from_one_cut_between() {
    let whole = br#"{"method":"A.B","params":[1],"id":1} "#;
    for cut in 0..=whole.len() {
        let (_, error) = converse(&whole[..cut], usize::MAX, echo);
        let inside = cut > 0 && cut < whole.len() - 1;
        assert_eq!(matches!(error, Some(WireError::UnexpectedEof)), inside, "cut at {cut}");
    }
}

#[test]
fn a_reply_that_is_no_json_is_an_internal_error() {
    let (text, _) = converse(br#"{"method":"A.B","params":[1],"id":1}"#, 99, |_, _| {
        Ok(json(Encoding::Gob, "x"))
    });
    assert_eq!(
        text,
        "{\"id\":1,\"result\":null,\"error\":\"cannot answer JSON-RPC with a result in gob\"}\n"
    );
}

#[test]
fn a_status_without_a_text_is_no_success() {
    let (text, _) = converse(br#"{"method":"A.B","params":[1],"id":1}"#, 99, |_, _| {
        Err(Status::new(Code::Aborted, ""))
    });
    assert_eq!(text, "{\"id\":1,\"result\":null,\"error\":\"aborted\"}\n");
}
