//! What a channel does on its own, and how calls are made.

mod call;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use polywire_net::TlsClient;
use polywire_wire::Limits;

pub use self::call::CallOptions;
pub(crate) use self::call::Wrapper;
use crate::dial::Trust;
use crate::{ConnectionLimits, HttpOptions, WireKind};

/// What a channel does on its own: timeouts, retries, limits.
#[derive(Debug, Clone)]
pub struct ChannelOptions {
    pub(crate) calls: CallOptions,
    /// By `Service.Method`.
    pub(crate) calls_of: HashMap<String, CallOptions>,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_backoff: Duration,
    pub(crate) has_retry_budget: bool,
    pub(crate) words: Words,
    pub(crate) ejection: Ejection,
    pub(crate) empty_grace: Duration,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) connection: ConnectionLimits,
    pub(crate) wire: Limits,
    pub(crate) tls: Trust,
    pub(crate) http: HttpOptions,
    pub(crate) preferred_wire: Option<WireKind>,
}

/// When a node that fails is passed over, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ejection {
    /// The first rest; later ones in a row are longer.
    pub(crate) rest: Duration,
    /// Attempts in a row that break.
    pub(crate) after: NonZeroU32,
    /// Of all nodes, those that may rest at once, in hundredths.
    pub(crate) max_percent: u8,
}

/// In which words failures on this side are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    Own,
    Micro,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self {
            calls: CallOptions::default(),
            calls_of: HashMap::new(),
            connect_timeout: Duration::from_secs(5),
            max_backoff: Duration::from_secs(1),
            has_retry_budget: true,
            words: Words::Own,
            ejection: Ejection {
                rest: Duration::from_secs(1),
                after: NonZeroU32::MIN,
                max_percent: 50,
            },
            empty_grace: Duration::from_secs(30),
            keepalive: Some(Duration::from_secs(10)),
            connection: ConnectionLimits::default(),
            wire: Limits::default(),
            tls: Trust::default(),
            http: HttpOptions::default(),
            preferred_wire: None,
        }
    }
}

impl ChannelOptions {
    /// How calls are made that do not say otherwise themselves. What `options` leaves open stays
    /// as it was. Default: [`CallOptions::default`].
    #[must_use]
    pub fn calls(mut self, options: &CallOptions) -> Self {
        self.calls = options.over(&self.calls);
        self
    }

    /// As [`calls`](Self::calls), for the calls of one method, such as `Greeter.Hello`. What is said
    /// here goes before what is said for all of the channel's calls.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use polywire_client::{CallOptions, ChannelOptions};
    /// let slow = CallOptions::new().timeout(Duration::from_secs(300)).retries(0);
    /// let options = ChannelOptions::default()
    ///     .timeout(Duration::from_secs(2))
    ///     .calls_of("Reports.Render", &slow);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn calls_of(mut self, method: impl Into<String>, options: &CallOptions) -> Self {
        let of = self.calls_of.entry(method.into()).or_default();
        *of = options.over(of);
        self
    }

    /// How long a call takes at most when it does not say so itself, as
    /// [`CallOptions::timeout`]. Default: no limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.calls = self.calls.timeout(timeout);
        self
    }

    /// How long one attempt to connect takes at most, handshakes included. Default: 5 s.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Attempts after the first, for a call that was not sent, and for an idempotent one whose
    /// fate is unknown. Default: 2.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.calls = self.calls.retries(retries);
        self
    }

    /// Lets every call use all its retries. By default the retries of a channel are at most a fifth
    /// of its calls and ten a second besides, so that a service in trouble is not asked many times
    /// as often as one that is well.
    #[must_use]
    pub const fn no_retry_budget(mut self) -> Self {
        self.has_retry_budget = false;
        self
    }

    /// Tells failures on this side in the words of go-micro's client: as
    /// [`MicroError`](crate::MicroError)s of `go.micro.client`, with the codes 408 and 500. They
    /// take the place of [`ClientError`](crate::ClientError)s as the source of a status.
    #[must_use]
    pub const fn micro_errors(mut self) -> Self {
        self.words = Words::Micro;
        self
    }

    /// The longest pause between two attempts to reach one node; the first is 20 ms, each next
    /// one twice as long, and a random part of it is taken. Default: 1 s.
    #[must_use]
    pub const fn max_backoff(mut self, pause: Duration) -> Self {
        self.max_backoff = pause;
        self
    }

    /// How long a node is passed over that failed, while others do not; then one call tries it. If
    /// that fails, too, it rests twice as long, 32 times as long at most. Default: 1 s.
    #[must_use]
    pub const fn rest(mut self, rest: Duration) -> Self {
        self.ejection.rest = rest;
        self
    }

    /// After how many broken connections and lost calls in a row a node is passed over. What a
    /// service answers does not count, be it an error. A node that cannot be connected to is passed
    /// over at once, and one that leaves five calls in a row without an answer, too. Default: 1.
    #[must_use]
    pub const fn eject_after(mut self, failures: NonZeroU32) -> Self {
        self.ejection.after = failures;
        self
    }

    /// How many of the nodes, in hundredths, may be passed over at once; of two or more nodes it is
    /// one at least, and never all. Nodes that cannot be connected to are not counted against it:
    /// they take no calls as it is. Default: 50.
    #[must_use]
    pub const fn max_ejected_percent(mut self, percent: u8) -> Self {
        self.ejection.max_percent = percent;
        self
    }

    /// How long nodes are kept that are connected, when the registry says at once that more than
    /// half of all are gone. Default: 30 s.
    #[must_use]
    pub const fn empty_grace(mut self, grace: Duration) -> Self {
        self.empty_grace = grace;
        self
    }

    /// After how much silence TCP asks whether the peer is there; one that does not answer is
    /// gone half as long later. Bytes nobody acknowledges for as long end the connection, too.
    /// Default: 10 s.
    #[must_use]
    pub const fn keepalive(mut self, silence: Duration) -> Self {
        self.keepalive = Some(silence);
        self
    }

    /// Turns the search for dead peers off.
    #[must_use]
    pub const fn no_keepalive(mut self) -> Self {
        self.keepalive = None;
        self
    }

    /// What one connection holds at most.
    #[must_use]
    pub const fn connection_limits(mut self, limits: ConnectionLimits) -> Self {
        self.connection = limits;
        self
    }

    /// What a peer may send on one connection.
    #[must_use]
    pub fn wire_limits(mut self, limits: Limits) -> Self {
        self.wire = limits;
        self
    }

    /// Whom to trust where a URL says `+tls`. Default: the authorities the system trusts, see
    /// [`TlsClient::system`].
    #[must_use]
    pub fn tls(mut self, tls: TlsClient) -> Self {
        self.tls.by_default = Some(tls);
        self
    }

    /// As [`tls`](Self::tls), for the nodes of one address (`host:port`) or one host only: other
    /// authorities, another name, another certificate to show. An address goes before its host,
    /// and both before what is said for all.
    #[must_use]
    pub fn tls_for(mut self, address_or_host: impl Into<String>, tls: TlsClient) -> Self {
        self.tls.of.insert(address_or_host.into(), tls);
        self
    }

    /// What to speak with instances found in a registry that speak it among others. Default: Go's
    /// net/rpc.
    #[must_use]
    pub const fn prefer(mut self, wire: WireKind) -> Self {
        self.preferred_wire = Some(wire);
        self
    }

    /// How calls go over gRPC, gRPC-Web and Connect.
    #[must_use]
    pub const fn http(mut self, http: HttpOptions) -> Self {
        self.http = http;
        self
    }
}
