//! Calls that go on when their caller has gone away.
//!
//! Such a call is a task that its method owns ([`Detached`]). The server it came in by counts it
//! ([`Counting`]), so that draining waits for it.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use polywire_core::{Code, Reply, Request, Service, Status};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::Router;

tokio::task_local! {
    /// Counts the detached calls of the server that the call being polled came in by. The leaf
    /// knows only its method, which may be offered by several servers.
    static COUNT: TaskTracker;
}

/// A router whose detached calls are counted.
#[derive(Debug)]
pub(crate) struct Counting {
    pub(crate) router: Router,
    pub(crate) count: TaskTracker,
}

impl Counting {
    /// Whether there is anything to count; everybody else need not pay for it.
    pub(crate) fn is_needed(router: &Router) -> bool {
        router.services().any(|(_, service)| service.methods.iter().any(|method| method.detached))
    }
}

impl Service for Counting {
    fn call(&self, req: Request) -> impl Future<Output = Reply> + Send {
        COUNT.scope(self.count.clone(), self.router.start(req))
    }
}

/// The calls of one detached method. They end with the router that offers the method.
#[derive(Debug, Default)]
pub(crate) struct Detached(Mutex<JoinSet<()>>);

/// How many calls of one detached method may run: those whose callers went away count against no
/// connection's limit any more.
const MAX_DETACHED: usize = 4096;

impl Detached {
    /// Runs a call in a task of its own and waits for its reply.
    ///
    /// Dropping the future leaves the call running.
    pub(crate) async fn run(&self, answer: impl Future<Output = Reply> + Send + 'static) -> Reply {
        let told = {
            let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            if tasks.len() >= MAX_DETACHED {
                let text = format!("over the limit of {MAX_DETACHED} running detached calls");
                return Err(Status::new(Code::ResourceExhausted, text));
            }
            let (tell, told) = oneshot::channel();
            let counted = COUNT.try_with(TaskTracker::token).ok();
            tasks.spawn(async move {
                let reply = answer.await;
                drop(counted);
                // Nobody may be left to tell.
                drop(tell.send(reply));
            });
            told
        };
        // A task that panics drops its end.
        told.await.unwrap_or_else(|_| Err(Status::new(Code::Internal, "the handler panicked")))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use polywire_core::Response;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_call_goes_on_when_nobody_waits_for_it() {
        let (detached, done) = (Detached::default(), Arc::new(Semaphore::new(0)));
        let tell = Arc::clone(&done);
        let answer = async move {
            tokio::task::yield_now().await;
            tell.add_permits(1);
            Ok(Response::default())
        };
        assert!(detached.run(answer).now_or_never().is_none());
        drop(done.acquire().await.unwrap());
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let status = Detached::default().run(async { panic!("on purpose") }).await.unwrap_err();
        assert_eq!(status.message(), "the handler panicked");
    }

    #[tokio::test]
    async fn callers_who_go_away_cannot_pile_up_calls_without_end() {
        let detached = Detached::default();
        for _ in 0..MAX_DETACHED {
            assert!(detached.run(pending()).now_or_never().is_none());
        }
        let status = detached.run(pending()).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
    }
}
