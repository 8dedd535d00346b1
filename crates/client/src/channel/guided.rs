//! Calls that say how they are to be made: all that the short way of `attempt.rs` leaves out.

use std::borrow::Cow;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use polywire_core::{CallKind, Instance, Origin, Reply, Request, Status};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use super::attempt::{Trail, is_whole};
use super::link::Link;
use super::node::Node;
use super::wrapped::Attempt;
use super::{Inner, balance};
use crate::error::Sent;
use crate::options::Words;
use crate::{Backoff, Balancer, CallOptions, ClientError, Picker, RetryIf, micro_error};

impl Inner {
    /// A call with options of its own, or on a channel that has others than usual.
    pub(super) async fn guided(&self, mut request: Request) -> Reply {
        let base = self.options_of(&request.method);
        let options = match request.extensions.remove::<CallOptions>() {
            Some(own) => Cow::Owned(own.over(base)),
            None => Cow::Borrowed(base),
        };
        let (trail, deadline) = (Trail::new(self, request.hints.kind), request.deadline);
        let rounds = pin!(self.rounds(&mut request, &options, &trail));
        let reply = match deadline {
            None => rounds.await,
            Some(deadline) => trail.until(deadline, rounds).await,
        };
        match self.options.words {
            Words::Own => reply,
            Words::Micro => reply.map_err(micro_error::reword),
        }
    }

    /// Makes one attempt after another.
    async fn rounds(
        &self,
        request: &mut Request,
        options: &CallOptions,
        trail: &Trail<'_>,
    ) -> Reply {
        let retries = request.hints.retries.unwrap_or(options.retries_or_default());
        let own_metadata = (!options.wrappers.is_empty()).then(|| request.metadata.clone());
        let condition = options.retry_if.as_ref().unwrap_or(&SAFE);
        let mut course = Course::new(self, options);
        let mut has_left = false;
        self.budget.deposit();
        loop {
            let node = course.next(request).await.map_err(|status| told(status, has_left))?;
            if let Some(metadata) = &own_metadata {
                request.metadata.clone_from(metadata);
            }
            let instance = node.instance();
            let mark = Mark::new(options, &instance, trail);
            let attempt = Attempt {
                trail,
                node: &node,
                instance: &instance,
                request: &mut *request,
                options,
                wrappers: &options.wrappers,
                number: course.number,
            };
            let reply = attempt.proceed().await;
            mark.end(&reply);
            let status = match reply {
                Err(status) if course.number < retries => status,
                Err(status) => return Err(told(status, has_left)),
                reply => return reply,
            };
            let closed = matches!(status.cause(), Some(ClientError::Shutdown));
            let wanted = condition.allows(request, course.number, &status);
            if closed || !is_whole(request) || !wanted || !self.may_afford_retry() {
                return Err(told(status, has_left));
            }
            has_left |= status.origin() != Origin::NotSent;
            tracing::debug!(method = %request.method, %status, "trying again");
            course.failed(node, status);
        }
    }

    /// Connects if need be and sends the call, within the limits of one attempt.
    pub(super) async fn limited(
        &self,
        node: &Arc<Node>,
        request: &Request,
        options: &CallOptions,
        trail: &Trail<'_>,
    ) -> Reply {
        let connection = self.connected(node, options).await?;
        let sending = self.send(node, &connection, request, Some(trail));
        let limit = options.attempt_timeout.filter(|_| request.hints.kind == CallKind::Unary);
        let Some(limit) = limit else { return sending.await };
        match timeout(limit, sending).await {
            Ok(reply) => reply,
            Err(_elapsed) => {
                node.left_unanswered(self);
                let address = node.endpoint.address.clone();
                Err(ClientError::AttemptTimeout { address, limit }.into_status(Sent::Perhaps))
            }
        }
    }

    async fn connected(
        &self,
        node: &Arc<Node>,
        options: &CallOptions,
    ) -> Result<Arc<Link>, Status> {
        let connecting = node.connection(&self.connector);
        let connected = match options.connect_timeout {
            None => connecting.await,
            Some(limit) => match timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(elapsed) => {
                    // That this caller is in a hurry does not prove that the node is gone.
                    node.left_unanswered(self);
                    let source = Arc::new(io::Error::new(io::ErrorKind::TimedOut, elapsed));
                    let address = node.endpoint.address.clone();
                    return Err(ClientError::Connect { address, source }.into_status(Sent::No));
                }
            },
        };
        connected.map_err(|error| {
            node.cannot_be_reached(self);
            error.into_status(Sent::No)
        })
    }
}

/// Which nodes a call goes to, one after another.
struct Course<'a> {
    channel: &'a Inner,
    options: &'a CallOptions,
    backoff: Cow<'a, Backoff>,
    tried: Vec<Arc<Node>>,
    /// Of the attempt that is next.
    number: u32,
    /// How the last attempt ended.
    failure: Option<Status>,
}

impl<'a> Course<'a> {
    fn new(channel: &'a Inner, options: &'a CallOptions) -> Self {
        let backoff = match &options.backoff {
            Some(backoff) => Cow::Borrowed(backoff),
            None => Cow::Owned(Backoff::jittered(channel.options.max_backoff)),
        };
        Self { channel, options, backoff, tried: Vec::new(), number: 0, failure: None }
    }

    /// Takes note of an attempt that failed.
    fn failed(&mut self, node: Arc<Node>, status: Status) {
        // Retries have no bound but nodes do.
        if !self.has_tried(&node) {
            self.tried.push(node);
        }
        self.failure = Some(status);
        self.number = self.number.saturating_add(1);
    }

    /// Waits as long as it should be, and finds the node for the next attempt.
    async fn next(&mut self, request: &Request) -> Result<Arc<Node>, Status> {
        let pause = self.backoff.pause(request, self.number);
        if pause.is_zero() || self.is_spared().await? {
            if self.number > 0 {
                // Attempts that fail at once must not keep others from running.
                yield_now().await;
            }
        } else {
            let end = request.deadline.map(|deadline| Instant::from_std(deadline.instant()));
            let over = Instant::now().checked_add(pause);
            let in_vain = end.is_some_and(|end| over.is_none_or(|over| over >= end));
            if in_vain
                && self.backoff.spares_other_nodes()
                && let Some(failure) = self.failure.take()
            {
                return Err(failure);
            }
            sleep(pause).await;
        }
        let nodes = self.nodes().await.map_err(|error| error.into_status(Sent::No))?;
        let balancer = self.options.balancer.as_ref();
        balance::choose(balancer.unwrap_or(&BALANCER), &nodes, &self.tried)
            .ok_or_else(|| self.none_fits().into_status(Sent::No))
    }

    /// Whether the next attempt need not wait, since it will not bother a node that just failed.
    async fn is_spared(&self) -> Result<bool, Status> {
        if !self.backoff.spares_other_nodes() {
            return Ok(false);
        }
        let cause = self.failure.as_ref().and_then(Status::cause);
        if self.number == 1 && matches!(cause, Some(ClientError::Unprocessed { .. })) {
            return Ok(true);
        }
        let nodes = self.nodes().await.map_err(|error| error.into_status(Sent::No))?;
        Ok(nodes.iter().any(|node| !self.has_tried(node)))
    }

    /// The nodes the call may go to; there is one at least.
    async fn nodes(&self) -> Result<Arc<Vec<Arc<Node>>>, ClientError> {
        let (channel, filters) = (self.channel, &self.options.filters);
        if let Some(addresses) = self.options.addresses.as_deref().filter(|list| !list.is_empty()) {
            return channel.given.nodes(addresses).map(Arc::new);
        }
        let known = channel.nodes.known().await?;
        if filters.is_empty() {
            return Ok(known);
        }
        let passes = |node: &&Arc<Node>| filters.iter().all(|filter| node.passes(filter));
        let fit: Vec<_> = known.iter().filter(passes).cloned().collect();
        if fit.is_empty() { Err(self.none_fits()) } else { Ok(Arc::new(fit)) }
    }

    fn none_fits(&self) -> ClientError {
        let mut filters: Vec<_> = self.options.filters.iter().map(ToString::to_string).collect();
        if filters.is_empty() {
            filters.push("the balancer takes none".to_owned());
        }
        let service = Arc::clone(self.channel.nodes.target());
        ClientError::NoneFits { service, filters: filters.join(", ") }
    }

    fn has_tried(&self, node: &Arc<Node>) -> bool {
        self.tried.iter().any(|other| Arc::ptr_eq(other, node))
    }
}

/// Tells a picker how an attempt ended, also if time ran out meanwhile.
struct Mark<'a> {
    picker: Option<&'a dyn Picker>,
    instance: &'a Instance,
    trail: &'a Trail<'a>,
}

impl<'a> Mark<'a> {
    fn new(options: &'a CallOptions, instance: &'a Instance, trail: &'a Trail<'a>) -> Self {
        let picker = options.balancer.as_ref().and_then(|balancer| balancer.picker());
        Self { picker, instance, trail }
    }

    fn end(mut self, reply: &Reply) {
        if let Some(picker) = self.picker.take() {
            picker.mark(self.instance, reply.as_ref().map(drop));
        }
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if let Some(picker) = self.picker
            && self.trail.has_expired()
        {
            picker.mark(self.instance, Err(&ClientError::Timeout.into_status(Sent::Perhaps)));
        }
    }
}

/// What holds where nothing else is asked for.
static BALANCER: Balancer = Balancer::least_loaded();
/// The failure of a call: what an earlier attempt has sent, the last one cannot take back.
fn told(status: Status, has_left: bool) -> Status {
    match status.origin() {
        Origin::NotSent if has_left => status.with_origin(Origin::Lost),
        _ => status,
    }
}

static SAFE: RetryIf = RetryIf::safe();
