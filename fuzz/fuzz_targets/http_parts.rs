//! Any bytes as the parts of a call over gRPC, gRPC-Web and Connect: no panic, what is read does not
//! depend on how it was cut, and what was written is read again.
#![no_main]

use bytes::Bytes;
use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use polywire_wire::connect::{
    ContentType, EndStream, get, parse_error, timeout as connect_timeout,
};
use polywire_wire::grpc::web::{TextDecoder, encode_text, parse_trailers, trailer_frame};
use polywire_wire::grpc::{Envelopes, PREFIX, percent, timeout as grpc_timeout};
use polywire_wire::http::{decode_binary, encode_binary};

/// The most that a message may have here.
const MESSAGE_BYTES: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let Some((step, bytes)) = input.split_first() else { return };
    let step = usize::from(*step).max(1);
    assert_eq!(messages(bytes, step), messages(bytes, bytes.len().max(1)), "pieces of {step}");
    web(bytes, step);
    connect(bytes);
    assert_eq!(
        percent::decode(percent::encode(&percent::decode(bytes)).as_bytes()),
        percent::decode(bytes)
    );
    for (parse, format) in [
        (grpc_timeout::parse as fn(&[u8]) -> _, grpc_timeout::format as fn(_) -> String),
        (connect_timeout::parse, connect_timeout::format),
    ] {
        if let Ok(time) = parse(bytes) {
            parse(format(time).as_bytes()).expect("what was written is read");
        }
    }
    let text = encode_binary(bytes);
    assert_eq!(decode_binary(&text).as_deref(), Some(bytes));
});

/// The flags and lengths of the messages of a stream, and whether it ended well.
fn messages(bytes: &[u8], step: usize) -> (Vec<(u8, usize)>, bool) {
    let (mut envelopes, mut seen) = (Envelopes::new(MESSAGE_BYTES), Vec::new());
    for piece in bytes.chunks(step) {
        envelopes.push(Bytes::copy_from_slice(piece));
        loop {
            match envelopes.next() {
                Ok(Some(envelope)) => seen.push((envelope.flags, envelope.bytes.len())),
                Ok(None) => break,
                Err(_) => return (seen, false),
            }
        }
        assert!(envelopes.buffered() <= MESSAGE_BYTES + PREFIX + step);
    }
    let ended = envelopes.finish().is_ok();
    (seen, ended)
}

fn web(bytes: &[u8], step: usize) {
    let mut decoder = TextDecoder::default();
    let text = encode_text(bytes);
    let mut decoded = Vec::new();
    for piece in text.chunks(step) {
        decoded.extend(decoder.push(piece).expect("base64 of our own"));
    }
    decoded.extend(decoder.finish().expect("base64 of our own"));
    assert_eq!(decoded, bytes);
    let mut decoder = TextDecoder::default();
    let fine = bytes.chunks(step).all(|piece| decoder.push(piece).is_ok());
    if fine {
        let _ended = decoder.finish();
    }
    if let Ok(trailers) = parse_trailers(bytes)
        && let Ok(frame) = trailer_frame(&trailers)
    {
        let again = parse_trailers(&frame[PREFIX..]).expect("what was written is read");
        assert_eq!(again, trailers);
    }
}

fn connect(bytes: &[u8]) {
    if let Ok(EndStream { status, metadata, .. }) = EndStream::parse(bytes) {
        let written = EndStream::encode(status.as_ref().map(|()| ()), &metadata);
        EndStream::parse(&written).expect("what was written is read");
    }
    let _status = parse_error(StatusCode::INTERNAL_SERVER_ERROR, bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(content_type) = ContentType::parse(text) {
        let again = ContentType::parse(content_type.as_str()).expect("what was written is read");
        assert_eq!(again.as_str(), content_type.as_str());
    }
    if let Ok(query) = get::parse(text) {
        let compression = query.compression.as_deref();
        let written = get::format(query.codec, &query.message, compression);
        let again = get::parse(&written).expect("what was written is read");
        assert_eq!(again.message, query.message);
    }
}
