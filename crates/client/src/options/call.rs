//! How calls are made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::channel::{Attempt, AttemptFuture};
use crate::{Backoff, Balancer, Filter, RetryIf};

/// How calls are made: where to, how long, how often. Whatever is left open is as the channel has
/// it.
///
/// One value is good for many calls, and for a whole channel:
/// [`ChannelOptions::calls`](crate::ChannelOptions::calls).
///
/// ```
/// use std::time::Duration;
/// use polywire_client::{Backoff, CallOptions, Filter, RetryIf};
///
/// let canary = CallOptions::new()
///     .filter(Filter::version("2.0.0-rc.1"))
///     .timeout(Duration::from_secs(2))
///     .attempt_timeout(Duration::from_millis(500))
///     .retries(3)
///     .retry_if(RetryIf::safe())
///     .backoff(Backoff::fixed(Duration::from_millis(50)));
/// # drop(canary);
/// ```
#[derive(Clone, Default)]
pub struct CallOptions {
    pub(crate) addresses: Option<Arc<[String]>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream_timeout: Option<Duration>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) retry_if: Option<RetryIf>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) balancer: Option<Balancer>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) wrappers: Vec<Wrapper>,
}

/// See [`CallOptions::wrap`].
pub(crate) type Wrapper =
    Arc<dyn for<'a> Fn(Attempt<'a>) -> AttemptFuture<'a> + Send + Sync + 'static>;

impl CallOptions {
    /// Leaves everything to the channel.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes to one of these addresses, whatever the registry says: `host:port`, or a URL. A channel
    /// to a URL speaks there what it speaks with its own peer; one that discovers speaks net/rpc, or
    /// with [`ChannelOptions::micro_errors`](crate::ChannelOptions::micro_errors) go-micro's wire.
    /// An empty list is no list. Default: the channel's own nodes.
    #[must_use]
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.addresses = Some(addresses.into_iter().map(Into::into).collect());
        self
    }

    /// How long a call of one value each way takes at most, retries and pauses included. A deadline
    /// that the call has besides holds, too; said for a channel or a method, it is for calls that have
    /// no deadline. Default: no limit.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long a call with a stream takes at most, to the stream's end; said for a channel or a method, it
    /// is for calls that have no deadline. Default: no limit.
    #[must_use]
    pub const fn stream_timeout(mut self, timeout: Duration) -> Self {
        self.stream_timeout = Some(timeout);
        self
    }

    /// How long one attempt of a call of one value each way takes at most once there is a
    /// connection: to send it and to get the reply. Then the call is withdrawn from the node, and
    /// tried again if [`retry_if`](Self::retry_if) says so. Default: no limit.
    #[must_use]
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// How long the call waits for a connection to a node, where that is less than what
    /// [`ChannelOptions::connect_timeout`](crate::ChannelOptions::connect_timeout) gives the
    /// attempt to connect. Default: no less.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Attempts after the first, at most. Default: 2.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Which failures are tried again. Default: [`RetryIf::safe`].
    #[must_use]
    pub fn retry_if(mut self, condition: RetryIf) -> Self {
        self.retry_if = Some(condition);
        self
    }

    /// How long to wait before another attempt. Default: [`Backoff::jittered`].
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Which of the nodes takes the call. Default: [`Balancer::least_loaded`].
    #[must_use]
    pub fn balancer(mut self, balancer: Balancer) -> Self {
        self.balancer = Some(balancer);
        self
    }

    /// Adds to what a node must be like; it has to pass every filter, the channel's too. If no node
    /// does, the call fails at once.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Puts a function around every attempt, inside of those that were added before and of the
    /// channel's: what was added first is the outermost.
    ///
    /// A function that does not go on with the attempt answers the call itself; whether its error
    /// is tried again is decided as for any other.
    ///
    /// ```
    /// use polywire_client::{Attempt, CallOptions};
    ///
    /// let options = CallOptions::new().wrap(|mut attempt: Attempt<'_>| {
    ///     let number = attempt.number().to_string();
    ///     attempt.metadata().insert("attempt", number);
    ///     attempt.proceed()
    /// });
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn wrap(
        mut self,
        wrapper: impl for<'a> Fn(Attempt<'a>) -> AttemptFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        self.wrappers.push(Arc::new(wrapper));
        self
    }

    /// These options, and where they leave something open those of `base`.
    pub(crate) fn over(&self, base: &Self) -> Self {
        let mut both = base.clone();
        let Self {
            addresses,
            timeout,
            stream_timeout,
            attempt_timeout,
            connect_timeout,
            retries,
            retry_if,
            backoff,
            balancer,
            filters,
            wrappers,
        } = self.clone();
        both.addresses = addresses.or(both.addresses);
        both.timeout = timeout.or(both.timeout);
        both.stream_timeout = stream_timeout.or(both.stream_timeout);
        both.attempt_timeout = attempt_timeout.or(both.attempt_timeout);
        both.connect_timeout = connect_timeout.or(both.connect_timeout);
        both.retries = retries.or(both.retries);
        both.retry_if = retry_if.or(both.retry_if);
        both.backoff = backoff.or(both.backoff);
        both.balancer = balancer.or(both.balancer);
        both.filters.extend(filters);
        both.wrappers.extend(wrappers);
        both
    }

    /// Whether calls go to addresses that are said here.
    pub(crate) fn has_addresses(&self) -> bool {
        self.addresses.as_ref().is_some_and(|addresses| !addresses.is_empty())
    }

    /// Whether the short way through a channel does all that is asked for here.
    pub(crate) fn are_plain(&self) -> bool {
        let Self { addresses, timeout: _, stream_timeout: _, retries: _, .. } = self;
        addresses.is_none()
            && self.attempt_timeout.is_none()
            && self.connect_timeout.is_none()
            && self.retry_if.as_ref().is_none_or(RetryIf::is_default)
            && self.backoff.is_none()
            && self.balancer.as_ref().is_none_or(Balancer::is_default)
            && self.filters.is_empty()
            && self.wrappers.is_empty()
    }

    pub(crate) fn retries_or_default(&self) -> u32 {
        self.retries.unwrap_or(DEFAULT_RETRIES)
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("addresses", &self.addresses)
            .field("timeout", &self.timeout)
            .field("stream_timeout", &self.stream_timeout)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("retries", &self.retries)
            .field("retry_if", &self.retry_if)
            .field("backoff", &self.backoff)
            .field("balancer", &self.balancer)
            .field("filters", &self.filters)
            .field("wrappers", &self.wrappers.len())
            .finish()
    }
}

const DEFAULT_RETRIES: u32 = 2;
