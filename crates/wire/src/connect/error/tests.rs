use proptest::prelude::*;

use super::*;

/// The body of an error of connect-go 1.18.1.
const OF_CONNECT_GO: &str = r#"{"code":"resource_exhausted","message":"überlastet: 100% \"voll\"\n","details":[{"type":"google.rpc.RetryInfo","value":"CgIIHg","debug":{"retryDelay":"30s"}}]}"#;

fn overloaded() -> Status {
    let retry = Detail::new("google.rpc.RetryInfo", Bytes::from_static(b"\x0a\x02\x08\x1e"));
    Status::new(Code::ResourceExhausted, "überlastet: 100% \"voll\"\n")
        .with_details(details::build(&[retry]))
}

fn parse(http_status: u16, body: &str) -> Status {
    parse_error(StatusCode::from_u16(http_status).unwrap(), body.as_bytes())
}

#[test]
fn the_error_of_connect_go_is_read() {
    let (status, expected) = (parse(429, OF_CONNECT_GO), overloaded());
    assert_eq!(status.code(), expected.code());
    assert_eq!(status.message(), expected.message());
    assert_eq!(status.details(), expected.details());
}

#[test]
fn an_error_is_written_as_connect_go_writes_it_without_what_is_for_debugging() {
    let expected = OF_CONNECT_GO.replace(r#","debug":{"retryDelay":"30s"}"#, "");
    assert_eq!(encode_error(&overloaded()), expected);
}

#[test]
fn what_is_empty_is_not_written() {
    let status = Status::new(Code::Cancelled, "").with_details(Bytes::from_static(b"\xffnone"));
    assert_eq!(encode_error(&status), r#"{"code":"canceled"}"#);
}

#[test]
fn a_code_that_is_missing_comes_from_the_http_status() {
    // The cases of the Connect conformance suite.
    for (http_status, body, code, message) in [
        (401, r#"{ "code": null, "message": "oops" }"#, Code::Unauthenticated, "oops"),
        (401, r#"{ "message": "oops" }"#, Code::Unauthenticated, "oops"),
        (429, r#"{ "code": "foobar", "message": "oops" }"#, Code::Unavailable, "oops"),
        (401, r#"{ "code": "unauthenticated" }"#, Code::Unauthenticated, ""),
        (422, r#"{ "code": "out_of_range", "message": "oops", "x": 1 }"#, Code::OutOfRange, "oops"),
        (403, r#"{ "code": 5, "message": 6, "details": 7 }"#, Code::PermissionDenied, ""),
    ] {
        let status = parse(http_status, body);
        assert_eq!((status.code(), status.message()), (code, message), "{body}");
        assert!(status.details().is_empty());
    }
}

#[test]
fn a_body_that_is_no_object_leaves_the_http_status() {
    for body in ["null", "", "oops", "[]", "\"unavailable\"", "{\"code\":"] {
        let status = parse(403, body);
        assert_eq!(status.code(), Code::PermissionDenied, "{body}");
        assert_eq!(status.message(), "the answer is HTTP 403 Forbidden");
    }
    assert_eq!(parse(200, "<html>").code(), Code::Unknown);
}

#[test]
fn details_are_read_with_padding_and_past_what_is_none() {
    let status = parse(
        422,
        r#"{ "code": "out_of_range", "details": [
            { "type": "google.protobuf.FileDescriptorProto", "value": "Cgp0ZXN0LnByb3Rv",
              "frob": "nitz", "debug": "garbage" },
            { "type": "foo.bar.Baz", "value": "MQ==" },
            { "type": "no.Value" }, { "value": "MQ" }, { "type": "x.Y", "value": "!" }, 5 ] }"#,
    );
    let list = details::parse(status.details()).unwrap();
    let list: Vec<_> = list.iter().map(|one| (one.type_name(), &one.value[..])).collect();
    assert_eq!(
        list,
        [
            ("google.protobuf.FileDescriptorProto", &b"\x0a\x0atest.proto"[..]),
            ("foo.bar.Baz", b"1"),
        ]
    );
}

proptest! {
    #[test]
    fn any_status_comes_back(
        number in 1_u64..=16,
        message in any::<String>(),
        list in prop::collection::vec(("[a-z.]{1,20}", any::<Vec<u8>>()), 0..4),
    ) {
        let list: Vec<_> =
            list.into_iter().map(|(name, value)| Detail::new(&name, Bytes::from(value))).collect();
        let status = Status::new(Code::from_number(number), message)
            .with_details(details::build(&list));
        let back = parse_error(StatusCode::IM_A_TEAPOT, &encode_error(&status));
        prop_assert_eq!(back.code(), status.code());
        prop_assert_eq!(back.message(), status.message());
        prop_assert_eq!(back.details(), status.details());
    }

    #[test]
    fn no_body_panics(body in any::<Vec<u8>>()) {
        let status = parse_error(StatusCode::NOT_FOUND, &body);
        prop_assert_eq!(status.code(), Code::Unimplemented);
    }
}
