use polywire_core::Code;
use proptest::prelude::*;

use super::*;
use crate::grpc::details::{self, Detail};

/// The last message of a stream of connect-go 1.18.1 that went well, decompressed.
const OF_CONNECT_GO: &str = r#"{"metadata":{"acme-operation-cost":["237"]}}"#;

#[test]
fn the_end_of_a_stream_of_connect_go_is_read_and_written_alike() {
    let end = EndStream::parse(OF_CONNECT_GO.as_bytes()).unwrap();
    end.status.unwrap();
    assert_eq!(end.metadata.iter().collect::<Vec<_>>(), [("acme-operation-cost", "237")]);
    assert_eq!(EndStream::encode(Ok(()), &end.metadata), OF_CONNECT_GO);
}

#[test]
fn a_failure_is_written_with_its_metadata_and_the_calls() {
    let detail = Detail::new("google.rpc.RetryInfo", Bytes::from_static(b"\n\x02\x08\x1e"));
    let status = Status::new(Code::Unavailable, "overloaded")
        .with_details(details::build(&[detail]))
        .with_metadata(Metadata::from_iter([("Acme-Shard", "42"), ("x-bin", "Zg==")]));
    let metadata = Metadata::from_iter([
        ("acme-shard", "43"),
        ("connect-x", "reserved"),
        ("grpc-status", "reserved"),
        ("y-bin", "no base64"),
    ]);
    let message = EndStream::encode(Err(&status), &metadata);
    assert_eq!(
        message,
        "{\"error\":{\"code\":\"unavailable\",\"message\":\"overloaded\",\"details\":[{\"type\":\
         \"google.rpc.RetryInfo\",\"value\":\"CgIIHg\"}]},\
         \"metadata\":{\"acme-shard\":[\"42\",\"43\"],\"x-bin\":[\"Zg\"]}}"
    );
    let end = EndStream::parse(&message).unwrap();
    let back = end.status.unwrap_err();
    assert_eq!((back.code(), back.message()), (Code::Unavailable, "overloaded"));
    assert_eq!(back.details(), status.details());
    let expected = [("acme-shard", "42"), ("acme-shard", "43"), ("x-bin", "Zg")];
    assert_eq!(end.metadata.iter().collect::<Vec<_>>(), expected);
    assert_eq!(back.metadata(), &end.metadata);
}

#[test]
fn success_without_metadata_is_an_empty_object() {
    assert_eq!(EndStream::encode(Ok(()), &Metadata::new()), "{}");
    for message in ["{}", r#" { "error": null } "#, r#"{"code":"out_of_range","metadata":null}"#] {
        let end = EndStream::parse(message.as_bytes()).unwrap();
        assert!(end.status.is_ok() && end.metadata.is_empty(), "{message}");
    }
}

#[test]
fn an_error_without_a_known_code_is_unknown() {
    // The cases of the Connect conformance suite, and three more.
    for (message, code, text) in [
        (r#"{"error": {"code": null, "message": "oops"}}"#, Code::Unknown, "oops"),
        (r#"{"error": {"message": "oops"}}"#, Code::Unknown, "oops"),
        (r#"{"error": {"code": "foobar", "message": "oops"}}"#, Code::Unknown, "oops"),
        (r#"{"error": {"code": "unauthenticated"}}"#, Code::Unauthenticated, ""),
        (r#"{"error": {}}"#, Code::Unknown, ""),
        (r#"{"error": "oops"}"#, Code::Unknown, ""),
        (r#"{"error": []}"#, Code::Unknown, ""),
    ] {
        let status = EndStream::parse(message.as_bytes()).unwrap().status.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, text), "{message}");
    }
}

#[test]
fn metadata_is_read_as_from_headers() {
    let end = EndStream::parse(
        br#"{"metadata": {"X-A": ["1", "2"], "connect-x": ["3"], "y-bin": ["Zg==,Zm8", "!"],
            "z": "no list", "w": [5, null, "6"]}}"#,
    )
    .unwrap();
    let mut found: Vec<_> = end.metadata.iter().collect();
    found.sort_unstable();
    assert_eq!(found, [("w", "6"), ("x-a", "1"), ("x-a", "2"), ("y-bin", "Zg"), ("y-bin", "Zm8")]);
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    for cut in 0..OF_CONNECT_GO.len() {
        let status = EndStream::parse(&OF_CONNECT_GO.as_bytes()[..cut]).unwrap_err();
        assert_eq!(status.code(), Code::Internal, "cut at {cut}");
    }
    for message in ["null", "[]", "5", "\"{}\""] {
        assert!(EndStream::parse(message.as_bytes()).is_err(), "{message}");
    }
}

#[test]
fn json_nested_without_end_is_refused() {
    let deep = format!("{{\"x\":{}", "[".repeat(1 << 20));
    assert!(EndStream::parse(deep.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn no_message_panics(bytes in any::<Vec<u8>>(), text in r#"[{}\[\]":,a-z0-9]{0,60}"#) {
        for message in [&bytes[..], text.as_bytes()] {
            if let Ok(end) = EndStream::parse(message) {
                let again = EndStream::encode(end.status.as_ref().copied(), &Metadata::new());
                prop_assert!(EndStream::parse(&again).is_ok());
            }
        }
    }
}
