//! Reading the captured vectors, and streams of bytes.

use bytes::BytesMut;
use polywire_gob::raw::Cursor;
use polywire_gob::{DecodeError, Frame, Limits, Splitter, decode_value};
use serde_json::Value as Json;

pub(crate) fn entries() -> Vec<Json> {
    serde_json::from_str(include_str!("gob_vectors.json")).unwrap()
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

pub(crate) fn hex_of(entry: &Json) -> Vec<u8> {
    hex(entry["hex"].as_str().unwrap())
}

/// All values of a stream, which has to end where one does, or after definitions.
pub(crate) fn frames(stream: &[u8]) -> Result<Vec<Frame>, DecodeError> {
    let (frames, end) = split_into(stream, stream.len().max(1));
    match end {
        Some(error) => Err(error),
        None => Ok(frames),
    }
}

/// What splitting in pieces of so many bytes comes to.
pub(crate) fn split(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<DecodeError>) {
    let (frames, end) = split_into(stream, piece);
    (frames.iter().map(|frame| frame.bytes().to_vec()).collect(), end)
}

fn split_into(stream: &[u8], piece: usize) -> (Vec<Frame>, Option<DecodeError>) {
    let mut splitter = Splitter::new(Limits::default());
    let (mut src, mut frames) = (BytesMut::new(), Vec::new());
    for piece in stream.chunks(piece) {
        src.extend_from_slice(piece);
        loop {
            match splitter.next(&mut src) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    let end = (!src.is_empty()).then(|| splitter.end_of_input(&src));
    (frames, end)
}

/// Splits and decodes as far as it goes.
pub(crate) fn attempt(stream: &[u8]) -> Result<(), DecodeError> {
    let (frames, end) = split_into(stream, stream.len().max(1));
    for frame in frames {
        decode_value(&frame)?;
    }
    end.map_or(Ok(()), Err)
}

/// The values of a stream without their types' ids and without definitions: what does not depend on
/// how ids are given out, unless there are interfaces.
pub(crate) fn bodies(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut cursor = Cursor::new(stream);
    while let Ok(message) = cursor.bytes() {
        let mut body = Cursor::new(message);
        if body.int().unwrap() > 0 {
            bodies.push(body.rest().to_vec());
        }
    }
    bodies
}
