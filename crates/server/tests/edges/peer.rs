//! A service to call, a server that runs, and a peer that speaks net/rpc to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;
use polywire_codec::Message;
use polywire_core::{
    Address, Body, Context, Encoding, Method, MethodDescriptor, MethodName, Request,
    ServiceDefinition, ServiceDescriptor, Status,
};
use polywire_net::{BoxStream, Socket};
use polywire_schema::Schema;
use polywire_server::{Router, Server, unary};
use polywire_wire::Outgoing;
use polywire_wire::netrpc::{NetrpcReader, NetrpcWriter, client};
use polywire_wire::{CallReader, CallWriter};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What calls wait for, and what was seen of them.
#[derive(Clone)]
pub(crate) struct Probe {
    /// Lets one waiting call go on.
    pub(crate) gate: Arc<Semaphore>,
    /// Calls that began to wait.
    pub(crate) begun: Arc<Semaphore>,
    /// Calls that came to their end.
    pub(crate) done: Arc<AtomicUsize>,
}

impl Probe {
    pub(crate) fn new() -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self { gate: none(), begun: none(), done: Arc::new(AtomicUsize::new(0)) }
    }

    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    /// Waits until another call has begun to wait.
    pub(crate) async fn begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }

    async fn wait(self) -> Result<i64, Status> {
        self.begun.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(1)
    }
}

static METHODS: [MethodDescriptor; 5] = [
    MethodDescriptor::new("Encrypted", "Probe.Encrypted", i64::schema, bool::schema),
    MethodDescriptor::new("Text", "Probe.Text", i64::schema, String::schema),
    MethodDescriptor::new("Wait", "Probe.Wait", i64::schema, i64::schema),
    MethodDescriptor::new("Who", "Probe.Who", i64::schema, String::schema),
    MethodDescriptor::new("Work", "Probe.Work", i64::schema, i64::schema).detached(),
];
static SERVICE: ServiceDescriptor = ServiceDescriptor::new("Probe", &METHODS);

impl ServiceDefinition for Probe {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &SERVICE
    }

    fn methods(self) -> Vec<Method> {
        let [encrypted, text, wait, who, work] = &METHODS;
        let (waiting, texts) = (self.clone(), Arc::clone(&self.done));
        vec![
            unary(encrypted, |cx: Context, _: i64| async move {
                Ok(cx.connection.is_some_and(|connection| connection.tls))
            }),
            unary(text, move |_: Context, size: i64| {
                texts.fetch_add(1, Ordering::SeqCst);
                async move { Ok(text_of(size)) }
            }),
            unary(wait, move |_: Context, _: i64| waiting.clone().wait()),
            unary(who, |cx: Context, _: i64| async move { Ok(name_of(&cx)) }),
            unary(work, move |_: Context, _: i64| self.clone().wait()),
        ]
    }
}

/// The first name in the caller's certificate.
fn name_of(cx: &Context) -> String {
    let name = cx.peer_identity().and_then(|identity| identity.dns_names().first());
    name.cloned().unwrap_or_else(|| "nobody".to_owned())
}

/// A text of so many bytes in which every place looks different from its neighbours.
pub(crate) fn text_of(size: i64) -> String {
    ('a'..='z').cycle().take(size.try_into().unwrap()).collect()
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) address: Address,
    pub(crate) drain: CancellationToken,
    pub(crate) task: JoinSet<()>,
}

/// Starts a server within the process, under a name that only one test uses.
pub(crate) async fn start(
    name: &str,
    probe: &Probe,
    configure: impl FnOnce(Server) -> Server,
) -> Running {
    let server = configure(Server::new(Router::new().add(probe.clone()).unwrap()));
    let address = Address::from(format!("memory:{name}"));
    let listening = server.bind(&address).await.unwrap();
    let (drain, mut task) = (CancellationToken::new(), JoinSet::new());
    task.spawn(listening.serve(drain.clone()));
    Running { address, drain, task }
}

impl Running {
    pub(crate) async fn dial(&self) -> Socket {
        Socket::connect(&self.address).await.unwrap()
    }

    /// Waits until the server has ended.
    pub(crate) async fn ended(&mut self) {
        self.task.join_next().await.unwrap().unwrap();
    }
}

/// The peer's end of a connection.
pub(crate) struct Peer {
    io: BoxStream,
    writer: NetrpcWriter,
    reader: NetrpcReader,
    unread: BytesMut,
    /// How much it takes off the stream at once.
    gulp: usize,
}

impl Peer {
    pub(crate) fn new(io: BoxStream) -> Self {
        let (writer, reader) = client(&polywire_wire::Limits::default());
        Self { io, writer, reader, unread: BytesMut::new(), gulp: 1 << 16 }
    }

    /// Reads no more than this at once, and lets others run in between.
    pub(crate) fn slow(self, gulp: usize) -> Self {
        Self { gulp, ..self }
    }

    pub(crate) async fn send(&mut self, method: &str, argument: i64) {
        let argument = argument.encode(Encoding::Gob).unwrap();
        let name = MethodName::from_dotted(method).unwrap();
        let request = Request::new(name, Body::Unary(argument));
        let mut out = Outgoing::default();
        self.writer.write(1, &request, None, &mut out).unwrap();
        self.io.write_all_buf(&mut out).await.unwrap();
        self.io.flush().await.unwrap();
    }

    pub(crate) async fn reply<T: Message>(&mut self) -> Result<T, Status> {
        loop {
            if let Some((_, reply)) = self.reader.read(&mut self.unread).unwrap() {
                let Body::Unary(payload) = reply?.body else { panic!("no value") };
                return Ok(T::decode(&payload).unwrap());
            }
            let mut some = (&mut self.io).take(self.gulp.try_into().unwrap());
            assert_ne!(some.read_buf(&mut self.unread).await.unwrap(), 0, "the server closed");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn call<T: Message>(&mut self, method: &str, argument: i64) -> T {
        self.send(method, argument).await;
        self.reply().await.unwrap()
    }
}
