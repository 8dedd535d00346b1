//! What a peer may ask of one connection.

/// What a peer may ask of one connection.
#[derive(Debug, Clone)]
pub struct Limits {
    pub(crate) message_bytes: usize,
    pub(crate) gob: polywire_gob::Limits,
    pub(crate) head_bytes: usize,
    pub(crate) name_bytes: usize,
    pub(crate) metadata_bytes: usize,
    pub(crate) batch_calls: usize,
    pub(crate) json_depth: usize,
    pub(crate) stream_window: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 * 1024 * 1024,
            gob: polywire_gob::Limits::default(),
            head_bytes: 16 * 1024,
            name_bytes: 1024,
            metadata_bytes: 64 * 1024,
            batch_calls: 1000,
            json_depth: 512,
            stream_window: crate::INITIAL_WINDOW,
        }
    }
}

impl Limits {
    pub(crate) fn gob_limits(&self) -> polywire_gob::Limits {
        self.gob.message_bytes(self.message_bytes)
    }

    /// Bytes of one message: an argument or result with what precedes it. More closes the
    /// connection. Default: 64 MiB.
    #[must_use]
    pub const fn message_bytes(mut self, bytes: usize) -> Self {
        self.message_bytes = bytes;
        self
    }

    /// The bytes of one message, for whoever reads messages outside of this crate.
    #[must_use]
    pub const fn max_message_bytes(&self) -> usize {
        self.message_bytes
    }

    /// What one gob stream may define and nest. Its message size is that of
    /// [`message_bytes`](Self::message_bytes).
    #[must_use]
    pub const fn gob(mut self, limits: polywire_gob::Limits) -> Self {
        self.gob = limits;
        self
    }

    /// The bytes of an HTTP head; what [`read_head`](crate::http1::read_head) wants to know.
    #[must_use]
    pub const fn max_head_bytes(&self) -> usize {
        self.head_bytes
    }

    /// Bytes of one HTTP head, metadata included. More is answered with 431, or 400 where there is
    /// nothing but net/rpc; over HTTP/2 the connection lives. Default: 16 KiB.
    #[must_use]
    pub const fn head_bytes(mut self, bytes: usize) -> Self {
        self.head_bytes = bytes;
        self
    }

    /// Bytes of a method's name. A longer one is answered with an error. Default: 1 KiB.
    #[must_use]
    pub const fn name_bytes(mut self, bytes: usize) -> Self {
        self.name_bytes = bytes;
        self
    }

    /// Bytes of the metadata of one call, names and values together. More is answered with an
    /// error. Over HTTP it is [`head_bytes`](Self::head_bytes) that bounds them. Default: 64 KiB.
    #[must_use]
    pub const fn metadata_bytes(mut self, bytes: usize) -> Self {
        self.metadata_bytes = bytes;
        self
    }

    /// Calls in one JSON-RPC batch. A larger one is answered with one error. Default: 1000.
    #[must_use]
    pub const fn batch_calls(mut self, calls: usize) -> Self {
        self.batch_calls = calls;
        self
    }

    /// Levels of arrays and objects in one JSON message. More closes the connection. Default: 512.
    #[must_use]
    pub const fn json_depth(mut self, levels: usize) -> Self {
        self.json_depth = levels;
        self
    }

    /// Bytes of one stream and direction that may wait for their reader; each value counts 32 more
    /// than it has, and one value may go over it. Less than the default is the default. Default:
    /// 64 KiB.
    #[must_use]
    pub const fn stream_window(mut self, bytes: u64) -> Self {
        self.stream_window = bytes;
        self
    }

    /// The bytes of one stream that may wait, for whoever keeps them outside of this crate.
    #[must_use]
    pub const fn max_stream_window(&self) -> u64 {
        if self.stream_window < crate::INITIAL_WINDOW {
            crate::INITIAL_WINDOW
        } else {
            self.stream_window
        }
    }
}
