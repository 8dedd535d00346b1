//! A service that takes its place among go-micro's: called as theirs are, told of events as theirs
//! are, found where theirs are.
//!
//! ```console
//! POLYWIRE_REGISTRY=mdns: cargo run -p polywire-examples --example go-micro --features polywire/mdns
//! ```
//!
//! Then `micro call greeter Greeter.Hello '{"name": "Ann"}'`, or any client of go-micro's, is
//! answered. Without the variable the two halves find each other in the `local` registry.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use polywire::prelude::*;
use polywire::{ChannelOptions, Publisher, Registry, WireKind, gomicro, registry};
use tokio::sync::mpsc;

#[derive(Serialize, Deserialize, Schema)]
struct HelloRequest {
    name: String,
}

#[derive(Serialize, Deserialize, Schema)]
struct HelloReply {
    greeting: String,
}

/// Somebody was greeted.
#[derive(Serialize, Deserialize, Schema)]
struct Greeted {
    name: String,
}

/// go-micro's clients call it `Greeter.Hello`.
#[polywire::service]
trait Greeter {
    /// Says hello.
    #[rpc(idempotent)]
    async fn hello(&self, req: HelloRequest) -> Result<HelloReply, Status>;
}

struct Polite;

impl Greeter for Polite {
    async fn hello(&self, req: HelloRequest) -> Result<HelloReply, Status> {
        Ok(HelloReply { greeting: format!("Hello, {}!", req.name) })
    }
}

/// Hears of every greeting, or of its share if there are more of its queue.
struct Log(mpsc::Sender<String>);

#[polywire::subscribe(queue = "log")]
impl Log {
    #[event(topic = "greeted")]
    pub(crate) async fn greeted(&self, event: Greeted) -> Result<(), Status> {
        let told = self.0.send(event.name).await;
        told.map_err(|_closed| Status::new(Code::Unavailable, "nobody reads the log"))
    }
}

/// Serves, finds, calls over go-micro's own wire, and publishes; what was answered and heard.
pub(crate) async fn greet(
    name: &str,
    registry: Arc<dyn Registry>,
) -> Result<(String, String), Box<dyn Error>> {
    let (sender, mut heard) = mpsc::channel(16);
    let app = App::new("greeter")
        .version("2.0.0")
        .serve(GreeterServer::new(Polite))
        .subscribe(LogSubscriber::new(Log(sender)))
        .registry(Arc::clone(&registry));
    let running = app.start().await?;

    // go-micro's numbers for timeouts and retries, and its wire, though there is a faster one here.
    let options: ChannelOptions = gomicro::defaults().prefer(WireKind::Micro);
    let channel = Channel::discover_with(Arc::clone(&registry), "greeter", options);
    let request = HelloRequest { name: name.to_owned() };
    let reply = GreeterClient::new(channel).hello(request).await?;

    let broker = polywire::broker::from_env(Some(registry))?;
    let greeted = Publisher::new(broker, "greeted");
    greeted.publish(&Greeted { name: name.to_owned() }).await?;
    let event = heard.recv().await.ok_or("the log has ended")?;
    running.shutdown().await;
    Ok((reply.greeting, event))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (greeting, event) = greet("Ann", registry::from_env()?).await?;
    println!("{greeting} (and the log has heard of {event})");
    Ok(())
}
