//! Go's net/rpc over gob, with polywire's extension; `docs/wire/netrpc.md` has the bytes.

use bytes::Bytes;

/// Where Go's `DialHTTP` and `HandleHTTP` meet.
pub const DEFAULT_RPC_PATH: &str = "/_goRPC_";

/// Where Go's `HandleHTTP` shows its services.
pub const DEFAULT_DEBUG_PATH: &str = "/debug/rpc";

/// What a client sends before net/rpc over HTTP: the head Go's `DialHTTPPath` sends.
#[must_use]
pub fn connect_request(path: &str) -> Bytes {
    Bytes::from(format!("CONNECT {path} HTTP/1.0\n\n"))
}
