//! A panic is an error for its caller and nobody else.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use polywire_core::{Code, Encoding, Reply, Request, Service, Status};
use tower_layer::Layer;

/// Makes [`CatchPanic`].
#[derive(Debug, Clone, Copy, Default)]
pub struct CatchPanicLayer;

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic { inner }
    }
}

/// Answers `internal` when what it wraps panics; the panic's text goes to the log and not to the
/// peer.
#[derive(Debug, Clone)]
pub struct CatchPanic<S> {
    inner: S,
}

impl<S: Service> Service for CatchPanic<S> {
    async fn call(&self, req: Request) -> Reply {
        let method = req.method.clone();
        // The state a panic may have left half-changed is the handler's own, as on a thread.
        let call = AssertUnwindSafe(async { self.inner.call(req).await }).catch_unwind();
        call.await.unwrap_or_else(|panic| {
            tracing::error!(%method, panic = text(&*panic), "the handler panicked");
            Err(Status::new(Code::Internal, "the handler panicked"))
        })
    }

    fn encoding(&self) -> Encoding {
        self.inner.encoding()
    }

    fn is_mixed(&self) -> bool {
        self.inner.is_mixed()
    }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let formatted = panic.downcast_ref::<String>().map(String::as_str);
    formatted.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("of another kind")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Probe, request};

    #[tokio::test]
    async fn a_panic_is_answered_without_its_text() {
        let service = CatchPanicLayer.layer(Probe);
        let status = service.call(request("Panic")).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Internal, "the handler panicked"));
        service.call(request("Ok")).await.unwrap();
    }
}
