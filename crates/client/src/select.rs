//! Which nodes may take a call, and which of them does. Nothing here opens a socket or reads a
//! clock.

mod balancer;
mod filter;

pub(crate) use self::balancer::Load;
pub use self::balancer::{Balancer, Candidate, Picker};
pub use self::filter::Filter;
