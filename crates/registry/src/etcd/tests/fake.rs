//! A small etcd: keys, leases and watches, answering in the words captured from real ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::http::fake::{Answered, Asked, Fake};

/// What is at a key.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) value: String,
    pub(super) lease: i64,
    revision: i64,
}

#[derive(Default)]
pub(super) struct State {
    revision: i64,
    compacted: i64,
    pub(super) keys: BTreeMap<String, Kept>,
    pub(super) leases: BTreeMap<i64, (Duration, Instant)>,
    history: Vec<(i64, Value)>,
    watches: Vec<mpsc::Sender<String>>,
    /// Whether it takes calls and never answers.
    pub(super) hangs: bool,
    /// Whether it refuses everything for want of a leader.
    pub(super) leaderless: bool,
    /// Whether watches tell nothing any more.
    pub(super) deaf: bool,
    /// The password of `root`, if one is needed, and the token in use.
    pub(super) password: Option<&'static str>,
    pub(super) token: u32,
    /// How often each path was asked for.
    asked: BTreeMap<String, u32>,
}

/// The server, and what is in it, which outlives it.
pub(super) struct Etcd {
    server: Option<Fake>,
    state: Arc<Mutex<State>>,
    address: String,
}

impl Etcd {
    pub(super) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State { revision: 1, ..State::default() }));
        let answering = Arc::clone(&state);
        let server = Fake::start(move |asked| answering.lock().unwrap().answer(&asked)).await;
        Self { address: server.address.clone(), server: Some(server), state }
    }

    pub(super) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        self.state().watches.clear();
    }

    pub(super) async fn start_again(&mut self) {
        let answering = Arc::clone(&self.state);
        let answer = move |asked| answering.lock().unwrap().answer(&asked);
        self.server = Some(Fake::at(&self.address, answer).await);
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        state.expire();
        state
    }

    pub(super) fn asked(&self, path: &str) -> u32 {
        self.state().asked.get(path).copied().unwrap_or_default()
    }
}

impl State {
    pub(super) fn empty(&mut self) {
        *self = Self { revision: 1, ..Self::default() };
    }

    pub(super) fn compact(&mut self) {
        self.compacted = self.revision;
        self.history.clear();
    }

    pub(super) fn end_watches(&mut self) {
        self.watches.clear();
    }

    pub(super) fn put(&mut self, key: &str, value: &str, lease: i64) {
        self.revision += 1;
        let kept = Kept { value: value.to_owned(), lease, revision: self.revision };
        let kv = pair(key, &kept);
        self.keys.insert(key.to_owned(), kept);
        self.tell(json!({ "kv": kv }));
    }

    pub(super) fn delete(&mut self, key: &str) {
        if self.keys.remove(key).is_some() {
            self.revision += 1;
            let revision = self.revision.to_string();
            let kv = json!({ "key": STANDARD.encode(key), "mod_revision": revision });
            self.tell(json!({ "type": "DELETE", "kv": kv }));
        }
    }

    fn tell(&mut self, event: Value) {
        if !self.deaf {
            let line = self.result(json!({ "events": [event.clone()] }));
            self.watches.retain(|watch| watch.try_send(line.clone()).is_ok());
        }
        self.history.push((self.revision, event));
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let over = self.leases.iter().filter(|(_, (_, until))| *until <= now);
        for id in over.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.revoke(id);
        }
    }

    fn revoke(&mut self, id: i64) -> bool {
        let on = self.keys.iter().filter(|(_, kept)| kept.lease == id);
        for key in on.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.delete(&key);
        }
        self.leases.remove(&id).is_some()
    }

    fn header(&self) -> Value {
        json!({ "cluster_id": "1", "revision": self.revision.to_string(), "raft_term": "2" })
    }

    fn result(&self, mut fields: Value) -> String {
        fields["header"] = self.header();
        format!("{}\n", json!({ "result": fields }))
    }

    fn answer(&mut self, asked: &Asked) -> Answered {
        self.expire();
        let path = asked.line.split(' ').nth(1).unwrap().to_owned();
        *self.asked.entry(path.clone()).or_default() += 1;
        if self.hangs {
            return Answered::Nothing;
        }
        if self.leaderless {
            return refused(503, 14, "etcdserver: no leader");
        }
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        if path == "/v3/auth/authenticate" {
            return self.authenticate(&body);
        }
        let token = self.password.map(|_| format!("token.{}", self.token));
        if let Some(token) = token
            && asked.field("authorization") != Some(&token)
        {
            return unknown_token(&path, asked.field("authorization").is_some());
        }
        match &path[..] {
            "/v3/kv/range" => self.range(&body),
            "/v3/kv/put" => {
                let lease = number(&body["lease"]);
                if lease != 0 && !self.leases.contains_key(&lease) {
                    return refused(404, 5, "etcdserver: requested lease not found");
                }
                self.put(&text(&body["key"]), &text(&body["value"]), lease);
                self.done()
            }
            "/v3/lease/grant" => {
                let (id, ttl) = (number(&body["ID"]), number(&body["TTL"]).unsigned_abs());
                if self.leases.contains_key(&id) {
                    return refused(400, 9, "etcdserver: lease already exists");
                }
                let ttl = Duration::from_secs(ttl);
                self.leases.insert(id, (ttl, Instant::now() + ttl));
                self.done()
            }
            "/v3/lease/keepalive" => {
                let mut result = json!({ "ID": body["ID"] });
                if let Some((ttl, until)) = self.leases.get_mut(&number(&body["ID"])) {
                    *until = Instant::now() + *ttl;
                    result["TTL"] = json!(ttl.as_secs().to_string());
                }
                Answered::Whole(200, self.result(result))
            }
            "/v3/lease/revoke" if self.revoke(number(&body["ID"])) => self.done(),
            "/v3/lease/revoke" => refused(404, 5, "etcdserver: requested lease not found"),
            "/v3/watch" => {
                assert_eq!(asked.field("grpc-metadata-hasleader"), Some("true"));
                self.watch(&body["create_request"])
            }
            _ => refused(404, 12, "Not Found"),
        }
    }

    fn authenticate(&mut self, body: &Value) -> Answered {
        match self.password {
            None => refused(400, 9, "etcdserver: authentication is not enabled"),
            Some(password) if body["name"] == "root" && body["password"] == password => {
                self.token += 1;
                let token = format!("token.{}", self.token);
                Answered::Whole(200, json!({ "token": token }).to_string())
            }
            Some(_) => {
                refused(400, 3, "etcdserver: authentication failed, invalid user ID or password")
            }
        }
    }

    fn done(&self) -> Answered {
        Answered::Whole(200, json!({ "header": self.header() }).to_string())
    }

    fn range(&self, body: &Value) -> Answered {
        let (from, to) = (text(&body["key"]), text(&body["range_end"]));
        let within =
            |key: &str| if to.is_empty() { key == from } else { *key >= *from && *key < *to };
        let mut found: Vec<_> = self.keys.iter().filter(|(key, _)| within(key)).collect();
        let count = found.len();
        if body["sort_target"] == "MOD" {
            found.sort_by_key(|(_, kept)| -kept.revision);
        }
        if number(&body["limit"]) == 1 {
            found.truncate(1);
        }
        let kvs: Vec<_> = found.into_iter().map(|(key, kept)| pair(key, kept)).collect();
        let count = count.to_string();
        let answer = json!({ "header": self.header(), "kvs": kvs, "count": count });
        Answered::Whole(200, answer.to_string())
    }

    fn watch(&mut self, request: &Value) -> Answered {
        let start = number(&request["start_revision"]);
        let (sender, receiver) = mpsc::channel(256);
        sender.try_send(self.result(json!({ "created": true }))).unwrap();
        if start <= self.compacted {
            let compacted = self.compacted.to_string();
            let ended = json!({ "canceled": true, "compact_revision": compacted });
            sender.try_send(format!("{}\n", json!({ "result": ended }))).unwrap();
            return Answered::Chunks(receiver);
        }
        for (_, event) in self.history.iter().filter(|(revision, _)| *revision >= start) {
            sender.try_send(self.result(json!({ "events": [event] }))).unwrap();
        }
        self.watches.push(sender);
        Answered::Chunks(receiver)
    }
}

fn pair(key: &str, kept: &Kept) -> Value {
    let mut pair = json!({
        "key": STANDARD.encode(key),
        "value": STANDARD.encode(&kept.value),
        "mod_revision": kept.revision.to_string(),
    });
    if kept.lease != 0 {
        pair["lease"] = json!(kept.lease.to_string());
    }
    pair
}

fn refused(status: u16, code: u32, message: &str) -> Answered {
    let body = json!({ "error": message, "code": code, "message": message });
    Answered::Whole(status, body.to_string())
}

/// In the words of 3.5.35, whose methods that stream say it in another form.
fn unknown_token(path: &str, given: bool) -> Answered {
    let (status, code, message) = if given {
        (401, 16, "etcdserver: invalid auth token")
    } else {
        (400, 3, "etcdserver: user name is empty")
    };
    match path {
        "/v3/lease/keepalive" => {
            let error = json!({ "grpc_code": code, "http_code": status, "message": message });
            Answered::Whole(status, json!({ "error": error }).to_string())
        }
        _ => refused(status, code, message),
    }
}

fn text(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap_or_default()).unwrap()).unwrap()
}

fn number(value: &Value) -> i64 {
    value.as_str().map_or(0, |text| text.parse().unwrap())
}
