//! One attempt of a call, as the functions around it see it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use polywire_core::{Instance, Metadata, Reply, Request};

use super::attempt::Trail;
use super::node::Node;
use crate::CallOptions;
use crate::options::Wrapper;

/// What becomes of an attempt.
pub type AttemptFuture<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// One attempt of a call, on its way to a node; see [`CallOptions::wrap`].
pub struct Attempt<'a> {
    pub(super) trail: &'a Trail<'a>,
    pub(super) node: &'a Arc<Node>,
    pub(super) instance: &'a Instance,
    pub(super) request: &'a mut Request,
    pub(super) options: &'a CallOptions,
    /// Those that are still to come.
    pub(super) wrappers: &'a [Wrapper],
    pub(super) number: u32,
}

impl<'a> Attempt<'a> {
    /// Goes on: to the next function further in, and last of all to the node.
    ///
    /// **Cancel safe**: dropping the future withdraws the attempt.
    #[must_use]
    pub fn proceed(mut self) -> AttemptFuture<'a> {
        match self.wrappers.split_first() {
            Some((next, further_in)) => {
                self.wrappers = further_in;
                next(self)
            }
            None => Box::pin(self.trail.channel.limited(
                self.node,
                self.request,
                self.options,
                self.trail,
            )),
        }
    }

    /// The call.
    #[must_use]
    pub const fn request(&self) -> &Request {
        self.request
    }

    /// What travels beside the argument of this attempt. Other attempts begin with the call's own.
    #[must_use]
    pub const fn metadata(&mut self) -> &mut Metadata {
        &mut self.request.metadata
    }

    /// The node, as it registered itself; made up where an address was given by hand.
    #[must_use]
    pub const fn instance(&self) -> &Instance {
        self.instance
    }

    /// Which attempt of the call it is; the first is 0.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("method", &self.request.method)
            .field("node", &self.instance.address)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
