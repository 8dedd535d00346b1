//! A small API server: EndpointSlices of Services, lists and watches of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use polywire_net::Listener;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Where it listens, until it is dropped.
pub(super) struct FakeServer {
    pub(super) address: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
pub(super) struct State {
    version: u64,
    /// By name; what they hold is of the Service they are labelled with.
    slices: BTreeMap<String, Value>,
    watches: Vec<mpsc::Sender<String>>,
    /// Events, by the version they led to.
    history: Vec<(u64, String)>,
    /// Versions up to this one are forgotten.
    pub(super) compacted: u64,
    /// What is answered instead.
    pub(super) refuse: Option<(u16, String)>,
    /// Paths asked for, with queries and what `Authorization` said.
    pub(super) asked: Vec<String>,
}

/// What is sent to one who watches, line by line, or to others at once.
pub(super) struct Lines(mpsc::Receiver<String>);

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|line| line.map(|line| Ok(Frame::data(Bytes::from(line)))))
    }
}

impl FakeServer {
    pub(super) async fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let address = format!("memory:kubernetes-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let listener = Listener::bind(&(&*address).into()).await.unwrap();
        let state = Arc::new(Mutex::new(State { version: 100, ..State::default() }));
        let (mut tasks, shared) = (JoinSet::new(), Arc::clone(&state));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _peer)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        std::future::ready(shared.lock().unwrap().answer(&request))
                    });
                    let io = TokioIo::new(socket);
                    drop(http1::Builder::new().serve_connection(io, service).await);
                });
            }
        });
        Self { address, state, _tasks: tasks }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Writes a slice of the Service `greeter`, with one ready pod at each of these addresses.
    pub(super) fn write(&self, name: &str, addresses: &[&str]) {
        let endpoints: Vec<Value> = addresses
            .iter()
            .map(|address| json!({"addresses": [address], "conditions": {"ready": true}}))
            .collect();
        self.state().change(name, |version| {
            Some(json!({
                "metadata": {"name": name, "resourceVersion": version.to_string()},
                "addressType": "IPv4",
                "endpoints": endpoints,
                "ports": [{"name": "polywire", "port": 7000, "protocol": "TCP"}],
            }))
        });
    }

    pub(super) fn delete(&self, name: &str) {
        self.state().change(name, |_version| None);
    }
}

impl State {
    fn change(&mut self, name: &str, slice: impl FnOnce(u64) -> Option<Value>) {
        self.version += 1;
        let old = match slice(self.version) {
            Some(new) => self.slices.insert(name.to_owned(), new),
            None => self.slices.remove(name),
        };
        let (kind, object) = match (old, self.slices.get(name)) {
            (None, Some(new)) => ("ADDED", new.clone()),
            (Some(_), Some(new)) => ("MODIFIED", new.clone()),
            (Some(mut old), None) => {
                old["metadata"]["resourceVersion"] = self.version.to_string().into();
                ("DELETED", old)
            }
            (None, None) => return,
        };
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.history.push((self.version, line.clone()));
        self.send(&line);
    }

    /// Sends a line to all who watch.
    pub(super) fn send(&mut self, line: &str) {
        self.watches.retain(|watch| watch.try_send(line.to_owned()).is_ok());
    }

    /// A bookmark of a version that nothing of this Service has led to.
    pub(super) fn bookmark(&mut self) {
        self.version += 10;
        let object = json!({
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
            "metadata": {"resourceVersion": self.version.to_string(), "creationTimestamp": null},
            "endpoints": null, "ports": null, "addressType": "",
        });
        self.send(&format!("{}\n", json!({"type": "BOOKMARK", "object": object})));
    }

    /// Ends all watches, as is done when their time is up.
    pub(super) fn end_watches(&mut self) {
        self.watches.clear();
    }

    pub(super) fn asked(&self, part: &str) -> usize {
        self.asked.iter().filter(|asked| asked.contains(part)).count()
    }

    fn answer(&mut self, request: &Request<Incoming>) -> Result<Response<Lines>, http::Error> {
        let token = request.headers().get("authorization").map(|value| value.to_str().unwrap());
        self.asked.push(format!("{} {}", request.uri(), token.unwrap_or("-")));
        let query = request.uri().query().unwrap_or_default();
        if let Some((status, body)) = &self.refuse {
            return whole(*status, body.clone());
        }
        let greeter = "/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices";
        match request.uri().path() {
            "/api/v1/namespaces/prod/services" => {
                let items = json!([{"metadata": {"name": "greeter", "uid": "1"}, "spec": {}}]);
                let list = json!({"kind": "ServiceList", "metadata": {"resourceVersion": "1"}, "items": items});
                whole(200, list.to_string())
            }
            path if path == greeter => {
                let value = |name: &str| {
                    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                };
                let of_greeter =
                    value("labelSelector") == Some("kubernetes.io%2Fservice-name%3Dgreeter");
                if value("watch").is_none() {
                    let items: Vec<_> = self.slices.values().filter(|_| of_greeter).collect();
                    let version = self.version.to_string();
                    let list = json!({"metadata": {"resourceVersion": version}, "items": items});
                    return whole(200, list.to_string());
                }
                let since: u64 = value("resourceVersion").unwrap().parse().unwrap();
                if since < self.compacted {
                    return whole(410, gone().to_string());
                }
                let (sender, lines) = mpsc::channel(100);
                for (_, line) in self.history.iter().filter(|(version, _)| *version > since) {
                    sender.try_send(line.clone()).unwrap();
                }
                self.watches.push(sender);
                Response::builder().body(Lines(lines))
            }
            _ => whole(404, "404 page not found\n".to_owned()),
        }
    }
}

fn whole(status: u16, body: String) -> Result<Response<Lines>, http::Error> {
    let (sender, lines) = mpsc::channel(1);
    sender.try_send(body).unwrap();
    Response::builder().status(status).body(Lines(lines))
}

/// What API servers say of a version that they know no more.
pub(super) fn gone() -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version: 5 (100)", "reason": "Expired", "code": 410,
    })
}
