//! Byte streams: listeners, connections, TLS and drain.
#![forbid(unsafe_code)]

mod heap;

pub use self::heap::keep_large_blocks;
