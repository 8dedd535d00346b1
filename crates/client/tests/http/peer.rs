//! A server of HTTP/2 within the process, whose answers a test writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::RecvStream;
use h2::server::{Builder, Connection, SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use polywire_client::{Channel, ChannelOptions};
use polywire_core::{
    Body, CallKind, Encoding, Instance, MethodName, Payload, PayloadStream, Reply, Request as Call,
    Service,
};
use polywire_net::{Listener, Socket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

/// A server within the process.
pub(crate) struct Peer {
    address: String,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// What one call looked like.
pub(crate) type Incoming = Request<RecvStream>;

static NAMES: AtomicUsize = AtomicUsize::new(0);

impl Peer {
    /// Answers every call on every connection by a function.
    pub(crate) async fn answering<F, A>(answer: F) -> Self
    where
        F: Fn(Incoming, SendResponse<Bytes>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        Self::with(Builder::new(), answer).await
    }

    /// As [`answering`](Self::answering), with settings of HTTP/2.
    pub(crate) async fn with<F, A>(settings: Builder, answer: F) -> Self
    where
        F: Fn(Incoming, SendResponse<Bytes>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        Self::scripted(move |_nth, socket| {
            let (settings, answer) = (settings.clone(), answer.clone());
            async move {
                let connection = settings.handshake(socket).await.unwrap();
                serve(connection, answer).await;
            }
        })
        .await
    }

    /// Hands each connection to a function, which is told how many there were before.
    pub(crate) async fn scripted<F, A>(script: F) -> Self
    where
        F: Fn(usize, Socket) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let address = format!("memory:http-{}", NAMES.fetch_add(1, Ordering::Relaxed));
        let listener = Listener::bind(&address.as_str().into()).await.unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let count = Arc::clone(&connections);
        tasks.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((socket, _from)) = listener.accept().await {
                serving.spawn(script(count.fetch_add(1, Ordering::Relaxed), socket));
            }
        });
        Self { address, connections, _tasks: tasks }
    }

    pub(crate) fn grpc(&self) -> Channel {
        self.channel("grpc", "", ChannelOptions::default())
    }

    pub(crate) fn connect(&self) -> Channel {
        self.channel("connect", "", ChannelOptions::default())
    }

    pub(crate) fn channel(&self, scheme: &str, query: &str, options: ChannelOptions) -> Channel {
        Channel::lazy(&format!("{scheme}://{}{query}", self.address), options).unwrap()
    }

    /// What an instance registers that is at this peer, and speaks a protocol of go-micro's.
    pub(crate) fn instance(&self, id: &str, protocol: &str) -> Instance {
        Instance::new("greeter", id, self.address.as_str().into())
            .with_metadata("protocol", protocol)
            .with_metadata("server", "any")
    }

    /// Connections that were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve<T, F, A>(mut connection: Connection<T, Bytes>, answer: F)
where
    T: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Incoming, SendResponse<Bytes>) -> A,
    A: Future<Output = ()> + Send + 'static,
{
    let mut answers = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        answers.spawn(answer(request, respond));
    }
}

/// A message behind its prefix.
pub(crate) fn message(flags: u8, bytes: &[u8]) -> Bytes {
    let mut whole = BytesMut::new();
    whole.put_u8(flags);
    whole.put_u32(u32::try_from(bytes.len()).unwrap());
    whole.extend_from_slice(bytes);
    whole.freeze()
}

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    map
}

/// The head of an answer.
pub(crate) fn head(status: u16, pairs: &[(&'static str, &str)]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status.try_into().unwrap();
    *response.headers_mut() = headers(pairs);
    response
}

/// Answers as gRPC does: the head, some bytes, trailers.
pub(crate) fn reply(
    mut respond: SendResponse<Bytes>,
    leading: &[(&'static str, &str)],
    body: Bytes,
    trailing: &[(&'static str, &str)],
) {
    let mut pairs = vec![("content-type", "application/grpc")];
    pairs.extend_from_slice(leading);
    let mut stream = respond.send_response(head(200, &pairs), false).unwrap();
    if !body.is_empty() {
        stream.send_data(body, false).unwrap();
    }
    stream.send_trailers(headers(trailing)).unwrap();
}

/// Reads the body of a call to its end.
pub(crate) async fn read(call: Incoming) -> (http::request::Parts, Bytes) {
    let (head, mut stream) = call.into_parts();
    let mut body = BytesMut::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk.unwrap();
        stream.flow_control().release_capacity(chunk.len()).unwrap();
        body.extend_from_slice(&chunk);
    }
    (head, body.freeze())
}

/// Answers a gRPC call with its own argument.
pub(crate) async fn echo(call: Incoming, respond: SendResponse<Bytes>) {
    let (_head, body) = read(call).await;
    reply(respond, &[], body, &[("grpc-status", "0")]);
}

pub(crate) fn payload(bytes: &'static [u8]) -> Payload {
    Payload::new(Encoding::Protobuf, Bytes::from_static(bytes))
}

/// A call of `test.Echo/Say`.
pub(crate) fn call(bytes: &'static [u8]) -> Call {
    Call::new(method(), Body::Unary(payload(bytes)))
}

/// A call with streams.
pub(crate) fn streaming(kind: CallKind, body: Body) -> Call {
    let mut call = Call::new(method(), body);
    call.hints.kind = kind;
    call
}

pub(crate) fn method() -> MethodName {
    MethodName::from_dotted("test.Echo.Say").unwrap()
}

/// The bytes of a reply of one message.
pub(crate) fn bytes(reply: &Reply) -> &[u8] {
    match &reply.as_ref().unwrap().body {
        Body::Unary(payload) => &payload.bytes,
        other => panic!("no message: {other:?}"),
    }
}

/// The stream of a reply.
pub(crate) fn stream(reply: Reply) -> PayloadStream {
    match reply.unwrap().body {
        Body::Stream(stream) => stream,
        other => panic!("no stream: {other:?}"),
    }
}

/// Makes a call of one message.
pub(crate) async fn ask(channel: &Channel, bytes: &'static [u8]) -> Reply {
    channel.call(call(bytes)).await
}
