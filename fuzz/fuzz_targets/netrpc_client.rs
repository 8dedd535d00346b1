//! Any bytes from a net/rpc server: no panic, and the stream comes to an end.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use polywire_wire::{CallReader, Limits, netrpc};

fuzz_target!(|input: &[u8]| {
    let Some((step, stream)) = input.split_first() else { return };
    let (_, mut reader) = netrpc::client(&Limits::default().message_bytes(1 << 16));
    let mut src = BytesMut::new();
    let mut replies = 0;
    for piece in stream.chunks(usize::from(*step).max(1)) {
        src.extend_from_slice(piece);
        loop {
            match reader.read(&mut src) {
                Ok(Some((_, reply))) => {
                    replies += 1;
                    drop(reply);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    assert!(replies <= stream.len());
    let _ended = reader.finish(&mut src);
    let _connected = netrpc::connect_answer(&mut BytesMut::from(stream));
});
