//! gRPC and gRPC-Web.

use bytes::Bytes;
use http::{HeaderValue, Request};
use polywire_server::Limits;

use super::service::{Answer, Peer, message, post};

fn grpc(method: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    post(method, "application/grpc", body)
}

#[tokio::test]
async fn a_unary_call_is_answered_by_headers_a_message_and_trailers() {
    let answer = Peer::connect().await.send(grpc("Echo", message(7))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/grpc+proto"));
    assert_eq!(answer.header("leading"), Some("first"));
    assert_eq!(&*answer.body, message(7));
    assert_eq!(answer.trailer("grpc-status"), Some("0"));
    assert_eq!(answer.trailer("trailing-bin"), Some("AQI"));
}

#[tokio::test]
async fn a_failure_is_trailers_only_with_its_message_escaped() {
    let answer = Peer::connect().await.send(grpc("Echo", vec![0; 5])).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("grpc-status"), Some("5"));
    assert_eq!(answer.header("grpc-message"), Some("z%C3%A9ro is no number"));
    assert_eq!(answer.header("why"), Some("because"));
    assert!(answer.trailers.is_none());
}

#[tokio::test]
async fn a_panic_is_internal_and_the_connection_lives() {
    let mut peer = Peer::connect().await;
    let answer = peer.send(grpc("Echo", message(13))).await;
    assert_eq!(answer.header("grpc-status"), Some("13"));
    assert_eq!(peer.send(grpc("Echo", message(1))).await.trailer("grpc-status"), Some("0"));
}

#[tokio::test]
async fn what_nobody_offers_is_unimplemented() {
    let mut peer = Peer::connect().await;
    for path in ["test.v1.Numbers/Nothing", "test.v1.Nobody/Echo", "Echo", ""] {
        let request = Request::post(format!("http://localhost/{path}"))
            .header("content-type", "application/grpc")
            .body(Bytes::from(message(1)))
            .unwrap();
        assert_eq!(peer.send(request).await.header("grpc-status"), Some("12"), "{path}");
    }
}

#[tokio::test]
async fn a_service_is_found_without_its_package_as_well() {
    let request = Request::post("http://localhost/Numbers/Echo")
        .header("content-type", "application/grpc")
        .body(Bytes::from(message(1)))
        .unwrap();
    assert_eq!(Peer::connect().await.send(request).await.trailer("grpc-status"), Some("0"));
}

#[tokio::test]
async fn the_three_kinds_of_streams_are_served() {
    let mut peer = Peer::connect().await;
    let counted = peer.send(grpc("Count", message(3))).await;
    assert_eq!(&*counted.body, [message(1), message(2), message(3)].concat());
    assert_eq!(counted.trailer("grpc-status"), Some("0"));
    let summed = peer.send(grpc("Sum", [message(1), message(2)].concat())).await;
    assert_eq!((&*summed.body, summed.trailer("grpc-status")), (&*message(3), Some("0")));
    let doubled = peer.send(grpc("Double", [message(1), message(2)].concat())).await;
    assert_eq!(&*doubled.body, [message(2), message(4)].concat());
}

#[tokio::test]
async fn a_stream_that_fails_delivers_what_came_before() {
    let minus_two = [&[0, 0, 0, 0, 11, 0x08, 0xfe][..], &[0xff; 8], &[1]].concat();
    let answer = Peer::connect().await.send(grpc("Count", minus_two)).await;
    assert_eq!(&*answer.body, [message(1), message(2)].concat());
    assert_eq!(answer.trailer("grpc-status"), Some("10"));
    assert_eq!(answer.trailer("grpc-message"), Some("enough"));
}

#[tokio::test]
async fn messages_go_both_ways_before_either_side_has_ended() {
    let mut peer = Peer::connect().await;
    let (head, _) = grpc("Double", Bytes::new()).into_parts();
    let (response, mut sender) =
        peer.client.send_request(Request::from_parts(head, ()), false).unwrap();
    let mut receiver = response.await.unwrap().into_body();
    for n in 1..=3 {
        sender.send_data(message(n).into(), false).unwrap();
        assert_eq!(&*receiver.data().await.unwrap().unwrap(), message(n * 2));
    }
    sender.send_data(Bytes::new(), true).unwrap();
    assert!(receiver.data().await.is_none());
    let trailers = receiver.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.get("grpc-status"), Some(&HeaderValue::from_static("0")));
}

#[tokio::test]
async fn a_unary_method_takes_one_message() {
    let mut peer = Peer::connect().await;
    for body in [Vec::new(), [message(1), message(2)].concat()] {
        assert_eq!(peer.send(grpc("Echo", body)).await.header("grpc-status"), Some("12"));
    }
}

#[tokio::test]
async fn a_malformed_body_is_an_error_of_its_call() {
    let mut peer = Peer::connect().await;
    for (body, status) in [
        (vec![0, 0, 0, 0, 2, 0x08], "13"),
        (vec![9, 0, 0, 0, 0], "13"),
        (vec![1, 0, 0, 0, 0], "13"),
        (vec![0, 0, 0, 0, 1, 0xff], "3"),
    ] {
        let answer = peer.send(grpc("Echo", body.clone())).await;
        assert_eq!(answer.header("grpc-status"), Some(status), "{body:?} {answer:?}");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_its_prefix() {
    let wire = polywire_wire::Limits::default().message_bytes(100);
    let mut peer = Peer::with(Limits::default().wire(wire)).await;
    let answer = peer.send(grpc("Echo", vec![0, 0xff, 0xff, 0xff, 0xff])).await;
    assert_eq!(answer.header("grpc-status"), Some("8"));
    let text = "message of 4294967295 bytes is over the limit of 100 (message_bytes)";
    assert_eq!(answer.header("grpc-message"), Some(text));
}

#[tokio::test]
async fn a_deadline_ends_a_call_that_waits() {
    let mut request = grpc("Hang", message(1));
    request.headers_mut().insert("grpc-timeout", HeaderValue::from_static("5m"));
    let answer = Peer::connect().await.send(request).await;
    assert_eq!(answer.header("grpc-status"), Some("4"));
}

#[tokio::test]
async fn a_malformed_deadline_is_an_error() {
    for timeout in ["", "5", "m", "123456789S", "-1S"] {
        let mut request = grpc("Echo", message(1));
        request.headers_mut().insert("grpc-timeout", HeaderValue::try_from(timeout).unwrap());
        let answer = Peer::connect().await.send(request).await;
        let status = answer.header("grpc-status").map(str::to_owned);
        assert!(matches!(status.as_deref(), Some("3" | "13")), "{timeout}: {status:?}");
    }
}

#[tokio::test]
async fn a_compressed_call_gets_a_compressed_answer_if_its_caller_reads_them() {
    use polywire_codec::compression::Compression;
    let packed = Compression::Gzip.compress(&[0x08, 7]);
    let mut body = vec![1, 0, 0, 0, u8::try_from(packed.len()).unwrap()];
    body.extend_from_slice(&packed);
    let mut peer = Peer::connect().await;
    let mut request = grpc("Echo", body.clone());
    request.headers_mut().insert("grpc-encoding", HeaderValue::from_static("gzip"));
    let plain = peer.send(request.clone()).await;
    assert_eq!((&*plain.body, plain.header("grpc-encoding")), (&*message(7), None));
    request.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static("gzip"));
    let answer = peer.send(request).await;
    assert_eq!(answer.header("grpc-encoding"), Some("gzip"));
    assert_eq!(answer.body[0], 1);
    assert_eq!(&*Compression::Gzip.decompress(&answer.body[5..], 100).unwrap(), [0x08, 7]);
}

#[tokio::test]
async fn an_unknown_compression_is_refused_with_a_list_of_those_known() {
    let mut request = grpc("Echo", message(1));
    request.headers_mut().insert("grpc-encoding", HeaderValue::from_static("snappy"));
    let answer = Peer::connect().await.send(request).await;
    assert_eq!(answer.header("grpc-status"), Some("12"));
    assert!(answer.header("grpc-accept-encoding").unwrap().contains("gzip"));
}

#[tokio::test]
async fn a_withdrawn_call_ends_and_the_connection_lives() {
    let mut peer = Peer::connect().await;
    let (head, body) = grpc("Hang", message(1)).into_parts();
    let (response, mut sender) =
        peer.client.send_request(Request::from_parts(head, ()), false).unwrap();
    sender.send_data(body, false).unwrap();
    sender.send_reset(h2::Reason::CANCEL);
    assert!(response.await.is_err());
    assert_eq!(peer.send(grpc("Echo", message(1))).await.trailer("grpc-status"), Some("0"));
}

#[tokio::test]
async fn a_draining_server_says_goodbye_and_finishes() {
    let mut peer = Peer::connect().await;
    let (head, _) = grpc("Double", Bytes::new()).into_parts();
    let (response, mut sender) =
        peer.client.send_request(Request::from_parts(head, ()), false).unwrap();
    let mut receiver = response.await.unwrap().into_body();
    peer.drain.cancel();
    sender.send_data(message(4).into(), true).unwrap();
    assert_eq!(&*receiver.data().await.unwrap().unwrap(), message(8));
    assert!(receiver.data().await.is_none());
    let trailers = receiver.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.get("grpc-status"), Some(&HeaderValue::from_static("0")));
}

#[tokio::test]
async fn grpc_web_has_its_trailers_in_the_body() {
    let mut peer = Peer::connect().await;
    let request = post("Echo", "application/grpc-web+proto", message(7));
    let answer = peer.send(request).await;
    assert_eq!(answer.header("content-type"), Some("application/grpc-web+proto"));
    let (first, rest) = answer.body.split_at(7);
    assert_eq!(first, message(7));
    assert_eq!(rest[0], 0x80);
    let trailers = String::from_utf8(rest[5..].to_vec()).unwrap();
    assert!(
        trailers.contains("grpc-status: 0") || trailers.contains("grpc-status:0"),
        "{trailers}"
    );
    assert!(answer.trailers.is_none());
}

#[tokio::test]
async fn grpc_web_text_is_base64_both_ways() {
    let mut peer = Peer::connect().await;
    let request = post("Echo", "application/grpc-web-text", "AAAAAAIIBw==");
    let answer = peer.send(request).await;
    assert!(answer.body.starts_with(b"AAAAAAIIB"), "{answer:?}");
}

#[tokio::test]
async fn a_page_of_a_known_origin_may_call_and_no_other() {
    let mut peer = Peer::connect().await;
    for (origin, allowed) in
        [("https://page.example", Some("https://page.example")), ("https://evil.example", None)]
    {
        let preflight = Request::options("http://localhost/test.v1.Numbers/Echo")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-grpc-web,content-type")
            .body(Bytes::new())
            .unwrap();
        let answer: Answer = peer.send(preflight).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        let mut request = post("Echo", "application/grpc-web", message(7));
        request.headers_mut().insert("origin", HeaderValue::try_from(origin).unwrap());
        let answer = peer.send(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed.is_some_and(|names| names.contains("grpc-status")), allowed.is_some());
    }
}

#[tokio::test]
async fn an_old_connection_is_told_to_end_and_its_calls_do() {
    let limits = Limits::default().connection_age(std::time::Duration::from_millis(50));
    let mut peer = Peer::with(limits).await;
    let (head, _) = grpc("Double", Bytes::new()).into_parts();
    let (response, mut sender) =
        peer.client.send_request(Request::from_parts(head, ()), false).unwrap();
    let mut receiver = response.await.unwrap().into_body();
    // Only a farewell makes a client of HTTP/2 unready.
    while let Ok(mut client) = peer.client.clone().ready().await {
        let call = post("Echo", "application/grpc", "").map(drop);
        let Ok((response, _)) = client.send_request(call, true) else { break };
        if response.await.is_err() {
            break;
        }
    }
    sender.send_data(message(4).into(), true).unwrap();
    assert_eq!(&*receiver.data().await.unwrap().unwrap(), message(8));
    assert!(receiver.data().await.is_none());
}
