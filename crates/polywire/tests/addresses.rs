//! An app and its client at an address of each kind.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;

use polywire::prelude::*;
use polywire::registry::MemoryRegistry;
use polywire::{ClientError, ConnectError, Registry};

struct Echo;

#[polywire::service]
impl Echo {
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }
}

fn app(address: &str) -> App {
    App::new("echo").serve(EchoServer::new(Echo)).listen(address)
}

/// Calls at the URLs that an app which listens there is reached by.
async fn answers(listen: &str) {
    let running = app(listen).private().start().await.unwrap();
    let address = running.address().clone();
    let schemes = ["", "netrpc://", "netrpc+http://", "jsonrpc://", "jsonrpc2://"];
    for url in schemes.map(|scheme| format!("{scheme}{address}")) {
        let echo = EchoClient::connect(&url).await.unwrap();
        // More than a pipe holds, so that both sides wait for each other.
        for text in ["hi".to_owned(), "hi".repeat(100_000)] {
            assert_eq!(echo.echo(text.clone()).await.unwrap(), text, "{url}");
        }
    }
    running.shutdown().await;
    let error = EchoClient::connect(address.as_str()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Peer(ClientError::Connect { .. })), "{error}");
}

#[tokio::test]
async fn an_app_answers_over_tcp() {
    answers("127.0.0.1:0").await;
    answers("[::1]:0").await;
}

#[cfg(unix)]
#[tokio::test]
async fn an_app_answers_on_a_unix_socket_and_takes_its_file_away() {
    let path = std::env::temp_dir().join(format!("polywire-app-{}.sock", std::process::id()));
    answers(&format!("unix:{}", path.display())).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn an_app_answers_within_the_process() {
    answers("memory:an app answers").await;
}

#[tokio::test]
async fn an_app_within_the_process_is_found_by_its_name() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let running = app("memory:found").registry(Arc::clone(&registry)).start().await;
    let running = running.unwrap();
    let echo = EchoClient::new(Channel::discover(registry, "echo"));
    assert_eq!(echo.echo("hi".to_owned()).await.unwrap(), "hi");
    running.shutdown().await;
}

#[tokio::test]
async fn whoever_calls_where_nobody_listens_is_told_so() {
    let error = EchoClient::connect("memory:nobody").await.unwrap_err();
    let ConnectError::Peer(ClientError::Connect { source, .. }) = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), "nobody listens on memory:nobody in this process");
}
