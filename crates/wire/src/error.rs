//! Why a connection cannot go on.

/// Why a connection cannot go on; it is to be closed once the replies to the calls already handed
/// out have been written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The peer stopped inside a message: it went away, or something between cut the stream.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// The peer sent more than a limit allows; raise the setting if that was meant.
    #[error("{what} of {size} is over the limit of {limit} ({setting})")]
    TooLarge {
        /// What is too large, with its unit: `message bytes`.
        what: &'static str,
        /// How large it is, as far as is known.
        size: u64,
        /// The limit.
        limit: u64,
        /// The setting that holds the limit, as in `Limits::message_bytes`.
        setting: &'static str,
    },
    /// The peer does not speak this protocol, or has lost step.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// What was being read: `netrpc header`.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The peer ended the conversation with a message of length zero, which Go reads as the end.
    #[error("empty message: the peer ended the stream")]
    EmptyMessage,
    /// The answer to `CONNECT` was another than net/rpc's.
    #[error("unexpected HTTP response: {status}")]
    UnexpectedHttp {
        /// The status line without its version.
        status: String,
    },
}
