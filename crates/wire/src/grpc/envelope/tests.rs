use std::iter;

use proptest::prelude::*;

use super::*;

/// Two messages of a Connect stream, as connect-go 1.18.1 sends JSON.
const TWO: &[u8] = b"\x00\x00\x00\x00\x05\"one\"\x02\x00\x00\x00\x02{}";

fn all(envelopes: &mut Envelopes) -> Vec<(u8, Bytes)> {
    iter::from_fn(|| envelopes.next().unwrap()).map(|one| (one.flags, one.bytes)).collect()
}

fn two() -> Vec<(u8, Bytes)> {
    vec![(0, Bytes::from_static(b"\"one\"")), (2, Bytes::from_static(b"{}"))]
}

#[test]
fn messages_come_out_wherever_the_body_is_cut() {
    for first in 0..=TWO.len() {
        for second in first..=TWO.len() {
            let mut envelopes = Envelopes::new(5);
            let mut found = Vec::new();
            for chunk in [&TWO[..first], &TWO[first..second], &TWO[second..]] {
                envelopes.push(Bytes::from_static(chunk));
                found.extend(all(&mut envelopes));
            }
            assert_eq!(found, two(), "cut at {first} and {second}");
            envelopes.finish().unwrap();
        }
    }
}

#[test]
fn a_message_that_is_lent_is_gone_once_anything_else_is_asked_for() {
    let body = b"\x00\x00\x00\x00\x03one\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03two\x00";
    for otherwise in 0..16_u8 {
        let mut envelopes = Envelopes::new(5);
        envelopes.push(Bytes::from_static(body));
        let mut found = Vec::new();
        for at in 0..3 {
            if otherwise & (1 << at) != 0 {
                found.push(envelopes.next().unwrap().unwrap().bytes);
            } else {
                assert!(envelopes.lend_plain());
                found.push(Bytes::copy_from_slice(envelopes.lent()));
            }
        }
        assert_eq!(found, [&b"one"[..], b"", b"two"]);
        assert_eq!(envelopes.buffered(), 1);
        assert!(otherwise & 8 == 0 || !envelopes.lend_plain());
        assert!(envelopes.lent().is_empty() || otherwise & 8 == 0);
        envelopes.push(Bytes::from_static(b"\x00\x00\x00\x02no"));
        assert!(!envelopes.lend_plain(), "it lies in two chunks");
        assert_eq!(envelopes.next().unwrap().unwrap().bytes, "no");
        assert!(envelopes.is_empty());
        envelopes.push(Bytes::from_static(b"\x01\x00\x00\x00\x00"));
        assert!(!envelopes.lend_plain(), "it has a flag");
        assert_eq!(envelopes.next().unwrap().unwrap().flags, 1);
        envelopes.push(Bytes::from_static(b"\x00\x00\x00\x00\x06longer"));
        assert!(!envelopes.lend_plain(), "it is over the limit");
        envelopes.next().unwrap_err();
    }
}

#[test]
fn messages_come_out_byte_by_byte_and_from_chunks_pushed_at_once() {
    let mut envelopes = Envelopes::new(5);
    let mut found = Vec::new();
    for at in 0..TWO.len() {
        envelopes.push(Bytes::from_static(&TWO[at..=at]));
        found.extend(all(&mut envelopes));
    }
    assert_eq!(found, two());
    for at in 0..TWO.len() {
        envelopes.push(Bytes::from_static(&TWO[at..=at]));
    }
    assert_eq!(envelopes.buffered(), TWO.len());
    assert_eq!(all(&mut envelopes), two());
    assert!(envelopes.is_empty());
}

#[test]
fn a_message_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from(TWO.to_vec());
    let at = chunk[PREFIX..].as_ptr();
    let mut envelopes = Envelopes::new(5);
    envelopes.push(chunk);
    assert_eq!(envelopes.next().unwrap().unwrap().bytes.as_ptr(), at);
}

#[test]
fn a_body_that_ends_inside_a_message_is_an_error() {
    for cut in 0..TWO.len() {
        let mut envelopes = Envelopes::new(5);
        envelopes.push(Bytes::from_static(&TWO[..cut]));
        let whole = all(&mut envelopes);
        // Ten bytes are the first message and nothing else.
        assert_eq!(envelopes.finish().is_ok(), cut == 0 || cut == 10, "cut at {cut}: {whole:?}");
    }
    let mut envelopes = Envelopes::new(5);
    envelopes.push(Bytes::from_static(b"\0"));
    assert_eq!(envelopes.finish().unwrap_err().code(), Code::Internal);
}

#[test]
fn a_message_over_the_limit_is_refused_from_its_prefix() {
    for chunks in [&[&b"\0\0\0\0\x06"[..]][..], &[b"\0\0", b"\0\0\x06"]] {
        let mut envelopes = Envelopes::new(5);
        for chunk in chunks {
            envelopes.push(Bytes::from_static(chunk));
        }
        // It says so however often it is asked.
        for _ in 0..2 {
            let status = envelopes.next().unwrap_err();
            assert_eq!(status.code(), Code::ResourceExhausted);
            let text = "message of 6 bytes is over the limit of 5 (message_bytes)";
            assert_eq!(status.message(), text);
        }
    }
    let mut envelopes = Envelopes::new(4 << 20);
    envelopes.push(Bytes::from_static(b"\0\xff\xff\xff\xff"));
    assert!(envelopes.next().unwrap_err().message().contains("4294967295"));
}

#[test]
fn a_long_message_is_not_paid_for_before_it_comes() {
    let mut envelopes = Envelopes::new(usize::MAX);
    envelopes.push(Bytes::from_static(b"\0\xff\xff\xff\xff"));
    for _ in 0..1000 {
        assert_eq!(envelopes.next().unwrap(), None);
        envelopes.push(Bytes::from_static(b"x"));
    }
    assert!(envelopes.gathered.capacity() < 4096, "{}", envelopes.gathered.capacity());
}

#[test]
fn a_prefix_is_what_the_protocol_says() {
    assert_eq!(envelope(0, b"").unwrap(), [0; PREFIX]);
    assert_eq!(envelope(1, &[0; 0x0102]).unwrap(), [1, 0, 0, 1, 2]);
}

#[test]
fn only_whole_messages_without_flags_and_within_the_limit_are_plain() {
    for (body, plain) in [
        (&b"\0\0\0\0\x01a"[..], Some(&b"a"[..])),
        (b"\0\0\0\0\0", Some(b"")),
        (b"\x01\0\0\0\x01a", None),
        (b"\0\0\0\0\x02a", None),
        (b"\0\0\0\0", None),
        (b"\0\0\0\0\x03abc", None),
    ] {
        let mut envelopes = Envelopes::new(2);
        envelopes.push(Bytes::from_static(body));
        assert_eq!(envelopes.next_plain().as_deref(), plain, "{body:?}");
        assert_eq!(envelopes.is_empty(), plain.is_some());
    }
}

proptest! {
    #[test]
    fn any_messages_come_out_of_any_chunks(
        messages in prop::collection::vec(any::<(u8, Vec<u8>)>(), 0..9),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let mut body = Vec::new();
        for (flags, message) in &messages {
            body.extend_from_slice(&envelope(*flags, message).unwrap());
            body.extend_from_slice(message);
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let mut envelopes = Envelopes::new(100);
        let mut found = Vec::new();
        for (at, cut) in cuts.windows(2).enumerate() {
            envelopes.push(Bytes::copy_from_slice(&body[cut[0]..cut[1]]));
            if at % 4 == 0 {
                found.extend(iter::from_fn(|| envelopes.next_plain()).map(|bytes| (0, bytes)));
            }
            if at % 2 == 0 {
                found.extend(all(&mut envelopes));
            }
        }
        found.extend(all(&mut envelopes));
        let found: Vec<_> = found.into_iter().map(|(flags, bytes)| (flags, bytes.to_vec())).collect();
        prop_assert_eq!(found, messages);
        prop_assert!(envelopes.finish().is_ok());
    }

    #[test]
    fn no_body_panics(chunks in prop::collection::vec(any::<Vec<u8>>(), 0..9)) {
        let mut envelopes = Envelopes::new(1000);
        for chunk in chunks {
            envelopes.push(Bytes::from(chunk));
            while let Ok(Some(envelope)) = envelopes.next() {
                prop_assert!(envelope.bytes.len() <= 1000);
            }
        }
    }
}
