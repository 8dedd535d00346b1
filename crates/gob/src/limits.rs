//! How much a peer may make this side store and do.

/// Bounds on what a stream may contain; on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(crate) message_bytes: usize,
    pub(crate) value_bytes: usize,
    pub(crate) value_depth: usize,
    pub(crate) type_depth: usize,
    pub(crate) definitions: usize,
    pub(crate) definition_bytes: usize,
    pub(crate) fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 << 20,
            value_bytes: 64 << 20,
            value_depth: 100,
            type_depth: 100,
            definitions: 4_096,
            definition_bytes: 1 << 20,
            fields: 4_096,
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        impl Limits {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, limit: usize) -> Self {
                self.$name = limit;
                self
            })*
        }
    };
}

setters! {
    /// Bytes of one message. Default: 64 MiB. A longer one ends the stream.
    message_bytes,
    /// Bytes of one value that spans several messages. Default: 64 MiB.
    value_bytes,
    /// Values within values. Default: 100. Decoding uses the thread's stack for each level: for a
    /// struct of 15 fields 2 KiB, and 13 KiB in a build without optimizations, so that 100 levels
    /// fit the 2 MiB of a thread either way. A larger number may need a larger stack.
    value_depth,
    /// Types within types. Default: 100.
    type_depth,
    /// Types one stream may define. Default: 4,096.
    definitions,
    /// Bytes of all definitions of one stream. Default: 1 MiB.
    definition_bytes,
    /// Fields of one struct. Default: 4,096.
    fields,
}
