//! The echo in polywire; the programs differ in the wire that their clients speak.
#![forbid(unsafe_code)]

use std::marker::PhantomData;
use std::net::SocketAddr;

use bench_harness::{BoxError, Peer};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use polywire::prelude::*;

/// What goes there and back.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub struct Message {
    payload: Bytes,
}

/// What is to come in a stream.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub struct Wanted {
    bytes: u32,
    count: u32,
}

/// The service.
#[derive(Debug)]
pub struct Echo;

#[polywire::service(name = "Echo", package = "bench")]
impl Echo {
    /// Answers with what it was sent.
    pub async fn echo(&self, message: Message) -> Result<Message, Status> {
        Ok(message)
    }

    /// Answers with so many messages.
    pub fn count(&self, wanted: Wanted) -> impl Stream<Item = Result<Message, Status>> + use<> {
        let payload = Bytes::from(vec![7; wanted.bytes as usize]);
        stream::iter(0..wanted.count).map(move |_| Ok(Message { payload: payload.clone() }))
    }
}

/// A wire of the client's; the server answers them all.
pub trait Wire: 'static {
    /// The scheme of its URLs.
    const SCHEME: &str;
}

/// go-micro's wire, for more than one peer.
#[derive(Debug)]
pub struct Micro;

impl Wire for Micro {
    const SCHEME: &str = "micro";
}

/// The echo over a wire.
#[derive(Debug)]
pub struct Polywire<W>(PhantomData<fn() -> W>);

impl<W: Wire> Peer for Polywire<W> {
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
        Ok(EchoClient::connect(&format!("{}://{server}", W::SCHEME)).await?)
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

    async fn stream(
        client: &Self::Client,
        bytes: usize,
        count: u32,
        mut came: impl FnMut(usize) + Send,
    ) -> Result<(), BoxError> {
        let mut messages = client.count(Wanted { bytes: u32::try_from(bytes)?, count }).await?;
        while let Some(message) = messages.message().await? {
            came(message.payload.len());
        }
        Ok(())
    }
}
