//! What a channel does on its own.

use std::time::Duration;

use polywire_net::TlsClient;
use polywire_wire::Limits;

use crate::dial::Trust;
use crate::{ConnectionLimits, HttpOptions};

/// What a channel does on its own: timeouts, retries, limits.
#[derive(Debug, Clone)]
pub struct ChannelOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) max_backoff: Duration,
    pub(crate) rest: Duration,
    pub(crate) empty_grace: Duration,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) connection: ConnectionLimits,
    pub(crate) wire: Limits,
    pub(crate) tls: Trust,
    pub(crate) http: HttpOptions,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self {
            timeout: None,
            connect_timeout: Duration::from_secs(5),
            retries: 2,
            max_backoff: Duration::from_secs(1),
            rest: Duration::from_secs(1),
            empty_grace: Duration::from_secs(30),
            keepalive: Some(Duration::from_secs(10)),
            connection: ConnectionLimits::default(),
            wire: Limits::default(),
            tls: Trust::default(),
            http: HttpOptions::default(),
        }
    }
}

impl ChannelOptions {
    /// How long a call takes at most when it does not say so itself. Default: no limit.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
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
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The longest pause between two attempts to reach one node; the first is 20 ms, each next
    /// one twice as long, and a random part of it is taken. Default: 1 s.
    #[must_use]
    pub const fn max_backoff(mut self, pause: Duration) -> Self {
        self.max_backoff = pause;
        self
    }

    /// How long a node is passed over that failed, while others do not; then one call tries it.
    /// Default: 1 s.
    #[must_use]
    pub const fn rest(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// How long the last known nodes are kept when the registry says that there are none, as long
    /// as one of them is still connected. Default: 30 s.
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

    /// How calls go over gRPC, gRPC-Web and Connect.
    #[must_use]
    pub const fn http(mut self, http: HttpOptions) -> Self {
        self.http = http;
        self
    }
}
