//! Any bytes to a reader of go-micro's streams: no panic, and the same events however they were cut.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use polywire_wire::Limits;
use polywire_wire::micro::{Content, StreamReader};

fuzz_target!(|input: &[u8]| {
    let Some((step, bytes)) = input.split_first() else { return };
    let step = usize::from(*step).max(1);
    assert_eq!(events(bytes, step), events(bytes, usize::MAX), "cut into pieces of {step}");
});

/// What is read up to the first error; which error it is may depend on how much was seen.
fn events(bytes: &[u8], step: usize) -> Vec<String> {
    let limits = Limits::default().message_bytes(4096);
    let mut reader = StreamReader::new(&limits, Content::JSON);
    let (mut src, mut seen) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(step) {
        src.extend_from_slice(piece);
        while let Some(event) = match reader.read(&mut src) {
            Ok(event) => event,
            Err(_) => return seen,
        } {
            seen.push(format!("{event:?}"));
        }
    }
    seen
}
