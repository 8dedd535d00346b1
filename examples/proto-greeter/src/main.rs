//! A service from a `.proto` file: `build.rs` makes a trait, a server and a client of it.
#![forbid(unsafe_code)]

use futures_util::{StreamExt as _, stream};
use polywire::prelude::*;

use self::greeter::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};

/// The package `greeter.v1`.
#[expect(unreachable_pub, reason = "what is generated does not know that this is a program")]
mod greeter {
    polywire::include_proto!("greeter.v1");
}

struct MyGreeter;

fn hello(request: &HelloRequest) -> HelloReply {
    HelloReply { greeting: format!("Hello, {}!", request.name) }
}

impl Greeter for MyGreeter {
    async fn say_hello(&self, _: &Context, request: HelloRequest) -> Result<HelloReply, Status> {
        Ok(hello(&request))
    }

    async fn greet(
        &self,
        _: &Context,
        requests: Streaming<HelloRequest>,
    ) -> Result<BoxStream<HelloReply>, Status> {
        Ok(requests.map(|request| request.map(|request| hello(&request))).boxed())
    }
}

/// Serves it, and calls it by Go's net/rpc, by gRPC and by Connect, all on one port.
async fn converse() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let app = App::new("greeter").serve(GreeterServer::new(MyGreeter)).private().start().await?;
    let mut heard = Vec::new();
    for scheme in ["netrpc", "grpc", "connect"] {
        let greeter = GreeterClient::connect(&format!("{scheme}://{}", app.address())).await?;
        let reply = greeter.say_hello(HelloRequest { name: scheme.into() }).await?;
        heard.push(reply.greeting);
        let people = ["Ann", "Bob"].map(|name| HelloRequest { name: name.into() });
        let mut replies = greeter.greet(stream::iter(people)).await?;
        while let Some(reply) = replies.message().await? {
            heard.push(reply.greeting);
        }
    }
    app.shutdown().await;
    Ok(heard)
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is what the program is for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for greeting in converse().await? {
        println!("{greeting}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn everybody_is_greeted_over_every_wire() {
        let heard = super::converse().await.unwrap();
        let expected = ["netrpc", "grpc", "connect"].map(|scheme| [scheme, "Ann", "Bob"]);
        let expected = expected.as_flattened().iter().map(|name| format!("Hello, {name}!"));
        assert_eq!(heard, expected.collect::<Vec<_>>());
    }
}
