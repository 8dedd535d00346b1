//! Any bytes as a stream of gob values of a known type: no panic, and what was read can be written
//! and read again.

use std::collections::BTreeMap;

use bytes::BytesMut;
use polywire_gob::{Any, BigInt, Complex, Limits, Schema, Splitter, decode, from_slice, to_vec};
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
    x: Option<Box<Self>>,
    y: Vec<u8>,
    z: Vec<Vec<i32>>,
    name: String,
    id: u8,
    list: Vec<Self>,
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

/// Fields that bring their type along, or have a form of their own.
#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Interfaces {
    a: Any,
    i: Any,
    l: Vec<Any>,
    n: i64,
    s: Any,
    ss: Vec<Any>,
    t: BigInt,
    z: Complex<f64>,
}

pub(crate) fn run(input: &[u8]) {
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
            // A name that is no text may become too long to be sent.
            if let Ok(value) = decode::<Interfaces>(&frame)
                && let Ok(bytes) = to_vec(&value)
            {
                from_slice::<Interfaces>(&bytes).expect("what is written can be read");
            }
            let _any = decode::<Any>(&frame);
            let _anys = decode::<Vec<Any>>(&frame);
            let _complex = decode::<Complex<f32>>(&frame);
            let _big = decode::<BigInt>(&frame);
            // Other shapes take other ways through the decoder; whether they fit is no matter.
            let _scalar = decode::<i8>(&frame);
            let _text = decode::<String>(&frame);
            let _list = decode::<Vec<Option<String>>>(&frame);
            let _map = decode::<BTreeMap<String, Vec<u8>>>(&frame);
        }
    }
}
