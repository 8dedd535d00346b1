//! The server engine: accept, sniff, read, route, call, reply.
#![forbid(unsafe_code)]
