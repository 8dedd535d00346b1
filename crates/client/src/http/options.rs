//! How calls go over HTTP.

use std::time::Duration;

use polywire_codec::compression::Compression;
use polywire_core::Encoding;

/// How calls go over HTTP: what gRPC, gRPC-Web and Connect have in common.
///
/// What a URL says counts more: `grpc://host:port?codec=json&compression=gzip`.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Whatever the peer chooses, if it does not say.
    pub(crate) version: Option<HttpVersion>,
    pub(crate) http1_connections: usize,
    /// As is usual on a wire, if nothing is said.
    pub(crate) codec: Option<HttpCodec>,
    pub(crate) compression: Compression,
    pub(crate) get: bool,
    pub(crate) stream_window: u32,
    pub(crate) connection_window: u32,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) ping_timeout: Duration,
}

/// How messages are encoded over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HttpCodec {
    /// Protocol Buffers.
    #[default]
    Proto,
    /// The canonical JSON of Protocol Buffers.
    Json,
}

/// The version of HTTP that calls go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.1: a connection takes one call at a time, and gRPC none at all.
    Http1,
    /// HTTP/2: many calls at once on one connection.
    Http2,
}

impl HttpCodec {
    pub(crate) const fn encoding(self) -> Encoding {
        match self {
            Self::Proto => Encoding::Protobuf,
            Self::Json => Encoding::ProtoJson,
        }
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            version: None,
            http1_connections: 64,
            codec: None,
            compression: Compression::Identity,
            get: false,
            stream_window: 1024 * 1024,
            connection_window: 4 * 1024 * 1024,
            ping_interval: Some(Duration::from_secs(300)),
            ping_timeout: Duration::from_secs(20),
        }
    }
}

impl HttpOptions {
    /// The version of HTTP and no other; `http=1.1` or `http=2` in a URL. Default: inside TLS the one
    /// that the server chooses by ALPN, HTTP/2 if it can; else, and for gRPC, [`HttpVersion::Http2`].
    #[must_use]
    pub const fn version(mut self, version: HttpVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// Connections of HTTP/1.1 to one node at once, each with one call; more calls wait for one to
    /// end, and idle connections stay open as long as the peer keeps them. A stream of go-micro's
    /// has one until it ends; streams and calls share this number. Default: 64.
    #[must_use]
    pub const fn http1_connections(mut self, connections: usize) -> Self {
        self.http1_connections = connections;
        self
    }

    /// How messages are encoded. Default: [`HttpCodec::Json`] on go-micro's own wire, otherwise
    /// [`HttpCodec::Proto`].
    #[must_use]
    pub const fn codec(mut self, codec: HttpCodec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// How messages are compressed that are sent; a peer that does not know it refuses the call.
    /// Replies are taken in every compression of this build. Default: not at all.
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Calls idempotent methods by GET over Connect, so that caches can answer. Default: all calls
    /// are by POST.
    #[must_use]
    pub const fn get_idempotent(mut self) -> Self {
        self.get = true;
        self
    }

    /// Bytes of one reply that the peer may send before they are taken; at most 2 GiB - 1. More is
    /// faster where the way is long. Default: 1 MiB.
    #[must_use]
    pub const fn stream_window_bytes(mut self, bytes: u32) -> Self {
        self.stream_window = bytes;
        self
    }

    /// Bytes of all replies together that the peer may send before they are taken, within the same
    /// bound. Streams that nobody reads hold theirs, so it should be several times the window of
    /// one stream. Default: 4 MiB.
    #[must_use]
    pub const fn connection_window_bytes(mut self, bytes: u32) -> Self {
        self.connection_window = bytes;
        self
    }

    /// How often the peer is asked whether it is there, while calls are under way. A peer that is
    /// asked more often than it likes closes the connection (`too_many_pings`); five minutes suit
    /// every server that follows gRPC's defaults. Default: 5 min.
    #[must_use]
    pub const fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = Some(interval);
        self
    }

    /// Never asks whether the peer is there; TCP still does, see
    /// [`ChannelOptions::keepalive`](crate::ChannelOptions::keepalive).
    #[must_use]
    pub const fn no_pings(mut self) -> Self {
        self.ping_interval = None;
        self
    }

    /// How long the peer may take to answer; after that the connection is lost. Default: 20 s.
    #[must_use]
    pub const fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.ping_timeout = timeout;
        self
    }
}
