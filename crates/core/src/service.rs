//! What answers calls.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Encoding, Reply, Request};

/// The future of an erased call.
pub type ReplyFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Something that answers calls: a router, a client channel, a layer around either.
///
/// There is no readiness to poll: whether a call is admitted is decided in `call`, at once.
/// Dropping the future cancels the call.
pub trait Service: Send + Sync + 'static {
    /// Answers one call.
    fn call(&self, req: Request) -> impl Future<Output = Reply> + Send;

    /// The encoding in which this service would rather be given arguments. Routers take any; a
    /// client channel says what its wire carries. Layers pass on what they wrap. Default: gob.
    fn encoding(&self) -> Encoding {
        Encoding::Gob
    }

    /// Whether calls may go to peers that take other encodings than that one, so that an argument
    /// had better come with a [`Reencode`](crate::Reencode). Layers pass on what they wrap. Default:
    /// no.
    fn is_mixed(&self) -> bool {
        false
    }
}

impl<S: Service> Service for Arc<S> {
    fn call(&self, req: Request) -> impl Future<Output = Reply> + Send {
        (**self).call(req)
    }

    fn encoding(&self) -> Encoding {
        (**self).encoding()
    }

    fn is_mixed(&self) -> bool {
        (**self).is_mixed()
    }
}

trait Erased: Send + Sync {
    fn call(self: Arc<Self>, req: Request) -> ReplyFuture;
    fn encoding(&self) -> Encoding;
    fn is_mixed(&self) -> bool;
}

impl<S: Service> Erased for S {
    fn call(self: Arc<Self>, req: Request) -> ReplyFuture {
        Box::pin(async move { Service::call(&*self, req).await })
    }

    fn encoding(&self) -> Encoding {
        Service::encoding(self)
    }

    fn is_mixed(&self) -> bool {
        Service::is_mixed(self)
    }
}

/// A service whose type is forgotten; cheap to clone.
#[derive(Clone)]
pub struct BoxService(Arc<dyn Erased>);

impl BoxService {
    /// Forgets the type of a service.
    pub fn new(service: impl Service) -> Self {
        Self(Arc::new(service))
    }

    /// Answers one call by a future that owns what it needs, so that it can be polled where it
    /// was made and moved to a task when it is not ready.
    #[must_use]
    pub fn call_owned(&self, req: Request) -> ReplyFuture {
        Arc::clone(&self.0).call(req)
    }
}

impl Service for BoxService {
    fn call(&self, req: Request) -> impl Future<Output = Reply> + Send {
        self.call_owned(req)
    }

    fn encoding(&self) -> Encoding {
        self.0.encoding()
    }

    fn is_mixed(&self) -> bool {
        self.0.is_mixed()
    }
}

impl fmt::Debug for BoxService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxService")
    }
}
