//! A small client of HTTP/1.1, for engines that are asked in JSON.
//!
//! It knows several endpoints of one engine and stays with the one that answers. Everything it is
//! asked for may reach an engine twice, so that only what may be repeated is to be asked for.

mod call;
mod connection;
mod endpoint;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(any(feature = "etcd", feature = "kubernetes", test))]
mod lines;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use hyper::body::Incoming;
use polywire_core::RegistryError;
use polywire_net::TlsClient;
use tokio::time::timeout;

pub(crate) use self::call::Call;
use self::connection::{Connection, chunk};
pub(crate) use self::endpoint::Endpoint;
#[cfg(any(feature = "etcd", feature = "kubernetes", test))]
pub(crate) use self::lines::Lines;

/// Asks one engine, at whichever of its endpoints answers. Clones share connections.
#[derive(Clone)]
pub(crate) struct HttpClient(Arc<Inner>);

struct Inner {
    endpoints: Vec<Endpoint>,
    tls: Option<TlsClient>,
    headers: HeaderMap,
    /// Where to ask first: the endpoint that has answered, until one does not.
    preferred: AtomicUsize,
    idle: Mutex<Vec<Connection>>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    #[cfg(feature = "consul")]
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer that goes on.
#[cfg(any(feature = "etcd", feature = "kubernetes", test))]
#[derive(Debug)]
pub(crate) struct Streamed {
    pub(crate) status: u16,
    pub(crate) lines: Lines,
}

impl HttpClient {
    /// A client of an engine at these endpoints, of which there must be one; nothing is connected.
    ///
    /// # Errors
    /// There is no endpoint, or one wants TLS, which this build lacks or which finds nobody to
    /// trust.
    pub(crate) fn new(endpoints: Vec<Endpoint>) -> Result<Self, RegistryError> {
        let tls = if endpoints.iter().any(Endpoint::is_tls) {
            let system = TlsClient::system();
            Some(system.map_err(|error| RegistryError::new("no TLS").with_source(error))?)
        } else {
            None
        };
        Self::with_tls(endpoints, tls)
    }

    /// As [`new`](Self::new), with TLS as given.
    ///
    /// # Errors
    /// There is no endpoint, or one wants TLS and there is none.
    pub(crate) fn with_tls(
        endpoints: Vec<Endpoint>,
        tls: Option<TlsClient>,
    ) -> Result<Self, RegistryError> {
        if endpoints.is_empty() {
            return Err(RegistryError::new("no endpoint of the registry is given"));
        }
        if let (Some(endpoint), None) = (endpoints.iter().find(|one| one.is_tls()), &tls) {
            return Err(RegistryError::new(format!("{endpoint}: no TLS is set up")));
        }
        Ok(Self(Arc::new(Inner {
            endpoints,
            // Servers that know HTTP/2 are to speak HTTP/1.1.
            tls: tls.map(|tls| tls.offering(&["http/1.1"])),
            headers: HeaderMap::new(),
            preferred: AtomicUsize::new(0),
            idle: Mutex::default(),
        })))
    }

    /// Sends these with every call.
    #[must_use]
    #[cfg(feature = "consul")]
    pub(crate) fn with_headers(self, headers: HeaderMap) -> Self {
        let Self(inner) = self;
        Self(Arc::new(Inner {
            endpoints: inner.endpoints.clone(),
            tls: inner.tls.clone(),
            headers,
            preferred: AtomicUsize::new(0),
            idle: Mutex::default(),
        }))
    }

    /// Asks, and reads the answer to its end.
    ///
    /// **Cancel safe**: the connection is given up, and the next call goes to another endpoint.
    ///
    /// # Errors
    /// No endpoint answers within the call's patience, or the answer is longer than
    /// [`MAX_ANSWER_BYTES`].
    pub(crate) async fn request(&self, call: &Call) -> Result<Answer, RegistryError> {
        let whole = async {
            let mut exchange = self.send(call).await?;
            let body = match exchange.whole_body().await {
                Ok(body) => body,
                Err(error) => return Err(exchange.attempt.failed(call, error)),
            };
            let Exchange { response, connection, attempt } = exchange;
            let (head, _ended) = response.into_parts();
            let status = head.status.as_u16();
            attempt.answered(status);
            self.0.keep(connection);
            Ok(Answer {
                status,
                #[cfg(feature = "consul")]
                headers: head.headers,
                body,
            })
        };
        self.patiently(call, whole).await
    }

    /// Asks, and hands on the answer line by line.
    ///
    /// # Errors
    /// No endpoint begins to answer within the call's patience.
    #[cfg(any(feature = "etcd", feature = "kubernetes", test))]
    pub(crate) async fn stream(&self, call: &Call) -> Result<Streamed, RegistryError> {
        let Exchange { response, connection, attempt } =
            self.patiently(call, self.send(call)).await?;
        let status = response.status().as_u16();
        let from = attempt.endpoint().to_string();
        attempt.answered(status);
        Ok(Streamed { status, lines: Lines::new(from, response.into_body(), connection) })
    }

    async fn patiently<T>(
        &self,
        call: &Call,
        work: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        match timeout(call.patience, work).await {
            Ok(done) => done,
            Err(elapsed) => {
                let why = format!("{call} at {self}: no answer within {:?}", call.patience);
                Err(RegistryError::new(why).with_source(elapsed))
            }
        }
    }

    /// Tries the endpoints one after another until one begins to answer.
    async fn send(&self, call: &Call) -> Result<Exchange<'_>, RegistryError> {
        let attempt = self.0.attempt();
        if let Some(connection) = self.0.idle(attempt.index) {
            // The engine may have closed it just now, which is no reason to leave this endpoint.
            match connection.exchange(attempt.endpoint(), call, &self.0.headers).await {
                Ok((response, connection)) => {
                    return Ok(Exchange { response, connection, attempt });
                }
                Err(_closed) => attempt.stay(),
            }
        }
        let mut tries = self.0.endpoints.len();
        loop {
            let attempt = self.0.attempt();
            tries -= 1;
            match self.0.fresh(&attempt, call).await {
                Ok((response, connection)) => {
                    return Ok(Exchange { response, connection, attempt });
                }
                Err(error) if tries == 0 => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "trying the next endpoint");
                    drop(attempt);
                }
            }
        }
    }
}

impl Inner {
    fn attempt(&self) -> Attempt<'_> {
        let index = self.preferred.load(Ordering::Relaxed) % self.endpoints.len();
        Attempt { client: self, index, stays: false }
    }

    async fn fresh(
        &self,
        attempt: &Attempt<'_>,
        call: &Call,
    ) -> Result<(http::Response<Incoming>, Connection), RegistryError> {
        let endpoint = attempt.endpoint();
        let connection = Connection::open(endpoint, attempt.index, self.tls.as_ref()).await?;
        connection.exchange(endpoint, call, &self.headers).await
    }

    /// A connection to this endpoint that nobody uses; those to others are closed.
    fn idle(&self, index: usize) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| connection.is_usable(index));
        idle.pop()
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }
}

/// One endpoint being asked. Dropped before it has answered, the next call goes to another.
struct Attempt<'a> {
    client: &'a Inner,
    index: usize,
    stays: bool,
}

impl Attempt<'_> {
    fn endpoint(&self) -> &Endpoint {
        &self.client.endpoints[self.index]
    }

    /// Stays with the endpoint, unless it has said that it is not well.
    fn answered(self, status: u16) {
        if status < 500 {
            self.stay();
        }
    }

    fn stay(mut self) {
        self.stays = true;
    }

    fn failed(self, call: &Call, error: RegistryError) -> RegistryError {
        let why = format!("{call} at {}: no whole answer", self.endpoint());
        RegistryError::new(why).with_source(error)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        let next = (self.index + 1) % self.client.endpoints.len();
        let order = Ordering::Relaxed;
        // Somebody else may have left the endpoint already; then this is what they chose.
        let _ = self.client.preferred.compare_exchange(self.index, next, order, order);
    }
}

/// A call that has begun to be answered.
struct Exchange<'a> {
    response: http::Response<Incoming>,
    connection: Connection,
    attempt: Attempt<'a>,
}

impl Exchange<'_> {
    async fn whole_body(&mut self) -> Result<Bytes, RegistryError> {
        let body = self.response.body_mut();
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let mut whole = BytesMut::new();
        while announced <= MAX_ANSWER_BYTES
            && let Some(chunk) = chunk(body).await?
        {
            whole.extend_from_slice(&chunk);
            if whole.len() > MAX_ANSWER_BYTES {
                break;
            }
        }
        if announced.max(whole.len()) > MAX_ANSWER_BYTES {
            let why = format!("an answer of more than {MAX_ANSWER_BYTES} bytes");
            return Err(RegistryError::new(why));
        }
        Ok(whole.freeze())
    }
}

impl fmt::Display for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, endpoint) in self.0.endpoints.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{endpoint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("endpoints", &self.0.endpoints).finish_non_exhaustive()
    }
}

/// How long an answer may be: some 20,000 records as go-micro's are.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Connections that are kept for the next call.
const MAX_IDLE: usize = 2;

#[cfg(test)]
mod tests;
