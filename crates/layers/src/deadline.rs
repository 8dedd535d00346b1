//! Nobody works for a caller who has stopped waiting.

use std::time::Duration;

use polywire_core::{Code, Encoding, Reply, Request, Service, Status};
use tokio::time::{Instant, timeout_at};
use tower_layer::Layer;

/// Makes [`Deadline`].
#[derive(Debug, Clone, Copy, Default)]
pub struct DeadlineLayer {
    default: Option<Duration>,
}

impl DeadlineLayer {
    /// Enforces the deadlines that calls have.
    #[must_use]
    pub const fn new() -> Self {
        Self { default: None }
    }

    /// Gives a call without a deadline this much time. Default: as long as it takes.
    #[must_use]
    pub const fn default_timeout(mut self, timeout: Duration) -> Self {
        self.default = Some(timeout);
        self
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner, default: self.default }
    }
}

/// Refuses calls whose deadline has passed, and drops those that are under way when it passes. The
/// clock is read only for calls that have a deadline.
#[derive(Debug, Clone)]
pub struct Deadline<S> {
    inner: S,
    default: Option<Duration>,
}

impl<S: Service> Service for Deadline<S> {
    async fn call(&self, mut req: Request) -> Reply {
        if let (None, Some(default)) = (req.deadline, self.default) {
            req.deadline = polywire_core::Deadline::after(Instant::now().into_std(), default);
        }
        let Some(deadline) = req.deadline else { return self.inner.call(req).await };
        if deadline.has_passed(Instant::now().into_std()) {
            return Err(passed());
        }
        let end = Instant::from_std(deadline.instant());
        timeout_at(end, self.inner.call(req)).await.unwrap_or_else(|_elapsed| Err(passed()))
    }

    fn encoding(&self) -> Encoding {
        self.inner.encoding()
    }

    fn is_mixed(&self) -> bool {
        self.inner.is_mixed()
    }
}

fn passed() -> Status {
    Status::new(Code::DeadlineExceeded, "the deadline has passed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Probe, request};

    #[tokio::test(start_paused = true)]
    async fn a_call_under_way_ends_at_its_deadline() {
        let begin = Instant::now();
        let service = DeadlineLayer::new().default_timeout(Duration::from_secs(3)).layer(Probe);
        let status = service.call(request("Wait")).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(begin.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_deadline_has_passed_is_not_begun() {
        let service = DeadlineLayer::new().layer(Probe);
        let mut late = request("Panic");
        late.deadline = Some(polywire_core::Deadline::at(Instant::now().into_std()));
        let status = service.call(late).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
}
