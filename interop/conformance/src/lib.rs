//! polywire's side of Connect's conformance runner: the service it calls, and the calls it asks for.
//!
//! The runner starts `conformance-server` and calls it, or starts `conformance-client` and has it
//! call servers that answer oddly on purpose. It speaks to both by messages behind their lengths,
//! on standard input and output ([`stdio`]).
#![forbid(unsafe_code)]

pub mod echo;
pub mod proto;
pub mod stdio;
