//! The smallest service, and a client that finds it by name.
//!
//! ```console
//! cargo run -p polywire-examples --example hello
//! ```
//!
//! The server registers in the `local` registry, a directory on this machine; the client looks it
//! up there. In two programs the two halves of `greet` would be the same.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use polywire::prelude::*;

/// Whom to greet.
#[derive(Serialize, Deserialize, Schema)]
struct HelloRequest {
    name: String,
}

#[derive(Serialize, Deserialize, Schema)]
struct HelloReply {
    greeting: String,
}

/// What the service offers: servers implement it, clients call it.
#[polywire::service]
trait Greeter {
    /// Says hello.
    #[rpc(idempotent)]
    async fn hello(&self, req: HelloRequest) -> Result<HelloReply, Status>;
}

struct Polite;

impl Greeter for Polite {
    async fn hello(&self, req: HelloRequest) -> Result<HelloReply, Status> {
        if req.name.is_empty() {
            return Err(Status::new(Code::InvalidArgument, "nobody to greet"));
        }
        Ok(HelloReply { greeting: format!("Hello, {}!", req.name) })
    }
}

/// Serves, finds and calls.
pub(crate) async fn greet(name: &str) -> Result<String, Box<dyn Error>> {
    // A server that does nothing else would end in `.run().await`.
    let app = App::new("hello-example").serve(GreeterServer::new(Polite)).start().await?;

    let greeter = GreeterClient::discover("hello-example").await?;
    let reply = greeter
        .hello(HelloRequest { name: name.to_owned() })
        .timeout(Duration::from_secs(1))
        .retries(2)
        .await;
    app.shutdown().await;
    Ok(reply?.greeting)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let greeting = greet("Ann").await?;
    println!("{greeting}");
    Ok(())
}
