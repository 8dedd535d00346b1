//! At most so many calls at once.

use std::sync::Arc;

use polywire_core::{Code, Encoding, Origin, Reply, Request, Service, Status};
use tokio::sync::Semaphore;
use tower_layer::Layer;

/// Makes [`ConcurrencyLimit`]; all services made by one layer share its limit.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimitLayer {
    name: Arc<str>,
    limit: usize,
    permits: Arc<Semaphore>,
}

impl ConcurrencyLimitLayer {
    /// A limit under a name, which the error of a refused call says.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { name: name.into(), limit, permits: Arc::new(Semaphore::new(limit)) }
    }
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> ConcurrencyLimit<S> {
        ConcurrencyLimit { inner, shared: self.clone() }
    }
}

/// Refuses a call with `resource_exhausted` while as many as may are under way. Nothing waits.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit<S> {
    inner: S,
    shared: ConcurrencyLimitLayer,
}

impl<S: Service> Service for ConcurrencyLimit<S> {
    async fn call(&self, req: Request) -> Reply {
        let ConcurrencyLimitLayer { name, limit, permits } = &self.shared;
        let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
            let text = format!("over the limit `{name}` of {limit} concurrent calls");
            return Err(Status::new(Code::ResourceExhausted, text).with_origin(Origin::NotSent));
        };
        // The permit goes with the response, whose body may outlive this future. If the caller
        // goes away first, dropping the future gives it back.
        Ok(self.inner.call(req).await?.hold(permit))
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
    use futures_util::FutureExt as _;

    use super::*;
    use crate::probe::{Probe, request};

    #[tokio::test]
    async fn a_call_over_the_limit_is_refused_by_name() {
        let service = ConcurrencyLimitLayer::new("probes", 1).layer(Probe);
        let mut waiting = Box::pin(service.call(request("Wait")));
        assert!((&mut waiting).now_or_never().is_none());
        let status = service.call(request("Ok")).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.message(), "over the limit `probes` of 1 concurrent calls");
        drop(waiting);
        service.call(request("Ok")).await.unwrap();
    }

    #[tokio::test]
    async fn a_response_that_is_still_held_counts() {
        let service = ConcurrencyLimitLayer::new("probes", 1).layer(Probe);
        let response = service.call(request("Ok")).await.unwrap();
        service.call(request("Ok")).await.unwrap_err();
        drop(response);
        service.call(request("Ok")).await.unwrap();
    }
}
