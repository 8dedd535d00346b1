//! One call, as generated clients hand it out.

use std::fmt;
use std::future::ready;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use polywire_codec::{FromResponse, IntoBody};
use polywire_core::{
    ByteStr, Context, Deadline, Metadata, MethodDescriptor, MethodName, Reply, Request, Service,
    Status,
};
use tokio::time::Instant;

use crate::error::Sent;
use crate::{Attempt, AttemptFuture, Backoff, Balancer, CallOptions, ClientError, Filter, RetryIf};

/// A call that is made when it is awaited; options can be set before.
///
/// ```no_run
/// # use std::time::Duration;
/// # use polywire_client::{Call, Channel};
/// # use polywire_core::{MethodDescriptor, Status};
/// # async fn f(channel: &Channel, add: &'static MethodDescriptor) -> Result<(), Status> {
/// let sum: i64 = Call::new(channel, add, 7_i64)
///     .timeout(Duration::from_millis(100))
///     .metadata("tenant", "acme")
///     .await?;
/// # drop(sum);
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is made when it is awaited"]
pub struct Call<'a, S, A, R> {
    service: &'a S,
    method: &'static MethodDescriptor,
    /// Another name for the service than the descriptor's.
    service_name: Option<Arc<str>>,
    argument: A,
    timeout: Option<Duration>,
    deadline: Option<Deadline>,
    metadata: Metadata,
    retries: Option<u32>,
    /// All that is seldom said.
    options: Option<Box<CallOptions>>,
    reply: PhantomData<fn() -> R>,
}

impl<'a, S, A, R> Call<'a, S, A, R> {
    /// A call of a method, through a channel, a layered service or a router.
    pub const fn new(service: &'a S, method: &'static MethodDescriptor, argument: A) -> Self {
        Self {
            service,
            method,
            service_name: None,
            argument,
            timeout: None,
            deadline: None,
            metadata: Metadata::new(),
            retries: None,
            options: None,
            reply: PhantomData,
        }
    }

    /// How long the call may take, retries included, counted from when it is awaited. Default:
    /// the deadline of the [`context`](Self::context) if there is one, else the channel's timeout.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Adds an entry to the metadata that travels with the call.
    pub fn metadata(mut self, name: impl Into<ByteStr>, value: impl Into<ByteStr>) -> Self {
        self.metadata.append(name, value);
        self
    }

    /// Attempts after the first, where the call may be repeated at all. Default: the channel's.
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// How the call is to be made; what `options` leaves open is as the channel has it. Options
    /// given before are replaced, except for what [`timeout`](Self::timeout) and
    /// [`retries`](Self::retries) said.
    pub fn options(mut self, options: &CallOptions) -> Self {
        self.options = Some(Box::new(options.clone()));
        self
    }

    /// Goes to one of these addresses, whatever the registry says:
    /// [`CallOptions::addresses`].
    pub fn addresses(self, addresses: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(|options| options.addresses(addresses))
    }

    /// How long one attempt may take: [`CallOptions::attempt_timeout`].
    pub fn attempt_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.attempt_timeout(timeout))
    }

    /// How long the call waits for a connection: [`CallOptions::connect_timeout`].
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.connect_timeout(timeout))
    }

    /// Which failures are tried again: [`CallOptions::retry_if`].
    pub fn retry_if(self, condition: RetryIf) -> Self {
        self.with(|options| options.retry_if(condition))
    }

    /// How long to wait before another attempt: [`CallOptions::backoff`].
    pub fn backoff(self, backoff: Backoff) -> Self {
        self.with(|options| options.backoff(backoff))
    }

    /// Which of the nodes takes the call: [`CallOptions::balancer`].
    pub fn balancer(self, balancer: Balancer) -> Self {
        self.with(|options| options.balancer(balancer))
    }

    /// Adds to what a node must be like: [`CallOptions::filter`].
    pub fn filter(self, filter: Filter) -> Self {
        self.with(|options| options.filter(filter))
    }

    /// Puts a function around every attempt: [`CallOptions::wrap`].
    pub fn wrap(
        self,
        wrapper: impl for<'w> Fn(Attempt<'w>) -> AttemptFuture<'w> + Send + Sync + 'static,
    ) -> Self {
        self.with(|options| options.wrap(wrapper))
    }

    fn with(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        let options = self.options.take().map_or_else(CallOptions::new, |options| *options);
        self.options = Some(Box::new(change(options)));
        self
    }

    /// Makes the call on behalf of the call being answered: it ends by the same deadline, and the
    /// trace goes on (metadata `traceparent`, `tracestate` and `baggage`).
    pub fn context(mut self, context: &Context) -> Self {
        self.deadline = context.deadline;
        for name in INHERITED {
            for value in context.metadata.get_all(name) {
                self.metadata.append(ByteStr::from_static(name), value);
            }
        }
        self
    }

    /// Calls the method under another service's name: a Go service registered by
    /// `RegisterName`. It is the whole name: no package is put in front of it.
    pub fn service_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    fn method_name(&self) -> Result<MethodName, Status> {
        if let Some(service) = &self.service_name {
            return Ok(MethodName::new(service, self.method.name));
        }
        let path = ByteStr::from_static(self.method.path);
        MethodName::from_dotted(path).map_err(|error| encode_error(&error))
    }
}

impl<S: Service, A: IntoBody, R: FromResponse> Call<'_, S, A, R> {
    fn request(self) -> Result<Request, Status> {
        let name = self.method_name()?;
        let is_renamed = self.service_name.is_some();
        let encoding = self.service.encoding();
        // Addresses may be of nodes that are unlike the service's.
        let is_led = self.options.as_ref().is_some_and(|options| options.has_addresses());
        let (body, again) = if is_led || self.service.is_mixed() {
            self.argument.into_kept_body(encoding)
        } else {
            self.argument.into_body(encoding).map(|body| (body, None))
        }
        .map_err(|error| encode_error(&error))?;
        let mut request = Request::new(name, body);
        if let Some(again) = again {
            request.extensions.insert(again);
        }
        let own =
            self.timeout.and_then(|timeout| Deadline::after(Instant::now().into_std(), timeout));
        request.deadline = match (own, self.deadline) {
            (Some(own), Some(inherited)) => Some(own.min(inherited)),
            (own, inherited) => own.or(inherited),
        };
        request.metadata = self.metadata;
        request.hints.kind = self.method.kind;
        request.hints.idempotent = self.method.idempotent;
        request.hints.retries = self.retries;
        if let Some(options) = self.options {
            request.extensions.insert(*options);
        }
        if !is_renamed {
            request.hints.package = self.method.package;
        }
        Ok(request)
    }
}

impl<'a, S: Service, A: IntoBody, R: FromResponse> IntoFuture for Call<'a, S, A, R> {
    type Output = Result<R, Status>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    /// Encodes the argument and makes the call.
    ///
    /// **Cancel safe**: dropping the future withdraws the call.
    fn into_future(self) -> Self::IntoFuture {
        let service = self.service;
        match self.request() {
            Ok(request) => Box::pin(Decoded::new(service.call(request))),
            Err(status) => Box::pin(ready(Err(status))),
        }
    }
}

pin_project! {
    /// Decodes what a call answers. Written out, since an `async` block would hold the request and
    /// the call's future side by side, and be moved with both.
    struct Decoded<F, R> {
        #[pin]
        reply: F,
        value: PhantomData<fn() -> R>,
    }
}

impl<F, R> Decoded<F, R> {
    const fn new(reply: F) -> Self {
        Self { reply, value: PhantomData }
    }
}

impl<F: Future<Output = Reply>, R: FromResponse> Future for Decoded<F, R> {
    type Output = Result<R, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let response = task::ready!(self.project().reply.poll(cx))?;
        Poll::Ready(R::from_response(response).map_err(|error| {
            ClientError::Decode { why: error.to_string() }.into_status(Sent::Answered)
        }))
    }
}

fn encode_error(error: &dyn fmt::Display) -> Status {
    ClientError::Encode { why: error.to_string() }.into_status(Sent::No)
}

impl<S, A, R> fmt::Debug for Call<'_, S, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method.path).finish_non_exhaustive()
    }
}

/// Metadata that calls made while answering a call carry on: W3C's trace context and baggage.
const INHERITED: [&str; 3] = ["traceparent", "tracestate", "baggage"];

#[cfg(test)]
mod tests;
