//! Calls inside another HTTP server, and another HTTP service inside this one.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::request::Parts;
use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use polywire_core::ConnectionInfo;
use tower_service::Service;

use super::body::ReplyBody;
use super::{RequestBody, exchange};
use crate::connection::Shared;

type BoxError = Box<dyn Error + Send + Sync>;
type Answered = Pin<Box<dyn Future<Output = Response<ReplyBody>> + Send>>;

/// Calls over HTTP as a `tower` service, to be mounted in axum or any server built on hyper: made
/// by [`Server::into_http_service`](crate::Server::into_http_service).
///
/// It answers gRPC, gRPC-Web, Connect, JSON and JSON-RPC, each as far as the server around it
/// carries it: gRPC needs HTTP/2 and trailers. Limits of connections are that server's own.
#[derive(Clone)]
pub struct HttpService {
    shared: Arc<Shared>,
    info: Arc<ConnectionInfo>,
}

impl HttpService {
    pub(crate) fn new(shared: Shared) -> Self {
        // Who is at the other end, only the server around this one knows.
        let unknown = || shared.local.clone();
        let info = Arc::new(ConnectionInfo::new(unknown(), unknown(), "http", false));
        Self { shared: Arc::new(shared), info }
    }
}

impl<B> Service<Request<B>> for HttpService
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<HttpBody>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = super::answer(Arc::clone(&self.shared), Arc::clone(&self.info), request);
        Box::pin(async move { Ok(answer.await.map(|body| HttpBody(Inner::Reply(body)))) })
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpService")
    }
}

/// The body of a request that a mounted service gets, or of a response that an [`HttpService`]
/// gives.
pub struct HttpBody(Inner);

enum Inner {
    Reply(ReplyBody),
    Other(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>),
}

impl Body for HttpBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Inner::Reply(body) => Pin::new(body).poll_frame(cx),
            Inner::Other(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Reply(body) => body.is_end_stream(),
            Inner::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Reply(body) => body.size_hint(),
            Inner::Other(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpBody")
    }
}

/// A service for what is no call; its type is forgotten.
#[derive(Clone)]
pub(crate) struct Fallback(Arc<dyn Fn(Request<HttpBody>) -> Answered + Send + Sync>);

impl Fallback {
    pub(crate) fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<HttpBody>, Response = Response<B>, Error: Into<BoxError>>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self(Arc::new(move |request| {
            let mut service = service.clone();
            Box::pin(async move {
                if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
                    return failed(&error.into());
                }
                match service.call(request).await {
                    Ok(response) => response.map(boxed),
                    Err(error) => failed(&error.into()),
                }
            })
        }))
    }

    /// Hands a request on.
    pub(super) async fn answer<B: RequestBody>(&self, head: Parts, body: B) -> Response<ReplyBody> {
        let body = HttpBody(Inner::Other(Box::pin(Plain { inner: body })));
        (self.0)(Request::from_parts(head, body)).await
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback")
    }
}

fn failed(error: &BoxError) -> Response<ReplyBody> {
    tracing::error!(%error, "the mounted service failed");
    exchange::plain(StatusCode::INTERNAL_SERVER_ERROR, "500 internal server error\n")
}

fn boxed<B>(body: B) -> ReplyBody
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    ReplyBody::Mounted(Box::pin(Plain { inner: body }))
}

pin_project_lite::pin_project! {
    /// A body whose errors are boxed.
    struct Plain<B> {
        #[pin]
        inner: B,
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for Plain<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.project().inner.poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
