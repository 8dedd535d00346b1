//! The derive and attribute macros of polywire.
#![forbid(unsafe_code)]
