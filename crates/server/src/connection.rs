//! One connection, from its first byte to its wire.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use polywire_core::{Address, BoxService, ConnectionInfo, ReplyFuture, Request};
use polywire_wire::http1::{self, Head};
use polywire_wire::jsonrpc::JsonrpcServer;
use polywire_wire::netrpc::{DEFAULT_DEBUG_PATH, DEFAULT_RPC_PATH, NetrpcServer};
use polywire_wire::sniff::{Row, Verdict, sniff};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::drive::Driver;
use crate::{Limits, Router};

/// What all connections of a server have in common.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) service: Option<BoxService>,
    pub(crate) limits: Limits,
    pub(crate) local: Address,
    pub(crate) drain: CancellationToken,
}

impl Shared {
    /// A server that is not listening.
    #[cfg(test)]
    pub(crate) fn for_test(router: Router, limits: Limits, drain: CancellationToken) -> Self {
        let local = Address::from("memory:test");
        Self { router, service: None, limits, local, drain }
    }

    /// Starts a call: through the layers, if there are any.
    pub(crate) fn start(&self, request: Request) -> ReplyFuture {
        match &self.service {
            Some(layered) => layered.call_owned(request),
            None => self.router.start(request),
        }
    }
}

/// Finds out which wire the peer speaks, and speaks it until the connection ends.
pub(crate) async fn serve(
    mut io: impl AsyncRead + AsyncWrite + Send + Unpin,
    peer: Address,
    shared: &Shared,
) -> io::Result<()> {
    let mut src = BytesMut::new();
    let first = time::timeout(shared.limits.first_bytes, row(&mut io, &mut src));
    let row = tokio::select! {
        row = first => row.unwrap_or(Ok(None))?,
        () = shared.drain.cancelled() => None,
    };
    let wire = &shared.limits.wire;
    let info = |wire| {
        let local = shared.local.clone();
        Arc::new(ConnectionInfo::new(peer.clone(), local, wire, false))
    };
    match row {
        Some(Row::Netrpc) => {
            Driver::new(NetrpcServer::new(wire), shared, info("netrpc")).run(io, src).await
        }
        Some(Row::Jsonrpc) => {
            Driver::new(JsonrpcServer::new(wire), shared, info("jsonrpc")).run(io, src).await
        }
        Some(Row::Http1) => {
            if http(&mut io, &mut src, shared).await? {
                let wire = NetrpcServer::new(wire);
                Driver::new(wire, shared, info("netrpc+http")).run(io, src).await?;
            }
            Ok(())
        }
        Some(row) => {
            tracing::warn!(%peer, ?row, "this wire is not served here");
            Ok(())
        }
        None => Ok(()),
    }
}

/// Reads until the first bytes say which row they are; `None` if the peer goes away before.
async fn row(io: &mut (impl AsyncRead + Unpin), src: &mut BytesMut) -> io::Result<Option<Row>> {
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

/// Answers one request; true if net/rpc follows.
async fn http(
    io: &mut (impl AsyncRead + AsyncWrite + Unpin),
    src: &mut BytesMut,
    shared: &Shared,
) -> io::Result<bool> {
    let head: Head = loop {
        match http1::read_head(src, shared.limits.wire.max_head_bytes()) {
            Ok(Some(head)) => break head,
            Ok(None) if io.read_buf(src).await? == 0 => return Ok(false),
            Ok(None) => {}
            Err(error) => {
                io.write_all(&http1::bad_request()).await?;
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    };
    let (answer, goes_on) = match head.path() {
        DEFAULT_RPC_PATH if head.method == "CONNECT" => (http1::connected(), true),
        DEFAULT_RPC_PATH => (http1::method_not_allowed(&head), false),
        DEFAULT_DEBUG_PATH => {
            let html = http1::debug_page(&shared.router.debug_services());
            (http1::page(&head, &html), false)
        }
        _ => (http1::not_found(&head), false),
    };
    io.write_all(&answer).await?;
    if !goes_on {
        io.shutdown().await?;
    }
    Ok(goes_on)
}
