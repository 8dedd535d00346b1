//! Connect, plain JSON, and JSON-RPC over POST.

use bytes::Bytes;
use http::{HeaderValue, Request};

use super::service::{Peer, message, post};

#[tokio::test]
async fn a_unary_call_in_protocol_buffers_or_json_has_bare_bodies() {
    let mut peer = Peer::connect().await;
    let answer = peer.send(post("Echo", "application/proto", vec![0x08, 7])).await;
    assert_eq!((answer.status, &*answer.body), (200, &[0x08, 7][..]));
    assert_eq!(answer.header("content-type"), Some("application/proto"));
    assert_eq!(answer.header("leading"), Some("first"));
    assert_eq!(answer.header("trailer-trailing-bin"), Some("AQI"));
    let answer = peer.send(post("Echo", "application/json", "7")).await;
    assert_eq!((answer.status, &*answer.body), (200, &b"\"7\""[..]));
}

#[tokio::test]
async fn a_failure_is_json_under_the_status_of_its_code() {
    let answer = Peer::connect().await.send(post("Echo", "application/json", "0")).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("why"), Some("because"));
    let text = r#"{"code":"not_found","message":"zéro is no number"}"#;
    assert_eq!(std::str::from_utf8(&answer.body).unwrap(), text);
}

#[tokio::test]
async fn an_idempotent_method_is_called_by_get_and_no_other() {
    let mut peer = Peer::connect().await;
    let get = |method: &str, query: &str| {
        Request::get(format!("http://localhost/test.v1.Numbers/{method}?{query}"))
            .body(Bytes::new())
            .unwrap()
    };
    let answer = peer.send(get("Echo", "connect=v1&encoding=json&message=7")).await;
    assert_eq!((answer.status, &*answer.body), (200, &b"\"7\""[..]));
    let answer = peer.send(get("Echo", "connect=v1&encoding=proto&base64=1&message=CAc")).await;
    assert_eq!((answer.status, &*answer.body), (200, &[0x08, 7][..]));
    assert_eq!(peer.send(get("Hang", "encoding=json&message=7")).await.status, 405);
    assert_eq!(peer.send(get("Echo", "encoding=xml&message=7")).await.status, 415);
    assert_eq!(peer.send(get("Echo", "encoding=json")).await.status, 400);
}

#[tokio::test]
async fn streams_have_prefixes_and_end_in_a_message() {
    let mut peer = Peer::connect().await;
    let answer = peer.send(post("Count", "application/connect+proto", message(2))).await;
    assert_eq!(answer.status, 200);
    let end = b"\x02\x00\x00\x00\x02{}";
    assert_eq!(&*answer.body, [&*message(1), &*message(2), end].concat());
    let answer = peer.send(post("Sum", "application/connect+proto", message(2))).await;
    assert_eq!(&*answer.body, [&*message(2), end].concat());
    let answer = peer.send(post("Nothing", "application/connect+proto", message(2))).await;
    let text = String::from_utf8_lossy(&answer.body[5..]).into_owned();
    assert_eq!(answer.status, 200);
    assert!(text.starts_with(r#"{"error":{"code":"unimplemented""#), "{text}");
}

#[tokio::test]
async fn content_types_must_fit_the_kind_of_the_method() {
    let mut peer = Peer::connect().await;
    for request in [
        post("Echo", "application/connect+proto", message(1)),
        post("Count", "application/proto", vec![0x08, 1]),
        post("Echo", "text/plain", "7"),
        post("Echo", "application/connect+xml", "7"),
    ] {
        let answer = peer.send(request).await;
        assert_eq!(answer.status, 415);
        assert!(answer.header("accept-post").unwrap().contains("application/proto"));
    }
}

#[tokio::test]
async fn another_version_of_the_protocol_is_refused() {
    let mut request = post("Echo", "application/json", "7");
    request.headers_mut().insert("connect-protocol-version", HeaderValue::from_static("2"));
    assert_eq!(Peer::connect().await.send(request).await.status, 400);
}

#[tokio::test]
async fn a_compressed_body_is_answered_alike() {
    use polywire_codec::compression::Compression;
    let mut request = post("Echo", "application/proto", Compression::Gzip.compress(&[0x08, 7]));
    request.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
    request.headers_mut().insert("accept-encoding", HeaderValue::from_static("gzip"));
    let answer = Peer::connect().await.send(request).await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(&*Compression::Gzip.decompress(&answer.body, 100).unwrap(), [0x08, 7]);
}

#[tokio::test]
async fn a_bomb_is_refused_before_it_unfolds() {
    use polywire_codec::compression::Compression;
    let wire = polywire_wire::Limits::default().message_bytes(100_000);
    let mut peer = Peer::with(polywire_server::Limits::default().wire(wire)).await;
    let bomb = Compression::Gzip.compress(&vec![0; 1_000_000]);
    let mut request = post("Echo", "application/proto", bomb);
    request.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
    let answer = peer.send(request).await;
    assert_eq!(answer.status, 429);
    assert!(String::from_utf8_lossy(&answer.body).contains("resource_exhausted"));
}

#[tokio::test]
async fn jsonrpc_is_answered_over_post() {
    let mut peer = Peer::connect().await;
    let rpc = |body: &'static str| {
        Request::post("http://localhost/jsonrpc")
            .header("content-type", "application/json")
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap()
    };
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"Numbers.Echo","params":[7]}"#;
    let answer = peer.send(rpc(call)).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(text.trim_end(), r#"{"jsonrpc":"2.0","result":7,"id":1}"#);
    let notification = r#"{"jsonrpc":"2.0","method":"Numbers.Echo","params":[7]}"#;
    let answer = peer.send(rpc(notification)).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[tokio::test]
async fn what_is_no_call_is_not_found() {
    let mut peer = Peer::connect().await;
    for path in ["nothing", "a/b/c", "../etc/passwd", "%2e%2e/%2fEcho"] {
        let request = Request::get(format!("http://localhost/{path}")).body(Bytes::new()).unwrap();
        assert_eq!(peer.send(request).await.status, 404, "{path}");
    }
}
