//! gRPC as go-micro's clients speak it.

use bytes::Bytes;
use http::Request;
use tokio::time::{Duration, Instant};

use super::service::{Answer, Peer, message};

/// A call with the headers that go-micro v6's gRPC client sends.
async fn call(peer: &mut Peer, path: &str, timeout: &str, body: impl Into<Bytes>) -> Answer {
    let request = Request::post(format!("http://localhost/{path}"))
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .header("user-agent", "grpc-go/1.79.1")
        .header("timeout", timeout)
        .header("x-content-type", "application/grpc+proto")
        .header("trace-id", "abc");
    peer.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_service_is_found_by_its_type_whatever_stands_before_it() {
    let mut peer = Peer::connect().await;
    for path in
        ["helloworld.Numbers/Echo", "a.b.c.Numbers/Echo", "Numbers/Echo", "test.v1.Numbers/Echo"]
    {
        let answer = call(&mut peer, path, "30000000000", message(7)).await;
        assert_eq!(answer.trailer("grpc-status"), Some("0"), "{path}");
        assert_eq!(&*answer.body, message(7), "{path}");
    }
    let answer = call(&mut peer, "helloworld.Nobody/Echo", "1", message(7)).await;
    assert_eq!(answer.header("grpc-status"), Some("12"));
}

/// A `google.rpc.Status` as Go's protobuf writes it, with one detail: `errors.Error`.
const DETAILS: &[u8] = b"\x08\x05\x12\x55\
    {\"id\":\"helloworld\",\"code\":404,\"detail\":\"z\\u00e9ro is no number\",\"status\":\"Not Found\"}\
    \x1a\x52\x0a\x20type.googleapis.com/errors.Error\x12\x2e\
    \x0a\x0ahelloworld\x10\x94\x03\x1a\x12z\xc3\xa9ro is no number\x22\x09Not Found";

#[tokio::test]
async fn a_failure_is_go_micros_error_in_message_and_details() {
    let mut peer = Peer::connect().await;
    let answer = call(&mut peer, "helloworld.Numbers/Echo", "30000000000", vec![0; 5]).await;
    assert_eq!(answer.header("grpc-status"), Some("5"));
    assert_eq!(
        answer.header("grpc-message"),
        Some(
            r#"{"id":"helloworld","code":404,"detail":"z\u00e9ro is no number","status":"Not Found"}"#
        )
    );
    let details = answer.header("grpc-status-details-bin").unwrap();
    let details = polywire_wire::http::decode_binary(details).unwrap();
    assert_eq!(details.escape_ascii().to_string(), DETAILS.escape_ascii().to_string());
    assert_eq!(answer.header("why"), Some("because"));
}

#[tokio::test]
async fn a_stream_that_fails_ends_in_the_error_as_well() {
    let minus_two = [&[0, 0, 0, 0, 11, 0x08, 0xfe][..], &[0xff; 8], &[1]].concat();
    let mut peer = Peer::connect().await;
    let answer = call(&mut peer, "helloworld.Numbers/Count", "30000000000", minus_two).await;
    assert_eq!(&*answer.body, [message(1), message(2)].concat());
    assert_eq!(answer.trailer("grpc-status"), Some("10"));
    let text = r#"{"id":"helloworld","code":409,"detail":"enough","status":"Conflict"}"#;
    assert_eq!(answer.trailer("grpc-message"), Some(text));
}

#[tokio::test]
async fn a_stream_of_replies_begins_with_the_first_message_of_a_request_that_stays_open() {
    let peer = Peer::connect().await;
    let request = Request::post("http://localhost/helloworld.Numbers/Count")
        .header("content-type", "application/grpc+proto")
        .header("x-content-type", "application/grpc+proto");
    let mut client = peer.client.clone().ready().await.unwrap();
    let (response, mut arguments) = client.send_request(request.body(()).unwrap(), false).unwrap();
    arguments.send_data(Bytes::from(message(2)), false).unwrap();
    let answer = Answer::read(response.await.unwrap()).await;
    assert_eq!(&*answer.body, [message(1), message(2)].concat());
    assert_eq!(answer.trailer("grpc-status"), Some("0"));
}

#[tokio::test(start_paused = true)]
async fn the_time_it_waits_is_the_calls_deadline() {
    let mut peer = Peer::connect().await;
    let start = Instant::now();
    let answer = call(&mut peer, "helloworld.Numbers/Hang", "250000000", message(1)).await;
    assert_eq!(answer.header("grpc-status"), Some("4"));
    assert_eq!(start.elapsed(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_caller_that_is_not_go_micros_is_metadata() {
    let mut peer = Peer::connect().await;
    let start = Instant::now();
    let request = Request::post("http://localhost/test.v1.Numbers/Hang")
        .header("content-type", "application/grpc")
        .header("timeout", "1")
        .header("grpc-timeout", "1S");
    let answer = peer.send(request.body(Bytes::from(message(1))).unwrap()).await;
    assert_eq!(answer.header("grpc-message"), Some("the deadline has passed"));
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}
