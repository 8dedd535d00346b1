//! Go's net/rpc over gob, with polywire's extension; `docs/wire/netrpc.md` has the bytes.

mod body;
mod client;
mod header;
mod incoming;
mod names;
mod plan;
mod run;
mod server;

use bytes::{Bytes, BytesMut};

use crate::{WireError, http1};

pub use self::client::{NetrpcReader, NetrpcWriter, client};
pub use self::server::{NetrpcServer, NetrpcTicket};

/// Where Go's `DialHTTP` and `HandleHTTP` meet.
pub const DEFAULT_RPC_PATH: &str = "/_goRPC_";

/// Where Go's `HandleHTTP` shows its services.
pub const DEFAULT_DEBUG_PATH: &str = "/debug/rpc";

/// What a client sends before net/rpc over HTTP: the head Go's `DialHTTPPath` sends.
#[must_use]
pub fn connect_request(path: &str) -> Bytes {
    Bytes::from(format!("CONNECT {path} HTTP/1.0\n\n"))
}

/// Takes the server's answer to [`connect_request`] off `src`; `None` means "read more". Nothing
/// may be sent before it has come: a Go server would lose it.
///
/// # Errors
/// [`WireError::UnexpectedHttp`] if the server has no net/rpc at that path, and what is wrong with
/// an answer that is no HTTP or has no end.
pub fn connect_answer(src: &mut BytesMut) -> Result<Option<()>, WireError> {
    http1::read_connect_answer(src, MAX_ANSWER_BYTES)
}

/// Go's servers send 34 bytes; proxies may add to that.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
