//! The loads that every peer is put under, and the command line of a peer.
//!
//! A peer is an echo in some framework: it implements [`Peer`] and calls [`main`]. The program is
//! then `PEER server` or `PEER client --load W2`; `cargo xtask bench` starts one of each, pins them
//! to a core each and collects what the client prints.
#![forbid(unsafe_code)]

mod cli;
mod histogram;
mod load;
mod peer;
mod proc;

pub use cli::main;
pub use peer::{BoxError, Peer};
