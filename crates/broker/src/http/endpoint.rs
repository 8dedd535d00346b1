//! Where subscriptions are posted to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use polywire_core::{Address, Delivery, Event};
use polywire_net::{BoxStream, Listener, Socket, TlsServer};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::whole::{self, ReadError, Whole};
use super::{MAX_MESSAGE_BYTES, query};
use crate::message;

/// A port for the subscriptions of one broker. Letting go of it refuses newcomers at once, and ends
/// its connections when they have answered.
pub(super) struct Endpoint {
    address: Address,
    subscriptions: Arc<Subscriptions>,
    _open: DropGuard,
}

impl Endpoint {
    /// Listens; the future serves until the endpoint is let go of.
    pub(super) async fn bind(
        address: &Address,
        tls: Option<TlsServer>,
    ) -> io::Result<(Arc<Self>, impl Future<Output = ()> + Send + 'static)> {
        let listener = Listener::bind(address).await?;
        let address = listener.local_address().clone();
        let (subscriptions, closed) = (Arc::<Subscriptions>::default(), CancellationToken::new());
        let serving = serve(listener, tls, Arc::clone(&subscriptions), closed.clone());
        let endpoint = Self { address, subscriptions, _open: closed.drop_guard() };
        Ok((Arc::new(endpoint), serving))
    }

    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }
}

async fn serve(
    listener: Listener,
    tls: Option<TlsServer>,
    subscriptions: Arc<Subscriptions>,
    closed: CancellationToken,
) {
    let (slots, mut connections) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), JoinSet::new());
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            next = next => next,
            Some(_ended) = connections.join_next() => continue,
            () = closed.cancelled() => break,
        };
        let (Ok(slot), Ok((socket, _peer))) = (slot, accepted) else {
            // Out of descriptors, or the peer left the queue: neither ends the listener.
            time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let connection =
            converse(socket, tls.clone(), Arc::clone(&subscriptions), closed.clone(), slot);
        connections.spawn(connection);
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    drop(time::timeout(TAKING, ended).await);
}

/// Serves one connection.
async fn converse(
    socket: Socket,
    tls: Option<TlsServer>,
    subscriptions: Arc<Subscriptions>,
    closed: CancellationToken,
    _slot: OwnedSemaphorePermit,
) {
    let io: BoxStream = match tls {
        None => Box::new(socket),
        Some(tls) => match time::timeout(HANDSHAKE, tls.accept(socket)).await {
            Ok(Ok(io)) => io,
            Ok(Err(error)) => return tracing::debug!(%error, "no TLS with a publisher"),
            Err(_elapsed) => return,
        },
    };
    let service = service_fn(move |request| {
        let subscriptions = Arc::clone(&subscriptions);
        async move { subscriptions.answer(request).await }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(io), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = closed.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a publisher's connection ended");
    }
}

/// The subscriptions of one endpoint, by their ids.
#[derive(Default)]
pub(super) struct Subscriptions(Mutex<HashMap<String, Place>>);

struct Place {
    topic: String,
    sender: Sender<Delivery>,
    seen: Seen,
}

/// An event that was not taken. The connection ends without an answer then: a publisher of go-micro
/// takes every answer for a success, and keeps an event only if its connection fails.
#[derive(Debug, thiserror::Error)]
#[error("the event was not taken")]
struct NotTaken;

impl Subscriptions {
    /// Makes a place for a subscription; the events posted there come out here.
    pub(super) fn add(&self, id: &str, topic: &str) -> Receiver<Delivery> {
        let (sender, events) = mpsc::channel(BUFFERED);
        let place = Place { topic: topic.to_owned(), sender, seen: Seen::default() };
        self.table().insert(id.to_owned(), place);
        events
    }

    pub(super) fn remove(&self, id: &str) {
        self.table().remove(id);
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        // Nothing panics halfway through a change, so the table is whole even then.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Whole>, NotTaken> {
        if request.method() != Method::POST {
            let error = micro_error(400, "Method not allowed", "Bad Request");
            let mut refusal = response(StatusCode::METHOD_NOT_ALLOWED, error + "\n");
            let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
            refusal.headers_mut().insert(header::CONTENT_TYPE, plain);
            refusal.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            return Ok(refusal);
        }
        let id = query::id(request.uri().query().unwrap_or_default()).unwrap_or_default();
        let body = whole::read(request.into_body(), MAX_MESSAGE_BYTES);
        let body = match time::timeout(READING, body).await.map_err(|_elapsed| NotTaken)? {
            Ok(body) => body,
            Err(ReadError::Broken(_)) => return Err(NotTaken),
            Err(error @ ReadError::TooLarge(_)) => {
                let text = format!("Error reading request body: {error}");
                let error = micro_error(413, &text, "Request Entity Too Large");
                return Ok(response(StatusCode::PAYLOAD_TOO_LARGE, error));
            }
        };
        let failed = |text: &str| {
            let error = micro_error(500, text, "Internal Server Error");
            response(StatusCode::INTERNAL_SERVER_ERROR, error)
        };
        match message::decode(&body) {
            Err(error) => Ok(failed(&format!("Error parsing request body: {error}"))),
            Ok(event) if event.topic.is_empty() => Ok(failed("Topic not found")),
            Ok(event) => {
                self.take(&id, event).await?;
                Ok(response(StatusCode::OK, String::new()))
            }
        }
    }

    /// Hands an event to the subscription that it was posted to, which may take a while to have room.
    async fn take(&self, id: &str, event: Event) -> Result<(), NotTaken> {
        let sender = {
            let table = self.table();
            let place = table.get(id).filter(|place| place.topic == event.topic);
            let place = place.ok_or(NotTaken)?;
            if place.seen.contains(&event.id) {
                tracing::debug!(topic = event.topic, id = event.id, "an event came again");
                return Ok(());
            }
            place.sender.clone()
        };
        let reserved = time::timeout(TAKING, sender.reserve_owned()).await;
        let Ok(Ok(room)) = reserved else { return Err(NotTaken) };
        let mut table = self.table();
        let place = table.get_mut(id).ok_or(NotTaken)?;
        // The same event may have come another way in the meantime.
        if !place.seen.contains(&event.id) {
            place.seen.note(&event.id);
            room.send(Delivery::new(event));
        }
        Ok(())
    }
}

/// The events that were taken last, by what their ids hash to: 64 bits, so that long ids cost nothing
/// and two are hardly ever taken for one.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    known: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl Seen {
    /// An event without an id is always a new one.
    fn contains(&self, id: &str) -> bool {
        !id.is_empty() && self.known.contains(&self.hasher.hash_one(id))
    }

    fn note(&mut self, id: &str) {
        let hash = self.hasher.hash_one(id);
        if id.is_empty() || !self.known.insert(hash) {
            return;
        }
        self.in_order.push_back(hash);
        if self.in_order.len() > REMEMBERED
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

fn response(status: StatusCode, body: String) -> Response<Whole> {
    let mut response = Response::new(Whole::new(body));
    *response.status_mut() = status;
    response
}

/// An error as go-micro's broker writes it.
fn micro_error(code: u16, detail: &str, status: &str) -> String {
    let detail = serde_json::Value::from(detail);
    format!(r#"{{"id":"go.micro.broker","code":{code},"detail":{detail},"status":"{status}"}}"#)
}

/// Connections of publishers at once.
const MAX_CONNECTIONS: usize = 1024;

/// What a head may take.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Events that a subscription holds.
const BUFFERED: usize = 256;

/// Ids that a subscription remembers.
const REMEMBERED: usize = 1024;

/// How long an event waits for room.
const TAKING: Duration = Duration::from_secs(5);

/// How long a handshake of TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the body of a request may take.
const READING: Duration = Duration::from_secs(30);

/// How long a connection may be idle, or its next head take. Longer than Go's clients leave theirs
/// idle, so that it is they who close.
const IDLE: Duration = Duration::from_secs(120);

/// How long to wait after an accept failed: for want of descriptors it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ids_are_remembered_and_no_more() {
        let mut seen = Seen::default();
        for n in 0..=REMEMBERED {
            assert!(!seen.contains(&n.to_string()));
            seen.note(&n.to_string());
            seen.note(&n.to_string());
        }
        assert!(seen.contains("1") && !seen.contains("0"));
        assert_eq!((seen.known.len(), seen.in_order.len()), (REMEMBERED, REMEMBERED));
        seen.note("");
        assert!(!seen.contains(""));
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_waits_for_room_and_is_not_taken_without() {
        let subscriptions = Subscriptions::default();
        let mut events = subscriptions.add("t-1", "t");
        let event = |n: usize| Event::new("t", "", "").with_id(n.to_string());
        for n in 0..BUFFERED {
            subscriptions.take("t-1", event(n)).await.unwrap();
        }
        subscriptions.take("t-1", event(7)).await.unwrap();
        subscriptions.take("t-1", event(BUFFERED)).await.unwrap_err();
        assert_eq!(events.recv().await.unwrap().event.id, "0");
        subscriptions.take("t-1", event(BUFFERED)).await.unwrap();
        subscriptions.take("t-2", event(1)).await.unwrap_err();
        subscriptions.take("t-1", Event::new("u", "", "")).await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_posted_twice_at_once_is_taken_once() {
        let subscriptions = Subscriptions::default();
        let mut events = subscriptions.add("t-1", "t");
        let event = |n: usize| Event::new("t", "", "").with_id(n.to_string());
        for n in 0..BUFFERED {
            subscriptions.take("t-1", event(n)).await.unwrap();
        }
        // Both wait for room, and both get it.
        let room = async {
            tokio::task::yield_now().await;
            [events.recv().await.unwrap(), events.recv().await.unwrap()]
        };
        let twice = || subscriptions.take("t-1", event(BUFFERED));
        let (one, other, _) = tokio::join!(twice(), twice(), room);
        one.and(other).unwrap();
        for n in 2..=BUFFERED {
            assert_eq!(events.try_recv().unwrap().event.id, n.to_string());
        }
        assert!(events.try_recv().is_err());
    }
}
