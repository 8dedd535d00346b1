//! A router of axum's inside our port, and our services inside a server of axum's.

use axum::Router as Axum;
use axum::routing::{get, post};
use polywire_core::Address;
use polywire_server::{Router, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::service::Numbers;

async fn exchange(address: &str, request: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn request(method: &str, path: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {len}\r\n\r\n{body}"
    )
}

fn server() -> Server {
    Server::new(Router::new().add(Numbers).unwrap())
}

#[tokio::test]
async fn what_is_no_call_goes_to_the_mounted_router() {
    let pages = Axum::new()
        .route("/", get(async || "home"))
        .route("/users/new", post(async |body: String| format!("made {body}")));
    let listening = server().fallback(pages).bind(&Address::from("127.0.0.1:0")).await.unwrap();
    let address = listening.local_address().as_str().to_owned();
    let mut tasks = JoinSet::new();
    tasks.spawn(listening.serve(CancellationToken::new()));
    let home = exchange(&address, request("GET", "/", "")).await;
    assert!(home.ends_with("\r\n\r\nhome"), "{home}");
    let made = exchange(&address, request("POST", "/users/new", "{}")).await;
    assert!(made.ends_with("\r\n\r\nmade {}"), "{made}");
    let missing = exchange(&address, request("GET", "/nothing", "")).await;
    assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");
    let call = exchange(&address, request("POST", "/test.v1.Numbers/Echo", "7")).await;
    assert!(call.ends_with("\r\n\r\n\"7\""), "{call}");
}

#[tokio::test]
async fn calls_are_answered_inside_another_server() {
    let pages =
        Axum::new().route("/", get(async || "home")).fallback_service(server().into_http_service());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, pages).await });
    let home = exchange(&address, request("GET", "/", "")).await;
    assert!(home.ends_with("\r\n\r\nhome"), "{home}");
    let call = exchange(&address, request("POST", "/test.v1.Numbers/Echo", "7")).await;
    assert!(call.ends_with("\r\n\r\n\"7\""), "{call}");

    let stream = TcpStream::connect(&address).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tasks.spawn(async move { connection.await.map_err(std::io::Error::other) });
    let (head, body) =
        super::service::post("Echo", "application/grpc", super::service::message(7)).into_parts();
    let (response, mut sender) =
        client.send_request(http::Request::from_parts(head, ()), false).unwrap();
    sender.send_data(body, true).unwrap();
    let answer = super::service::Answer::read(response.await.unwrap()).await;
    assert_eq!(answer.trailer("grpc-status"), Some("0"));
}
