//! A connection of whichever kind a node's wire has.

use polywire_core::{Reply, Request};

use crate::connection::Connection;
use crate::http::{HttpConnection, HttpPool};

/// A connection of whichever kind a node's wire has.
#[derive(Debug)]
pub(crate) enum Link {
    /// Calls have numbers.
    Mux(Connection),
    /// Calls have streams of HTTP/2.
    Http(HttpConnection),
    /// Calls have connections of HTTP/1.1.
    Pool(HttpPool),
}

impl Link {
    /// Sends a call and waits for its reply.
    ///
    /// **Cancel safe**: dropping the future withdraws the call.
    pub(super) async fn call(&self, request: &Request) -> Reply {
        match self {
            Self::Mux(connection) => connection.call(request).await,
            // The future of such a call is large, and moved with every call if it is not boxed.
            Self::Http(connection) => Box::pin(connection.call(request)).await,
            Self::Pool(pool) => Box::pin(pool.call(request)).await,
        }
    }

    /// Whether calls can still be sent.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Mux(connection) => connection.is_open(),
            Self::Http(connection) => connection.is_open(),
            Self::Pool(pool) => pool.is_open(),
        }
    }

    /// Closes the connection; calls that wait end.
    pub(super) fn close(&self) {
        match self {
            Self::Mux(connection) => connection.close(),
            Self::Http(connection) => connection.close(),
            Self::Pool(pool) => pool.close(),
        }
    }
}
