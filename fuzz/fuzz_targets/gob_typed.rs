//! Any bytes as a stream of gob values of a known type: no panic, and what was read can be written
//! and read again.
#![no_main]

use std::collections::BTreeMap;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use polywire_gob::{Limits, Schema, Splitter, decode, from_slice, to_vec};
use serde::{Deserialize, Serialize};

/// A field of every kind, under names that the captured streams use too.
#[derive(Debug, Default, Serialize, Deserialize, Schema)]
#[serde(default)]
#[schema(crate = "polywire_gob")]
struct Everything {
    a: i64,
    b: String,
    c: f64,
    d: bool,
    x: Option<Box<Everything>>,
    y: Vec<u8>,
    z: Vec<Vec<i32>>,
    name: String,
    id: u8,
    list: Vec<Everything>,
    map: BTreeMap<String, i16>,
    maps: BTreeMap<i32, Vec<String>>,
    pair: (u16, f32),
    array: [i32; 3],
    kind: Kind,
}

#[derive(Debug, Default, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
enum Kind {
    #[default]
    Plain,
    Number(i64),
    Fields {
        a: u64,
        b: Vec<String>,
    },
}

fuzz_target!(|input: &[u8]| {
    let Some((step, stream)) = input.split_first() else { return };
    let mut splitter = Splitter::new(Limits::default().message_bytes(1 << 16));
    let mut src = BytesMut::new();
    for piece in stream.chunks(usize::from(*step).max(1)) {
        src.extend_from_slice(piece);
        while let Ok(Some(frame)) = splitter.next(&mut src) {
            if let Ok(value) = decode::<Everything>(&frame) {
                let bytes = to_vec(&value).expect("what was read can be written");
                from_slice::<Everything>(&bytes).expect("what is written can be read");
            }
            // Other shapes take other ways through the decoder; whether they fit is no matter.
            let _scalar = decode::<i8>(&frame);
            let _text = decode::<String>(&frame);
            let _list = decode::<Vec<Option<String>>>(&frame);
            let _map = decode::<BTreeMap<String, Vec<u8>>>(&frame);
        }
    }
});
