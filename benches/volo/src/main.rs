//! The echo in volo-grpc: gRPC over HTTP/2.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;

use bench_harness::{BoxError, Peer};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::net::TcpListener;
use volo::net::Address;
use volo::net::incoming::DefaultIncoming;
use volo_grpc::server::{Server, ServiceBuilder};
use volo_grpc::{BoxStream, Request, Response, Status};

use crate::generated::echo::bench::{
    Echo, EchoClient, EchoClientBuilder, EchoServer, Message, Wanted,
};

#[expect(unreachable_pub, reason = "generated code")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/echo.rs"));
}

struct Service;

impl Echo for Service {
    async fn echo(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    #[expect(clippy::result_large_err, reason = "volo's own error")]
    async fn count(
        &self,
        request: Request<Wanted>,
    ) -> Result<Response<BoxStream<'static, Result<Message, Status>>>, Status> {
        let wanted = request.into_inner();
        let payload = Bytes::from(vec![7; wanted.bytes as usize]);
        let messages =
            stream::iter(0..wanted.count).map(move |_| Ok(Message { payload: payload.clone() }));
        Ok(Response::new(Box::pin(messages)))
    }
}

struct Volo;

impl Peer for Volo {
    type Client = EchoClient;
    type Payload = Message;

    async fn serve(
        listen: SocketAddr,
        listening: impl FnOnce(SocketAddr) + Send,
    ) -> Result<(), BoxError> {
        let listener = TcpListener::bind(listen).await?;
        listening(listener.local_addr()?);
        let service = ServiceBuilder::new(EchoServer::new(Service)).build();
        Server::new().add_service(service).run(DefaultIncoming::from(listener)).await
    }

    async fn connect(server: SocketAddr) -> Result<Self::Client, BoxError> {
        Ok(EchoClientBuilder::new("bench.Echo").address(Address::from(server)).build())
    }

    fn payload(bytes: usize) -> Message {
        Message { payload: Bytes::from(vec![7; bytes]) }
    }

    fn len(message: &Message) -> usize {
        message.payload.len()
    }

    async fn call(client: &Self::Client, message: Message) -> Result<Message, BoxError> {
        Ok(client.echo(message).await?.into_inner())
    }

    async fn stream(
        client: &Self::Client,
        bytes: usize,
        count: u32,
        mut came: impl FnMut(usize) + Send,
    ) -> Result<(), BoxError> {
        let wanted = Wanted { bytes: u32::try_from(bytes)?, count };
        let mut messages = std::pin::pin!(client.count(wanted).await?.into_inner());
        while let Some(message) = messages.next().await {
            came(message?.payload.len());
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    bench_harness::main::<Volo>()
}
