//! The echo in polywire, over the netrpc wire.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;

use bench_harness::{BoxError, Peer};
use bytes::Bytes;
use polywire::prelude::*;

/// What goes there and back.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub struct Message {
    payload: Bytes,
}

/// The service.
#[derive(Debug)]
pub struct Echo;

#[polywire::service(name = "Echo")]
impl Echo {
    /// Answers with what it was sent.
    pub async fn echo(&self, message: Message) -> Result<Message, Status> {
        Ok(message)
    }
}

struct Polywire;

impl Peer for Polywire {
    type Client = EchoClient;
    type Payload = Message;

    async fn serve(
        listen: SocketAddr,
        listening: impl FnOnce(SocketAddr) + Send,
    ) -> Result<(), BoxError> {
        let app = App::new("bench").listen(listen.to_string()).private();
        let mut running = app.serve(EchoServer::new(Echo)).start().await?;
        listening(running.address().as_str().parse()?);
        running.ended().await;
        Ok(())
    }

    async fn connect(server: SocketAddr) -> Result<Self::Client, BoxError> {
        Ok(EchoClient::connect(&format!("netrpc://{server}")).await?)
    }

    fn payload(bytes: usize) -> Message {
        Message { payload: Bytes::from(vec![7; bytes]) }
    }

    fn len(message: &Message) -> usize {
        message.payload.len()
    }

    async fn call(client: &Self::Client, message: Message) -> Result<Message, BoxError> {
        Ok(client.echo(message).await?)
    }
}

fn main() -> ExitCode {
    bench_harness::main::<Polywire>()
}
