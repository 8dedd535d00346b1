//! Frames to calls and back, without input or output: netrpc, jsonrpc and the sniff table.
#![forbid(unsafe_code)]
