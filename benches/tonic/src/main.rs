//! The echo in tonic: gRPC over HTTP/2.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;

use bench_harness::{BoxError, Peer};
use bytes::Bytes;
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

struct Service;

#[tonic::async_trait]
impl Echo for Service {
    async fn echo(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        Ok(Response::new(request.into_inner()))
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
}

fn main() -> ExitCode {
    bench_harness::main::<Tonic>()
}
