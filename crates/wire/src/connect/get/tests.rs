use proptest::prelude::*;

use super::*;

fn code(error: GetError) -> Option<Code> {
    match error {
        GetError::UnknownEncoding => None,
        GetError::Malformed(status) => Some(status.code()),
    }
}

#[test]
fn the_queries_of_connect_go_are_read() {
    // connect-go 1.18.1, the same message in both encodings.
    let json = parse("connect=v1&encoding=json&message=%22a+%26+b+%2B+%C3%BC%22").unwrap();
    let expected = GetQuery {
        codec: Encoding::ProtoJson,
        message: Bytes::from_static("\"a & b + ü\"".as_bytes()),
        compression: None,
        versioned: true,
    };
    assert_eq!(json, expected);
    let proto = parse("base64=1&connect=v1&encoding=proto&message=CgphICYgYiArIMO8").unwrap();
    let expected = GetQuery {
        codec: Encoding::Protobuf,
        message: Bytes::from_static("\n\na & b + ü".as_bytes()),
        compression: None,
        versioned: true,
    };
    assert_eq!(proto, expected);
}

#[test]
fn the_query_of_the_reference_is_read() {
    let query = parse("encoding=json&message=%7B%22name%22%3A%22Buf%22%7D").unwrap();
    assert_eq!(query.message, "{\"name\":\"Buf\"}");
    assert!(!query.versioned);
}

#[test]
fn queries_are_written_in_the_order_of_the_reference() {
    for (codec, message, compression, query) in [
        (
            Encoding::ProtoJson,
            &b"{\"name\":\"Buf\"}"[..],
            None,
            "connect=v1&encoding=json&message=%7B%22name%22%3A%22Buf%22%7D",
        ),
        (Encoding::ProtoJson, b"a b+", None, "connect=v1&encoding=json&message=a%20b%2B"),
        (Encoding::ProtoJson, b"\xff", None, "connect=v1&base64=1&encoding=json&message=_w"),
        (
            Encoding::Protobuf,
            b"\xfb\xff",
            Some("identity"),
            "connect=v1&base64=1&encoding=proto&message=-_8",
        ),
        (
            Encoding::ProtoJson,
            b"{}",
            Some("gzip"),
            "connect=v1&base64=1&compression=gzip&encoding=json&message=e30",
        ),
        (Encoding::Protobuf, b"", None, "connect=v1&base64=1&encoding=proto&message="),
    ] {
        assert_eq!(format(codec, message, compression), query);
        assert_eq!(parse(query).unwrap().message, message);
    }
}

#[test]
fn order_padding_other_parameters_and_repetition_do_not_matter() {
    for query in [
        "message=Zg&base64=1&encoding=proto&connect=v1&compression=gzip",
        "utm=1&&x&=&encoding=proto&compression=gzip&message=Zg%3D%3D&base64=1&connect=v1",
        "encoding=proto&encoding=x&mess%61ge=Zg==&message=!&base64=1&compression=%67zip",
    ] {
        let found = parse(query).unwrap();
        assert_eq!(found.codec, Encoding::Protobuf);
        assert_eq!(found.message, "f");
        assert_eq!(found.compression.as_deref(), Some("gzip"));
    }
    // Another value than one is as none.
    let found = parse("message=Zg&base64=true&encoding=json&compression=identity").unwrap();
    assert_eq!(found.message, "Zg");
    assert_eq!(found.compression, None);
}

#[test]
fn what_is_missing_or_wrong_is_told_apart() {
    for query in ["", "message=x", "encoding&message=x", "encoding=xml&message=x", "encoding=JSON"]
    {
        assert_eq!(code(parse(query).unwrap_err()), None, "{query}");
    }
    for query in [
        "encoding=json",
        "encoding=json&connect=v2&message=x",
        "encoding=json&connect=&message=x",
        "encoding=proto&base64=1&message=a",
        "encoding=proto&base64=1&message=++++",
    ] {
        assert_eq!(code(parse(query).unwrap_err()), Some(Code::InvalidArgument), "{query}");
    }
}

#[test]
fn escapes_that_are_none_stay() {
    let found = parse("encoding=json&message=100%&x=%").unwrap();
    assert_eq!(found.message, "100%");
    assert_eq!(parse("encoding=json&message=%zz%4").unwrap().message, "%zz%4");
    assert_eq!(parse("encoding=json&message=%ff%00").unwrap().message, &b"\xff\0"[..]);
}

proptest! {
    #[test]
    fn any_message_comes_back(message in any::<Vec<u8>>(), text in any::<String>(), zip: bool) {
        let compression = zip.then_some("gzip");
        for (codec, message) in [
            (Encoding::Protobuf, &message[..]),
            (Encoding::ProtoJson, &message),
            (Encoding::ProtoJson, text.as_bytes()),
        ] {
            let query = format(codec, message, compression);
            prop_assert!(query.bytes().all(|byte| byte.is_ascii_graphic()));
            let expected = GetQuery {
                codec,
                message: Bytes::copy_from_slice(message),
                compression: compression.map(str::to_owned),
                versioned: true,
            };
            prop_assert_eq!(parse(&query).unwrap(), expected);
        }
    }

    #[test]
    fn no_query_panics(query in any::<String>(), tail in "[%+=&a-f0-9é]{0,40}") {
        for query in [query, format!("encoding=json&message={tail}")] {
            if let Ok(found) = parse(&query) {
                prop_assert!(found.message.len() <= query.len());
            }
        }
    }
}
