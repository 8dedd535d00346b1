//! Calls over HTTP: gRPC, gRPC-Web, Connect, plain JSON and go-micro's, whatever the version of HTTP.
//!
//! A head says which dialect its request is in; the dialect turns head and body into a call and the
//! reply into a response. The two versions of HTTP differ only in the loop that carries them.

mod age;
mod body;
mod compressing;
mod connect;
mod cork;
mod cors;
mod exchange;
mod grpc;
mod h1;
mod h2;
mod incoming;
mod linger;
mod micro;
mod mount;
mod pages;
mod police;
mod reply;
mod stall;

use std::error::Error;
use std::sync::Arc;

use ::http::request::Parts;
use ::http::{Method, Request, Response, StatusCode, Version};
use bytes::Bytes;
use http_body::Body;
use polywire_core::ConnectionInfo;
use polywire_wire::connect::{ContentType, Protocol};

use crate::connection::Shared;

pub(crate) use self::body::ReplyBody;
pub(crate) use self::h2::serve as serve_h2;
pub(crate) use self::micro::serve as serve_h1;
pub(crate) use self::mount::Fallback;
pub use self::mount::{HttpBody, HttpService};

/// The body of a request, of whichever version of HTTP.
pub(crate) trait RequestBody:
    Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static
{
}

impl<B> RequestBody for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static
{
}

/// Answers one request.
pub(crate) async fn answer<B: RequestBody>(
    shared: Arc<Shared>,
    info: Arc<ConnectionInfo>,
    request: Request<B>,
) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let limit = shared.limits.wire.max_head_bytes();
    if exchange::head_bytes(&head) > limit {
        let text = format!("a head over the limit of {limit} bytes (head_bytes)\n");
        return exchange::plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
    }
    let origin = head.headers.get(::http::header::ORIGIN).cloned();
    if origin.is_some() && cors::is_preflight(&head) {
        return cors::preflight(&shared.cors, &head);
    }
    let content_type = head.headers.get(::http::header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let known = content_type.and_then(ContentType::parse);
    let protocol = content_type.and_then(Protocol::of);
    let mut response = match (protocol, known) {
        _ if micro::is_meant(&head, protocol) => micro::answer(&shared, info, &head, body).await,
        (Some(Protocol::Grpc | Protocol::GrpcWeb), known) => {
            grpc::answer(&shared, info, &head, body, known).await
        }
        (Some(Protocol::ConnectStream), known) => {
            connect::stream(&shared, info, &head, body, known).await
        }
        // A body of JSON may be anything; what tells is the path.
        (Some(Protocol::ConnectUnary), Some(known))
            if head.method == Method::POST && connect::is_meant(&shared, &head) =>
        {
            connect::unary(&shared, info, &head, body, known).await
        }
        (Some(Protocol::ConnectUnary), _) if pages::is_jsonrpc(&head) => {
            pages::jsonrpc(&shared, info, body).await
        }
        _ => match pages::answer(&shared, info, &head).await {
            Some(response) => response,
            None => match &shared.fallback {
                Some(fallback) => fallback.answer(head, body).await,
                None => not_found(&head, body).await,
            },
        },
    };
    if let Some(origin) = origin {
        cors::allow(&shared.cors, &origin, &mut response);
    }
    response
}

/// HTTP/2 resets a stream that is answered before its request has come to its end, and what the
/// peer still does wrong there is passed over. Nobody waits for this answer, so it waits a little.
async fn not_found<B: RequestBody>(head: &Parts, body: B) -> Response<ReplyBody> {
    if head.version == Version::HTTP_2 {
        incoming::take_rest(body).await;
    }
    exchange::plain(StatusCode::NOT_FOUND, "404 page not found\n")
}
