//! One connection, from its first byte to its wire.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use polywire_core::{Address, BoxService, ConnectionInfo, PeerIdentity, ReplyFuture, Request};
use polywire_net::{Accepted, Alpn, ByteStream, Prefixed, TlsServer};
use polywire_wire::http1::{self, Head};
use polywire_wire::jsonrpc::JsonrpcServer;
use polywire_wire::netrpc::{DEFAULT_DEBUG_PATH, DEFAULT_RPC_PATH, NetrpcServer};
use polywire_wire::sniff::{Row, Verdict, sniff};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::drive::Driver;
#[cfg(feature = "http")]
use crate::http::{serve_h1, serve_h2};
use crate::{Limits, Router};

/// What all connections of a server have in common.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) service: Option<BoxService>,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<TlsServer>,
    /// Where `CONNECT` is answered besides Go's own path.
    pub(crate) rpc_path: Option<String>,
    /// Which pages of other hosts may call.
    #[cfg(feature = "http")]
    pub(crate) cors: crate::Cors,
    /// Answers requests of HTTP that are no calls.
    #[cfg(feature = "http")]
    pub(crate) fallback: Option<crate::http::Fallback>,
    /// Who has figures for the page of them.
    #[cfg(feature = "http")]
    pub(crate) metrics: Vec<crate::metrics::Source>,
    pub(crate) local: Address,
    pub(crate) drain: CancellationToken,
    pub(crate) room: Room,
}

/// The room there is for connections.
pub(crate) struct Room {
    /// One for each connection that may be.
    pub(crate) slots: Arc<Semaphore>,
    /// Whether the last connection could not be accepted.
    pub(crate) starved: AtomicBool,
}

impl Room {
    pub(crate) fn new(limits: &Limits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections));
        Self { slots, starved: AtomicBool::new(false) }
    }

    /// Whether newcomers find none.
    fn is_full(&self) -> bool {
        self.starved.load(Ordering::Relaxed) || self.slots.available_permits() == 0
    }
}

impl Shared {
    /// A server that is not listening.
    #[cfg(test)]
    pub(crate) fn for_test(router: Router, limits: Limits, drain: CancellationToken) -> Self {
        let local = Address::from("memory:test");
        Self {
            room: Room::new(&limits),
            router,
            service: None,
            limits,
            tls: None,
            rpc_path: None,
            #[cfg(feature = "http")]
            cors: crate::Cors::default(),
            #[cfg(feature = "http")]
            fallback: None,
            #[cfg(feature = "http")]
            metrics: Vec::new(),
            local,
            drain,
        }
    }

    /// Starts a call: through the layers, if there are any.
    pub(crate) fn start(&self, request: Request) -> ReplyFuture {
        match &self.service {
            Some(layered) => layered.call_owned(request),
            None => self.router.start(request),
        }
    }
}

/// Finds out what the peer speaks, takes TLS off if that is it, and serves the connection until it
/// ends.
pub(crate) async fn serve(
    mut io: impl ByteStream + 'static,
    peer: Address,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    let mut src = BytesMut::new();
    let Some(row) = first_row(&mut io, &mut src, shared).await? else { return Ok(()) };
    if !matches!(row, Row::Tls) {
        return speak(io, src, row, Peer { address: peer, tls: false, identity: None }, shared)
            .await;
    }
    let Some(tls) = &shared.tls else {
        tracing::warn!(%peer, "the peer speaks TLS, for which this server has no certificate");
        return Ok(());
    };
    let handshake = tls.handshake(Prefixed::new(src.split().freeze(), io));
    // Few connections are encrypted and idle; the others do not carry the room for this.
    Box::pin(decrypted(handshake, peer, shared)).await
}

/// Serves what comes out of TLS.
async fn decrypted(
    handshake: impl Future<Output = io::Result<Accepted>>,
    address: Address,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    let handshake = soon(handshake, shared.limits.tls_handshake, HALF_A_HANDSHAKE, shared);
    let Some(accepted) = handshake.await? else { return Ok(()) };
    let Accepted { stream: mut io, alpn, identity, .. } = accepted;
    let mut src = BytesMut::new();
    let Some(row) = first_row(&mut io, &mut src, shared).await? else { return Ok(()) };
    // Wires without a name are as welcome as HTTP/1.1 is, but who agreed on HTTP/2 must speak it.
    if alpn == Some(Alpn::H2) && !matches!(row, Row::Http2) {
        let text = format!("the peer agreed on h2 by ALPN, and speaks {row:?}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    speak(io, src, row, Peer { address, tls: true, identity }, shared).await
}

/// Who is at the other end.
struct Peer {
    address: Address,
    tls: bool,
    identity: Option<PeerIdentity>,
}

/// Waits for the first bytes; `None` if there is no more to do.
///
/// Before the first one a peer may be silent, as it may between its calls: Go's net/rpc clients dial
/// long before they say anything. It has to go when newcomers find no room.
async fn first_row(
    io: &mut (impl ByteStream + ?Sized),
    src: &mut BytesMut,
    shared: &Shared,
) -> io::Result<Option<Row>> {
    loop {
        match soon(io.read_buf(src), shared.limits.first_bytes, NO_FIRST_BYTES, shared).await {
            Ok(None | Some(0)) => return Ok(None),
            Ok(Some(_)) => break,
            Err(late) if late.kind() == io::ErrorKind::TimedOut && !shared.room.is_full() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(soon(row(io, src), shared.limits.first_bytes, NO_FIRST_BYTES, shared).await?.flatten())
}

/// What a peer must do within a time to be served at all; `None` if the server drains first.
async fn soon<T>(
    step: impl Future<Output = io::Result<T>>,
    limit: Duration,
    late: &'static str,
    shared: &Shared,
) -> io::Result<Option<T>> {
    let late = |_elapsed| io::Error::new(io::ErrorKind::TimedOut, late);
    tokio::select! {
        done = time::timeout(limit, step) => done.map_err(late)?.map(Some),
        () = shared.drain.cancelled() => Ok(None),
    }
}

const NO_FIRST_BYTES: &str = "the peer has not said what it speaks (`first_bytes`)";
const HALF_A_HANDSHAKE: &str = "the handshake does not come to its end (`tls_handshake`)";
const HALF_A_HEAD: &str = "the head does not come to its end (`head_time`)";

/// Speaks the wire that was found.
async fn speak(
    mut io: impl ByteStream + 'static,
    mut src: BytesMut,
    row: Row,
    peer: Peer,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    let Peer { address, tls, identity } = peer;
    let limits = &shared.limits.wire;
    let info = |wire| {
        let info = ConnectionInfo::new(address.clone(), shared.local.clone(), wire, tls);
        Arc::new(info.with_identity(identity.clone()))
    };
    match row {
        Row::Netrpc => {
            let wire = NetrpcServer::new(limits);
            Driver::new(wire, shared, info("netrpc")).run(&mut io, &mut src).await
        }
        Row::Jsonrpc => {
            let wire = JsonrpcServer::new(limits);
            Driver::new(wire, shared, info("jsonrpc")).run(&mut io, &mut src).await
        }
        Row::Http1 => match first_head(&mut io, &mut src, shared).await? {
            None | Some(After::Close) => Ok(()),
            Some(After::Netrpc) => {
                let wire = NetrpcServer::new(limits);
                Driver::new(wire, shared, info("netrpc+http")).run(&mut io, &mut src).await
            }
            #[cfg(feature = "http")]
            Some(After::Http) => {
                // Hyper's state is large; connections of other wires do not carry its room.
                let io = Prefixed::new(src.freeze(), io);
                Box::pin(serve_h1(io, shared, info("http1"))).await
            }
        },
        #[cfg(feature = "http")]
        Row::Http2 => {
            let io = Prefixed::new(src.freeze(), io);
            Box::pin(serve_h2(io, shared, info("http2"))).await
        }
        row => {
            tracing::warn!(peer = %address, ?row, tls, "this wire is not served here");
            Ok(())
        }
    }
}

/// Reads until the first bytes say which row they are; `None` if the peer goes away before.
async fn row(io: &mut (impl ByteStream + ?Sized), src: &mut BytesMut) -> io::Result<Option<Row>> {
    loop {
        match sniff(src) {
            Verdict::Row(row) => return Ok(Some(row)),
            Verdict::Need(_) => {}
            Verdict::Unknown => {
                let first = src.get(..src.len().min(8)).unwrap_or_default();
                let text = format!("first bytes {first:02x?} are no wire that is spoken here");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
        if io.read_buf(src).await? == 0 {
            return Ok(None);
        }
    }
}

/// What follows the first head of HTTP/1.
enum After {
    Netrpc,
    /// The head, and whatever follows it, still to be read.
    #[cfg(feature = "http")]
    Http,
    Close,
}

/// Answers the first head of HTTP/1 if it is net/rpc's; `None` if the server drains before.
async fn first_head(
    io: &mut impl ByteStream,
    src: &mut BytesMut,
    shared: &Shared,
) -> io::Result<Option<After>> {
    soon(exchange(io, src, shared), shared.limits.head_time, HALF_A_HEAD, shared).await
}

/// Looks at the first head of HTTP/1, and answers it if it is net/rpc's.
async fn exchange(
    io: &mut impl ByteStream,
    src: &mut BytesMut,
    shared: &Shared,
) -> io::Result<After> {
    // The head is looked at in a copy, since HTTP wants to read it again.
    let (head, rest) = loop {
        let mut copy = src.clone();
        match http1::read_head(&mut copy, shared.limits.wire.max_head_bytes()) {
            Ok(Some(head)) => break (head, copy),
            Ok(None) if io.read_buf(src).await? == 0 => return Ok(After::Close),
            Ok(None) => {}
            Err(error) => {
                // Whoever means another protocol would take an answer for a frame of its own.
                if names_http(src) {
                    io.write_all(&http1::bad_request()).await?;
                }
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    };
    let Some((answer, after)) = answer(&head, shared) else {
        #[cfg(feature = "http")]
        return Ok(After::Http);
        #[cfg(not(feature = "http"))]
        return not_found(io, &head).await;
    };
    *src = rest;
    io.write_all(&answer).await?;
    if matches!(after, After::Close) {
        io.shutdown().await?;
    }
    Ok(after)
}

/// Whether the first line ends in a version of HTTP, or may still do so.
fn names_http(src: &[u8]) -> bool {
    let mut lines = src.split(|byte| *byte == b'\n');
    let line = lines.next().unwrap_or_default();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    version.starts_with(b"HTTP/") || lines.next().is_none()
}

/// The answer to what Go's net/rpc serves over HTTP, and what follows it.
fn answer(head: &Head, shared: &Shared) -> Option<(Bytes, After)> {
    let is_rpc = |path: &str| path == DEFAULT_RPC_PATH || Some(path) == shared.rpc_path.as_deref();
    match head.path() {
        path if is_rpc(path) && head.method == "CONNECT" => {
            Some((http1::connected(), After::Netrpc))
        }
        path if is_rpc(path) => Some((http1::method_not_allowed(head), After::Close)),
        DEFAULT_DEBUG_PATH => {
            let html = http1::debug_page(&shared.router.debug_services());
            Some((http1::page(head, &html), After::Close))
        }
        _ => None,
    }
}

#[cfg(not(feature = "http"))]
async fn not_found(io: &mut impl ByteStream, head: &Head) -> io::Result<After> {
    io.write_all(&http1::not_found(head)).await?;
    io.shutdown().await?;
    Ok(After::Close)
}
