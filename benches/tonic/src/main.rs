//! The echo in tonic: gRPC over HTTP/2.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;

use bench_harness::{BoxError, Peer};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use crate::generated::echo_client::EchoClient;
use crate::generated::echo_server::{Echo, EchoServer};

#[expect(unused_qualifications, unreachable_pub, reason = "generated code")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/bench.Echo.rs"));
}

/// What protobuf calls `message Message { bytes payload = 1; }`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    #[prost(bytes = "bytes", tag = "1")]
    payload: Bytes,
}

/// What is to come in a stream.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Wanted {
    #[prost(uint32, tag = "1")]
    bytes: u32,
    #[prost(uint32, tag = "2")]
    count: u32,
}

struct Service;

type Messages = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;

#[tonic::async_trait]
impl Echo for Service {
    async fn echo(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    type CountStream = Messages;

    async fn count(&self, request: Request<Wanted>) -> Result<Response<Messages>, Status> {
        let wanted = request.into_inner();
        let payload = Bytes::from(vec![7; wanted.bytes as usize]);
        let messages =
            stream::iter(0..wanted.count).map(move |_| Ok(Message { payload: payload.clone() }));
        Ok(Response::new(Box::pin(messages)))
    }
}

struct Tonic;

impl Peer for Tonic {
    type Client = EchoClient<Channel>;
    type Payload = Message;

    async fn serve(
        listen: SocketAddr,
        listening: impl FnOnce(SocketAddr) + Send,
    ) -> Result<(), BoxError> {
        let listener = TcpListener::bind(listen).await?;
        listening(listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = Server::builder().add_service(EchoServer::new(Service));
        Ok(server.serve_with_incoming(incoming).await?)
    }

    async fn connect(server: SocketAddr) -> Result<Self::Client, BoxError> {
        let endpoint = Endpoint::from_shared(format!("http://{server}"))?.tcp_nodelay(true);
        Ok(EchoClient::new(endpoint.connect().await?))
    }

    fn payload(bytes: usize) -> Message {
        Message { payload: Bytes::from(vec![7; bytes]) }
    }

    fn len(message: &Message) -> usize {
        message.payload.len()
    }

    async fn call(client: &Self::Client, message: Message) -> Result<Message, BoxError> {
        Ok(client.clone().echo(message).await?.into_inner())
    }

    async fn stream(
        client: &Self::Client,
        bytes: usize,
        count: u32,
        mut came: impl FnMut(usize) + Send,
    ) -> Result<(), BoxError> {
        let wanted = Wanted { bytes: u32::try_from(bytes)?, count };
        let mut messages = client.clone().count(wanted).await?.into_inner();
        while let Some(message) = messages.message().await? {
            came(message.payload.len());
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    bench_harness::main::<Tonic>()
}
