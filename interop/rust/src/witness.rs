//! What the server has seen.

use std::time::Duration;

use polywire::{Code, Context, Schema, Status, service, subscribe};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::grpc::{Empty, Payload, SimpleRequest};

/// What was seen; `SimpleResponse` of gRPC's test service, with the fields that this takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct Seen {
    /// The payload of an event.
    #[schema(tag = 1)]
    pub payload: Option<Payload>,
    /// The metadata `trace-id`.
    #[schema(tag = 2)]
    pub username: String,
    /// The topic of an event.
    #[schema(tag = 3)]
    pub oauth_scope: String,
}

/// Tells what the server has seen.
#[derive(Debug)]
pub struct Witness {
    noted: mpsc::Sender<Seen>,
    events: Mutex<mpsc::Receiver<Seen>>,
}

impl Default for Witness {
    fn default() -> Self {
        let (noted, events) = mpsc::channel(EVENTS);
        Self { noted, events: Mutex::new(events) }
    }
}

impl Witness {
    /// What notes events; those beyond the number that is kept are given up.
    #[must_use]
    pub fn notes(&self) -> Notes {
        Notes(self.noted.clone())
    }
}

#[service]
impl Witness {
    /// The metadata `trace-id` of the call.
    pub async fn trace(&self, cx: &Context, _empty: Empty) -> Seen {
        Seen { username: trace_id(cx), ..Seen::default() }
    }

    /// The oldest event that was not given yet; waits so many milliseconds for one.
    ///
    /// # Errors
    /// There was none.
    pub async fn event(&self, request: SimpleRequest) -> Result<Seen, Status> {
        let wait = Duration::from_millis(u64::try_from(request.response_size).unwrap_or_default());
        let mut events = self.events.lock().await;
        let event = timeout(wait, events.recv()).await.ok().flatten();
        event.ok_or_else(|| Status::new(Code::NotFound, "no event"))
    }
}

/// The metadata `trace-id` of a call or an event.
#[must_use]
pub fn trace_id(cx: &Context) -> String {
    cx.metadata.get("trace-id").map(str::to_owned).unwrap_or_default()
}

/// As many events as are kept.
const EVENTS: usize = 64;

/// Notes the events of two topics; of one of them those that come to its queue.
#[derive(Debug, Clone)]
pub struct Notes(pub mpsc::Sender<Seen>);

impl Notes {
    fn note(&self, topic: &str, cx: &Context, event: SimpleRequest) {
        let (username, oauth_scope) = (trace_id(cx), topic.to_owned());
        // Nobody has asked for those that are too many.
        let _full = self.0.try_send(Seen { payload: event.payload, username, oauth_scope });
    }
}

#[subscribe]
impl Notes {
    /// Everyone who subscribes gets it.
    #[event(topic = "interop.event")]
    pub async fn event(&self, cx: &Context, event: SimpleRequest) {
        self.note(TOPIC, cx, event);
    }

    /// One of those in the queue gets it.
    #[event(topic = "interop.work", queue = "workers")]
    pub async fn work(&self, cx: &Context, event: SimpleRequest) {
        self.note(WORK, cx, event);
    }
}

/// What everyone who subscribes gets.
pub const TOPIC: &str = "interop.event";
/// What one of those in the queue gets.
pub const WORK: &str = "interop.work";
