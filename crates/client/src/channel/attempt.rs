//! One call, one node after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use polywire_core::{Body, Reply, Request, Status};
use tokio::time::{Instant, sleep};

use super::Inner;
use super::link::Link;
use super::node::Node;
use crate::ClientError;
use crate::error::Sent;
use crate::retry::backoff;

impl Inner {
    /// Tries a call until it is answered, may not be repeated, or retries run out. `sent` is set
    /// once some of it may have left.
    ///
    /// Nearly every call meets a connection that is open and an answer that is final. All else is
    /// boxed, so that this future, which is moved with every call, stays small.
    pub(super) async fn attempts(&self, request: &Request, sent: Option<&AtomicBool>) -> Reply {
        self.budget.deposit();
        let Some(node) = self.nodes.pick_known(&[]) else {
            return Box::pin(self.first_attempt(request, sent)).await;
        };
        let reply = match node.open_connection() {
            Some(connection) => self.send(&node, &connection, request, sent).await,
            None => Box::pin(self.attempt(&node, request, sent)).await,
        };
        match reply {
            Err(status) if self.may_repeat(request, &status, 0) => {
                Box::pin(self.try_again(request, sent, node, status)).await
            }
            reply => reply,
        }
    }

    /// As [`attempts`](Self::attempts), when no node is known yet.
    async fn first_attempt(&self, request: &Request, sent: Option<&AtomicBool>) -> Reply {
        let node = self.nodes.pick(&[]).await.map_err(|error| error.into_status(Sent::No))?;
        match self.attempt(&node, request, sent).await {
            Err(status) if self.may_repeat(request, &status, 0) => {
                self.try_again(request, sent, node, status).await
            }
            reply => reply,
        }
    }

    /// Goes on after an attempt that failed and may be repeated.
    async fn try_again(
        &self,
        request: &Request,
        sent: Option<&AtomicBool>,
        node: Arc<Node>,
        mut status: Status,
    ) -> Reply {
        let mut tried = vec![node];
        loop {
            if !self.budget.withdraw(Instant::now()) {
                return Err(status);
            }
            tracing::debug!(method = %request.method, %status, "trying again");
            let failures = u32::try_from(tried.len()).unwrap_or(u32::MAX);
            // Another node need not be spared; one that just failed does, unless it only did not
            // look at the call.
            let spared =
                failures == 1 && matches!(status.cause(), Some(ClientError::Unprocessed { .. }));
            if !spared && !self.nodes.has_other_than(&tried) {
                let pause = backoff(failures, self.options.max_backoff);
                let end = request.deadline.map(|deadline| Instant::from_std(deadline.instant()));
                if end.is_some_and(|end| Instant::now() + pause >= end) {
                    return Err(status);
                }
                sleep(pause).await;
            }
            let node = self.nodes.pick(&tried).await.map_err(|e| e.into_status(Sent::No))?;
            status = match self.attempt(&node, request, sent).await {
                Err(status) if self.may_repeat(request, &status, failures) => status,
                reply => return reply,
            };
            tried.push(node);
        }
    }

    /// Whether a call that failed may be made once more, `retries` of it made already.
    fn may_repeat(&self, request: &Request, status: &Status, retries: u32) -> bool {
        // Arguments that come one after another are gone once some were sent.
        let is_whole = !matches!(&request.body, Body::Stream(values) if values.is_taken());
        retries < request.hints.retries.unwrap_or(self.options.retries)
            && status.is_retryable(request.hints.idempotent)
            && is_whole
    }

    async fn attempt(
        &self,
        node: &Arc<Node>,
        request: &Request,
        sent: Option<&AtomicBool>,
    ) -> Reply {
        match node.connection(&self.connector).await {
            Ok(connection) => self.send(node, &connection, request, sent).await,
            Err(error) => {
                node.rest(self.options.rest);
                Err(error.into_status(Sent::No))
            }
        }
    }

    async fn send(
        &self,
        node: &Node,
        connection: &Link,
        request: &Request,
        sent: Option<&AtomicBool>,
    ) -> Reply {
        if let Some(sent) = sent {
            sent.store(true, Ordering::Relaxed);
        }
        let in_flight = node.start(self.nodes.are_many());
        let reply = connection.call(request).await;
        in_flight.end(&reply, self.options.rest);
        reply
    }
}
