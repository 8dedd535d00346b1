//! One call, one node after another.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use polywire_core::{Body, CallKind, Deadline, Reply, Request, Status};
use tokio::time::{Instant, sleep, timeout_at};

use super::Inner;
use super::link::Link;
use super::node::Node;
use crate::ClientError;
use crate::error::Sent;
use crate::retry::jittered;

/// What becomes known of a call on its way, for those who look at it from outside.
pub(super) struct Trail<'a> {
    pub(super) channel: &'a Inner,
    kind: CallKind,
    /// Some of the call may have left.
    sent: AtomicBool,
    /// The deadline has passed.
    expired: AtomicBool,
}

impl<'a> Trail<'a> {
    pub(super) const fn new(channel: &'a Inner, kind: CallKind) -> Self {
        Self { channel, kind, sent: AtomicBool::new(false), expired: AtomicBool::new(false) }
    }

    pub(super) fn has_expired(&self) -> bool {
        self.expired.load(Ordering::Relaxed)
    }

    /// Whether the node was to answer and has not. What a stream waits for may be the caller.
    pub(super) fn tells_against_node(&self) -> bool {
        self.kind == CallKind::Unary && self.has_expired()
    }

    /// Gives a call until its deadline. What is under way then is told so, when it is dropped.
    pub(super) async fn until(
        &self,
        deadline: Deadline,
        call: Pin<&mut (impl Future<Output = Reply> + Send)>,
    ) -> Reply {
        if deadline.has_passed(Instant::now().into_std()) {
            return Err(ClientError::Timeout.into_status(Sent::No));
        }
        match timeout_at(Instant::from_std(deadline.instant()), call).await {
            Ok(reply) => reply,
            Err(_elapsed) => {
                self.expired.store(true, Ordering::Relaxed);
                let sent = if self.sent.load(Ordering::Relaxed) { Sent::Perhaps } else { Sent::No };
                Err(ClientError::Timeout.into_status(sent))
            }
        }
    }
}

impl Inner {
    /// Tries a call until it is answered, may not be repeated, or retries run out. `trail` is
    /// kept for those who set a deadline.
    ///
    /// Nearly every call meets a connection that is open and an answer that is final. All else is
    /// boxed, so that this future, which is moved with every call, stays small.
    pub(super) async fn attempts(&self, request: &Request, trail: Option<&Trail<'_>>) -> Reply {
        self.budget.deposit();
        let Some(node) = self.nodes.pick_known(&[]) else {
            return Box::pin(self.first_attempt(request, trail)).await;
        };
        let reply = match node.open_connection() {
            Some(connection) => self.send(&node, &connection, request, trail).await,
            None => Box::pin(self.attempt(&node, request, trail)).await,
        };
        match reply {
            Err(status) if self.may_repeat(request, &status, 0) => {
                Box::pin(self.try_again(request, trail, node, status)).await
            }
            reply => reply,
        }
    }

    /// As [`attempts`](Self::attempts), when no node is known yet.
    async fn first_attempt(&self, request: &Request, trail: Option<&Trail<'_>>) -> Reply {
        let node = self.nodes.pick(&[]).await.map_err(|error| error.into_status(Sent::No))?;
        match self.attempt(&node, request, trail).await {
            Err(status) if self.may_repeat(request, &status, 0) => {
                self.try_again(request, trail, node, status).await
            }
            reply => reply,
        }
    }

    /// Goes on after an attempt that failed and may be repeated.
    async fn try_again(
        &self,
        request: &Request,
        trail: Option<&Trail<'_>>,
        node: Arc<Node>,
        mut status: Status,
    ) -> Reply {
        let mut tried = vec![node];
        loop {
            if !self.may_afford_retry() {
                return Err(status);
            }
            tracing::debug!(method = %request.method, %status, "trying again");
            let failures = u32::try_from(tried.len()).unwrap_or(u32::MAX);
            // Another node need not be spared; one that just failed does, unless it only did not
            // look at the call.
            let spared =
                failures == 1 && matches!(status.cause(), Some(ClientError::Unprocessed { .. }));
            if !spared && !self.nodes.has_other_than(&tried) {
                let pause = jittered(failures, self.options.max_backoff);
                let end = request.deadline.map(|deadline| Instant::from_std(deadline.instant()));
                if end.is_some_and(|end| Instant::now() + pause >= end) {
                    return Err(status);
                }
                sleep(pause).await;
            }
            let node = self.nodes.pick(&tried).await.map_err(|e| e.into_status(Sent::No))?;
            status = match self.attempt(&node, request, trail).await {
                Err(status) if self.may_repeat(request, &status, failures) => status,
                reply => return reply,
            };
            tried.push(node);
        }
    }

    /// Whether a call that failed may be made once more, `retries` of it made already.
    fn may_repeat(&self, request: &Request, status: &Status, retries: u32) -> bool {
        retries < request.hints.retries.unwrap_or(self.options.calls.retries_or_default())
            && status.is_retryable(request.hints.idempotent)
            && is_whole(request)
    }

    /// Pays for a retry, unless they are free.
    pub(super) fn may_afford_retry(&self) -> bool {
        !self.options.has_retry_budget || self.budget.withdraw(Instant::now())
    }

    async fn attempt(
        &self,
        node: &Arc<Node>,
        request: &Request,
        trail: Option<&Trail<'_>>,
    ) -> Reply {
        match node.connection(&self.connector).await {
            Ok(connection) => self.send(node, &connection, request, trail).await,
            Err(error) => {
                node.cannot_be_reached(self);
                Err(error.into_status(Sent::No))
            }
        }
    }

    pub(super) async fn send(
        &self,
        node: &Node,
        connection: &Link,
        request: &Request,
        trail: Option<&Trail<'_>>,
    ) -> Reply {
        if let Some(trail) = trail {
            trail.sent.store(true, Ordering::Relaxed);
        }
        // The head of a stream may come, or be made up, long before the node answers.
        let timed = self.nodes.are_many() && !request.hints.kind.server_streams();
        let in_flight = node.start(timed, trail);
        let reply = connection.call(request).await;
        in_flight.end(&reply, self);
        reply
    }
}

/// Whether a call can still be made from its start: arguments that come one after another are gone
/// once some were sent.
pub(super) fn is_whole(request: &Request) -> bool {
    !matches!(&request.body, Body::Stream(values) if values.is_taken())
}
