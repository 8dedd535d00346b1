//! Byte streams: listeners, connections, TLS and drain.
#![forbid(unsafe_code)]
