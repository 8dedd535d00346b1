//! What a peer may make this side store and do.

#![expect(clippy::unwrap_used, reason = "a failure is what a test shows")]

use std::sync::Arc;

use bytes::BytesMut;
use polywire_gob::raw::{put_bytes, put_int, put_uint};
use polywire_gob::{
    Any, DecodeError, DecodeErrorKind, Frame, Limits, Schema, Shape, Splitter, TypeTable, Value,
    decode, decode_in_context, decode_value, from_slice, to_vec,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Node {
    next: Option<Box<Self>>,
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, body);
    bytes
}

/// A list of so many nodes, each the only field of the one before.
fn nested(depth: usize) -> Vec<u8> {
    let mut stream = to_vec(&Node::default()).unwrap();
    let compiled = polywire_gob::compile(Node::TYPE).unwrap();
    let definitions: usize = compiled.definitions().iter().map(|(_, bytes)| bytes.len()).sum();
    stream.truncate(definitions);
    let mut body = Vec::new();
    put_int(&mut body, i64::from(compiled.id()));
    body.resize(body.len() + depth, 1);
    body.resize(body.len() + depth + 1, 0);
    stream.extend_from_slice(&message(&body));
    stream
}

fn frame(stream: &[u8]) -> Result<Frame, DecodeError> {
    let mut splitter = Splitter::new(Limits::default());
    Ok(splitter.next(&mut BytesMut::from(stream))?.unwrap())
}

#[test]
fn depth_is_bounded_on_a_stack_of_two_mebibytes() {
    let run = || {
        let deep = frame(&nested(99)).unwrap();
        decode::<Node>(&deep).unwrap();
        decode_value(&deep).unwrap();
        for depth in [100, 8 << 20] {
            let deeper = frame(&nested(depth)).unwrap();
            let limit = &DecodeErrorKind::Limit {
                what: "values within values",
                limit: 100,
                setting: "value_depth",
            };
            assert_eq!(decode::<Node>(&deeper).unwrap_err().kind(), limit);
            assert_eq!(decode_value(&deeper).unwrap_err().kind(), limit);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

/// So many lists, each the only element of the one before, in interfaces.
fn nested_any(depth: usize) -> Any {
    (0..depth).fold(Any::nil(), |inner, _| {
        let item = Value::Interface(inner.into_dynamic().map(Box::new));
        Any::new("[]interface {}", Value::slice(&Shape::interface(), vec![item]))
    })
}

#[test]
fn an_interface_and_what_it_holds_are_two_levels() {
    let run = || {
        let deep = nested_any(49);
        assert_eq!(from_slice::<Any>(&to_vec(&deep).unwrap()).unwrap(), deep);
        // The nil within the 50th list is the level beyond.
        for depth in [50, 100] {
            let error = from_slice::<Any>(&to_vec(&nested_any(depth)).unwrap()).unwrap_err();
            let limit = "gob: exceeds the limit of 100 values within values (value_depth)";
            assert_eq!(error.to_string(), limit);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_raised_limit_reaches_as_far_as_it_says() {
    let run = || {
        for (depth, fits) in [(499, true), (500, false)] {
            let mut splitter = Splitter::new(Limits::default().value_depth(500));
            let mut src = BytesMut::from(&nested(depth)[..]);
            let frame = splitter.next(&mut src).unwrap().unwrap();
            assert_eq!(decode::<Node>(&frame).is_ok(), fits);
            assert_eq!(decode_value(&frame).is_ok(), fits);
        }
    };
    std::thread::Builder::new().stack_size(16 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn definitions_are_bounded_in_number() {
    let mut splitter = Splitter::new(Limits::default().definitions(10));
    let mut src = BytesMut::new();
    for id in 64..75_i64 {
        let mut body = Vec::new();
        put_int(&mut body, -id);
        // A slice of ints without a name.
        body.extend_from_slice(&[2, 2, 4, 0, 0]);
        src.extend_from_slice(&message(&body));
    }
    let error = splitter.next(&mut src).unwrap_err();
    assert!(error.is_fatal());
    assert_eq!(error.to_string(), "gob: exceeds the limit of 10 type definitions (definitions)");
}

#[test]
fn a_message_beyond_the_limit_is_refused_by_its_length() {
    let mut splitter = Splitter::new(Limits::default().message_bytes(100));
    let mut src = BytesMut::new();
    put_uint(&mut src, 101);
    let error = splitter.next(&mut src).unwrap_err();
    assert_eq!(
        error.to_string(),
        "gob: exceeds the limit of 100 bytes of a message (message_bytes)"
    );
}

#[test]
fn a_mismatch_leaves_the_stream_in_step() {
    let mut stream = BytesMut::from(&to_vec(&"text".to_owned()).unwrap()[..]);
    stream.extend_from_slice(&to_vec(&7_i32).unwrap());
    let mut splitter = Splitter::new(Limits::default());
    let first = splitter.next(&mut stream).unwrap().unwrap();
    assert!(!decode::<i32>(&first).unwrap_err().is_fatal());
    let second = splitter.next(&mut stream).unwrap().unwrap();
    assert_eq!(decode::<i32>(&second).unwrap(), 7);
}

#[test]
fn a_payload_that_never_travelled_decodes_with_its_definitions() {
    let (bytes, definitions) = polywire_gob::encode(&Node::default()).unwrap();
    let table = TypeTable::from_context(&(definitions.clone() as _));
    let again = TypeTable::from_context(&table.to_context());
    decode::<Node>(&Frame::new(bytes.clone(), again)).unwrap();
    decode_in_context::<Node>(&bytes, Some(&table.to_context())).unwrap();
    decode_in_context::<Node>(&bytes, Some(&(definitions as _))).unwrap();
    for nothing in [None, Some(&(Arc::new(()) as _))] {
        let error = decode_in_context::<Node>(&bytes, nothing).unwrap_err();
        assert_eq!(error.to_string(), "gob: unknown type id or corrupted data");
    }
}
