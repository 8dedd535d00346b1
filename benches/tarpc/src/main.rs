//! The echo in tarpc, with bincode over TCP.
#![forbid(unsafe_code)]
#![expect(missing_docs, reason = "tarpc's macro makes items without")]

use std::net::SocketAddr;
use std::process::ExitCode;

use bench_harness::{BoxError, Peer};
use futures::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::context::{self, Context};
use tarpc::serde_transport as transport;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::LengthDelimitedCodec;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    payload: ByteBuf,
}

#[tarpc::service]
trait Echo {
    async fn echo(message: Message) -> Message;
}

#[derive(Debug, Clone)]
struct Server;

impl Echo for Server {
    async fn echo(self, _: Context, message: Message) -> Message {
        message
    }
}

struct Tarpc;

impl Peer for Tarpc {
    type Client = EchoClient;
    type Payload = Message;

    async fn serve(
        listen: SocketAddr,
        listening: impl FnOnce(SocketAddr) + Send,
    ) -> Result<(), BoxError> {
        let listener = TcpListener::bind(listen).await?;
        listening(listener.local_addr()?);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    stream.set_nodelay(true)?;
                    connections.spawn(serve_connection(stream));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn connect(server: SocketAddr) -> Result<Self::Client, BoxError> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let framed = LengthDelimitedCodec::builder().new_framed(stream);
        let transport = transport::new(framed, Bincode::default());
        Ok(EchoClient::new(tarpc::client::Config::default(), transport).spawn())
    }

    fn payload(bytes: usize) -> Message {
        Message { payload: ByteBuf::from(vec![7; bytes]) }
    }

    fn len(message: &Message) -> usize {
        message.payload.len()
    }

    async fn call(client: &Self::Client, message: Message) -> Result<Message, BoxError> {
        Ok(client.echo(context::current(), message).await?)
    }
}

#[expect(clippy::disallowed_methods, reason = "a task per call is how tarpc's examples serve")]
async fn serve_connection(stream: TcpStream) {
    let framed = LengthDelimitedCodec::builder().new_framed(stream);
    let transport = transport::new(framed, Bincode::default());
    let channel = BaseChannel::with_defaults(transport);
    channel
        .execute(Server.serve())
        .for_each(|response| async {
            tokio::spawn(response);
        })
        .await;
}

fn main() -> ExitCode {
    bench_harness::main::<Tarpc>()
}
