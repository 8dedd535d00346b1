//! One connection to an endpoint.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use polywire_core::RegistryError;
use polywire_net::{BoxStream, Socket, TlsClient};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Call, Endpoint};

/// A connection; dropped, it is closed.
pub(super) struct Connection {
    sender: SendRequest<String>,
    driver: JoinSet<()>,
    /// Which endpoint it goes to.
    index: usize,
}

impl Connection {
    pub(super) async fn open(
        endpoint: &Endpoint,
        index: usize,
        tls: Option<&TlsClient>,
    ) -> Result<Self, RegistryError> {
        let failed = || RegistryError::new(format!("cannot connect to {endpoint}"));
        let stream = match timeout(CONNECT_TIME, open(endpoint, tls)).await {
            Ok(stream) => stream.map_err(|error| failed().with_source(error))?,
            Err(elapsed) => return Err(failed().with_source(elapsed)),
        };
        let (sender, connection) = Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed().with_source(error))?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            if let Err(error) = connection.await {
                // Whoever waits for an answer is told by itself.
                tracing::debug!(%error, "a connection to a registry has ended");
            }
        });
        Ok(Self { sender, driver, index })
    }

    pub(super) fn is_usable(&self, index: usize) -> bool {
        self.index == index && !self.sender.is_closed() && !self.driver.is_empty()
    }

    /// Sends a call, and waits for the head of the answer.
    pub(super) async fn exchange(
        mut self,
        endpoint: &Endpoint,
        call: &Call,
        headers: &HeaderMap,
    ) -> Result<(Response<Incoming>, Self), RegistryError> {
        let failed = || RegistryError::new(format!("{call} at {endpoint}: no answer"));
        let mut request = Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call
            .path
            .parse()
            .map_err(|error: http::uri::InvalidUri| failed().with_source(error))?;
        let host = HeaderValue::from_str(endpoint.address().as_str());
        let head = request.headers_mut();
        head.insert(HOST, host.map_err(|error| failed().with_source(error))?);
        for (name, value) in headers.iter().chain(&call.headers) {
            head.insert(name, value.clone());
        }
        let answer = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        let response = answer.await.map_err(|error| failed().with_source(error))?;
        Ok((response, self))
    }
}

async fn open(endpoint: &Endpoint, tls: Option<&TlsClient>) -> std::io::Result<BoxStream> {
    let socket = Socket::connect(endpoint.address()).await?;
    socket.send_at_once()?;
    // Watches are silent for long; this tells a quiet engine from one that is gone.
    socket.watch_peer(PEER_SILENCE)?;
    match tls.filter(|_| endpoint.is_tls()) {
        Some(tls) => tls.connect(endpoint.host(), socket).await,
        None => Ok(Box::new(socket)),
    }
}

/// The next bytes of a body; `None` at its end.
///
/// **Cancel safe.**
pub(super) async fn chunk(body: &mut Incoming) -> Result<Option<Bytes>, RegistryError> {
    loop {
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                // Trailers say nothing here.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) => {
                return Err(RegistryError::new("the answer broke off").with_source(error));
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("index", &self.index).finish_non_exhaustive()
    }
}

/// How long it may take to connect, TLS included: two endpoints can be tried within one request.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// How long a peer may be silent before TCP asks whether it is there.
const PEER_SILENCE: Duration = Duration::from_secs(10);

/// How long the head of an answer may be.
const MAX_HEAD_BYTES: usize = 64 * 1024;
