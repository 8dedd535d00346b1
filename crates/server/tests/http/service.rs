//! The service under test, and a client of bare HTTP/2.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response};
use polywire_codec::Streaming;
use polywire_core::{
    Address, CallKind, Code, Context, Method, MethodDescriptor, ServiceDefinition,
    ServiceDescriptor, Status, Subscriber, SubscriberDefinition, SubscriberDescriptor,
};
use polywire_schema::Schema as _;
use polywire_server::{
    Limits, Router, Server, bidi_streaming, client_streaming, event, server_streaming, unary,
};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Answers to numbers, in all four kinds of calls.
pub(crate) struct Numbers;

const fn method(name: &'static str, path: &'static str, kind: CallKind) -> MethodDescriptor {
    MethodDescriptor::new(name, path, || i64::TYPE, || i64::TYPE).with_kind(kind)
}

static ECHO: MethodDescriptor = method("Echo", "Numbers.Echo", CallKind::Unary).idempotent();
static COUNT: MethodDescriptor = method("Count", "Numbers.Count", CallKind::ServerStreaming);
static SUM: MethodDescriptor = method("Sum", "Numbers.Sum", CallKind::ClientStreaming);
static DOUBLE: MethodDescriptor = method("Double", "Numbers.Double", CallKind::BidiStreaming);
static HANG: MethodDescriptor = method("Hang", "Numbers.Hang", CallKind::Unary);
static METHODS: [MethodDescriptor; 5] = [ECHO, COUNT, SUM, DOUBLE, HANG];
static SERVICE: ServiceDescriptor =
    ServiceDescriptor::new("Numbers", &METHODS).with_package("test.v1");

impl ServiceDefinition for Numbers {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &SERVICE
    }

    fn methods(self) -> Vec<Method> {
        vec![
            unary(&ECHO, |context: Context, n: i64| async move {
                match n {
                    0 => Err(Status::new(Code::NotFound, "zéro is no number")
                        .with_metadata([("why", "because")].into_iter().collect())),
                    13 => panic!("unlucky"),
                    _ => {
                        context.reply_metadata("leading", "first");
                        context.trailers().append("trailing-bin", "AQI");
                        Ok((Ok(n), context))
                    }
                }
                .map_or_else(
                    |status| Err(status).into(),
                    |(result, context)| polywire_server::Answer::new(result, context),
                )
            }),
            server_streaming(&COUNT, |_: Context, n: i64| async move {
                let failing = n < 0;
                let numbers = stream::iter((1..=n.abs()).map(Ok));
                let end = stream::iter(failing.then(|| Err(Status::new(Code::Aborted, "enough"))));
                Ok::<_, Status>(numbers.chain(end))
            }),
            client_streaming(&SUM, |_: Context, mut numbers: Streaming<i64>| async move {
                let mut sum = 0;
                while let Some(n) = numbers.message().await? {
                    sum += n;
                }
                Ok::<i64, Status>(sum)
            }),
            bidi_streaming(&DOUBLE, |_: Context, numbers: Streaming<i64>| async move {
                Ok::<_, Status>(numbers.map(|n| n.map(|n| n * 2)))
            }),
            unary(&HANG, |_: Context, _: i64| std::future::pending::<Result<i64, Status>>()),
        ]
    }
}

static NUMBERS: SubscriberDescriptor =
    SubscriberDescriptor::new("Numbers.numbers", "numbers", || i64::TYPE);

impl SubscriberDefinition for Numbers {
    fn subscribers(self) -> Vec<Subscriber> {
        vec![event(&NUMBERS, |_: Context, n: i64| async move {
            match n {
                1 => Err(Status::new(Code::AlreadyExists, "1 is taken")),
                13 => panic!("unlucky"),
                _ => Ok(()),
            }
        })]
    }
}

/// A server, and a connection to it.
pub(crate) struct Peer {
    pub(crate) address: Address,
    pub(crate) drain: CancellationToken,
    pub(crate) client: SendRequest<Bytes>,
    _tasks: JoinSet<()>,
}

impl Peer {
    pub(crate) async fn connect() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let router = Router::new().add(Numbers).unwrap().subscribe(Numbers).unwrap();
        let server = Server::new(router)
            .limits(limits)
            .cors(polywire_server::Cors::origins(["https://page.example"]));
        let listening = server.bind(&Address::from("127.0.0.1:0")).await.unwrap();
        let address = listening.local_address().clone();
        let drain = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(listening.serve(drain.clone()));
        let stream = TcpStream::connect(address.as_str()).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tasks.spawn(async move { drop(connection.await) });
        Self { address, drain, client, _tasks: tasks }
    }

    /// Sends a request with a whole body.
    pub(crate) async fn send(&mut self, request: Request<Bytes>) -> Answer {
        let (head, body) = request.into_parts();
        let mut ready = self.client.clone().ready().await.unwrap();
        let (response, mut stream) =
            ready.send_request(Request::from_parts(head, ()), false).unwrap();
        stream.send_data(body, true).unwrap();
        Answer::read(response.await.unwrap()).await
    }
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) async fn read(response: Response<h2::RecvStream>) -> Self {
        let (head, mut stream) = response.into_parts();
        let mut body = BytesMut::new();
        while let Some(data) = stream.data().await {
            let data = data.unwrap();
            stream.flow_control().release_capacity(data.len()).unwrap();
            body.extend_from_slice(&data);
        }
        let trailers = stream.trailers().await.unwrap();
        Self { status: head.status.as_u16(), headers: head.headers, body: body.freeze(), trailers }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.as_ref()?.get(name).map(|value| value.to_str().unwrap())
    }
}

/// `google.protobuf.Int64Value` behind gRPC's prefix, for numbers of one byte.
pub(crate) fn message(n: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, 2, 0x08, n]
}

/// A POST to a method of the service under test.
pub(crate) fn post(method: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post(format!("http://localhost/test.v1.Numbers/{method}"))
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}
