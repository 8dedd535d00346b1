//! A small agent with a catalog of its own, that answers as Consul does.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use polywire_net::Listener;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Where it listens, until it is dropped.
pub(super) struct FakeAgent {
    pub(super) address: String,
    state: Arc<State>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
pub(super) struct State {
    data: Mutex<Data>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
pub(super) struct Data {
    pub(super) index: u64,
    /// What was registered, by id.
    pub(super) services: BTreeMap<String, Value>,
    /// The state of checks, by their ids.
    pub(super) checks: BTreeMap<String, &'static str>,
    /// What is answered instead, to paths with this in them.
    pub(super) refuse: Option<(&'static str, u16, &'static str)>,
    /// Methods and paths asked for, with their queries and tokens.
    pub(super) asked: Vec<String>,
    /// Fields of every head.
    pub(super) head: Vec<(&'static str, &'static str)>,
}

type Answer = (u16, Option<u64>, String);

impl FakeAgent {
    pub(super) async fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let address = format!("memory:consul-{number}");
        let mut agent = Self { address, state: Arc::default(), tasks: JoinSet::new() };
        agent.data().index = 10;
        agent.listen().await;
        agent
    }

    /// Accepts connections, until it is stopped.
    pub(super) async fn listen(&mut self) {
        let listener = Listener::bind(&(&*self.address).into()).await.unwrap();
        let state = Arc::clone(&self.state);
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _peer)) = listener.accept().await {
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let io = TokioIo::new(socket);
                    drop(http1::Builder::new().serve_connection(io, service).await);
                });
            }
        });
    }

    /// Closes its connections, and takes no more.
    pub(super) async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    pub(super) fn data(&self) -> MutexGuard<'_, Data> {
        self.state.data.lock().unwrap()
    }

    /// Changes something, as of the next index.
    pub(super) fn change(&self, change: impl FnOnce(&mut Data)) {
        let mut data = self.data();
        data.index += 1;
        change(&mut data);
        drop(data);
        self.state.changed.send_replace(());
    }

    /// How often something with this in its path was asked for.
    pub(super) fn asked(&self, path: &str) -> usize {
        self.data().asked.iter().filter(|asked| asked.contains(path)).count()
    }
}

impl Data {
    fn health(&self, service: &str) -> String {
        let one = |(id, registered): (&String, &Value)| {
            let mut found = registered.clone();
            found["Service"] = found["Name"].take();
            json!({
                "Node": {"Address": "10.0.0.9"},
                "Service": found,
                "Checks": [{"Status": self.checks.get(&format!("service:{id}"))}],
            })
        };
        let of = self.services.iter().filter(|(_, found)| found["Name"] == service);
        Value::from(of.map(one).collect::<Vec<_>>()).to_string()
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<String>, http::Error> {
    let (head, body) = request.into_parts();
    let token = head.headers.get("x-consul-token").map(|token| token.to_str().unwrap());
    let asked = format!("{} {} {}", head.method, head.uri, token.unwrap_or("-"));
    let body = whole(body).await;
    let refused = {
        let mut data = state.data.lock().unwrap();
        data.asked.push(asked);
        data.refuse.filter(|(part, ..)| head.uri.path().contains(part))
    };
    let path = unescape(head.uri.path());
    let query = head.uri.query().unwrap_or_default();
    let (status, index, body) = match refused {
        Some((_, status, text)) => (status, None, text.to_owned()),
        None if path.starts_with("/v1/health/service/") => health(&state, &path, query).await,
        None => state.told(head.method.as_str(), &path, &body),
    };
    let mut response = Response::builder().status(status);
    if let Some(index) = index {
        response = response.header("X-Consul-Index", index);
    }
    for (name, value) in &state.data.lock().unwrap().head {
        response = response.header(*name, *value);
    }
    response.body(body)
}

/// What there is, once it is newer than the asker knows.
async fn health(state: &State, path: &str, query: &str) -> Answer {
    let value = |name: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.map(unescape)
    };
    let known: u64 = value("index").map_or(0, |index| index.parse().unwrap());
    let wait = value("wait").map_or(0, |wait| wait.strip_suffix("ms").unwrap().parse().unwrap());
    let mut changed = state.changed.subscribe();
    let newer = async {
        while state.data.lock().unwrap().index == known {
            changed.changed().await.unwrap();
        }
    };
    // Later than asked for by up to a sixteenth, as Consul is.
    drop(timeout(Duration::from_millis(wait + wait / 20), newer).await);
    let data = state.data.lock().unwrap();
    (200, Some(data.index), data.health(path.trim_start_matches("/v1/health/service/")))
}

impl State {
    fn told(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut data = self.data.lock().unwrap();
        if (method, path) == ("GET", "/v1/catalog/services") {
            let names =
                data.services.values().map(|found| found["Name"].as_str().unwrap().to_owned());
            let mut all: BTreeMap<String, Vec<String>> = names.map(|name| (name, vec![])).collect();
            all.insert("consul".to_owned(), vec![]);
            return (200, Some(data.index), json!(all).to_string());
        }
        let after = |prefix: &str| path.strip_prefix(prefix).map(str::to_owned);
        let status = if let Some(id) = after("/v1/agent/check/pass/") {
            match data.checks.get_mut(&id) {
                Some(state) => {
                    *state = "passing";
                    200
                }
                None => 404,
            }
        } else if let Some(id) = after("/v1/agent/service/deregister/") {
            data.checks.remove(&format!("service:{id}"));
            if data.services.remove(&id).is_some() { 200 } else { 404 }
        } else if path == "/v1/agent/service/register" {
            let mut registered: Value = serde_json::from_str(body).unwrap();
            registered.as_object_mut().unwrap().remove("Check").unwrap();
            let id = registered["ID"].as_str().unwrap().to_owned();
            data.checks.entry(format!("service:{id}")).or_insert("critical");
            data.services.insert(id, registered);
            200
        } else if let Some(id) = after("/v1/agent/service/") {
            return match data.services.get(&id) {
                Some(found) => {
                    let mut found = found.clone();
                    found["Service"] = found["Name"].take();
                    (200, None, found.to_string())
                }
                None => (404, None, format!("unknown service ID: {id}")),
            };
        } else {
            400
        };
        data.index += 1;
        drop(data);
        self.changed.send_replace(());
        (status, None, String::new())
    }
}

async fn whole(mut body: Incoming) -> String {
    let mut all = Vec::new();
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        all.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    String::from_utf8(all).unwrap()
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('%');
    let mut all = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        all.push(u8::from_str_radix(&part[..2], 16).unwrap());
        all.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(all).unwrap()
}
