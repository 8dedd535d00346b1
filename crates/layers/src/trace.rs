//! One event per call, for whoever listens.

use polywire_core::{Encoding, Reply, Request, Service};
use tokio::time::Instant;
use tower_layer::Layer;
use tracing::Level;

/// Makes [`Trace`].
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner }
    }
}

/// Emits an event at `debug` when a call has ended: method, peer, time taken, and the code of a
/// failure. Without a subscriber that wants it, the clock is not even read.
#[derive(Debug, Clone)]
pub struct Trace<S> {
    inner: S,
}

impl<S: Service> Service for Trace<S> {
    async fn call(&self, req: Request) -> Reply {
        if !tracing::enabled!(Level::DEBUG) {
            return self.inner.call(req).await;
        }
        let (method, connection, begin) =
            (req.method.clone(), req.connection.clone(), Instant::now());
        let reply = self.inner.call(req).await;
        let peer = connection.as_ref().map(|connection| connection.peer.as_str());
        let elapsed = begin.elapsed();
        match &reply {
            Ok(_) => tracing::debug!(%method, peer, ?elapsed, "answered"),
            Err(status) => {
                tracing::debug!(%method, peer, ?elapsed, code = %status.code(), "failed");
            }
        }
        reply
    }

    fn encoding(&self) -> Encoding {
        self.inner.encoding()
    }

    fn is_mixed(&self) -> bool {
        self.inner.is_mixed()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::probe::{Probe, request};

    /// Keeps the text of events.
    struct Events(Arc<Mutex<Vec<String>>>);

    struct Text(String);

    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if field.name() != "elapsed" {
                self.0 += &format!("{}={value:?} ", field.name());
            }
        }
    }

    impl Subscriber for Events {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut text = Text(String::new());
            event.record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[tokio::test]
    async fn each_call_is_one_event() {
        let events = Arc::new(Mutex::new(Vec::new()));
        let guard = tracing::subscriber::set_default(Events(Arc::clone(&events)));
        let service = TraceLayer.layer(Probe);
        service.call(request("Ok")).await.unwrap();
        service.call(request("Fail")).await.unwrap_err();
        drop(guard);
        let events = events.lock().unwrap();
        let expected =
            ["message=answered method=P.Ok ", "message=failed method=P.Fail code=not_found "];
        assert_eq!(*events, expected);
    }
}
