//! Which messages of a call are compressed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Which messages of one call are compressed, on wires that compress each by itself: gRPC,
/// gRPC-Web, Connect.
///
/// A handler gets it by [`Context::compression`](crate::Context::compression). A caller who wants to
/// choose or to know puts one into the extensions of the request and keeps a clone. Where nothing
/// was chosen, a reply is compressed as its request was, and a request as the client's options say.
///
/// A server's driver puts one into the extensions of a call whose messages may come compressed.
///
/// Leaving a message as it is makes sense for one that is compressed already, and for one that holds
/// a secret beside text that an attacker can choose.
#[derive(Debug, Clone, Default)]
pub struct MessageCompression(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    received: AtomicBool,
    wanted: AtomicU8,
}

impl MessageCompression {
    /// Compresses the messages sent from now on, if the peer can undo it.
    pub fn compress(&self) {
        self.0.wanted.store(COMPRESS, Ordering::Relaxed);
    }

    /// Sends messages as they are from now on.
    pub fn leave(&self) {
        self.0.wanted.store(LEAVE, Ordering::Relaxed);
    }

    /// Whether the message that was taken last came compressed.
    #[must_use]
    pub fn received_compressed(&self) -> bool {
        self.0.received.load(Ordering::Relaxed)
    }

    /// For drivers: what is wanted of the next message; `None` leaves it to the driver. To be asked
    /// when the message has been taken from its stream.
    #[must_use]
    pub fn wanted(&self) -> Option<bool> {
        match self.0.wanted.load(Ordering::Relaxed) {
            COMPRESS => Some(true),
            LEAVE => Some(false),
            _ => None,
        }
    }

    /// For drivers: notes how the message came that is handed on next.
    pub fn received(&self, compressed: bool) {
        self.0.received.store(compressed, Ordering::Relaxed);
    }
}

const COMPRESS: u8 = 1;
const LEAVE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_speak_of_the_same_call() {
        let handler = MessageCompression::default();
        let driver = handler.clone();
        assert_eq!(driver.wanted(), None);
        handler.compress();
        assert_eq!(driver.wanted(), Some(true));
        handler.leave();
        assert_eq!(driver.wanted(), Some(false));
        assert!(!handler.received_compressed());
        driver.received(true);
        assert!(handler.received_compressed());
    }
}
