//! What one server and one connection may take.

use std::time::Duration;

/// What one server and one connection may take. Every limit is on by default.
#[derive(Debug, Clone)]
pub struct Limits {
    pub(crate) connections: usize,
    pub(crate) calls_in_flight: usize,
    pub(crate) first_bytes: Duration,
    pub(crate) tls_handshake: Duration,
    pub(crate) head_time: Duration,
    pub(crate) write_stall: Duration,
    pub(crate) body_stall: Duration,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) connection_age: Option<Duration>,
    pub(crate) wire: polywire_wire::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            calls_in_flight: 1024,
            first_bytes: Duration::from_secs(5),
            tls_handshake: Duration::from_secs(10),
            head_time: Duration::from_secs(10),
            write_stall: Duration::from_secs(10),
            body_stall: Duration::from_secs(30),
            keepalive: Some(Duration::from_secs(10)),
            grace: Duration::from_secs(10),
            connection_age: None,
            wire: polywire_wire::Limits::default(),
        }
    }
}

impl Limits {
    /// Connections at once; newcomers wait in the kernel's queue. Default: 10,000.
    #[must_use]
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Calls of one connection that wait for something at once; at the limit nothing more is read
    /// from it. Default: 1,024.
    #[must_use]
    pub const fn calls_in_flight(mut self, calls: usize) -> Self {
        self.calls_in_flight = calls;
        self
    }

    /// How long a connection may take to show which wire it speaks, from its first byte on. Before
    /// that it may be silent, unless newcomers find no room: then this bounds it, too. Default: 5 s.
    #[must_use]
    pub const fn first_bytes(mut self, time: Duration) -> Self {
        self.first_bytes = time;
        self
    }

    /// How long a handshake of TLS may take, from its first bytes on. Default: 10 s.
    #[must_use]
    pub const fn tls_handshake(mut self, time: Duration) -> Self {
        self.tls_handshake = time;
        self
    }

    /// How long each head of HTTP may take to come; HTTP/1 counts from when the one before was
    /// answered. Default: 10 s.
    #[must_use]
    pub const fn head_time(mut self, time: Duration) -> Self {
        self.head_time = time;
        self
    }

    /// How long a peer may take none of the replies that wait for it; its connection is closed
    /// then. Default: 10 s.
    #[must_use]
    pub const fn write_stall(mut self, time: Duration) -> Self {
        self.write_stall = time;
        self
    }

    /// How long a request of HTTP may pause before its argument has come as a whole; streams may
    /// pause as long as they like. The call ends with
    /// [`DeadlineExceeded`](polywire_core::Code::DeadlineExceeded). Default: 30 s.
    #[must_use]
    pub const fn body_stall(mut self, time: Duration) -> Self {
        self.body_stall = time;
        self
    }

    /// After how much silence TCP asks whether the peer is there; one that does not answer is
    /// gone half as long later, and its connection with it. Default: 10 s.
    #[must_use]
    pub const fn keepalive(mut self, silence: Duration) -> Self {
        self.keepalive = Some(silence);
        self
    }

    /// Turns the search for dead peers off: for networks that charge for every packet.
    #[must_use]
    pub const fn no_keepalive(mut self) -> Self {
        self.keepalive = None;
        self
    }

    /// How long calls under way may take to end when the server drains. Default: 10 s.
    #[must_use]
    pub const fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// How old a connection of HTTP may grow, a tenth more or less at random: then its peer is
    /// told to open another one, finds it wherever a load balancer sends it, and calls under way
    /// have the [`grace`](Self::grace) to end. Default: no bound.
    #[must_use]
    pub const fn connection_age(mut self, age: Duration) -> Self {
        self.connection_age = Some(age);
        self
    }

    /// What a peer may send on one connection.
    #[must_use]
    pub fn wire(mut self, limits: polywire_wire::Limits) -> Self {
        self.wire = limits;
        self
    }
}
