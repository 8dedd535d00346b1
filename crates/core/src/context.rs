//! What a handler may know about the call it answers.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::{
    Address, ByteStr, Deadline, Extensions, MessageCompression, Metadata, MethodName, PeerIdentity,
    Response, Status, Trailers,
};

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
    /// Who the peer has proved to be, if it showed a certificate.
    pub identity: Option<PeerIdentity>,
}

impl ConnectionInfo {
    /// Describes a connection.
    #[must_use]
    pub const fn new(peer: Address, local: Address, wire: &'static str, tls: bool) -> Self {
        Self { peer, local, wire, tls, identity: None }
    }

    /// Adds who the peer has proved to be.
    #[must_use]
    pub fn with_identity(mut self, identity: Option<PeerIdentity>) -> Self {
        self.identity = identity;
        self
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
    reply: ReplyMetadata,
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
            reply: ReplyMetadata::new(),
        }
    }

    /// Adds metadata that travels ahead of the reply's first value.
    pub fn reply_metadata(&self, name: impl Into<ByteStr>, value: impl Into<ByteStr>) {
        self.reply.headers().append(name, value);
    }

    /// What travels behind the reply's last value. The handle may be kept and filled for as long
    /// as a stream goes on.
    #[must_use]
    pub fn trailers(&self) -> Trailers {
        self.reply.trailers().clone()
    }

    /// Which messages of this call came and leave compressed, on wires that compress each by
    /// itself. To be called before the handler answers; the handle may be kept for as long as a
    /// stream goes on.
    #[must_use]
    pub fn compression(&self) -> MessageCompression {
        let given = || self.extensions.get::<MessageCompression>().cloned().unwrap_or_default();
        self.reply.parts().compression.get_or_init(given).clone()
    }

    /// Keeps what the handler set for its reply and drops the rest.
    #[must_use]
    pub fn into_reply_metadata(self) -> ReplyMetadata {
        self.reply
    }

    /// The address of the caller, if the call crossed a connection.
    #[must_use]
    pub fn peer(&self) -> Option<&Address> {
        self.connection.as_ref().map(|connection| &connection.peer)
    }

    /// Who the caller has proved to be, by the certificate of its connection. `None` without TLS,
    /// and of a caller that showed none because the server does not require it.
    #[must_use]
    pub fn peer_identity(&self) -> Option<&PeerIdentity> {
        self.connection.as_ref()?.identity.as_ref()
    }
}

/// Metadata that a handler set for its reply. One that was never set allocates nothing.
#[derive(Debug, Default)]
pub struct ReplyMetadata(OnceLock<Box<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    headers: Mutex<Metadata>,
    trailers: OnceLock<Trailers>,
    compression: OnceLock<MessageCompression>,
}

impl ReplyMetadata {
    /// Nothing set.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Moves it into a response.
    pub fn apply(self, response: &mut Response) {
        let Some(parts) = self.0.into_inner() else { return };
        response
            .metadata
            .extend(parts.headers.into_inner().unwrap_or_else(PoisonError::into_inner));
        response.trailers = parts.trailers.into_inner();
        response.compression = parts.compression.into_inner();
    }

    /// Moves it into a status: a call that fails has one set of metadata only.
    #[must_use]
    pub fn apply_to_status(self, status: Status) -> Status {
        let Some(parts) = self.0.into_inner() else { return status };
        let mut metadata = status.metadata().clone();
        metadata.extend(parts.headers.into_inner().unwrap_or_else(PoisonError::into_inner));
        if let Some(trailers) = parts.trailers.into_inner() {
            metadata.extend(trailers.snapshot());
        }
        status.with_metadata(metadata)
    }

    fn headers(&self) -> std::sync::MutexGuard<'_, Metadata> {
        self.parts().headers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trailers(&self) -> &Trailers {
        self.parts().trailers.get_or_init(Trailers::default)
    }

    fn parts(&self) -> &Parts {
        self.0.get_or_init(Box::default)
    }
}
