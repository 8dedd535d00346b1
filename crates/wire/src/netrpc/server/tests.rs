mod streams;

use std::collections::HashMap;
use std::collections::VecDeque;

use bytes::Bytes;
use polywire_core::{Body, Encoding, Metadata, Payload};
use polywire_gob::{Schema, TypeTable, decode, decode_value, encode, encode_value};
use serde::{Deserialize, Serialize};

use super::*;
use crate::netrpc::{NetrpcReader, client};
use crate::vectors::{Capture, captures, named, unhex};
use crate::{CallReader, CallWriter, ClientEvent};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Args {
    a: i64,
    b: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob", go = "Reply")]
struct Sum {
    c: i64,
}

fn server() -> NetrpcServer {
    NetrpcServer::new(&Limits::default())
}

fn gob<T: Serialize + Schema>(value: &T) -> Body {
    let (bytes, definitions) = encode(value).unwrap();
    Body::Unary(Payload::new(Encoding::Gob, bytes).with_context(definitions))
}

fn frame(body: &Body) -> Frame {
    let Body::Unary(payload) = body else { panic!("{body:?}") };
    let table = payload.context.as_ref().map(TypeTable::from_context).unwrap_or_default();
    Frame::new(payload.bytes.clone(), table)
}

fn add(request: &Request) -> Reply {
    let args: Args = decode(&frame(&request.body))
        .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))?;
    Ok(Response::new(gob(&Sum { c: args.a + args.b })))
}

fn written(out: &mut Outgoing) -> Vec<u8> {
    use bytes::Buf;
    let len = out.remaining();
    out.copy_to_bytes(len).to_vec()
}

/// Feeds a stream in pieces of `step` bytes, answers every call by `handler`, and ends the stream;
/// gives what was written and how it ended.
fn converse(
    server: &mut NetrpcServer,
    stream: &[u8],
    step: usize,
    mut handler: impl FnMut(u64, &Request) -> Reply,
) -> (Vec<u8>, Option<WireError>) {
    let (mut src, mut out) = (BytesMut::new(), Outgoing::default());
    let mut answer = |server: &mut NetrpcServer, event: Event| match event {
        ServerEvent::Call { ticket, key, request, .. } => {
            let reply = handler(key, &request);
            server.write(ticket, reply, &mut out);
        }
        ServerEvent::Reject { ticket, status } => server.write(ticket, Err(status), &mut out),
        other => panic!("Go sends no {other:?}"),
    };
    let mut error = None;
    'stream: for piece in stream.chunks(step) {
        src.extend_from_slice(piece);
        loop {
            match server.read(&mut src) {
                Ok(None) => break,
                Ok(Some(event)) => answer(server, event),
                Err(found) => {
                    error = Some(found);
                    break 'stream;
                }
            }
        }
    }
    while error.is_none() {
        match server.finish(&mut src) {
            Ok(None) => break,
            Ok(Some(event)) => answer(server, event),
            Err(found) => error = Some(found),
        }
    }
    (written(&mut out), error)
}

/// The replies in a stream, by number: the value, or the error's text.
type Replies = Vec<(u64, Result<polywire_gob::Value, String>)>;

fn replies(stream: &[u8]) -> Replies {
    let (_, mut reader) = client(&Limits::default());
    let mut src = BytesMut::from(stream);
    let mut found = Vec::new();
    while let Some((id, reply)) = reader.read(&mut src).unwrap() {
        let outcome = match reply {
            Ok(response) => Ok(decode_value(&frame(&response.body)).unwrap()),
            Err(status) => Err(status.message().to_owned()),
        };
        found.push((id, outcome));
    }
    found
}

/// Answers as the Go service did, so that the wire alone is on trial: each call gets the value or
/// the error of the captured reply with its number, newly encoded.
fn like_go(recorded: &Replies) -> impl FnMut(u64, &Request) -> Reply + use<> {
    let mut left: HashMap<u64, Vec<_>> = HashMap::new();
    for (id, outcome) in recorded.iter().rev() {
        left.entry(*id).or_default().push(outcome.clone());
    }
    move |id, request| {
        // The argument must be readable with the types that came with it.
        decode_value(&frame(&request.body)).unwrap();
        match left.get_mut(&id).and_then(Vec::pop) {
            Some(Ok(value)) => {
                let (bytes, definitions) = encode_value(&value).unwrap();
                let payload = Payload::new(Encoding::Gob, bytes).with_context(definitions);
                Ok(Response::unary(payload))
            }
            Some(Err(text)) => Err(Status::new(Code::Unknown, text)),
            None => Err(Status::new(Code::Internal, NO_ANSWER)),
        }
    }
}

/// What a call gets here that Go's server never answered.
const NO_ANSWER: &str = "go did not answer";

/// How many calls of a capture are answered here and not by Go, whose server broke off.
fn unanswered_by_go(name: &str, recorded: &Replies) -> usize {
    match name {
        // Go cannot encode the reply and closes; its reply stream breaks off after the header.
        "conv_gob_unencodable_reply" => 1,
        // Go's server dies of a nil pointer; since 1.27 it answers.
        "conv_gob_nil_ptr_reply" if recorded.is_empty() => 1,
        _ => 0,
    }
}

/// Captures whose replies carry other texts here, and why.
const OTHER_TEXTS: [&str; 1] = [
    // Whether the service exists is the router's to say, who never sees a call without a body.
    "raw_gob_header_only_unknown_then_eof",
];

fn check(capture: &Capture, c2s: &[u8], s2c: &[u8]) {
    let name = &capture.name;
    let recorded = replies(s2c);
    let mut first: Option<Vec<u8>> = None;
    for step in [1, 5, 64, usize::MAX] {
        let (ours, error) = converse(&mut server(), c2s, step, like_go(&recorded));
        let mut got = replies(&ours);
        let mut expected = recorded.clone();
        expected.sort_by_key(|(id, _)| *id);
        got.sort_by_key(|(id, _)| *id);
        let extra = got.extract_if(.., |(_, outcome)| *outcome == Err(NO_ANSWER.to_owned()));
        assert_eq!(extra.count(), unanswered_by_go(name, &recorded), "{name}");
        if OTHER_TEXTS.contains(&name.as_str()) {
            assert_eq!(got, [(1, Err("EOF".to_owned()))]);
        } else {
            assert_eq!(got, expected, "{name} in pieces of {step}");
        }
        let same = first.get_or_insert_with(|| ours.clone());
        assert_eq!(*same, ours, "{name} in pieces of {step}");
        let broken = [
            "raw_gob_header_wrong_type",
            "raw_gob_header_other_struct",
            "raw_gob_garbage",
            "raw_gob_zero_len",
            "raw_gob_huge_len",
            "raw_gob_fresh_encoder_per_call",
            "raw_gob_body_duplicate_typedef",
            "conv_gob_unencodable_args",
            "conv_gob_nil_args",
        ];
        assert_eq!(error.is_some(), broken.contains(&name.as_str()), "{name}: {error:?}");
    }
}

#[test]
fn captured_connections_are_answered_as_go_answers_them() {
    let mut count = 0;
    for capture in captures("conversation_gob").into_iter().chain(captures("raw_gob")) {
        check(&capture, &capture.stream("c2s"), &capture.stream("s2c"));
        if let Some((c2s, s2c)) = &capture.later {
            check(&capture, c2s, s2c);
        }
        count += 1;
    }
    assert_eq!(count, 32);
}

#[test]
fn a_go_peer_sees_gos_bytes_but_for_type_ids() {
    let capture = named("conversation_gob", "conv_gob_errors_then_ok");
    let recorded = replies(&capture.stream("s2c"));
    let (ours, _) = converse(&mut server(), &capture.stream("c2s"), usize::MAX, like_go(&recorded));
    let definition = |stream: &[u8]| {
        // Behind length and id, up to the struct's own id, and from the fields on.
        let at = stream.windows(8).position(|window| window == b"Response").unwrap();
        let fields = stream.windows(13).position(|window| window == b"ServiceMethod").unwrap();
        let end = stream.windows(5).position(|window| window == b"Error").unwrap() + 10;
        (stream[at - 4..at + 9].to_vec(), stream[fields - 4..end].to_vec())
    };
    assert_eq!(definition(&ours), definition(&capture.stream("s2c")));
    let header = unhex("0941726974682e446976020e646976696465206279207a65726f00");
    assert!(ours.windows(header.len()).any(|window| window == header), "header of call 0");
    for name in ["Ext", "Meta", "Code", "Details"] {
        let found = ours.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(!found, "{name} was sent to a plain peer");
    }
}

#[test]
fn a_typed_service_adds_what_go_sent() {
    let capture = named("conversation_gob", "conv_gob_two_calls");
    let (ours, error) =
        converse(&mut server(), &capture.stream("c2s"), usize::MAX, |_, request| add(request));
    assert!(error.is_none());
    assert_eq!(replies(&ours), replies(&capture.stream("s2c")));
}

#[test]
fn every_truncation_is_answered_or_refused_and_never_panics() {
    for capture in captures("conversation_gob").into_iter().chain(captures("raw_gob")) {
        let stream = capture.stream("c2s");
        // The long streams are long in one string; its middle is no different everywhere.
        let step = if stream.len() > 2000 { 97 } else { 1 };
        for cut in (0..=stream.len()).step_by(step) {
            let mut calls = 0;
            let (ours, _) = converse(&mut server(), &stream[..cut], usize::MAX, |_, _| {
                calls += 1;
                Ok(Response::new(Body::Empty))
            });
            assert!(replies(&ours).len() >= calls, "{} cut at {cut}", capture.name);
        }
    }
}

#[test]
fn a_changed_byte_anywhere_never_panics_and_gets_no_answer_that_cannot_be_read() {
    for capture in captures("conversation_gob").into_iter().chain(captures("raw_gob")) {
        let stream = capture.stream("c2s");
        let step = if stream.len() > 2000 { 97 } else { 1 };
        for at in (0..stream.len()).step_by(step) {
            for change in [0x01, 0x80, 0xff] {
                let mut stream = stream.clone();
                stream[at] ^= change;
                let (ours, _) = converse(&mut server(), &stream, usize::MAX, |_, request| {
                    // Whatever it is, decoding it ends in a value or an error.
                    let _value = decode_value(&frame(&request.body));
                    Ok(Response::new(Body::Empty))
                });
                let _replies = replies(&ours);
            }
        }
    }
}

#[test]
fn a_header_without_its_body_is_answered_with_gos_words() {
    let stream = named("raw_gob", "raw_gob_halfclose_with_inflight").stream("c2s");
    let header = stream.len() - 8 - 31;
    let ends = |cut: usize| {
        let (ours, error) =
            converse(&mut server(), &stream[..cut], 3, |_, _| Ok(Response::new(Body::Empty)));
        let texts: Vec<_> = replies(&ours).into_iter().map(|(_, outcome)| outcome).collect();
        (texts, error.map(|error| error.to_string()))
    };
    for cut in 1..=stream.len() {
        let expected = match cut {
            // Between the definition of the header's type and its value.
            _ if cut < header => (vec![], Some("unexpected EOF".to_owned())),
            _ if cut == header => (vec![Err("EOF".to_owned())], None),
            _ if cut < stream.len() => (vec![Err("unexpected EOF".to_owned())], None),
            _ => (ends(cut).0, None),
        };
        assert_eq!(ends(cut), expected, "cut at {cut}");
    }
}

/// A client and a server with memory between them.
struct Pair {
    writer: crate::netrpc::NetrpcWriter,
    reader: NetrpcReader,
    server: NetrpcServer,
    to_server: BytesMut,
    to_client: BytesMut,
    /// Values that the reader gave at once.
    events: VecDeque<ClientEvent>,
}

impl Pair {
    fn new(limits: &Limits) -> Self {
        let (writer, reader) = client(&Limits::default());
        let server = NetrpcServer::new(limits);
        let (to_server, to_client) = (BytesMut::new(), BytesMut::new());
        Self { writer, reader, server, to_server, to_client, events: VecDeque::new() }
    }

    fn send(&mut self, id: u64, request: &Request, remaining: Option<Duration>) -> usize {
        let mut out = Outgoing::default();
        self.writer.write(id, request, remaining, &mut out).unwrap();
        let bytes = written(&mut out);
        self.to_server.extend_from_slice(&bytes);
        bytes.len()
    }

    fn event(&mut self) -> Event {
        self.server.read(&mut self.to_server).unwrap().expect("an event")
    }

    fn answer(&mut self, ticket: NetrpcTicket, reply: Reply) -> (u64, Reply, usize) {
        let mut out = Outgoing::default();
        self.server.write(ticket, reply, &mut out);
        let bytes = written(&mut out);
        self.to_client.extend_from_slice(&bytes);
        let (id, reply) = self.reader.read(&mut self.to_client).unwrap().expect("a reply");
        (id, reply, bytes.len())
    }

    /// One call there and back.
    fn call(&mut self, id: u64, request: &Request, reply: Reply) -> (Request, Reply) {
        self.send(id, request, None);
        let ServerEvent::Call { ticket, request, .. } = self.event() else { panic!() };
        let (answered, reply, _) = self.answer(ticket, reply);
        assert_eq!(answered, id);
        (request, reply)
    }
}

fn request(body: Body) -> Request {
    Request::new(MethodName::new("Arith", "Add"), body)
}

fn greet(pair: &mut Pair) {
    pair.call(0, &request(gob(&Args { a: 1, b: 2 })), Ok(Response::default())).1.unwrap();
}

#[test]
fn calls_and_replies_cross_whole() {
    let mut pair = Pair::new(&Limits::default());
    for id in 0..300 {
        pair.send(id, &request(gob(&Args { a: 40, b: 2 })), None);
        let ServerEvent::Call { ticket, key, request, timeout } = pair.event() else { panic!() };
        assert_eq!((key, timeout, request.method.as_str()), (id, None, "Arith.Add"));
        let reply = add(&request);
        let (answered, reply, _) = pair.answer(ticket, reply);
        assert_eq!(answered, id);
        let sum: Sum = decode(&frame(&reply.unwrap().body)).unwrap();
        assert_eq!(sum, Sum { c: 42 });
    }
    assert!(pair.to_server.is_empty() && pair.to_client.is_empty());
}

#[test]
fn the_extension_costs_nothing_once_both_sides_know() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let sent = pair.send(1, &request(gob(&Args { a: 1, b: 2 })), None);
    // Go's own: 17 bytes of header (two-byte ids), 8 of body.
    assert!(sent <= 26, "{sent} bytes");
    let ServerEvent::Call { ticket, .. } = pair.event() else { panic!() };
    pair.answer(ticket, Ok(Response::new(gob(&Sum { c: 3 })))).1.unwrap();
    pair.send(2, &request(gob(&Args { a: 1, b: 2 })), None);
    let ServerEvent::Call { ticket, .. } = pair.event() else { panic!() };
    let (_, _, answered) = pair.answer(ticket, Ok(Response::new(gob(&Sum { c: 3 }))));
    assert!(answered <= 14, "{answered} bytes");
}

#[test]
fn metadata_and_timeouts_travel_from_the_first_call_on() {
    let mut pair = Pair::new(&Limits::default());
    for id in 0..3 {
        let mut call = request(Body::Empty);
        call.metadata.append("tenant", "a");
        call.metadata.append("tenant", "b");
        call.metadata.append("traceparent", "00-1-2-3");
        pair.send(id, &call, Some(Duration::from_millis(1500)));
        let ServerEvent::Call { ticket, request, timeout, .. } = pair.event() else { panic!() };
        assert_eq!(timeout, Some(Duration::from_millis(1500)));
        assert_eq!(request.metadata, call.metadata);
        let mut response = Response::default();
        response.metadata.append("served-by", "x");
        let (_, reply, _) = pair.answer(ticket, Ok(response));
        assert_eq!(reply.unwrap().metadata.get("served-by"), Some("x"));
    }
}

#[test]
fn a_deadline_that_has_passed_arrives_as_one_that_passes_at_once() {
    let mut pair = Pair::new(&Limits::default());
    pair.send(0, &request(Body::Empty), Some(Duration::ZERO));
    let ServerEvent::Call { timeout, .. } = pair.event() else { panic!() };
    assert_eq!(timeout, Some(Duration::from_nanos(1)));
}

#[test]
fn a_status_crosses_whole_between_peers_with_the_extension() {
    let mut pair = Pair::new(&Limits::default());
    let status = Status::new(Code::NotFound, "no such thing")
        .with_details(Bytes::from_static(b"\x01\x02"))
        .with_metadata(Metadata::from_iter([("retry-after", "3")]));
    for id in 0..2 {
        let (_, reply) = pair.call(id, &request(Body::Empty), Err(status.clone()));
        let got = reply.unwrap_err();
        assert_eq!((got.code(), got.message()), (Code::NotFound, "no such thing"));
        assert_eq!(&got.details()[..], b"\x01\x02");
        assert_eq!(got.metadata().get("retry-after"), Some("3"));
    }
}

#[test]
fn a_status_without_a_text_is_no_success() {
    let mut pair = Pair::new(&Limits::default());
    let (_, reply) = pair.call(0, &request(Body::Empty), Err(Status::new(Code::Aborted, "")));
    let status = reply.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Aborted, "aborted"));
}

#[test]
fn other_encodings_cross_only_to_peers_with_the_extension() {
    let mut pair = Pair::new(&Limits::default());
    let json = || Payload::new(Encoding::Json, Bytes::from_static(b"{\"a\":1}"));
    let call = request(Body::Unary(json()));
    let mut out = Outgoing::default();
    let status = pair.writer.write(0, &call, None, &mut out).unwrap_err();
    assert_eq!(status.message(), "plain net/rpc cannot carry json");
    assert!(out.is_empty());
    greet(&mut pair);
    let (received, reply) = pair.call(1, &call, Ok(Response::unary(json())));
    for body in [received.body, reply.unwrap().body] {
        let Body::Unary(payload) = body else { panic!() };
        assert_eq!((payload.encoding, &payload.bytes[..]), (Encoding::Json, &b"{\"a\":1}"[..]));
    }
}

#[test]
fn a_call_is_withdrawn_only_from_peers_with_the_extension() {
    let mut pair = Pair::new(&Limits::default());
    let mut out = Outgoing::default();
    pair.writer.cancel(0, &mut out);
    assert!(out.is_empty(), "nothing is known about the peer");
    greet(&mut pair);
    pair.send(7, &request(Body::Empty), None);
    pair.writer.cancel(7, &mut out);
    pair.to_server.extend_from_slice(&written(&mut out));
    let ServerEvent::Call { key, .. } = pair.event() else { panic!() };
    let ServerEvent::Cancel { key: cancelled } = pair.event() else { panic!() };
    assert_eq!((key, cancelled), (7, 7));
    pair.call(8, &request(Body::Empty), Ok(Response::default())).1.unwrap();
}

#[test]
fn what_a_reply_cannot_carry_is_an_internal_error() {
    let mut pair = Pair::new(&Limits::default());
    let foreign = Payload::new(Encoding::Gob, Bytes::from_static(&[3, 4, 0, 6]));
    let (_, reply) = pair.call(0, &request(Body::Empty), Ok(Response::unary(foreign)));
    let status = reply.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.message(), "gob from another connection must be decoded and encoded again");
}

#[test]
fn a_large_value_is_handed_on_uncopied() {
    let mut pair = Pair::new(&Limits::default());
    let text = "x".repeat(100_000);
    let body = gob(&text);
    let Body::Unary(payload) = &body else { panic!() };
    let payload = payload.clone();
    let mut out = Outgoing::default();
    pair.writer.write(0, &request(body), None, &mut out).unwrap();
    let mut slices = [std::io::IoSlice::new(&[]); 4];
    use bytes::Buf;
    assert_eq!(out.chunks_vectored(&mut slices), 2);
    assert_eq!(slices[1].as_ptr(), payload.bytes.as_ptr());
    pair.to_server.extend_from_slice(&written(&mut out));
    let ServerEvent::Call { request, .. } = pair.event() else { panic!() };
    assert_eq!(decode::<String>(&frame(&request.body)).unwrap(), text);
}

#[test]
fn limits_are_named_where_they_are_passed() {
    let limits = Limits::default().name_bytes(4).metadata_bytes(8).message_bytes(300);
    let mut pair = Pair::new(&limits);
    let rejected = |event: Event| match event {
        ServerEvent::Reject { status, .. } => status.message().to_owned(),
        other => panic!("{other:?}"),
    };
    pair.send(0, &request(Body::Empty), None);
    assert_eq!(
        rejected(pair.event()),
        "method name bytes of 9 is over the limit of 4 (name_bytes)"
    );
    let mut call = Request::new(MethodName::new("A", "B"), Body::Empty);
    call.metadata.append("name", "value");
    pair.send(1, &call, None);
    assert_eq!(
        rejected(pair.event()),
        "metadata bytes of 11 is over the limit of 8 (metadata_bytes)"
    );
    let call = Request::new(MethodName::new("A", "B"), gob(&"x".repeat(400)));
    pair.send(2, &call, None);
    let ServerEvent::Reject { status, .. } = pair.event() else { panic!() };
    assert!(status.message().contains("300"), "{}", status.message());
    assert!(pair.server.read(&mut pair.to_server).is_err());
}
