//! Any bytes as a gob stream: no panic, every value lies within the input, and where values end does
//! not depend on how the input was cut.

use bytes::{Bytes, BytesMut};
use polywire_gob::{Limits, Splitter};

pub(crate) fn run(input: &[u8]) {
    let Some((step, stream)) = input.split_first() else { return };
    let whole = split(stream, usize::MAX);
    assert_eq!(split(stream, usize::from(*step).max(1)), whole, "cut into pieces of {step}");
    assert!(whole.0.iter().map(Bytes::len).sum::<usize>() <= stream.len());
}

fn split(stream: &[u8], step: usize) -> (Vec<Bytes>, Option<String>) {
    let mut splitter = Splitter::new(Limits::default().message_bytes(1 << 16));
    let (mut src, mut values) = (BytesMut::new(), Vec::new());
    for piece in stream.chunks(step) {
        src.extend_from_slice(piece);
        loop {
            match splitter.next(&mut src) {
                Ok(Some(frame)) => values.push(frame.bytes().clone()),
                Ok(None) => break,
                Err(error) => return (values, Some(error.to_string())),
            }
        }
    }
    (values, None)
}
