use proptest::prelude::*;

use super::*;

/// The trailers in the body of a reply of connect-go 1.18.1, which compresses them: as they are
/// once decompressed.
const OF_CONNECT_GO: &[u8] =
    b"acme-operation-cost: 237\r\nacme-raw-bin: AAEC/w\r\ngrpc-status: 0\r\n";

fn trailers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
    entries
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn trailers_are_lines_behind_a_prefix_with_the_top_bit_set() {
    let sent = trailers(&[("grpc-status", "9"), ("grpc-message", "error")]);
    let frame = trailer_frame(&sent).unwrap();
    assert_eq!(&frame[..], b"\x80\0\0\0\x25grpc-status: 9\r\ngrpc-message: error\r\n");
    assert_eq!(parse_trailers(&frame[5..]).unwrap(), sent);
    assert_eq!(&trailer_frame(&HeaderMap::new()).unwrap()[..], b"\x80\0\0\0\0");
}

#[test]
fn the_trailers_of_connect_go_are_read() {
    let expected = trailers(&[
        ("acme-operation-cost", "237"),
        ("acme-raw-bin", "AAEC/w"),
        ("grpc-status", "0"),
    ]);
    assert_eq!(parse_trailers(OF_CONNECT_GO).unwrap(), expected);
}

#[test]
fn names_in_any_case_and_lines_of_any_ending_are_read() {
    let expected = trailers(&[("grpc-status", "9"), ("x-a", "bing"), ("x-a", "quuz")]);
    for lines in [
        &b"Grpc-Status: 9\r\nx-A: bing\r\nX-a: quuz\r\n"[..],
        b"grpc-status:9\nx-a:bing\nx-a:  quuz ",
        b"grpc-status: 9\r\nx-a: bing\r\nx-a: quuz\r\n\r\n",
    ] {
        assert_eq!(parse_trailers(lines).unwrap(), expected);
    }
    assert!(parse_trailers(b"").unwrap().is_empty());
    assert_eq!(parse_trailers(b"x: a:b\r\n").unwrap(), trailers(&[("x", "a:b")]));
}

#[test]
fn lines_that_are_no_headers_are_refused() {
    for lines in [&b"grpc-status"[..], b": 1", b"a b: 1", b"a: \0", b"\xff: 1"] {
        assert_eq!(parse_trailers(lines).unwrap_err().code(), Code::Internal, "{lines:?}");
    }
    let many: String = (0..40_000).map(|n| format!("x-{n}: 1\r\n")).collect();
    assert!(parse_trailers(many.as_bytes()).is_err());
}

/// Decodes a body that comes in two chunks.
fn decode(text: &[u8], cut: usize) -> Result<Vec<u8>, Status> {
    let mut decoder = TextDecoder::default();
    let mut body = decoder.push(&text[..cut])?.to_vec();
    body.extend_from_slice(&decoder.push(&text[cut..])?);
    body.extend_from_slice(&decoder.finish()?);
    Ok(body)
}

#[test]
fn a_text_body_is_read_wherever_it_is_cut_and_padded() {
    for text in [
        &b"AAAAAAUib25lIoAAAAACe30="[..], // one piece
        b"AAAAAAUib25lIg==gAAAAAJ7fQ==",  // a piece for each message
        b"AAA=AAAFIm9uZSKAAAAAAg==e30",   // pieces anywhere, and no padding at the end
    ] {
        for cut in 0..=text.len() {
            let body = decode(text, cut).unwrap();
            assert_eq!(body, b"\0\0\0\0\x05\"one\"\x80\0\0\0\x02{}", "{text:?} cut at {cut}");
        }
    }
}

#[test]
fn what_is_no_base64_is_refused() {
    for text in [&b"AAAA!AAA"[..], b"=AAA", b"A=AA", b"AA=A", b"AAAAA", b"AAA\n", b"A==="] {
        for cut in 0..=text.len() {
            let status = decode(text, cut).unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{text:?} cut at {cut}");
        }
    }
}

proptest! {
    #[test]
    fn any_pieces_come_back_from_any_chunks(
        pieces in prop::collection::vec(any::<Vec<u8>>(), 0..5),
        chunk in 1_usize..10,
    ) {
        let text: Vec<u8> = pieces.iter().flat_map(|piece| encode_text(piece)).collect();
        let mut decoder = TextDecoder::default();
        let mut body = Vec::new();
        for chunk in text.chunks(chunk) {
            body.extend_from_slice(&decoder.push(chunk).unwrap());
        }
        body.extend_from_slice(&decoder.finish().unwrap());
        prop_assert_eq!(body, pieces.concat());
    }

    #[test]
    fn nothing_a_peer_sends_panics(bytes in any::<Vec<u8>>(), text in "[A-Za-z0-9+/=]{0,40}") {
        drop(parse_trailers(&bytes));
        for chunks in [&bytes[..], text.as_bytes()].map(|all| all.chunks(3)) {
            let mut decoder = TextDecoder::default();
            for chunk in chunks {
                if decoder.push(chunk).is_err() {
                    break;
                }
            }
            prop_assert!(decoder.finish().is_ok_and(|rest| rest.len() < 3) || decoder.started == 0);
        }
    }
}
