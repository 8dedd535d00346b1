//! Any bytes as a stream of gob values without a local type: no panic, no endless stream, and what
//! was read can be written and read again.

use bytes::BytesMut;
use polywire_gob::{Frame, Limits, Splitter, decode_value, encode_value};

pub(crate) fn run(input: &[u8]) {
    let Some((step, stream)) = input.split_first() else { return };
    let mut splitter = Splitter::new(Limits::default().message_bytes(1 << 16));
    let mut src = BytesMut::new();
    let mut values = 0;
    for piece in stream.chunks(usize::from(*step).max(1)) {
        src.extend_from_slice(piece);
        loop {
            match splitter.next(&mut src) {
                Ok(Some(frame)) => look_at(&frame),
                Ok(None) => break,
                Err(_) => return,
            }
            values += 1;
            assert!(values <= stream.len(), "more values than bytes");
        }
    }
}

/// Values whose types cannot be sent, such as those of a gob extension, may be refused.
fn look_at(frame: &Frame) {
    let Ok(value) = decode_value(frame) else { return };
    let Ok((bytes, definitions)) = encode_value(&value) else { return };
    let mut splitter = Splitter::new(Limits::default());
    let mut src = BytesMut::new();
    for (_, definition) in definitions.iter() {
        src.extend_from_slice(definition);
    }
    src.extend_from_slice(&bytes);
    let again = splitter.next(&mut src).expect("what is written can be split");
    let again = again.expect("a value is whole");
    decode_value(&again).expect("what is written can be read");
}
