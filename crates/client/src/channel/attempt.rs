//! One call, one node after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use polywire_core::{Reply, Request};
use tokio::time::{Instant, sleep};

use super::Inner;
use super::node::Node;
use crate::error::Sent;
use crate::retry::backoff;

impl Inner {
    /// Tries a call until it is answered, may not be repeated, or retries run out. `sent` is set
    /// once some of it may have left.
    pub(super) async fn attempts(&self, request: &Request, sent: Option<&AtomicBool>) -> Reply {
        self.budget.deposit();
        let mut tried: Vec<Arc<Node>> = Vec::new();
        loop {
            let node = self.nodes.pick(&tried).await.map_err(|e| e.into_status(Sent::No))?;
            let status = match self.attempt(&node, request, sent).await {
                Ok(response) => return Ok(response),
                Err(status) => status,
            };
            let retries = request.hints.retries.unwrap_or(self.options.retries);
            let left = u32::try_from(tried.len()).is_ok_and(|made| made < retries);
            if !left
                || !status.is_retryable(request.hints.idempotent)
                || !self.budget.withdraw(Instant::now())
            {
                return Err(status);
            }
            tracing::debug!(method = %request.method, node = %node, %status, "trying again");
            tried.push(node);
            // Another node need not be spared; one that just failed does.
            if !self.nodes.has_other_than(&tried) {
                let failures = u32::try_from(tried.len()).unwrap_or(u32::MAX);
                let pause = backoff(failures, self.options.max_backoff);
                let end = request.deadline.map(|deadline| Instant::from_std(deadline.instant()));
                if end.is_some_and(|end| Instant::now() + pause >= end) {
                    return Err(status);
                }
                sleep(pause).await;
            }
        }
    }

    async fn attempt(&self, node: &Node, request: &Request, sent: Option<&AtomicBool>) -> Reply {
        let connection = match node.connection(&self.connector).await {
            Ok(connection) => connection,
            Err(error) => {
                node.rest(self.options.rest);
                return Err(error.into_status(Sent::No));
            }
        };
        if let Some(sent) = sent {
            sent.store(true, Ordering::Relaxed);
        }
        let in_flight = node.start(self.nodes.are_many());
        let reply = connection.call(request).await;
        in_flight.end(&reply, self.options.rest);
        reply
    }
}
