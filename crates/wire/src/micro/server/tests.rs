use bytes::{Buf as _, Bytes};
use polywire_core::{EventSource, Metadata, Payload, Response};

use super::answers::MAX_HELD;
use super::*;

fn server() -> MicroServer {
    let kind_of: KindOf = Box::new(|method| match method.method() {
        "Hello" => Some(CallKind::Unary),
        "Count" => Some(CallKind::ServerStreaming),
        "Sum" => Some(CallKind::ClientStreaming),
        "Chat" => Some(CallKind::BidiStreaming),
        _ => None,
    });
    MicroServer::new(&Limits::default().message_bytes(1000), kind_of)
}

/// As go-micro v6.10 sends it, but for the id.
fn call(method: &str, id: u32) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:18070\r\nUser-Agent: Go-http-client/1.1\r\n\
         Content-Length: 16\r\nAccept: application/json\r\nContent-Type: application/json\r\n\
         Micro-Endpoint: HelloWorld.{method}\r\nMicro-Id: {id}\r\n\
         Micro-Method: HelloWorld.{method}\r\nMicro-Service: helloworld\r\n\
         Timeout: 5000000000\r\n\r\n{{\"name\":\"john\"}}\n"
    )
}

fn of_stream(method: &str, extra: &str) -> String {
    call(method, 4).replace("Timeout: 5000000000", &format!("Micro-Stream: 4{extra}"))
}

fn read(wire: &mut MicroServer, text: &str) -> Option<Event> {
    let mut src = BytesMut::from(text);
    let event = wire.read(&mut src).unwrap();
    assert!(src.is_empty());
    event
}

fn called(event: Option<Event>) -> (MicroTicket, u64, Request) {
    match event {
        Some(ServerEvent::Call { ticket, key, request, .. }) => (ticket, key, request),
        Some(ServerEvent::Open { ticket, key, request, .. }) => (ticket, key, request),
        event => panic!("{event:?}"),
    }
}

fn json(text: &'static str) -> Payload {
    Payload::new(Encoding::ProtoJson, Bytes::from_static(text.as_bytes()))
}

fn written(mut out: Outgoing) -> String {
    String::from_utf8(out.copy_to_bytes(out.len()).to_vec()).unwrap()
}

fn answer(wire: &mut MicroServer, ticket: MicroTicket, reply: Reply) -> String {
    let mut out = Outgoing::default();
    wire.write(ticket, reply, &mut out);
    written(out)
}

fn framed(wire: &mut MicroServer, key: u64, frame: ReplyFrame<'_>) -> String {
    let mut out = Outgoing::default();
    wire.frame(key, frame, &mut out).unwrap();
    written(out)
}

fn rejected(wire: &mut MicroServer, text: &str) -> String {
    let Some(ServerEvent::Reject { ticket, status }) = read(wire, text) else { panic!("{text}") };
    answer(wire, ticket, Err(status))
}

#[test]
fn a_call_of_a_go_client_is_answered() {
    let mut wire = server();
    let event = read(&mut wire, &call("Hello", 0));
    let Some(ServerEvent::Call { ticket, request, timeout, .. }) = event else { panic!() };
    assert_eq!(request.method.as_str(), "HelloWorld.Hello");
    assert_eq!(timeout, Some(Duration::from_secs(5)));
    let Body::Unary(payload) = request.body else { panic!() };
    assert_eq!(&payload.bytes[..], b"{\"name\":\"john\"}\n");
    let reply = Ok(Response::unary(json("{\"msg\":\"Hello john\"}")));
    assert_eq!(
        answer(&mut wire, ticket, reply),
        "HTTP/1.1 200 OK\r\nContent-Length: 21\r\nContent-Type: application/json\r\n\
         Micro-Id: 0\r\n\r\n{\"msg\":\"Hello john\"}\n"
    );
}

#[test]
fn a_failure_is_a_header_of_an_answer_without_a_body() {
    let mut wire = server();
    let (ticket, ..) = called(read(&mut wire, &call("Hello", 0)));
    let text = answer(&mut wire, ticket, Err(Status::new(Code::NotFound, "no err")));
    let error = r#"{"id":"helloworld","code":404,"detail":"no err","status":"Not Found"}"#;
    assert_eq!(
        text,
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: application/json\r\n\
             Micro-Id: 0\r\nMicro-Error: {error}\r\nX-Micro-Error: {error}\r\n\r\n"
        )
    );
}

#[test]
fn calls_are_answered_in_their_order_whichever_is_ready_first() {
    let mut wire = server();
    let mut src = BytesMut::from(&*[call("Hello", 0), call("Hello", 1), call("Hello", 2)].concat());
    let mut next = || called(wire.read(&mut src).unwrap()).0;
    let (first, second, third) = (next(), next(), next());
    let done = || Ok(Response::unary(json("{}")));
    assert_eq!(answer(&mut wire, second, done()), "");
    let text = answer(&mut wire, first, done());
    let ids: Vec<_> = text.lines().filter(|line| line.starts_with("Micro-Id")).collect();
    assert_eq!(ids, ["Micro-Id: 0", "Micro-Id: 1"]);
    assert!(answer(&mut wire, third, done()).contains("Micro-Id: 2"));
}

#[test]
fn no_more_calls_are_taken_while_many_answers_wait_behind_one() {
    let mut wire = server();
    let (slow, ..) = called(read(&mut wire, &call("Hello", 0)));
    let body: &'static str = "x".repeat(1000).leak();
    let (mut src, mut waiting) = (BytesMut::from(&*call("Hello", 1).repeat(2000)), 0);
    while let Some(event) = wire.read(&mut src).unwrap() {
        waiting += 1;
        let (ticket, reply) = match event {
            ServerEvent::Call { ticket, .. } => (ticket, Ok(Response::unary(json(body)))),
            ServerEvent::Reject { ticket, status } => (ticket, Err(status)),
            event => panic!("{event:?}"),
        };
        assert_eq!(answer(&mut wire, ticket, reply), "");
        assert!(waiting <= MAX_HELD / body.len(), "{waiting} wait");
    }
    assert_eq!(wire.appetite(), Appetite::Waits);
    assert!(waiting > MAX_HELD / body.len() / 2, "{waiting} wait");

    let text = answer(&mut wire, slow, Ok(Response::unary(json("{}"))));
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), waiting + 1);
    assert_eq!(wire.appetite(), Appetite::Hungry);
    assert!(wire.read(&mut src).unwrap().is_some());
}

#[test]
fn a_call_that_is_no_stream_may_name_one() {
    let mut wire = server();
    for _ in 0..2 {
        let (ticket, ..) = called(read(&mut wire, &of_stream("Hello", "")));
        let text = answer(&mut wire, ticket, Ok(Response::unary(json("{}"))));
        assert!(text.contains("Micro-Stream: 4\r\n") && text.ends_with("{}\n"), "{text}");
    }
}

#[test]
fn enveloped_calls_are_answered_in_envelopes() {
    let mut wire = server();
    let body = "{\"params\":[{}],\"id\":\"5\",\"method\":\"HelloWorld.Hello\"}\n";
    let call = format!(
        "POST / HTTP/1.1\r\nMicro-Endpoint: HelloWorld.Hello\r\nContent-Length: {}\r\n\
         Content-Type: application/json-rpc\r\n\r\n{body}",
        body.len()
    );
    let (ticket, ..) = called(read(&mut wire, &call));
    let text = answer(&mut wire, ticket, Ok(Response::unary(json("{\"a\":1}"))));
    assert!(
        text.ends_with("\r\n\r\n{\"id\":\"5\",\"result\":{\"a\":1},\"error\":null}\n"),
        "{text}"
    );
    let (ticket, ..) = called(read(&mut wire, &call));
    let text = answer(&mut wire, ticket, Err(Status::new(Code::Unknown, "no")));
    assert!(text.contains("\"code\":500,\"detail\":\"no\""), "{text}");
    assert!(text.ends_with("{\"id\":\"5\",\"result\":null,\"error\":\"no\"}\n"), "{text}");
}

#[test]
fn framed_calls_are_answered_with_the_status_of_grpc_as_well() {
    let mut wire = server();
    let call = "POST / HTTP/1.1\r\nMicro-Endpoint: HelloWorld.Hello\r\nContent-Length: 5\r\n\
                Content-Type: application/grpc+json\r\n\r\n\0\0\0\0\0";
    let (ticket, ..) = called(read(&mut wire, call));
    let text = answer(&mut wire, ticket, Ok(Response::unary(json("{}"))));
    assert!(text.contains("\r\nGrpc-Status: 0\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n\0\0\0\0\x02{}"), "{text}");
    let (ticket, ..) = called(read(&mut wire, call));
    let text = answer(&mut wire, ticket, Err(Status::new(Code::NotFound, "not\nthere")));
    assert!(text.contains("Grpc-Status: 5\r\nGrpc-Message: not%0Athere\r\n"), "{text}");
}

#[test]
fn what_no_service_may_see_is_refused_in_go_micros_words() {
    let mut wire = server();
    for (from, to, text) in [
        ("HelloWorld.Hello", "a.b.c", "rpc: service/endpoint request ill-formed: a.b.c"),
        ("application/json", "application/xml", "unsupported Content-Type: application/xml"),
        ("HelloWorld.Hello", "HelloWorld.Chat", "which needs Micro-Stream"),
    ] {
        let answer = rejected(&mut wire, &call("Hello", 0).replace(from, to));
        assert!(answer.contains(text), "{answer}");
    }
}

#[test]
fn an_event_is_for_its_subscribers_and_answered_by_a_head_alone() {
    let mut wire = server();
    let sent = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\
                Content-Type: application/json\r\nMicro-Id: 74aa3131\r\n\
                Micro-Topic: my.topic\r\nTrace: t1\r\n\r\n{\"name\":\"evt\"}";
    let (ticket, _, request) = called(read(&mut wire, sent));
    assert_eq!(request.method.topic(), Some("my.topic"));
    assert_eq!(request.extensions.get::<EventSource>(), Some(&EventSource::Peer));
    assert_eq!(request.metadata.get("trace"), Some("t1"));
    let Body::Unary(payload) = request.body else { panic!() };
    assert_eq!(payload.encoding, Encoding::ProtoJson);
    assert_eq!(&payload.bytes[..], b"{\"name\":\"evt\"}");
    let expected = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: application/json\r\n\
                    Micro-Id: 74aa3131\r\nMicro-Topic: my.topic\r\n\r\n";
    assert_eq!(answer(&mut wire, ticket, Ok(Response::default())), expected);

    let (ticket, _, _) = called(read(&mut wire, &sent.replace("Micro-Topic", "X-Micro-Topic")));
    let failed = Status::new(Code::Internal, "subscriber error: a\nb");
    let answer = answer(&mut wire, ticket, Err(failed));
    let error =
        r#"Micro-Error: {"id":"go.micro.server","code":500,"detail":"subscriber error: a\nb""#;
    assert!(answer.contains(error), "{answer}");

    let long = sent.replace("my.topic", &"t".repeat(2000));
    let mut wire = MicroServer::new(&Limits::default().name_bytes(1000), Box::new(|_| None));
    assert!(rejected(&mut wire, &long).contains("topic bytes of 2000 is over the limit of 1000"));
}

#[test]
fn a_stream_of_replies_has_its_argument_in_the_second_message() {
    let mut wire = server();
    assert!(read(&mut wire, &of_stream("Count", "")).is_none());
    let (_, key, request) = called(read(&mut wire, &of_stream("Count", "")));
    assert!(matches!(request.body, Body::Unary(_)));
    let metadata = Metadata::from_iter([("a", "b"), ("micro-error", "x")]);
    assert_eq!(framed(&mut wire, key, ReplyFrame::Head(&metadata, Encoding::ProtoJson)), "");
    let text = framed(&mut wire, key, ReplyFrame::Message(&json("{\"n\":1}")));
    assert_eq!(
        text,
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Type: application/json\r\n\
         Micro-Id: 4\r\nMicro-Stream: 4\r\na: b\r\n\r\n{\"n\":1}\n"
    );
    let text = framed(&mut wire, key, ReplyFrame::End(&Metadata::new()));
    assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), "{text}");
    assert!(text.contains("\r\nMicro-Error: EOS\r\n"), "{text}");
    assert!(read(&mut wire, &of_stream("Count", "\r\nMicro-Error: EOS")).is_none());
}

#[test]
fn a_caller_that_ends_a_stream_of_replies_has_lost_interest() {
    let mut wire = server();
    assert!(read(&mut wire, &of_stream("Count", "")).is_none());
    let (_, key, _) = called(read(&mut wire, &of_stream("Count", "")));
    let end = read(&mut wire, &of_stream("Count", "\r\nMicro-Error: EOS"));
    assert!(matches!(end, Some(ServerEvent::Cancel { key: other }) if other == key));
    assert_eq!(framed(&mut wire, key, ReplyFrame::Message(&json("{}"))), "");
}

#[test]
fn streams_go_both_ways_on_one_connection() {
    let mut wire = server();
    let event = read(&mut wire, &of_stream("Chat", ""));
    let Some(ServerEvent::Open { key, request, arguments, .. }) = event else { panic!() };
    assert!(matches!(request.body, Body::Empty) && arguments.is_some());
    let message = read(&mut wire, &of_stream("Chat", ""));
    let Some(ServerEvent::Message { key: of, value }) = message else { panic!() };
    assert_eq!((of, &value.unwrap().bytes[..]), (key, &b"{\"name\":\"john\"}\n"[..]));
    assert!(framed(&mut wire, key, ReplyFrame::Message(&json("{}"))).ends_with("{}\n"));
    let end = read(&mut wire, &of_stream("Chat", "\r\nMicro-Error: EOS"));
    assert!(matches!(end, Some(ServerEvent::End { key: of }) if of == key));
    let failed = framed(&mut wire, key, ReplyFrame::Failed(&Status::new(Code::Aborted, "x")));
    assert!(failed.contains("\"code\":409"), "{failed}");
}

#[test]
fn a_stream_keeps_to_the_content_type_it_began_with() {
    let mut wire = server();
    let (_, key, _) = called(read(&mut wire, &of_stream("Chat", "")));
    let other = of_stream("Chat", "").replace("Type: application/json", "Type: application/proto");
    let Some(ServerEvent::Message { key: of, value }) = read(&mut wire, &other) else { panic!() };
    assert_eq!((of, value.unwrap_err().code()), (key, Code::InvalidArgument));
}

#[test]
fn the_only_reply_to_a_stream_of_arguments_is_followed_by_its_end() {
    let mut wire = server();
    let (ticket, ..) = called(read(&mut wire, &of_stream("Sum", "")));
    let text = answer(&mut wire, ticket, Ok(Response::unary(json("{\"n\":3}"))));
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2);
    assert!(text.contains("{\"n\":3}\n") && text.contains("Micro-Error: EOS"), "{text}");
}

#[test]
fn nothing_is_read_until_a_slow_reader_has_taken_what_there_is() {
    let mut wire = server();
    let (_, key, _) = called(read(&mut wire, &of_stream("Chat", "")));
    let mut sent = 0;
    while wire.appetite() == Appetite::Hungry {
        assert!(read(&mut wire, &of_stream("Chat", "")).is_some());
        sent += 48;
    }
    assert!((INITIAL_WINDOW..INITIAL_WINDOW + 48).contains(&sent));
    assert_eq!(wire.appetite(), Appetite::Waits);
    let mut src = BytesMut::from(&*of_stream("Chat", ""));
    assert!(wire.read(&mut src).unwrap().is_none() && !src.is_empty());
    framed(&mut wire, key, ReplyFrame::Window(sent));
    assert!(wire.read(&mut src).unwrap().is_some());
}

#[test]
fn a_connection_ends_where_its_peer_or_another_protocol_says_so() {
    let mut wire = server();
    let last = call("Hello", 0).replace("Host: 127.0.0.1:18070", "Connection: close");
    let (ticket, ..) = called(read(&mut wire, &last));
    assert_eq!(wire.appetite(), Appetite::Sated);
    let text = answer(&mut wire, ticket, Ok(Response::unary(json("{}"))));
    assert!(text.contains("\r\nConnection: close\r\n"), "{text}");

    let mut wire = server();
    let other = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
    let mut src = BytesMut::from(&*format!("{}{other}", call("Hello", 0)));
    called(wire.read(&mut src).unwrap());
    assert!(wire.read(&mut src).unwrap().is_none());
    assert_eq!((wire.appetite(), &src[..]), (Appetite::Leaves, other.as_bytes()));
}

#[test]
fn who_closes_the_connection_waits_for_nothing() {
    let mut wire = server();
    let (_ticket, key, _) = called(read(&mut wire, &call("Hello", 0)));
    let mut src = BytesMut::from("POST / HT");
    assert!(!wire.is_within());
    assert!(wire.read(&mut src).unwrap().is_none() && wire.is_within());
    let event = wire.finish(&mut src).unwrap();
    assert!(matches!(event, Some(ServerEvent::Cancel { key: of }) if of == key));
    assert!(matches!(wire.finish(&mut src), Err(WireError::UnexpectedEof)));
    assert!(wire.finish(&mut src).unwrap().is_none());
}

#[test]
fn a_body_that_grows_too_large_is_refused() {
    let mut wire = server();
    let call = "POST / HTTP/1.1\r\nMicro-Endpoint: HelloWorld.Hello\r\n\
                Transfer-Encoding: chunked\r\n\r\n3e9\r\n";
    let text = rejected(&mut wire, call);
    assert!(text.contains("message is over the limit of 1000 bytes (message_bytes)"), "{text}");
    assert_eq!(wire.appetite(), Appetite::Sated);
}

#[test]
fn streams_that_never_send_their_argument_are_bounded() {
    let mut wire = server();
    let open = |number| of_stream("Count", "").replace("Stream: 4", &format!("Stream: {number}"));
    for number in 0..MAX_WAITING {
        assert!(read(&mut wire, &open(number)).is_none());
    }
    assert!(rejected(&mut wire, &open(MAX_WAITING)).contains("\"code\":429"));
}
