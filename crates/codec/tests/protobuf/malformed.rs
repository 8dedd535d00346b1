//! Whatever a peer sends is a value or an error, never a panic.

use std::fmt::Debug;

use polywire_codec::json::{self, Style};
use polywire_codec::protobuf::{from_bytes, to_bytes};
use polywire_schema::Schema;
use proptest::prelude::{ProptestConfig, any, proptest};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::values::{Drawing, Lists, Maps, Node, Scalars, Wrapped};
use crate::values::{drawing, lists, maps, scalars, wrapped};

/// Calls a closure with each kind of message and a good example of it.
macro_rules! with_each {
    ($call:ident) => {{
        $call(&scalars());
        $call(&lists());
        $call(&maps());
        $call(&drawing());
        $call(&wrapped());
    }};
}

fn cut_and_flip<T: Serialize + DeserializeOwned + Schema + Debug>(value: &T) {
    let read_json = |text: &[u8]| drop(json::from_bytes::<T>(text, Style::Proto));
    // A message that ends between two fields is a message, so that only panics are faults.
    each_fault(&to_bytes(value).unwrap(), |bytes| drop(from_bytes::<T>(bytes)));
    each_fault(&json::to_bytes(value, Style::Proto).unwrap(), read_json);
}

fn each_fault(good: &[u8], read: impl Fn(&[u8])) {
    for cut in 0..good.len() {
        read(&good[..cut]);
    }
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.to_vec();
            bad[at] ^= 1 << bit;
            read(&bad);
        }
    }
}

#[test]
fn messages_cut_anywhere_or_with_any_bit_flipped_do_not_panic() {
    with_each!(cut_and_flip);
}

#[test]
fn a_message_cut_within_its_only_field_is_an_error() {
    let value = Node { value: 0, next: Some(Box::new(Node { value: i64::MIN, next: None })) };
    let good = to_bytes(&value).unwrap();
    for cut in 1..good.len() {
        from_bytes::<Node>(&good[..cut]).unwrap_err();
    }
}

#[test]
fn messages_a_hundred_deep_are_read_and_written_and_no_deeper_ones() {
    let nested = |depth: usize| {
        let mut node = Node::default();
        for _ in 1..depth {
            node = Node { value: 0, next: Some(Box::new(node)) };
        }
        node
    };
    let deep = to_bytes(&nested(100)).unwrap();
    assert_eq!(from_bytes::<Node>(&deep).unwrap(), nested(100));
    assert_eq!(
        to_bytes(&nested(101)).unwrap_err().to_string(),
        "exceeded max depth of 100 messages"
    );
    let mut deeper = vec![0x12];
    deeper.push(0x80 | u8::try_from(deep.len() & 0x7f).unwrap());
    deeper.push(u8::try_from(deep.len() >> 7).unwrap());
    deeper.extend_from_slice(&deep);
    assert_eq!(
        from_bytes::<Node>(&deeper).unwrap_err().to_string(),
        "exceeded max depth of 100 messages"
    );
}

#[test]
fn messages_in_parts_are_put_together_but_not_a_hundred_of_them_within_each_other() {
    let parts = |levels: usize| {
        let mut message = vec![0x08, 1];
        for _ in 0..levels {
            let len = u8::try_from(message.len()).unwrap();
            message = [&[0x12, len], message.as_slice(), &[0x12, 0]].concat();
        }
        message
    };
    let mut node: Node = from_bytes(&parts(8)).unwrap();
    while let Some(next) = node.next {
        node = *next;
    }
    assert_eq!(node.value, 1);
    assert_eq!(
        from_bytes::<Node>(&parts(9)).unwrap_err().to_string(),
        "more than 8 messages within each other come in parts"
    );
}

#[test]
fn a_length_that_nothing_backs_is_refused_before_anything_is_stored() {
    for bytes in [
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f".as_slice(),
        b"\x32\xff\xff\xff\xff\x0f",
        b"\x1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    ] {
        let text = from_bytes::<Lists>(bytes).unwrap_err().to_string();
        assert_eq!(text, "a length goes beyond the end of the message");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        drop(from_bytes::<Scalars>(&bytes));
        drop(from_bytes::<Lists>(&bytes));
        drop(from_bytes::<Maps>(&bytes));
        drop(from_bytes::<Drawing>(&bytes));
        drop(from_bytes::<Wrapped>(&bytes));
        drop(from_bytes::<Node>(&bytes));
    }

    #[test]
    fn what_is_read_from_random_bytes_is_written_and_read_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..48),
    ) {
        if let Ok(value) = from_bytes::<Maps>(&bytes) {
            let again: Maps = from_bytes(&to_bytes(&value).unwrap()).unwrap();
            // NaN is not itself, so the bytes are compared.
            assert_eq!(to_bytes(&again).unwrap(), to_bytes(&value).unwrap());
        }
    }
}
