use std::time::Duration;

use polywire_core::MethodName;

use super::*;
use crate::micro::MicroError;

fn writer(content: Content) -> StreamWriter {
    let method = MethodName::new("pkg.HelloWorld", "Stream");
    let metadata = Metadata::from_iter([("Trace-Id", "7")]);
    let mut head = CallHead::new(&method, content, 3, &metadata);
    head.service = Some("helloworld");
    head.timeout = Some(Duration::from_secs(2));
    let (writer, left_out) = StreamWriter::new(&head, "127.0.0.1:1", "polywire/1").unwrap();
    assert!(left_out.is_empty());
    writer
}

fn json(text: &'static str) -> Payload {
    Payload::new(Encoding::ProtoJson, Bytes::from_static(text.as_bytes()))
}

/// The lines of a head and the body behind it.
fn parts(message: &[u8]) -> (Vec<String>, String) {
    let text = std::str::from_utf8(message).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.split("\r\n").map(str::to_owned).collect();
    lines[1..].sort_unstable();
    (lines, body.to_owned())
}

#[test]
fn every_message_of_a_stream_has_the_whole_head() {
    let writer = writer(Content::JSON);
    let mut out = BytesMut::new();
    writer.put(&json("{\"name\":\"a\"}"), &mut out).unwrap();
    let (lines, body) = parts(&out.split());
    let mut expected = vec![
        "POST / HTTP/1.1",
        "Content-Length: 12",
        "accept: application/json",
        "content-type: application/json",
        "host: 127.0.0.1:1",
        "micro-endpoint: HelloWorld.Stream",
        "micro-id: 3",
        "micro-method: HelloWorld.Stream",
        "micro-service: helloworld",
        "micro-stream: 3",
        "timeout: 2000000000",
        "trace-id: 7",
        "user-agent: polywire/1",
    ];
    assert_eq!((lines, body.as_str()), (owned(&expected), "{\"name\":\"a\"}"));
    writer.open(&mut out).unwrap();
    let (lines, body) = parts(&out.split());
    expected[1] = "Content-Length: 2";
    assert_eq!((lines, body.as_str()), (owned(&expected), "{}"));
    writer.end(&mut out);
    let (lines, body) = parts(&out.split());
    expected[1] = "Micro-Error: EOS";
    expected.insert(2, "Transfer-Encoding: chunked");
    assert_eq!((lines, body.as_str()), (owned(&expected), "0\r\n\r\n"));
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn the_opening_message_of_protocol_buffers_is_empty_and_envelopes_are_put_around_each() {
    let mut out = BytesMut::new();
    writer(Content::PROTOBUF).open(&mut out).unwrap();
    assert_eq!(parts(&out.split()).1, "");
    writer(Content::JSON_RPC).put(&json("7"), &mut out).unwrap();
    let body = "{\"params\":[7],\"id\":\"3\",\"method\":\"HelloWorld.Stream\"}\n";
    assert_eq!(parts(&out.split()).1, body);
}

#[test]
fn an_argument_in_another_encoding_is_refused_and_nothing_is_written() {
    let mut out = BytesMut::new();
    let status = writer(Content::PROTOBUF).put(&json("7"), &mut out).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(out.is_empty());
}

/// As go-micro v6 answers: the headers of the first request with every message.
const ANSWERS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nAccept: application/json\r\n\
    Content-Type: application/json\r\nMicro-Endpoint: HelloWorld.Stream\r\nMicro-Id: 3\r\n\
    Micro-Stream: 3\r\nTrace-Id: 7\r\nUser-Agent: polywire/1\r\n\r\n{\"n\":1}\n\
    HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\
    Micro-Stream: 3\r\n\r\n4\r\n{\"n\"\r\n4\r\n:2}\n\r\n0\r\n\r\n\
    HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: application/json\r\n\
    Micro-Error: EOS\r\nX-Micro-Error: EOS\r\nTrace-Id: 8\r\n\r\n";

fn read_all(reader: &mut StreamReader, src: &mut BytesMut, seen: &mut Vec<String>) {
    while let Some(event) = reader.read(src).unwrap() {
        seen.push(match event {
            StreamEvent::Message { message, metadata } => {
                let text = String::from_utf8(message.bytes.to_vec()).unwrap();
                format!("{} {:?}", text.trim_end(), metadata.get("trace-id"))
            }
            StreamEvent::End(metadata) => format!("end {:?}", metadata.get("trace-id")),
            StreamEvent::Failed(status) => format!("{status}"),
        });
    }
}

#[test]
fn answers_cut_at_every_byte_are_messages_and_an_end() {
    for cut in 0..=ANSWERS.len() {
        let mut reader = StreamReader::new(&Limits::default(), Content::JSON);
        let (mut src, mut seen) = (BytesMut::from(&ANSWERS[..cut]), Vec::new());
        read_all(&mut reader, &mut src, &mut seen);
        src.extend_from_slice(&ANSWERS[cut..]);
        read_all(&mut reader, &mut src, &mut seen);
        assert_eq!(seen, ["{\"n\":1} Some(\"7\")", "{\"n\":2} None", "end Some(\"8\")"], "{cut}");
        assert!(src.is_empty());
    }
}

#[test]
fn answers_that_come_byte_by_byte_are_the_same() {
    let mut reader = StreamReader::new(&Limits::default(), Content::JSON);
    let (mut src, mut seen) = (BytesMut::new(), Vec::new());
    for byte in ANSWERS {
        src.put_u8(*byte);
        read_all(&mut reader, &mut src, &mut seen);
    }
    assert_eq!(seen.len(), 3);
}

fn event(answer: &'static str) -> Result<Option<StreamEvent>, WireError> {
    let mut reader = StreamReader::new(&Limits::default().message_bytes(10), Content::JSON);
    reader.read(&mut BytesMut::from(answer))
}

#[test]
fn a_failure_of_the_handler_is_its_error() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\
                  Micro-Error: {\"id\":\"a\",\"code\":404,\"detail\":\"x\"}\r\n\r\n";
    let Ok(Some(StreamEvent::Failed(status))) = event(answer) else { panic!("no failure") };
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.cause::<MicroError>().unwrap().id, "a");
}

#[test]
fn answers_of_others_are_failures() {
    for (answer, code) in [
        ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", Code::Unavailable),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno",
            Code::Internal,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
            Code::Internal,
        ),
    ] {
        let Ok(Some(StreamEvent::Failed(status))) = event(answer) else { panic!("{answer}") };
        assert_eq!(status.code(), code, "{answer}");
    }
}

#[test]
fn what_is_no_answer_ends_the_connection() {
    for (answer, text) in [
        ("POST / HTTP/1.1\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\n\r\n", "without a length"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "one length",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer encoding"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "no length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", "(message_bytes)"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n", "(message_bytes)"),
    ] {
        let error = event(answer).unwrap_err().to_string();
        assert!(error.contains(text), "{answer}: {error}");
    }
    let long = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(20_000));
    let mut reader = StreamReader::new(&Limits::default(), Content::JSON);
    assert!(reader.read(&mut BytesMut::from(long.as_str())).is_err());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let mut src = BytesMut::from(&b"HTTP/1.1 200 OK\r\n"[..]);
        src.extend_from_slice(&bytes);
        drop(StreamReader::new(&Limits::default(), Content::JSON).read(&mut src));
    }
}
