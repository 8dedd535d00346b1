//! What the server has seen.

use std::time::Duration;

use polywire::{Code, Context, Schema, Status, service};
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
    /// What subscribers note events with; those beyond the number that is kept are given up.
    #[must_use]
    pub fn notes(&self) -> mpsc::Sender<Seen> {
        self.noted.clone()
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

/// What everyone who subscribes gets.
pub const TOPIC: &str = "interop.event";
/// What one of those in the queue gets.
pub const WORK: &str = "interop.work";
/// The queue of [`WORK`].
pub const QUEUE: &str = "workers";
