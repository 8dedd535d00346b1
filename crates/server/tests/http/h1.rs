//! HTTP/1, as `curl` speaks it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::service::Peer;

async fn exchange(request: &str) -> String {
    let peer = Peer::connect().await;
    let mut stream = TcpStream::connect(peer.address.as_str()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_post_of_json_is_a_call() {
    let answer = exchange(
        "POST /test.v1.Numbers/Echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: 1\r\n\r\n7",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n\"7\""), "{answer}");
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let one = "POST /test.v1.Numbers/Echo HTTP/1.1\r\nhost: a\r\n\
               content-type: application/json\r\ncontent-length: 1\r\n\r\n7";
    let last = one.replace("host: a", "host: a\r\nconnection: close");
    let answer = exchange(&format!("{one}{one}{last}")).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
}

#[tokio::test]
async fn streams_both_ways_take_turns() {
    let answer = exchange(
        "POST /test.v1.Numbers/Double HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         content-type: application/connect+json\r\ncontent-length: 12\r\n\r\n\
         \0\0\0\0\u{1}2\0\0\0\0\u{1}3",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"4\"") && answer.contains("\"6\""), "{answer}");
}

#[tokio::test]
async fn a_reply_before_the_request_has_ended_leaves_the_connection_open() {
    let peer = Peer::connect().await;
    let mut stream = TcpStream::connect(peer.address.as_str()).await.unwrap();
    let head = "POST /test.v1.Numbers/Nothing HTTP/1.1\r\nhost: a\r\n\
                content-type: application/json\r\ncontent-length: 200000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 404");
    stream.write_all(&[b' '; 200_000]).await.unwrap();
    let next = "POST /test.v1.Numbers/Echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
                content-type: application/json\r\ncontent-length: 1\r\n\r\n7";
    stream.write_all(next.as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("HTTP/1.1 200 OK\r\n") && rest.ends_with("\"7\""), "{rest}");
}

#[tokio::test]
async fn an_argument_over_the_limit_is_refused_by_the_length_that_the_head_names() {
    let peer = Peer::connect().await;
    let mut stream = TcpStream::connect(peer.address.as_str()).await.unwrap();
    let head = "POST /test.v1.Numbers/Echo HTTP/1.1\r\nhost: a\r\n\
                content-type: application/json\r\ncontent-length: 4294967295\r\n\r\n1";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("(message_bytes)") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "no more comes");
    }
    assert!(answer.starts_with(b"HTTP/1.1 429 "), "{answer:?}");
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused() {
    let answer = exchange(
        "POST /test.v1.Numbers/Echo HTTP/1.1\r\nhost: a\r\nhost: b\r\n\
         content-type: application/json\r\ncontent-length: 1\r\n\r\n7",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn chunks_that_are_none_are_a_malformed_request() {
    let head = "POST /test.v1.Numbers/Echo HTTP/1.1\r\nhost: a\r\n\
                content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    for chunks in ["x\r\n7\r\n0\r\n\r\n", "1\r\n77\r\n0\r\n\r\n", "1\n7\r\n0\r\n\r\n"] {
        let answer = exchange(&format!("{head}{chunks}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[tokio::test]
async fn a_stream_of_the_servers_is_chunked() {
    let answer = exchange(
        "POST /test.v1.Numbers/Count HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         content-type: application/connect+json\r\ncontent-length: 6\r\n\r\n\0\0\0\0\u{1}2",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"1\"") && answer.contains("\"2\""), "{answer}");
}

#[tokio::test]
async fn the_debug_page_is_served_as_for_go() {
    let answer = exchange("GET /debug/rpc HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("Numbers"), "{answer}");
}

#[tokio::test]
async fn a_malformed_head_is_answered_and_what_is_no_http_is_closed() {
    let answer = exchange("GET / HTTP/1.1\r\nno colon\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(exchange("INVALID CONNECTION PREFACE\r\n\r\n").await, "");
}
