//! An app from start to end: found, called, described, gone.

use std::sync::Arc;

use polywire::prelude::*;
use polywire::reflection::ReflectionClient;
use polywire::registry::MemoryRegistry;
use polywire::{AppError, Registry};

struct Echo;

/// Says it again.
#[polywire::service]
impl Echo {
    /// Gives back what it is given.
    #[rpc(idempotent)]
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }
}

fn app() -> App {
    App::new("echo").serve(EchoServer::new(Echo)).listen("127.0.0.1:0")
}

#[tokio::test]
async fn an_app_is_in_the_registry_as_long_as_it_runs() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let running = app().registry(Arc::clone(&registry)).version("1.2").start().await.unwrap();
    assert_eq!(registry.services().await.unwrap(), ["echo"]);

    let echo = EchoClient::new(Channel::discover(Arc::clone(&registry), "echo"));
    assert_eq!(echo.echo("hi".to_owned()).await.unwrap(), "hi");

    running.shutdown().await;
    assert_eq!(registry.services().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn an_app_describes_itself_unless_told_not_to() {
    let running = app().private().start().await.unwrap();
    let url = format!("netrpc://{}", running.address());
    let reflection = ReflectionClient::connect(&url).await.unwrap();
    let description = reflection.describe().await.unwrap();
    let method = description.method("Echo.Echo").unwrap();
    assert_eq!(method.docs, "Gives back what it is given.");
    assert_eq!(description.ty(method.request).unwrap().name, "String");
    running.shutdown().await;

    let running = app().private().without_reflection().start().await.unwrap();
    let url = format!("netrpc://{}", running.address());
    let reflection = ReflectionClient::connect(&url).await.unwrap();
    reflection.describe().await.unwrap_err();
    running.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_shows_when_the_app_starts() {
    let twice = app().serve(EchoServer::new(Echo)).private().start().await;
    assert!(matches!(twice, Err(AppError::Register(_))), "{twice:?}");
    let nowhere = app().listen("no such host:0").private().start().await;
    assert!(matches!(nowhere, Err(AppError::Bind(_))), "{nowhere:?}");
}

#[tokio::test]
async fn a_service_is_served_under_another_name() {
    let running =
        App::new("echo").serve_as("net.rpc.Echo", EchoServer::new(Echo)).private().start().await;
    let running = running.unwrap();
    let echo = EchoClient::connect(&format!("netrpc://{}", running.address())).await.unwrap();
    let reply = echo.echo("hi".to_owned()).service_name("net.rpc.Echo").await.unwrap();
    assert_eq!(reply, "hi");
    running.shutdown().await;
}
