//! From an endpoint to a connection that takes calls.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::uri::Scheme;
use polywire_net::Alpn;
use polywire_wire::{Limits, jsonrpc, netrpc};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::link::{Carrier, Link};
use super::url::{Endpoint, HttpWire, Wire};
use crate::connection::{Connection, ConnectionLimits};
use crate::dial::{Keepalive, dial};
use crate::http::{Dialect, HttpConnection, HttpPool, Io, Manner, Opening, authority};
use crate::{ChannelOptions, ClientError, HttpOptions, HttpVersion};

/// The two halves of a connected stream.
pub(crate) struct Halves {
    read: Box<dyn AsyncRead + Send + Sync + Unpin>,
    write: Box<dyn AsyncWrite + Send + Unpin>,
    /// What the peer chose to speak while TLS was set up.
    alpn: Option<Alpn>,
}

/// A stream being connected.
pub(super) type Dialled = Pin<Box<dyn Future<Output = io::Result<Halves>> + Send>>;

/// Makes connections, with a channel's options.
pub(super) struct Connector {
    /// Opens the stream; another in tests.
    dial: Arc<dyn Fn(&Endpoint) -> Dialled + Send + Sync>,
    timeout: Duration,
    max_backoff: Duration,
    connection: ConnectionLimits,
    wire: Limits,
    http: HttpOptions,
}

impl Connector {
    pub(super) fn new(options: &ChannelOptions) -> Self {
        let (keepalive, trust) = (options.keepalive.map(Keepalive), options.tls.clone());
        let pinned = options.http.version;
        Self::with_dial(options, move |endpoint| {
            let address = endpoint.address.clone();
            let tls = endpoint.tls.then(|| trust.towards(&address));
            let offered = offered(endpoint.wire, pinned);
            Box::pin(async move {
                let tls = tls.transpose().map_err(io::Error::other)?;
                dial(address, tls.map(|tls| tls.offering(offered)), keepalive).await
            })
        })
    }

    pub(super) fn with_dial(
        options: &ChannelOptions,
        dial: impl Fn(&Endpoint) -> Dialled + Send + Sync + 'static,
    ) -> Self {
        Self {
            dial: Arc::new(dial),
            timeout: options.connect_timeout,
            max_backoff: options.max_backoff,
            connection: options.connection,
            wire: options.wire.clone(),
            http: options.http.clone(),
        }
    }

    pub(super) const fn max_backoff(&self) -> Duration {
        self.max_backoff
    }

    /// Opens the stream, shakes hands, and starts the connection's task.
    pub(super) async fn connect(&self, endpoint: &Endpoint) -> Result<Link, ClientError> {
        let open = async {
            let mut halves = (self.dial)(endpoint).await?;
            if let Some(path) = &endpoint.http_path {
                shake_hands(path, &mut halves).await?;
            }
            self.link(endpoint, halves).await
        };
        within(self.timeout, endpoint, open).await
    }

    /// Starts the wire on a connected stream.
    async fn link(&self, endpoint: &Endpoint, halves: Halves) -> io::Result<Link> {
        let Halves { read, write, alpn } = halves;
        let json = |version| jsonrpc::client(version, &self.wire);
        let encoding = endpoint.wire.encoding_with(self.http.codec);
        let carrier = Carrier::Mux(match endpoint.wire {
            Wire::Netrpc => {
                Connection::new(read, write, netrpc::client(&self.wire), self.connection)
            }
            Wire::Jsonrpc1 => {
                Connection::new(read, write, json(jsonrpc::Version::V1), self.connection)
            }
            Wire::Jsonrpc2 => {
                Connection::new(read, write, json(jsonrpc::Version::V2), self.connection)
            }
            Wire::Http(http) => {
                let manner = self.manner(endpoint, http)?;
                if self.version(endpoint, http, alpn) == HttpVersion::Http1 {
                    let pool = self.pool(endpoint, manner, Halves { read, write, alpn }).await?;
                    return Ok(Link::new(Carrier::Pool(pool), encoding));
                }
                let (io, calls) = (tokio::io::join(read, write), self.connection.max_calls());
                let connection = HttpConnection::open(io, manner, &self.http, calls).await?;
                return Ok(Link::new(Carrier::Http(connection), encoding));
            }
        });
        Ok(Link::new(carrier, encoding))
    }

    /// What to speak with a peer that has chosen this.
    fn version(&self, endpoint: &Endpoint, http: HttpWire, alpn: Option<Alpn>) -> HttpVersion {
        let chosen = match alpn {
            Some(Alpn::Http1) => HttpVersion::Http1,
            // It knows no ALPN.
            None if endpoint.tls && !http.dialect.needs_http2() => HttpVersion::Http1,
            _ => HttpVersion::Http2,
        };
        http.version.or(self.http.version).unwrap_or(chosen)
    }

    /// Starts with the connected stream, and makes more as they are needed.
    async fn pool(
        &self,
        endpoint: &Endpoint,
        manner: Manner,
        first: Halves,
    ) -> io::Result<HttpPool> {
        if manner.dialect.needs_http2() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "gRPC needs HTTP/2"));
        }
        let (dial, mut endpoint, limit) = (Arc::clone(&self.dial), endpoint.clone(), self.timeout);
        // What was chosen once holds for the whole pool.
        if let Wire::Http(http) = &mut endpoint.wire {
            http.version = Some(HttpVersion::Http1);
        }
        let again = move || -> Opening {
            let (dialled, endpoint) = (dial(&endpoint), endpoint.clone());
            Box::pin(async move { within(limit, &endpoint, dialled).await.map(joined) })
        };
        let max_connections = self.http.http1_connections;
        HttpPool::open(joined(first), again, manner, &self.wire, max_connections).await
    }

    fn manner(&self, endpoint: &Endpoint, http: HttpWire) -> io::Result<Manner> {
        let no_host = || io::Error::new(io::ErrorKind::InvalidInput, "the address is no authority");
        Ok(Manner {
            dialect: http.dialect,
            codec: http.encoding(self.http.codec),
            compression: http.compression.unwrap_or(self.http.compression),
            max_message_bytes: self.wire.max_message_bytes(),
            get: self.http.get,
            scheme: if endpoint.tls { Scheme::HTTPS } else { Scheme::HTTP },
            authority: authority(endpoint.address.as_str()).ok_or_else(no_host)?,
            service: endpoint.service.clone(),
        })
    }
}

impl Halves {
    pub(crate) fn new(
        read: impl AsyncRead + Send + Sync + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self { read: Box::new(read), write: Box::new(write), alpn: None }
    }

    pub(crate) fn agreed_on(self, alpn: Option<Alpn>) -> Self {
        Self { alpn, ..self }
    }
}

/// What is offered by ALPN, unless the URL or else the options say which version it is to be.
/// HTTP/1.1 alone is not: servers take silence for it, those that know no ALPN among them.
fn offered(wire: Wire, pinned: Option<HttpVersion>) -> &'static [&'static str] {
    let Wire::Http(http) = wire else { return &[] };
    match (http.version.or(pinned), http.dialect) {
        (Some(HttpVersion::Http1), _) => &[],
        (Some(HttpVersion::Http2), _) | (None, Dialect::Grpc | Dialect::MicroGrpc) => &["h2"],
        (None, _) => &["h2", "http/1.1"],
    }
}

/// Gives an attempt to connect so long, and says where it failed.
async fn within<T>(
    limit: Duration,
    endpoint: &Endpoint,
    open: impl Future<Output = io::Result<T>>,
) -> Result<T, ClientError> {
    let opened = match timeout(limit, open).await {
        Ok(opened) => opened,
        Err(elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)),
    };
    opened.map_err(|error| ClientError::Connect {
        address: endpoint.address.clone(),
        source: Arc::new(error),
    })
}

fn joined(Halves { read, write, .. }: Halves) -> Box<dyn Io> {
    Box::new(tokio::io::join(read, write))
}

/// Asks for net/rpc behind HTTP and waits for the answer: a Go server drops what comes before it.
async fn shake_hands(path: &str, halves: &mut Halves) -> io::Result<()> {
    halves.write.write_all(&netrpc::connect_request(path)).await?;
    halves.write.flush().await?;
    let mut answer = BytesMut::new();
    while netrpc::connect_answer(&mut answer).map_err(invalid)?.is_none() {
        if halves.read.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if answer.is_empty() { Ok(()) } else { Err(invalid("bytes after the answer to CONNECT")) }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
