//! What streams are made of on wires that have no frames of their own for them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use polywire_core::{EncodedRun, Encoding, Metadata, Payload, Status};

/// What a caller says of a stream it has opened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum CallFrame<'a> {
    /// One argument.
    Message(&'a Payload),
    /// There are no more arguments.
    End,
    /// Replies of so many more bytes may come.
    Window(u64),
}

/// What a callee says of a stream.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum ReplyFrame<'a> {
    /// The reply is a stream, in this encoding; this precedes it.
    Head(&'a Metadata, Encoding),
    /// One value of the reply.
    Message(&'a Payload),
    /// Values of the reply, in bytes that are copied.
    Run(&'a EncodedRun),
    /// The orderly end, and what follows the last value. Nothing else of this call comes.
    End(&'a Metadata),
    /// The end by an error. Nothing else of this call comes.
    Failed(&'a Status),
    /// Arguments of so many more bytes may come.
    Window(u64),
    /// Nobody reads the arguments any longer; the reply goes on.
    Stop,
}

/// Values of one stream, in one encoding, that came one right after another.
#[derive(Clone)]
#[non_exhaustive]
pub struct ValueRun {
    /// The values.
    pub bytes: Bytes,
    /// How long each is. Their sum is the length of the bytes.
    pub lens: Vec<usize>,
    /// What the encoding of each needs beside the bytes; see [`Payload::context`].
    pub context: Option<Arc<dyn Any + Send + Sync>>,
}

impl ValueRun {
    /// The values, each in bytes of its own; they are in `encoding`.
    pub fn into_payloads(self, encoding: Encoding) -> impl Iterator<Item = Payload> {
        let Self { mut bytes, lens, context } = self;
        lens.into_iter().map(move |len| {
            let mut payload = Payload::new(encoding, bytes.split_to(len.min(bytes.len())));
            payload.context = context.clone();
            payload
        })
    }
}

impl fmt::Debug for ValueRun {
    /// Shows the sizes, never the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueRun").field("lens", &self.lens).finish_non_exhaustive()
    }
}

/// How many bytes of a stream may be under way before its reader has taken any, unless the two
/// sides agree on more.
pub const INITIAL_WINDOW: u64 = 64 * 1024;

/// What one value of so many bytes takes of its stream's window: those, and 32 for keeping it in
/// order.
#[must_use]
pub fn window_cost(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(MESSAGE_OVERHEAD)
}

/// Keeps a stream of empty values from being without a bound.
const MESSAGE_OVERHEAD: u64 = 32;
