//! What go-micro's brokers post, byte for byte, and what they are answered.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use polywire_broker::{HttpBroker, HttpBrokerOptions};
use polywire_core::{Broker as _, Event, Instance, Registry, Subscription};
use polywire_registry::MemoryRegistry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The body as go-micro v6.10 sends it, for `my.topic`.
const MESSAGE: &str = r#"{"Header":{"Content-Type":"application/json","Micro-ID":"74aa3131-6f6c-4d5b-9c55-1c8b1f6f0a11","Micro-Topic":"my.topic","Trace":"t1"},"Body":"eyJuYW1lIjoiZXZ0In0K"}"#;

/// A registry, and a broker that uses it.
fn broker() -> (Arc<MemoryRegistry>, HttpBroker) {
    let registry = Arc::new(MemoryRegistry::new());
    (Arc::clone(&registry), HttpBroker::new(registry))
}

/// The subscriptions that the registry shows.
async fn nodes(registry: &MemoryRegistry) -> Vec<Instance> {
    let mut snapshots = registry.watch("micro.http.broker").await.unwrap();
    snapshots.next().await.unwrap().instances.to_vec()
}

fn post(id: &str, body: &str) -> String {
    format!(
        "POST /?id={id} HTTP/1.1\r\nHost: a\r\nUser-Agent: Go-http-client/1.1\r\n\
         Content-Length: {}\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n{body}",
        body.len()
    )
}

/// Says something on a connection of its own; gives the status and the body, empty if it ended
/// without an answer.
async fn say(address: &str, text: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return Default::default(),
        }
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head[9..12].to_owned(), String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn a_subscription_is_registered_as_go_micro_looks_for_it() {
    let (registry, broker) = broker();
    let alone = broker.subscribe("my.topic", None).await.unwrap();
    let shared = broker.subscribe("my.topic", Some("q")).await.unwrap();
    for (version, node) in ["ff.http.broadcast", "q"].iter().zip({
        let mut nodes = nodes(&registry).await;
        nodes.sort_by(|a, b| a.version.cmp(&b.version));
        nodes
    }) {
        assert_eq!(node.version, *version);
        assert!(node.id.starts_with("my.topic-"), "{}", node.id);
        assert!(node.address.as_str().starts_with("127.0.0.1:"), "{}", node.address);
        let metadata: Vec<_> =
            node.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(metadata, [("broker", "http"), ("secure", "false"), ("topic", "my.topic")]);
    }
    drop((alone, shared));
    assert!(nodes(&registry).await.is_empty());
}

#[tokio::test]
async fn what_a_go_publisher_posts_comes_to_the_subscription() {
    let (registry, broker) = broker();
    let mut events = broker.subscribe("my.topic", None).await.unwrap();
    let node = &nodes(&registry).await[0];
    let answer = say(node.address.as_str(), &post(&node.id, MESSAGE)).await;
    assert_eq!(answer, ("200".to_owned(), String::new()));
    let event = events.next().await.unwrap().event;
    assert_eq!(
        (event.topic.as_str(), event.content_type.as_str()),
        ("my.topic", "application/json")
    );
    assert_eq!(event.id, "74aa3131-6f6c-4d5b-9c55-1c8b1f6f0a11");
    assert_eq!(event.headers.iter().collect::<Vec<_>>(), [("Trace", "t1")]);
    assert_eq!(&event.body[..], b"{\"name\":\"evt\"}\n");

    // A publisher that lost the answer sends it again; the broker is gone, but for its subscription.
    drop(broker);
    assert_eq!(say(node.address.as_str(), &post(&node.id, MESSAGE)).await.0, "200");
    assert!(events.next().now_or_never().is_none());
}

#[tokio::test]
async fn what_is_no_event_is_refused_in_go_micros_words() {
    let (registry, broker) = broker();
    let mut events = broker.subscribe("my.topic", None).await.unwrap();
    let node = &nodes(&registry).await[0];
    let of = |code: u16, detail: &str, status: &str| {
        format!(
            r#"{{"id":"go.micro.broker","code":{code},"detail":"{detail}","status":"{status}"}}"#
        )
    };
    let address = node.address.as_str();
    let (status, body) = say(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((status, body), ("405".into(), of(400, "Method not allowed", "Bad Request") + "\n"));
    let (status, body) = say(address, &post(&node.id, r#"{"Header":{},"Body":""}"#)).await;
    assert_eq!((status, body), ("500".into(), of(500, "Topic not found", "Internal Server Error")));
    let (status, body) = say(address, &post(&node.id, "nonsense")).await;
    assert_eq!(status, "500");
    assert!(body.contains(r#""detail":"Error parsing request body: "#), "{body}");
    let (status, body) = say(
        address,
        &format!("POST /?id={} HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n", node.id),
    )
    .await;
    assert_eq!(status, "413");
    assert!(body.contains("over the limit of 4194304 bytes"), "{body}");
    // Nobody is there by that id: no answer, so that the publisher keeps the event.
    assert_eq!(say(address, &post("my.topic-other", MESSAGE)).await.0, "");
    assert!(events.next().now_or_never().is_none());
}

#[tokio::test]
async fn the_port_is_open_as_long_as_there_are_subscriptions() {
    let (registry, broker) = broker();
    let mut one = broker.subscribe("my.topic", None).await.unwrap();
    let mut other = broker.subscribe("my.topic", None).await.unwrap();
    let node = nodes(&registry).await[0].clone();
    one.unsubscribe().await.unwrap();
    drop(TcpStream::connect(node.address.as_str()).await.unwrap());
    other.unsubscribe().await.unwrap();
    assert!(other.next().await.is_none());
    // The task that listens ends by itself.
    while TcpStream::connect(node.address.as_str()).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// A subscriber of go-micro's, by hand: registered, and listening.
struct Peer {
    listener: TcpListener,
    _lease: Box<dyn polywire_core::Lease>,
}

impl Peer {
    async fn register(registry: &MemoryRegistry, id: &str, version: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let _lease = register(registry, id, version, &address).await;
        Self { listener, _lease }
    }

    /// Takes the next request whole, whose body is `MESSAGE`, and answers it.
    async fn take(&self, answer: &str) -> String {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"K\"}") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    }
}

async fn register(
    registry: &MemoryRegistry,
    id: &str,
    version: &str,
    address: &str,
) -> Box<dyn polywire_core::Lease> {
    let node = Instance::new("micro.http.broker", id, address.into())
        .with_version(version)
        .with_metadata("broker", "http")
        .with_metadata("topic", "my.topic")
        .with_metadata("secure", "false");
    registry.register(node).await.unwrap()
}

fn event() -> Event {
    let headers = [("trace", "t1")].into_iter().collect();
    Event::new("my.topic", "application/json", &b"{\"name\":\"evt\"}\n"[..])
        .with_id("74aa3131-6f6c-4d5b-9c55-1c8b1f6f0a11")
        .with_headers(headers)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_go_subscriber_is_posted_what_a_go_publisher_would_post() {
    let (registry, broker) = broker();
    let peer = Peer::register(&registry, "my.topic-a b/c", "ff.http.broadcast").await;
    broker.publish(event()).await.unwrap();
    let request = peer.take(OK).await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /?id=my.topic-a+b%2Fc HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("\r\ncontent-type: application/json"), "{head}");
    assert!(head.contains(&format!("\r\ncontent-length: {}", MESSAGE.len())), "{head}");
    assert_eq!(body, MESSAGE);
    broker.flush().await.unwrap();
}

#[tokio::test]
async fn a_node_that_is_gone_costs_a_queue_nothing() {
    let (registry, broker) = broker();
    let _lease = register(&registry, "my.topic-gone", "q", "memory:gone-of-a-queue").await;
    let mut events = broker.subscribe("my.topic", Some("q")).await.unwrap();
    for n in 0..20 {
        broker.publish(event().with_id(n.to_string())).await.unwrap();
    }
    for _ in 0..20 {
        events.next().await.unwrap();
    }
    broker.flush().await.unwrap();
}

#[tokio::test]
async fn a_subscriber_that_breaks_off_is_asked_again_and_one_that_refuses_is_not() {
    let (registry, broker) = broker();
    let peer = Peer::register(&registry, "my.topic-a", "ff.http.broadcast").await;
    broker.publish(event()).await.unwrap();
    let first = peer.take("").await;
    assert_eq!(peer.take(OK).await, first);
    broker.flush().await.unwrap();

    broker.publish(event()).await.unwrap();
    peer.take("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await;
    broker.flush().await.unwrap();
    assert!(peer.listener.accept().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_delivered_is_kept_for_a_while_and_no_longer() {
    // Nothing of the operating system's, which has a clock of its own.
    let registry = Arc::new(MemoryRegistry::new());
    let options = HttpBrokerOptions::default().listen("memory:late");
    let broker = HttpBroker::with_options(Arc::<MemoryRegistry>::clone(&registry), options);
    let _lease = register(&registry, "my.topic-gone", "q", "memory:nobody").await;
    broker.publish(event()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(broker.flush().now_or_never().is_none(), "it is still wanted");
    tokio::time::sleep(Duration::from_secs(60)).await;
    broker.flush().now_or_never().expect("it was given up").unwrap();

    broker.publish(event()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut late: Box<dyn Subscription> = broker.subscribe("my.topic", Some("q")).await.unwrap();
    late.next().await.expect("the queue has somebody again");
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_so_many_events_and_then_the_publisher_is_told() {
    let (registry, broker) = broker();
    let _lease = register(&registry, "my.topic-gone", "q", "memory:nobody").await;
    // An event for two queues takes no more room than one for one.
    let _other = register(&registry, "my.topic-other", "r", "memory:nobody").await;
    for n in 0..1024 {
        broker.publish(event().with_id(n.to_string())).await.unwrap();
    }
    let error = broker.publish(event()).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("1024 events wait"), "{error}");
    let large = Event::new("my.topic", "", vec![0; 4 << 20]);
    let error = broker.publish(large).await.unwrap_err();
    assert!(error.to_string().contains("over the limit of 4194304"), "{error}");
}
