//! What a case calls through.

use std::sync::{Arc, Mutex, PoisonError};

use polywire::core::{Encoding, MessageCompression};
use polywire::{BoxService, Metadata, Reply, Request, Service, Trailers};

use super::super::Failure;
use crate::grpc::TestServiceClient;

type Connect = dyn Fn() -> Result<BoxService, Failure> + Send + Sync;

/// The way to one server.
#[derive(Clone)]
pub(in super::super) struct Caller {
    connect: Arc<Connect>,
    pub(in super::super) tap: Tap,
}

impl Caller {
    pub(in super::super) fn new(
        connect: impl Fn() -> Result<BoxService, Failure> + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let tap = Tap::new(connect()?);
        Ok(Self { connect: Arc::new(connect), tap })
    }

    /// A client on the case's own connection.
    pub(in super::super) fn client(&self) -> TestServiceClient<Tap> {
        TestServiceClient::new(self.tap.clone())
    }

    /// A client on a connection of its own.
    pub(super) fn new_connection(&self) -> Result<TestServiceClient<Tap>, Failure> {
        Ok(TestServiceClient::new(Tap::new((self.connect)()?)))
    }
}

/// Passes calls on, and keeps what the last reply carried beside its values.
#[derive(Clone)]
pub(in super::super) struct Tap {
    inner: BoxService,
    /// Of every call from now on.
    pub(in super::super) compression: MessageCompression,
    last: Arc<Mutex<Last>>,
}

#[derive(Default)]
struct Last {
    headers: Metadata,
    trailers: Option<Trailers>,
}

impl Tap {
    fn new(inner: BoxService) -> Self {
        Self { inner, compression: MessageCompression::default(), last: Arc::default() }
    }

    /// What came ahead of the last reply.
    pub(in super::super) fn headers(&self) -> Metadata {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).headers.clone()
    }

    /// What came behind the last reply; whole once that has ended.
    pub(super) fn trailers(&self) -> Metadata {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.trailers.as_ref().map(Trailers::snapshot).unwrap_or_default()
    }
}

impl Service for Tap {
    async fn call(&self, mut req: Request) -> Reply {
        req.extensions.insert(self.compression.clone());
        let response = self.inner.call(req).await?;
        let last = Last { headers: response.metadata.clone(), trailers: response.trailers.clone() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        Ok(response)
    }

    fn encoding(&self) -> Encoding {
        self.inner.encoding()
    }
}
