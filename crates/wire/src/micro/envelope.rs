//! The envelope of proto-rpc: `{1: method, 2: sequence number, 3: error}` in Protocol Buffers, and
//! the message, each behind its length.

use bytes::{BufMut as _, Bytes, BytesMut};
use polywire_core::{Code, Status};

/// What an envelope says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Envelope {
    pub(super) method: Bytes,
    pub(super) seq: u64,
    pub(super) error: Bytes,
}

/// Takes a body apart: the envelope and the message.
pub(super) fn read(body: &Bytes) -> Result<(Envelope, Bytes), Status> {
    let mut at = 0_usize;
    let mut part = || -> Option<Bytes> {
        let start = at.checked_add(LENGTH)?;
        let length = body.get(at..start)?.first_chunk()?;
        let end = start.checked_add(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        at = end;
        (end <= body.len()).then(|| body.slice(start..end))
    };
    let envelope = part().as_ref().and_then(parse).ok_or_else(malformed)?;
    let message = part().ok_or_else(malformed)?;
    Ok((envelope, message))
}

/// Puts an envelope and a message together.
pub(super) fn write(envelope: &Envelope, message: &[u8]) -> Result<Bytes, Status> {
    let mut head = BytesMut::new();
    put_text(METHOD, &envelope.method, &mut head);
    if envelope.seq != 0 {
        head.put_u8(SEQ);
        head.put_u64_le(envelope.seq);
    }
    put_text(ERROR, &envelope.error, &mut head);
    let mut body = BytesMut::with_capacity(head.len().saturating_add(message.len()));
    for part in [&head[..], message] {
        let Ok(length) = u32::try_from(part.len()) else {
            let text = format!("message of {} bytes is over the 4 GiB of a frame", part.len());
            return Err(Status::new(Code::ResourceExhausted, text));
        };
        body.put_u32(length);
        body.put_slice(part);
    }
    Ok(body.freeze())
}

fn parse(bytes: &Bytes) -> Option<Envelope> {
    let mut envelope = Envelope::default();
    let mut at = 0_usize;
    while at < bytes.len() {
        let tag = varint(bytes, &mut at)?;
        match tag & 7 {
            0 => {
                varint(bytes, &mut at)?;
            }
            1 => {
                let end = at.checked_add(8)?;
                let value = bytes.get(at..end)?.first_chunk()?;
                at = end;
                if tag == u64::from(SEQ) {
                    envelope.seq = u64::from_le_bytes(*value);
                }
            }
            2 => {
                let length = usize::try_from(varint(bytes, &mut at)?).ok()?;
                let end = at.checked_add(length).filter(|end| *end <= bytes.len())?;
                let value = bytes.slice(at..end);
                at = end;
                if tag == u64::from(METHOD) {
                    envelope.method = value;
                } else if tag == u64::from(ERROR) {
                    envelope.error = value;
                }
            }
            5 => at = at.checked_add(4)?,
            _ => return None,
        }
    }
    (at == bytes.len()).then_some(envelope)
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at = at.checked_add(1)?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A field of text, unless it is empty.
fn put_text(tag: u8, text: &[u8], out: &mut BytesMut) {
    if text.is_empty() {
        return;
    }
    out.put_u8(tag);
    let mut rest = u64::try_from(text.len()).unwrap_or(u64::MAX);
    while let Ok(low) = u8::try_from(rest & 0x7f)
        && rest > 0x7f
    {
        out.put_u8(low | 0x80);
        rest >>= 7;
    }
    out.put_u8(u8::try_from(rest).unwrap_or_default());
    out.put_slice(text);
}

fn malformed() -> Status {
    Status::new(Code::InvalidArgument, "the body is no envelope and message of proto-rpc")
}

/// Bytes of a length.
const LENGTH: usize = 4;

/// Field 1, text.
const METHOD: u8 = 0x0a;
/// Field 2, fixed 64 bits.
const SEQ: u8 = 0x11;
/// Field 3, text.
const ERROR: u8 = 0x1a;

#[cfg(test)]
mod tests {
    use super::*;

    /// As a Go client sends its call number 1.
    const CAPTURED: &[u8] = b"\0\0\0\x1b\x0a\x10HelloWorld.Hello\x11\x01\0\0\0\0\0\0\0\
                              \0\0\0\x06\x0a\x04john";

    #[test]
    fn an_envelope_of_a_go_client_is_read_and_written_alike() {
        let (envelope, message) = read(&Bytes::from_static(CAPTURED)).unwrap();
        assert_eq!(&envelope.method[..], b"HelloWorld.Hello");
        assert_eq!(envelope.seq, 1);
        assert_eq!(&message[..], b"\x0a\x04john");
        assert_eq!(&write(&envelope, &message).unwrap()[..], CAPTURED);
    }

    #[test]
    fn a_body_that_is_cut_anywhere_is_refused() {
        for cut in 0..CAPTURED.len() {
            assert!(read(&Bytes::from_static(&CAPTURED[..cut])).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn fields_that_are_not_known_are_passed_over() {
        let (envelope, _) =
            read(&Bytes::from_static(b"\0\0\0\x0b\x28\x80\x01\x3d\0\0\0\0\x0a\x01m\0\0\0\0"))
                .unwrap();
        assert_eq!(&envelope.method[..], b"m");
    }

    #[test]
    fn a_long_text_has_a_long_length() {
        let method = Bytes::from(vec![b'm'; 300]);
        let envelope = Envelope { method, ..Envelope::default() };
        let body = write(&envelope, b"").unwrap();
        assert_eq!(read(&body).unwrap(), (envelope, Bytes::new()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            drop(read(&Bytes::from(bytes)));
        }
    }
}
