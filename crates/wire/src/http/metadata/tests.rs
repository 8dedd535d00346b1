use proptest::prelude::*;

use super::*;

fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
    entries
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

fn entries(metadata: &Metadata) -> Vec<(&str, &str)> {
    metadata.iter().collect()
}

#[test]
fn what_connect_go_sends_beside_the_protocol_is_metadata() {
    // The head of a gRPC request of connect-go 1.18.1, and two headers of an application.
    let metadata = metadata_from_headers(&headers(&[
        ("accept-encoding", "identity"),
        ("grpc-accept-encoding", "gzip"),
        ("te", "trailers"),
        ("grpc-timeout", "4990504u"),
        ("user-agent", "grpc-go-connect/1.18.1 (go1.26.8)"),
        ("content-type", "application/grpc"),
        ("acme-shard", "42"),
        ("acme-trace-bin", "AAEC/w"),
    ]));
    assert_eq!(
        entries(&metadata),
        [
            ("user-agent", "grpc-go-connect/1.18.1 (go1.26.8)"),
            ("acme-shard", "42"),
            ("acme-trace-bin", "AAEC/w"),
        ]
    );
}

#[test]
fn what_belongs_to_http_and_the_protocols_is_no_metadata() {
    for name in [
        "accept",
        "accept-encoding",
        "connect-accept-encoding",
        "connect-content-encoding",
        "connect-protocol-version",
        "connect-timeout-ms",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "grpc-accept-encoding",
        "grpc-encoding",
        "grpc-message",
        "grpc-status",
        "grpc-status-details-bin",
        "grpc-timeout",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ] {
        assert!(metadata_from_headers(&headers(&[(name, "x")])).is_empty(), "{name}");
        let mut sent = HeaderMap::new();
        let errors = metadata_to_headers(&Metadata::from_iter([(name, "x")]), &mut sent);
        assert_eq!(errors, [HeaderError::Reserved { name: name.to_owned() }]);
        assert!(sent.is_empty());
    }
}

#[test]
fn the_names_grpc_leaves_to_layers_pass_both_ways() {
    for (name, value) in [
        ("grpc-trace-bin", "AAEC"),
        ("grpc-tags-bin", "AAEC"),
        ("grpc-previous-rpc-attempts", "1"),
        ("grpc-retry-pushback-ms", "100"),
        ("authorization", "Bearer x"),
        ("cookie", "a=b"),
    ] {
        let metadata = metadata_from_headers(&headers(&[(name, value)]));
        assert_eq!(entries(&metadata), [(name, value)]);
        let mut sent = HeaderMap::new();
        assert_eq!(metadata_to_headers(&metadata, &mut sent), []);
        assert_eq!(sent, headers(&[(name, value)]));
    }
}

#[test]
fn values_of_one_name_keep_their_order() {
    let three = headers(&[("x-a", "1"), ("x-a", "3"), ("x-a", "2")]);
    let metadata = metadata_from_headers(&three);
    assert_eq!(entries(&metadata), [("x-a", "1"), ("x-a", "3"), ("x-a", "2")]);
    let mut sent = HeaderMap::new();
    assert_eq!(metadata_to_headers(&metadata, &mut sent), []);
    assert_eq!(sent, three);
}

#[test]
fn binary_values_are_split_at_commas_and_lose_their_padding() {
    let metadata = metadata_from_headers(&headers(&[("x-bin", "Zg==,Zg, Zm8=,,Zh")]));
    assert_eq!(
        entries(&metadata),
        [("x-bin", "Zg"), ("x-bin", "Zg"), ("x-bin", "Zm8"), ("x-bin", ""), ("x-bin", "Zg")]
    );
    // Others are not: a comma may be part of the value.
    let metadata = metadata_from_headers(&headers(&[("date", "Sat, 21 Nov 2026 10:30:29 GMT")]));
    assert_eq!(entries(&metadata), [("date", "Sat, 21 Nov 2026 10:30:29 GMT")]);
}

#[test]
fn binary_values_that_are_no_base64_are_left_out_or_refused() {
    let bad = headers(&[("x-bin", "Zg,!,Zm8"), ("y", "1")]);
    let metadata = metadata_from_headers(&bad);
    assert_eq!(entries(&metadata), [("x-bin", "Zg"), ("x-bin", "Zm8"), ("y", "1")]);
    let status = try_metadata_from_headers(&bad).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("`x-bin`"), "{status}");
    let good = headers(&[("x-bin", "Zg")]);
    assert_eq!(entries(&try_metadata_from_headers(&good).unwrap()), [("x-bin", "Zg")]);
}

#[test]
fn values_in_utf8_are_kept_and_others_left_out() {
    let mut headers = headers(&[("x-name", "Zoë")]);
    headers.append("x-latin", HeaderValue::from_bytes(b"Zo\xeb").unwrap());
    let metadata = metadata_from_headers(&headers);
    assert_eq!(entries(&metadata), [("x-name", "Zoë")]);
    let mut sent = HeaderMap::new();
    assert_eq!(metadata_to_headers(&metadata, &mut sent), []);
    assert_eq!(sent["x-name"].as_bytes(), "Zoë".as_bytes());
}

#[test]
fn what_cannot_be_sent_is_named_and_the_rest_is_sent() {
    let metadata = Metadata::from_iter([
        ("", "x"),
        ("x y", "x"),
        (":path", "/"),
        ("x-é", "x"),
        ("x-line", "a\r\nset-cookie: b"),
        ("x-nul", "a\0"),
        ("x-bin", "a b"),
        ("X-Upper", "kept"),
        ("X-Bin", "Zg=="),
    ]);
    let mut sent = HeaderMap::new();
    let errors = metadata_to_headers(&metadata, &mut sent);
    let name = |name: &str| HeaderError::Name { name: name.to_owned() };
    let value = |name: &str| HeaderError::Value { name: name.to_owned() };
    assert_eq!(
        errors,
        [
            name(""),
            name("x y"),
            name(":path"),
            name("x-é"),
            value("x-line"),
            value("x-nul"),
            HeaderError::Binary { name: "x-bin".to_owned() },
        ]
    );
    assert_eq!(sent, headers(&[("x-upper", "kept"), ("x-bin", "Zg")]));
}

#[test]
fn more_entries_than_a_header_map_holds_do_not_panic() {
    let metadata: Metadata = (0..40_000).map(|n| (format!("x-{n}"), "1")).collect();
    let mut sent = HeaderMap::new();
    let errors = metadata_to_headers(&metadata, &mut sent);
    assert_eq!(errors.len() + sent.len(), 40_000);
    assert!(matches!(errors.first(), Some(HeaderError::TooMany { .. })));
}

#[test]
fn trailers_of_a_unary_reply_travel_behind_a_prefix() {
    // The head of a unary reply of connect-go 1.18.1.
    let reply = headers(&[
        ("accept-encoding", "gzip"),
        ("content-encoding", "gzip"),
        ("content-type", "application/json"),
        ("trailer-acme-operation-cost", "237"),
        ("trailer-acme-raw-bin", "AAEC/w"),
        ("trailer-grpc-status", "0"),
        ("vary", "Accept-Encoding"),
    ]);
    let (leading, trailing) = split_trailers(&reply);
    assert_eq!(entries(&leading), [("vary", "Accept-Encoding")]);
    assert_eq!(entries(&trailing), [("acme-operation-cost", "237"), ("acme-raw-bin", "AAEC/w")]);

    let mut sent = HeaderMap::new();
    assert_eq!(trailers_to_headers(&trailing, &mut sent), []);
    assert_eq!(
        sent,
        headers(&[("trailer-acme-operation-cost", "237"), ("trailer-acme-raw-bin", "AAEC/w"),])
    );
    let reserved = Metadata::from_iter([("Grpc-Status", "0"), ("connect-x", "1")]);
    assert_eq!(trailers_to_headers(&reserved, &mut sent).len(), 2);
}

proptest! {
    #[test]
    fn any_metadata_that_was_sent_comes_back(
        given in prop::collection::vec(("[a-zA-Z0-9_.-]{0,9}(-bin)?", any::<String>()), 0..9),
    ) {
        let given: Metadata = given.into_iter().collect();
        let mut sent = HeaderMap::new();
        let errors = metadata_to_headers(&given, &mut sent);
        let back = try_metadata_from_headers(&sent).unwrap();
        prop_assert_eq!(back.len() + errors.len(), given.len());
        for (name, value) in back.iter() {
            let same = |text: &str| text == value || normal_binary(text).as_deref() == Some(value);
            prop_assert!(given.get_all(name).any(same));
        }
    }

    #[test]
    fn no_header_value_panics(value in any::<Vec<u8>>()) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let headers = HeaderMap::from_iter([
                (HeaderName::from_static("x-bin"), value.clone()),
                (HeaderName::from_static("trailer-x"), value),
            ]);
            let (leading, trailing) = split_trailers(&headers);
            prop_assert!(trailing.len() <= 1);
            let items = headers["x-bin"].as_bytes().split(|byte| *byte == b',').count();
            let whole = try_metadata_from_headers(&headers).is_ok();
            prop_assert_eq!(whole, leading.len() == items);
        }
    }
}
