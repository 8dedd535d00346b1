use super::*;

const CALL: &str =
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nMicro-Endpoint: A.B\r\n\r\nabc";

/// As a Go client ends a stream.
const EOS: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nMicro-Error: EOS\r\n\
                   Micro-Endpoint: A.B\r\nMicro-Stream: 7\r\n\r\n0\r\n\r\n";

fn reader() -> Reader {
    Reader::new(&Limits::default().message_bytes(100).head_bytes(300))
}

fn only(wire: &str) -> Message {
    let mut src = BytesMut::from(wire);
    let Ok(Next::Message(message)) = reader().next(&mut src) else { panic!("{wire}") };
    assert!(src.is_empty());
    *message
}

#[test]
fn a_message_split_anywhere_is_read_once_it_is_whole() {
    let chunked = "POST / HTTP/1.1\r\nMicro-Method: A.B\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2;x=y\r\nab\r\n1\r\nc\r\n0\r\nTrailer: t\r\n\r\n";
    for (wire, body) in [(CALL, "abc"), (chunked, "abc"), (EOS, "")] {
        for cut in 0..wire.len() {
            let (mut reader, mut src) = (reader(), BytesMut::from(&wire[..cut]));
            assert!(matches!(reader.next(&mut src), Ok(Next::More)), "cut at {cut}");
            src.extend_from_slice(&wire.as_bytes()[cut..]);
            let Ok(Next::Message(message)) = reader.next(&mut src) else { panic!("cut at {cut}") };
            assert_eq!(message.body, body.as_bytes());
            assert!(src.is_empty() && !reader.is_within());
        }
    }
}

#[test]
fn the_end_of_a_stream_comes_in_chunks() {
    let message = only(EOS);
    assert!(message.head.is_end && !message.closes);
    assert_eq!(message.head.stream.as_deref(), Some("7"));
}

#[test]
fn a_peer_says_that_a_message_is_its_last() {
    assert!(only(&CALL.replace("Host: h", "Connection: keep-alive, Close")).closes);
    assert!(!only(&CALL.replace("Host: h", "Connection: keep-alive")).closes);
}

#[test]
fn what_is_unusual_is_left_to_others_as_it_came() {
    for wire in [
        "GET / HTTP/1.1\r\nhost: h\r\n\r\n",
        "POST / HTTP/1.0\r\nmicro-endpoint: A.B\r\n\r\n",
        "POST / HTTP/1.1\r\nmicro-endpoint: A.B\r\nexpect: 100-continue\r\n\r\n",
        "POST / HTTP/1.1\r\nmicro-endpoint: A.B\r\norigin: https://a\r\n\r\n",
        "POST / HTTP/1.1\r\nmicro-endpoint: A.B\r\ncontent-length: 101\r\n\r\n",
        "POST / HTTP/1.1\r\nmicro-endpoint: A.B\r\ncontent-length: +1\r\n\r\n",
        "POST / HTTP/1.1\r\nmicro-endpoint: A.B\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nmicro-endpoint: A.B\r\ncontent-length: 1\r\n\
         transfer-encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nmicro-endpoint: A.B\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        "nothing like it\r\n\r\n",
    ] {
        let mut src = BytesMut::from(wire);
        assert!(matches!(reader().next(&mut src), Ok(Next::Foreign)), "{wire}");
        assert_eq!(src, wire.as_bytes());
    }
}

#[test]
fn a_head_without_an_end_is_left_to_others_at_the_limit() {
    let mut src = BytesMut::from(&[b'a'; 299][..]);
    assert!(matches!(reader().next(&mut src), Ok(Next::More)));
    src.extend_from_slice(b"aa");
    assert!(matches!(reader().next(&mut src), Ok(Next::Foreign)));
}

#[test]
fn chunks_are_bounded_together_and_malformed_ones_end_the_connection() {
    let head = "POST / HTTP/1.1\r\nmicro-endpoint: A.B\r\ntransfer-encoding: chunked\r\n\r\n";
    let next = |body: &str| reader().next(&mut BytesMut::from(&*format!("{head}{body}")));
    assert!(matches!(next("65\r\n"), Ok(Next::TooLarge(_))));
    let ninety = "a".repeat(90);
    assert!(matches!(next(&format!("5a\r\n{ninety}\r\nb\r\n")), Ok(Next::TooLarge(_))));
    assert!(matches!(next("ffffffffffffffffffff\r\n"), Err(WireError::Malformed { .. })));
    assert!(matches!(next("\r\n"), Err(WireError::Malformed { .. })));
    assert!(matches!(next("-1\r\n"), Err(WireError::Malformed { .. })));
    assert!(matches!(next("1\r\nab\r\n"), Err(WireError::Malformed { .. })));
    assert!(matches!(next(&"1".repeat(256)), Err(WireError::Malformed { .. })));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let mut reader = reader();
        let mut src = BytesMut::from(EOS.split_once("0\r\n").unwrap().0);
        src.extend_from_slice(&bytes);
        while let Ok(Next::Message(_)) = reader.next(&mut src) {}
    }
}
