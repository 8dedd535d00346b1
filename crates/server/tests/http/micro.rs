//! go-micro's calls, as its clients write them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::service::{Peer, post};

/// A message as go-micro v6 sends it, for a method of the service under test.
fn message(method: &str, extra: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: a\r\nUser-Agent: Go-http-client/1.1\r\n\
         Content-Length: {}\r\nContent-Type: application/json\r\n\
         Micro-Endpoint: Numbers.{method}\r\nMicro-Id: 5\r\nMicro-Method: Numbers.{method}\r\n\
         Micro-Service: numbers\r\n{extra}\r\n{body}",
        body.len()
    )
}

/// A connection as a peer of any wire has it.
struct Client {
    stream: TcpStream,
    peer: Peer,
}

impl Client {
    async fn connect() -> Self {
        let peer = Peer::connect().await;
        let stream = TcpStream::connect(peer.address.as_str()).await.unwrap();
        Self { stream, peer }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next response: its head, and its body.
    async fn response(&mut self) -> (String, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.stream.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    async fn call(&mut self, text: &str) -> (String, String) {
        self.send(text).await;
        self.response().await
    }
}

#[tokio::test]
async fn calls_follow_each_other_on_one_connection() {
    let mut client = Client::connect().await;
    for n in 14..=113 {
        let (head, body) = client.call(&message("Echo", "", &format!("{n}\n"))).await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(head.contains("\r\nmicro-id: 5\r\n") && head.contains("leading: first"), "{head}");
        assert_eq!(body, format!("\"{n}\"\n"));
    }
}

#[tokio::test]
async fn calls_in_protocol_buffers_are_answered_alike() {
    let mut client = Client::connect().await;
    let call = message("Echo", "", "\x08\x07").replace("application/json", "application/protobuf");
    let (head, body) = client.call(&call).await;
    assert!(head.contains("content-type: application/protobuf"), "{head}");
    assert_eq!(body, "\x08\x07");
}

#[tokio::test]
async fn failures_are_headers_and_a_panic_is_one_of_them() {
    let mut client = Client::connect().await;
    for (call, error) in [
        (message("Echo", "", "0"), r#"{"id":"numbers","code":404,"detail":"z\u00e9ro is"#),
        (message("Echo", "", "13"), r#"{"id":"go.micro.server","code":500,"detail":"#),
        (message("Nope", "", "1"), r#"{"id":"go.micro.server","code":501,"detail":"rpc: can't"#),
        (message("Echo", "", "{"), r#"{"id":"numbers","code":400,"#),
        (message("Hang", "Timeout: 1000000\r\n", "1"), r#"{"id":"go.micro.server","code":408,"#),
        (
            message("Echo", "Micro-Topic: t\r\n", "1"),
            r#"{"id":"numbers","code":404,"detail":"no su"#,
        ),
        (
            message("Echo", "Micro-Topic: numbers\r\n", "13"),
            r#"{"id":"go.micro.server","code":500,"detail":"subscriber error: the subscriber pan"#,
        ),
    ] {
        let (head, body) = client.call(&call).await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nmicro-error: {error}")), "{head}");
        assert_eq!(body, "");
    }
}

#[tokio::test]
async fn a_stream_of_replies_goes_out_as_it_comes() {
    let mut client = Client::connect().await;
    client.send(&message("Count", "Micro-Stream: 1\r\n", "99")).await;
    client.send(&message("Count", "Micro-Stream: 1\r\n", "3")).await;
    for n in 1..=3 {
        assert_eq!(client.response().await.1, format!("\"{n}\"\n"));
    }
    assert!(client.response().await.0.contains("\r\nmicro-error: eos\r\n"));
    // And the connection is as good as before.
    assert_eq!(client.call(&message("Echo", "", "7")).await.1, "\"7\"\n");
}

#[tokio::test]
async fn streams_go_both_ways_at_once() {
    let mut client = Client::connect().await;
    client.send(&message("Double", "Micro-Stream: 1\r\n", "{}")).await;
    for n in 1..=1000 {
        let (head, body) =
            client.call(&message("Double", "Micro-Stream: 1\r\n", &n.to_string())).await;
        assert!(head.contains("micro-stream: 1\r\n"), "{head}");
        assert_eq!(body, format!("\"{}\"\n", n * 2));
    }
    let end = message("Double", "Micro-Stream: 1\r\nMicro-Error: EOS\r\n", "");
    assert!(client.call(&end).await.0.contains("\r\nmicro-error: eos\r\n"));
}

#[tokio::test]
async fn many_arguments_ahead_of_their_reader_are_all_taken() {
    let mut client = Client::connect().await;
    let mut text = message("Sum", "Micro-Stream: 1\r\n", "{}");
    for n in 1..=10_000 {
        text.push_str(&message("Sum", "Micro-Stream: 1\r\n", &n.to_string()));
    }
    text.push_str(&message("Sum", "Micro-Stream: 1\r\nMicro-Error: EOS\r\n", ""));
    assert_eq!(client.call(&text).await.1, "\"50005000\"\n");
}

#[tokio::test]
async fn other_requests_may_follow_and_calls_among_them_are_answered_still() {
    let mut client = Client::connect().await;
    let other = "POST /test.v1.Numbers/Echo HTTP/1.1\r\nhost: a\r\n\
                 content-type: application/json\r\ncontent-length: 1\r\n\r\n7";
    let call = message("Echo", "", "8");
    client.send(&[call.as_str(), other, call.as_str(), other].concat()).await;
    for body in ["\"8\"\n", "\"7\"", "\"8\"\n", "\"7\""] {
        let (head, found) = client.response().await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert_eq!(found, body);
    }
    let (head, _) = client.call(&message("Count", "Micro-Stream: 1\r\n", "3")).await;
    assert!(head.contains("\"code\":501"), "{head}");
}

#[tokio::test]
async fn calls_in_the_body_alone_and_over_http_2_are_answered() {
    let mut client = Client::connect().await;
    let body = r#"{"params":[7],"id":"3","method":"Numbers.Echo"}"#;
    let old = format!(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json-rpc\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (head, body) = client.call(&old).await;
    assert!(head.contains("content-type: application/json-rpc"), "{head}");
    assert_eq!(body, "{\"id\":\"3\",\"result\":\"7\",\"error\":null}\n");

    let mut request = post("Nope", "application/json", "7");
    request.headers_mut().insert("micro-endpoint", "Numbers.Echo".parse().unwrap());
    let answer = client.peer.send(request).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"\"7\"\n"[..]));
}

#[tokio::test]
async fn events_come_in_among_calls_on_every_version_of_http() {
    let mut client = Client::connect().await;
    let event = message("Echo", "Micro-Topic: numbers\r\n", "7");
    let (head, body) = client.call(&event).await;
    assert!(head.contains("\r\nmicro-topic: numbers\r\n"), "{head}");
    assert!(!head.contains("micro-error"), "{head}");
    assert_eq!(body, "");
    assert_eq!(client.call(&message("Echo", "", "8")).await.1, "\"8\"\n");

    for (sent, error) in [("7", None), ("1", Some("subscriber error: 1 is taken"))] {
        let mut request = post("Nope", "application/json", sent);
        request.headers_mut().insert("micro-topic", "numbers".parse().unwrap());
        let answer = client.peer.send(request).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]));
        let found = answer.headers.get("micro-error").map(|error| error.to_str().unwrap());
        assert_eq!(found.is_some(), error.is_some(), "{found:?}");
        assert!(found.unwrap_or_default().contains(error.unwrap_or_default()), "{found:?}");
    }
}

#[tokio::test]
async fn the_last_call_of_a_connection_is_answered_before_it_ends() {
    let mut client = Client::connect().await;
    let (head, body) = client.call(&message("Echo", "Connection: close\r\n", "7")).await;
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert_eq!(body, "\"7\"\n");
    assert_eq!(client.stream.read(&mut [0; 1]).await.unwrap(), 0);
}
