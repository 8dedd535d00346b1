//! What a handler may know about the call it answers.

use std::sync::Arc;

use crate::{Address, Deadline, Extensions, Metadata, MethodName};

/// Who is at the other end of a connection, and how it is reached.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Where the peer connects from.
    pub peer: Address,
    /// Where it reached us.
    pub local: Address,
    /// The wire spoken: `netrpc`, `netrpc+http`, `jsonrpc`.
    pub wire: &'static str,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

impl ConnectionInfo {
    /// Describes a connection.
    #[must_use]
    pub const fn new(peer: Address, local: Address, wire: &'static str, tls: bool) -> Self {
        Self { peer, local, wire, tls }
    }
}

/// Everything about a call but its argument.
///
/// Handlers take `&Context` when they want it. Pass it on to nested calls to hand the deadline
/// down.
#[derive(Debug)]
#[non_exhaustive]
pub struct Context {
    /// What was called.
    pub method: MethodName,
    /// What came beside the argument.
    pub metadata: Metadata,
    /// When the caller stops waiting.
    pub deadline: Option<Deadline>,
    /// The connection the call came in on; `None` for a call that crossed no socket.
    pub connection: Option<Arc<ConnectionInfo>>,
    /// What layers handed on.
    pub extensions: Extensions,
}

impl Context {
    /// The context of a call that came from nowhere: for tests and for calls within the process.
    #[must_use]
    pub const fn new(method: MethodName) -> Self {
        Self {
            method,
            metadata: Metadata::new(),
            deadline: None,
            connection: None,
            extensions: Extensions::new(),
        }
    }

    /// The address of the caller, if the call crossed a connection.
    #[must_use]
    pub fn peer(&self) -> Option<&Address> {
        self.connection.as_ref().map(|connection| &connection.peer)
    }
}
