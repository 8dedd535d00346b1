use polywire_core::Metadata;
use proptest::prelude::*;

use super::*;
use crate::grpc::details::Detail;

/// The trailers of connect-go 1.18.1 for an error with one detail and metadata.
const OF_CONNECT_GO: [(&str, &str); 5] = [
    ("acme-shard", "42"),
    ("acme-trace-bin", "AAEC/w"),
    ("grpc-message", "%C3%BCberlastet: 100%25 \"voll\"%0A"),
    ("grpc-status", "8"),
    (
        "grpc-status-details-bin",
        "CAgSGcO8YmVybGFzdGV0OiAxMDAlICJ2b2xsIgoaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBj\
         LlJldHJ5SW5mbxIECgIIHg",
    ),
];

fn trailers(entries: &[(&'static str, &str)]) -> HeaderMap {
    entries
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

fn overloaded() -> Status {
    let retry = Detail::new("google.rpc.RetryInfo", Bytes::from_static(b"\x0a\x02\x08\x1e"));
    Status::new(Code::ResourceExhausted, "überlastet: 100% \"voll\"\n")
        .with_details(details::build(&[retry]))
        .with_metadata(Metadata::from_iter([("acme-shard", "42"), ("acme-trace-bin", "AAEC/w")]))
}

#[test]
fn the_trailers_of_connect_go_are_read() {
    let status = status_from_trailers(&trailers(&OF_CONNECT_GO)).unwrap_err();
    let expected = overloaded();
    assert_eq!(status.code(), expected.code());
    assert_eq!(status.message(), expected.message());
    assert_eq!(status.details(), expected.details());
    assert_eq!(status.metadata(), expected.metadata());
}

#[test]
fn trailers_are_written_as_connect_go_writes_them() {
    let mut sent = HeaderMap::new();
    assert_eq!(status_to_trailers(Err(&overloaded()), &mut sent), []);
    assert_eq!(sent, trailers(&OF_CONNECT_GO));
}

#[test]
fn success_is_a_zero() {
    let mut sent = HeaderMap::new();
    assert!(!has_status(&sent));
    assert_eq!(status_to_trailers(Ok(()), &mut sent), []);
    assert_eq!(sent, trailers(&[("grpc-status", "0")]));
    assert!(has_status(&sent));
    status_from_trailers(&sent).unwrap();
}

#[test]
fn every_code_is_its_number() {
    for number in 1..=16 {
        let mut sent = HeaderMap::new();
        let code = Code::from_number(number);
        status_to_trailers(Err(&Status::new(code, "")), &mut sent);
        assert_eq!(sent["grpc-status"], number.to_string());
        assert_eq!(sent.len(), 1, "nothing else for a status that says nothing else");
        assert_eq!(status_from_trailers(&sent).unwrap_err().code(), code);
    }
}

#[test]
fn a_status_that_is_missing_or_none_is_an_error_of_its_own() {
    let missing = status_from_trailers(&trailers(&[("grpc-message", "oops"), ("x", "1")]));
    let missing = missing.unwrap_err();
    assert_eq!(missing.code(), Code::Unknown);
    assert_eq!(missing.metadata().get("x"), Some("1"));
    for (value, code) in [
        ("17", Code::Unknown),
        ("18446744073709551615", Code::Unknown),
        ("18446744073709551616", Code::Internal),
        ("", Code::Internal),
        ("+5", Code::Internal),
        ("-1", Code::Internal),
        ("ok", Code::Internal),
    ] {
        let status = status_from_trailers(&trailers(&[("grpc-status", value)])).unwrap_err();
        assert_eq!(status.code(), code, "{value:?}");
    }
}

#[test]
fn details_that_are_none_leave_the_rest_of_the_status() {
    for value in ["!", "/w", "GgE", ""] {
        let sent = trailers(&[
            ("grpc-status", "5"),
            ("grpc-message", "gone"),
            ("grpc-status-details-bin", value),
        ]);
        let status = status_from_trailers(&sent).unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "gone"));
        assert!(status.details().is_empty(), "{value:?}");
    }
}

#[test]
fn details_of_another_kind_are_not_sent() {
    let status = Status::new(Code::Aborted, "").with_details(Bytes::from_static(b"\xff not these"));
    let mut sent = HeaderMap::new();
    status_to_trailers(Err(&status), &mut sent);
    assert_eq!(sent, trailers(&[("grpc-status", "10")]));
}

#[test]
fn a_reset_stream_has_the_code_of_grpcs_table() {
    for (error_code, code) in [
        (0, Code::Internal),
        (1, Code::Internal),
        (2, Code::Internal),
        (3, Code::Internal),
        (4, Code::Internal),
        (6, Code::Internal),
        (7, Code::Unavailable),
        (8, Code::Cancelled),
        (9, Code::Internal),
        (10, Code::Internal),
        (11, Code::ResourceExhausted),
        (12, Code::PermissionDenied),
        (13, Code::Unknown),
        (u32::MAX, Code::Unknown),
    ] {
        assert_eq!(code_from_reset(error_code), code, "{error_code}");
    }
}

proptest! {
    #[test]
    fn any_message_comes_back(number in 1_u64..=16, message in any::<String>()) {
        let status = Status::new(Code::from_number(number), message);
        let mut sent = HeaderMap::new();
        status_to_trailers(Err(&status), &mut sent);
        let back = status_from_trailers(&sent).unwrap_err();
        prop_assert_eq!(back.code(), status.code());
        prop_assert_eq!(back.message(), status.message());
    }

    #[test]
    fn no_trailer_panics(values in any::<[Vec<u8>; 3]>()) {
        let names = [STATUS, MESSAGE, DETAILS];
        let trailers = names.into_iter().zip(values).filter_map(|(name, value)| {
            Some((name, HeaderValue::from_bytes(&value).ok()?))
        });
        let status = status_from_trailers(&trailers.collect());
        prop_assert!(status.is_ok() || status.is_err_and(|status| status.metadata().is_empty()));
    }
}
