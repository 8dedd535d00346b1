use std::iter;
use std::task::{Context, Poll};

use polywire_core::{EncodedRun, PayloadStream, RunBudget};

use super::*;
use crate::{CallFrame, ClientEvent, INITIAL_WINDOW, ReplyFrame};

impl Pair {
    fn open(&mut self, id: u64, request: &Request) -> u64 {
        let mut out = Outgoing::default();
        let granted = self.writer.open(id, request, None, 1000, &mut out).unwrap();
        self.to_server.extend_from_slice(&written(&mut out));
        granted
    }

    fn tell(&mut self, id: u64, frame: CallFrame<'_>) -> Vec<u8> {
        let mut out = Outgoing::default();
        self.writer.frame(id, frame, &mut out).unwrap();
        let bytes = written(&mut out);
        self.to_server.extend_from_slice(&bytes);
        bytes
    }

    fn reply(&mut self, key: u64, frame: ReplyFrame<'_>) -> Vec<u8> {
        let mut out = Outgoing::default();
        self.server.frame(key, frame, &mut out).unwrap();
        let bytes = written(&mut out);
        self.to_client.extend_from_slice(&bytes);
        bytes
    }

    fn next(&mut self) -> ClientEvent {
        self.try_next().expect("an event")
    }

    /// As the reader gives them, but values one by one.
    fn try_next(&mut self) -> Option<ClientEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        match self.reader.next(&mut self.to_client).unwrap()? {
            ClientEvent::Messages { id, values } => {
                let values = values.into_payloads(Encoding::Gob).map(Ok);
                self.events.extend(values.map(|value| ClientEvent::Message { id, value }));
                self.events.pop_front()
            }
            event => Some(event),
        }
    }
}

struct Nothing;

impl futures_core::Stream for Nothing {
    type Item = Result<Payload, Status>;

    fn poll_next(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}

fn arguments() -> Body {
    Body::Stream(PayloadStream::new(Encoding::Gob, Nothing))
}

fn payload<T: Serialize + Schema>(value: &T) -> Payload {
    let Body::Unary(payload) = gob(value) else { panic!() };
    payload
}

fn sum(payload: &Payload) -> Sum {
    decode(&frame(&Body::Unary(payload.clone()))).unwrap()
}

#[test]
fn a_stream_of_arguments_begins_when_the_peer_has_shown_the_extension() {
    let mut pair = Pair::new(&Limits::default());
    assert_eq!(pair.open(0, &request(arguments())), 0, "nothing may be sent yet");
    let ServerEvent::Open { key: 0, window: 1000, arguments: Some(granted), request, .. } =
        pair.event()
    else {
        panic!()
    };
    assert_eq!(granted, (Encoding::Gob, 0));
    assert!(matches!(request.body, Body::Empty));
    pair.reply(0, ReplyFrame::Window(5000));
    assert!(matches!(pair.next(), ClientEvent::Window { id: 0, bytes: 5000 }));
    // From now on it is known.
    assert_eq!(pair.open(1, &super::request(arguments())), INITIAL_WINDOW);
    let ServerEvent::Open { arguments: Some(granted), .. } = pair.event() else { panic!() };
    assert_eq!(granted, (Encoding::Gob, INITIAL_WINDOW));
}

#[test]
fn arguments_and_replies_cross_in_frames_of_their_own() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    pair.open(3, &request(arguments()));
    pair.tell(3, CallFrame::Message(&payload(&Sum { c: 1 })));
    pair.tell(3, CallFrame::Message(&payload(&Sum { c: 2 })));
    pair.tell(3, CallFrame::Window(9));
    pair.tell(3, CallFrame::End);
    assert!(matches!(pair.event(), ServerEvent::Open { key: 3, .. }));
    for expected in [1, 2] {
        let ServerEvent::Message { key: 3, value } = pair.event() else { panic!() };
        assert_eq!(sum(&value.unwrap()), Sum { c: expected });
    }
    assert!(matches!(pair.event(), ServerEvent::Window { key: 3, bytes: 9 }));
    assert!(matches!(pair.event(), ServerEvent::End { key: 3 }));

    let mut metadata = Metadata::new();
    metadata.append("a", "b");
    pair.reply(3, ReplyFrame::Head(&metadata, Encoding::Gob));
    pair.reply(3, ReplyFrame::Message(&payload(&Sum { c: 7 })));
    pair.reply(3, ReplyFrame::Stop);
    pair.reply(3, ReplyFrame::End(&metadata));
    let ClientEvent::Head { id: 3, head: Ok((head, Encoding::Gob)) } = pair.next() else {
        panic!()
    };
    assert_eq!(head.get("a"), Some("b"));
    let ClientEvent::Message { id: 3, value } = pair.next() else { panic!() };
    assert_eq!(sum(&value.unwrap()), Sum { c: 7 });
    assert!(matches!(pair.next(), ClientEvent::Stop { id: 3 }));
    let ClientEvent::End { id: 3, end: Ok(trailers) } = pair.next() else { panic!() };
    assert_eq!(trailers.get("a"), Some("b"));
}

#[test]
fn a_stream_that_fails_says_why() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let status = Status::new(Code::NotFound, "").with_details(Bytes::from_static(b"d"));
    pair.reply(3, ReplyFrame::Failed(&status));
    let ClientEvent::End { id: 3, end: Err(status) } = pair.next() else { panic!() };
    assert_eq!((status.code(), &**status.details()), (Code::NotFound, &b"d"[..]));
}

#[test]
fn values_in_another_encoding_name_it() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let json = Payload::new(Encoding::Json, "{}".into());
    pair.reply(3, ReplyFrame::Message(&json));
    pair.tell(3, CallFrame::Message(&json));
    let ClientEvent::Message { value: Ok(value), .. } = pair.next() else { panic!() };
    assert_eq!((value.encoding, &value.bytes[..]), (Encoding::Json, &b"{}"[..]));
    let ServerEvent::Message { value: Ok(value), .. } = pair.event() else { panic!() };
    assert_eq!((value.encoding, &value.bytes[..]), (Encoding::Json, &b"{}"[..]));
}

#[test]
fn frames_split_anywhere_are_read_once_they_are_whole() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let mut bytes = pair.tell(5, CallFrame::Message(&payload(&Sum { c: 7 })));
    bytes.extend(pair.tell(5, CallFrame::End));
    bytes.extend(pair.tell(5, CallFrame::Message(&payload(&Sum { c: 8 }))));
    pair.to_server.clear();
    let mut events = Vec::new();
    for byte in bytes {
        pair.to_server.extend_from_slice(&[byte]);
        while let Some(event) = pair.server.read(&mut pair.to_server).unwrap() {
            events.push(event);
        }
    }
    let [first, end, last] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(first, ServerEvent::Message { key: 5, value: Ok(_) }));
    assert!(matches!(end, ServerEvent::End { key: 5 }));
    assert!(matches!(last, ServerEvent::Message { key: 5, value: Ok(_) }));
}

#[test]
fn a_message_takes_ten_bytes_beside_its_value() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let value = payload(&Sum { c: 7 });
    pair.reply(1, ReplyFrame::Message(&value));
    let bytes = pair.reply(1, ReplyFrame::Message(&value));
    assert_eq!(bytes.len() - value.bytes.len(), 10, "{bytes:x?}");
    // Length, id (two bytes), Seq = 1, Kind = 2, Count = 1, end.
    assert_eq!(bytes[0], 9);
    assert_eq!(&bytes[3..10], [2, 1, 7, 2, 2, 1, 0]);
}

#[test]
fn values_that_leave_together_share_a_header() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let values: Vec<_> = (0..300).map(|c| payload(&Sum { c })).collect();
    pair.reply(1, ReplyFrame::Message(&values[0]));
    pair.tell(1, CallFrame::Message(&values[0]));
    let _defined = (pair.next(), pair.event());
    let (mut replies, mut arguments) = (Outgoing::default(), Outgoing::default());
    for value in &values {
        pair.server.frame(1, ReplyFrame::Message(value), &mut replies).unwrap();
        pair.writer.frame(1, CallFrame::Message(value), &mut arguments).unwrap();
    }
    let (replies, arguments) = (written(&mut replies), written(&mut arguments));
    let size: usize = values.iter().map(|value| value.bytes.len()).sum();
    // 127 of them, 127 and 46.
    assert_eq!((replies.len(), arguments.len()), (size + 3 * 10, size + 3 * 10));

    let (mut replied, mut argued) = (Vec::new(), Vec::new());
    for byte in replies {
        pair.to_client.extend_from_slice(&[byte]);
        while let Some(event) = pair.try_next() {
            let ClientEvent::Message { id: 1, value: Ok(value) } = event else { panic!() };
            replied.push(sum(&value).c);
        }
    }
    for byte in arguments {
        pair.to_server.extend_from_slice(&[byte]);
        while let Some(event) = pair.server.read(&mut pair.to_server).unwrap() {
            let ServerEvent::Message { key: 1, value: Ok(value) } = event else { panic!() };
            argued.push(sum(&value).c);
        }
    }
    let all: Vec<i64> = (0..300).collect();
    assert_eq!((&replied, &argued), (&all, &all));
}

#[test]
fn values_that_came_together_are_handed_on_together() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let value = payload(&Sum { c: 7 });
    pair.reply(1, ReplyFrame::Message(&value));
    let _defined = pair.next();
    let json = Payload::new(Encoding::Json, "{}".into());
    let mut out = Outgoing::default();
    for payload in iter::repeat_n(&value, 130).chain([&json, &json]) {
        pair.server.frame(1, ReplyFrame::Message(payload), &mut out).unwrap();
    }
    let bytes = written(&mut out);
    let (last, whole) = bytes.split_last().unwrap();
    pair.to_client.extend_from_slice(whole);
    let mut at_once = Vec::new();
    while let Some(event) = pair.reader.next(&mut pair.to_client).unwrap() {
        at_once.push(match event {
            ClientEvent::Messages { id: 1, values } => {
                let values: Vec<_> = values.into_payloads(Encoding::Gob).collect();
                assert!(values.iter().all(|value| sum(value).c == 7));
                values.len()
            }
            ClientEvent::Message { id: 1, value: Ok(_) } => 0,
            other => panic!("{other:?}"),
        });
    }
    // The first of each header comes with it; those in JSON have bytes of their own, and one of
    // them has not come whole.
    assert_eq!(at_once, [0, 126, 0, 2, 0]);
    pair.to_client.extend_from_slice(&[*last]);
    assert!(matches!(pair.next(), ClientEvent::Message { id: 1, value: Ok(_) }));
}

#[test]
fn a_header_of_many_values_is_handed_on_in_parts() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let value = payload(&Sum { c: 7 });
    pair.reply(1, ReplyFrame::Message(&value));
    let _defined = pair.next();
    let mut header = ExtendedResponse::of_kind(KIND_MESSAGE, 1);
    header.count = 1000;
    header.put(&mut pair.to_client);
    iter::repeat_n(&value, 300).for_each(|value| pair.to_client.extend_from_slice(&value.bytes));
    let mut at_once = Vec::new();
    while let Some(event) = pair.reader.next(&mut pair.to_client).unwrap() {
        at_once.push(match event {
            ClientEvent::Messages { id: 1, values } => values.lens.len(),
            ClientEvent::Message { id: 1, value: Ok(_) } => 0,
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(at_once, [0, 128, 128, 43]);
}

#[test]
fn a_value_is_sent_alike_whether_it_is_lent_or_not() {
    let values: Vec<_> = (0..200).map(|c| payload(&Sum { c })).collect();
    let json: Vec<_> =
        [0, 1, 200].map(|len| Payload::new(Encoding::Json, vec![b' '; len].into())).to_vec();
    let alone = {
        let mut pair = Pair::new(&Limits::default());
        greet(&mut pair);
        let mut out = Outgoing::default();
        for value in values.iter().chain(&json) {
            pair.server.frame(1, ReplyFrame::Message(value), &mut out).unwrap();
        }
        written(&mut out)
    };
    for at_once in [1, 2, 100, 127, 128, 200] {
        let mut pair = Pair::new(&Limits::default());
        greet(&mut pair);
        let mut out = Outgoing::default();
        for values in values.chunks(at_once).chain(json.chunks(at_once)) {
            let run = run(values);
            pair.server.frame(1, ReplyFrame::Run(&run), &mut out).unwrap();
        }
        assert!(written(&mut out) == alone, "{at_once} at once");
    }
}

#[test]
fn values_that_need_other_definitions_go_in_one_run() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let values = [payload(&Sum { c: 7 }), payload(&Added { n: 3 }), payload(&Sum { c: 8 })];
    let mut out = Outgoing::default();
    pair.server.frame(1, ReplyFrame::Run(&run(&values)), &mut out).unwrap();
    pair.to_client.extend_from_slice(&written(&mut out));
    let mut came = Vec::new();
    while let Some(event) = pair.reader.next(&mut pair.to_client).unwrap() {
        match event {
            ClientEvent::Message { id: 1, value } => came.push(value.unwrap()),
            ClientEvent::Messages { id: 1, values } => {
                came.extend(values.into_payloads(Encoding::Gob));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sum(&came[0]).c, sum(&came[2]).c), (7, 8));
    let added: Added = decode(&frame(&Body::Unary(came[1].clone()))).unwrap();
    assert_eq!(added.n, 3);
}

#[test]
fn a_run_of_gob_from_elsewhere_is_refused_whole() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let mut foreign = payload(&Sum { c: 7 });
    foreign.context = None;
    let mut out = Outgoing::default();
    let run = run(&[payload(&Sum { c: 7 }), foreign]);
    let status = pair.server.frame(1, ReplyFrame::Run(&run), &mut out).unwrap_err();
    assert!(status.message().contains("decoded and encoded again"), "{status}");
    assert!(out.is_empty());
}

#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Added {
    n: u8,
}

/// These values in one buffer.
fn run(values: &[Payload]) -> EncodedRun {
    let mut run = EncodedRun::new(values[0].encoding);
    let budget =
        RunBudget { values: values.len(), bytes: u64::MAX, per_value: 0, large: usize::MAX };
    let mut values = values.iter();
    run.fill(budget, |out| {
        Poll::Ready(values.next().map(|value| {
            out.extend_from_slice(&value.bytes);
            Ok(value.context.clone())
        }))
    });
    run
}

#[test]
fn a_header_is_shared_by_values_of_one_stream_in_one_encoding_alone() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let value = payload(&Sum { c: 7 });
    let json = |bytes: Vec<u8>| Payload::new(Encoding::Json, bytes.into());
    let (small, large) = (json(b"{}".to_vec()), json(vec![b' '; 20_000]));
    let mut out = Outgoing::default();
    let mut put = |key, frame: ReplyFrame<'_>| pair.server.frame(key, frame, &mut out).unwrap();
    for (key, payload) in
        [(1, &value), (2, &value), (1, &value), (1, &small), (1, &large), (1, &small), (1, &small)]
    {
        put(key, ReplyFrame::Message(payload));
    }
    put(1, ReplyFrame::Window(9));
    put(1, ReplyFrame::Message(&small));
    pair.to_client.extend_from_slice(&written(&mut out));
    for (expected, payload) in
        [(1, &value), (2, &value), (1, &value), (1, &small), (1, &large), (1, &small), (1, &small)]
    {
        let ClientEvent::Message { id, value: Ok(value) } = pair.next() else { panic!() };
        assert_eq!(
            (id, value.encoding, &value.bytes),
            (expected, payload.encoding, &payload.bytes)
        );
    }
    assert!(matches!(pair.next(), ClientEvent::Window { id: 1, bytes: 9 }));
    assert!(matches!(pair.next(), ClientEvent::Message { id: 1, value: Ok(_) }));
}

#[test]
fn a_header_that_has_begun_to_leave_says_how_many_values_there_were() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let value = payload(&Sum { c: 7 });
    let mut whole = Vec::new();
    for left in 1..14 {
        let mut out = Outgoing::default();
        pair.server.frame(1, ReplyFrame::Message(&value), &mut out).unwrap();
        let gone = out.len() - left;
        whole.extend_from_slice(&out.copy_to_bytes(gone));
        pair.server.frame(1, ReplyFrame::Message(&value), &mut out).unwrap();
        whole.extend_from_slice(&written(&mut out));
    }
    pair.to_client.extend_from_slice(&whole);
    for _ in 1..14 {
        for _ in 0..2 {
            assert!(matches!(pair.next(), ClientEvent::Message { id: 1, value: Ok(_) }));
        }
    }
    assert!(pair.to_client.is_empty());
}

#[test]
fn a_stream_that_ends_before_all_values_of_a_header_is_an_unexpected_eof() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let value = payload(&Sum { c: 7 });
    let (mut replies, mut arguments) = (Outgoing::default(), Outgoing::default());
    for _ in 0..2 {
        pair.server.frame(1, ReplyFrame::Message(&value), &mut replies).unwrap();
        pair.writer.frame(1, CallFrame::Message(&value), &mut arguments).unwrap();
    }
    let (replies, arguments) = (written(&mut replies), written(&mut arguments));
    let all_but_one = |bytes: &[u8]| BytesMut::from(&bytes[..bytes.len() - value.bytes.len()]);
    (pair.to_client, pair.to_server) = (all_but_one(&replies), all_but_one(&arguments));
    let (_reply, _argument) = (pair.next(), pair.event());
    let at_client = pair.reader.finish(&mut pair.to_client).unwrap_err();
    let at_server = pair.server.finish(&mut pair.to_server).unwrap_err();
    assert!(matches!(at_client, WireError::UnexpectedEof), "{at_client}");
    assert!(matches!(at_server, WireError::UnexpectedEof), "{at_server}");
}

#[test]
fn a_go_server_is_asked_for_no_stream_once_it_is_known() {
    let mut pair = Pair::new(&Limits::default());
    let capture = named("conversation_gob", "conv_gob_two_calls");
    pair.to_client.extend_from_slice(&capture.stream("s2c"));
    let ClientEvent::Reply { reply, .. } = pair.next() else { panic!() };
    let status = pair.writer.reply_to_open(reply).unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let error = pair.writer.open(1, &request(arguments()), None, 0, &mut Outgoing::default());
    let status = error.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "the peer speaks plain net/rpc, which has no streams");
}

#[test]
fn a_go_client_is_told_that_it_cannot_have_a_stream() {
    let mut pair = Pair::new(&Limits::default());
    let (_, reply) = pair.call(0, &request(Body::Empty), Ok(Response::new(arguments())));
    let status = reply.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("a plain call cannot take"), "{status}");
}

#[test]
fn a_stream_that_ends_inside_a_message_is_an_unexpected_eof() {
    let mut pair = Pair::new(&Limits::default());
    greet(&mut pair);
    let mut bytes = pair.tell(5, CallFrame::Message(&payload(&Sum { c: 7 })));
    bytes.pop();
    pair.to_server = BytesMut::from(&bytes[..]);
    assert!(matches!(pair.server.finish(&mut pair.to_server), Err(WireError::UnexpectedEof)));
}

#[test]
fn a_changed_byte_anywhere_in_a_stream_never_panics() {
    let mut pair = Pair::new(&Limits::default());
    let mut to_server = Vec::new();
    pair.open(0, &request(arguments()));
    pair.tell(0, CallFrame::Message(&payload(&Sum { c: 7 })));
    pair.tell(0, CallFrame::Window(70_000));
    pair.tell(0, CallFrame::End);
    to_server.extend_from_slice(&pair.to_server);
    let to_client = [
        pair.reply(0, ReplyFrame::Head(&Metadata::new(), Encoding::Json)),
        pair.reply(0, ReplyFrame::Message(&payload(&Sum { c: 7 }))),
        pair.reply(0, ReplyFrame::End(&Metadata::new())),
    ]
    .concat();
    for change in [0x01, 0x04, 0x80, 0xff] {
        for at in 0..to_server.len() {
            let mut src = BytesMut::from(&to_server[..]);
            src[at] ^= change;
            let mut server = server();
            while let Ok(Some(_)) = server.read(&mut src) {}
        }
        for at in 0..to_client.len() {
            let mut src = BytesMut::from(&to_client[..]);
            src[at] ^= change;
            let (_, mut reader) = client(&Limits::default());
            while let Ok(Some(_)) = reader.next(&mut src) {}
        }
    }
}
