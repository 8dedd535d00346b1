//! What is no call by path: the pages of the server itself, and JSON-RPC.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::CONTENT_TYPE;
use ::http::request::Parts;
use ::http::{HeaderValue, Method, Response, StatusCode};
use bytes::{Buf as _, BytesMut};
use futures_util::future::join_all;
use polywire_codec::compression::Compression;
use polywire_core::{ConnectionInfo, Deadline, Encoding, Reply, Request};
use polywire_wire::http1::debug_page;
use polywire_wire::jsonrpc::JsonrpcServer;
use polywire_wire::netrpc::DEFAULT_DEBUG_PATH;
use polywire_wire::{Outgoing, ServerEvent, ServerWire, WireError};
use tokio::time::Instant;

use super::body::ReplyBody;
use super::exchange::{self, only_post, plain, reading, unsupported};
use super::{RequestBody, connect};
use crate::connection::Shared;
use crate::drive::contained;
use crate::metrics;

/// Answers what the server itself has at a path; `None` if that is nothing.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
    head: &Parts,
) -> Option<Response<ReplyBody>> {
    let is_get = matches!(head.method, Method::GET | Method::HEAD);
    if is_get && head.uri.path() == DEFAULT_DEBUG_PATH {
        let html = debug_page(&shared.router.debug_services());
        return Some(page(html, "text/html; charset=utf-8"));
    }
    if is_get && head.uri.path() == metrics::PATH {
        let mut figures = metrics::calls(&shared.router.debug_services());
        figures.extend(shared.metrics.iter().flat_map(|source| source()));
        return Some(page(metrics::page(figures), "text/plain; version=0.0.4; charset=utf-8"));
    }
    let method = exchange::method_of(head).ok()?;
    let method = shared.router.descriptor(&method)?;
    Some(match head.method {
        Method::GET => connect::get(shared, info, head, method).await,
        Method::POST => unsupported(),
        _ => only_post("POST"),
    })
}

fn page(text: String, content_type: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::data(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Whether a POST is to where JSON-RPC is answered.
pub(super) fn is_jsonrpc(head: &Parts) -> bool {
    head.method == Method::POST && JSONRPC_PATHS.contains(&head.uri.path())
}

/// Answers JSON-RPC 2.0, or 1.0, in the body of a POST.
pub(super) async fn jsonrpc<B: RequestBody>(
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
    body: B,
) -> Response<ReplyBody> {
    let whole = reading(shared, Encoding::Json, Compression::Identity).whole(body).await;
    let answered = match whole {
        Ok(payload) => calls(shared, &info, BytesMut::from(&*payload.bytes)).await,
        Err(status) => {
            let code = polywire_wire::connect::http_status(status.code());
            return plain(code, status.message().to_owned());
        }
    };
    match answered {
        Ok(mut out) if out.is_empty() => {
            out.reset();
            let mut response = Response::new(ReplyBody::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Ok(mut out) => {
            let mut response = Response::new(ReplyBody::data(out.copy_to_bytes(out.len())));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response
        }
        Err(error) => plain(StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

/// Carries out every call there is, at the same time.
async fn calls(
    shared: &Arc<Shared>,
    info: &Arc<ConnectionInfo>,
    mut src: BytesMut,
) -> Result<Outgoing, WireError> {
    let mut wire = JsonrpcServer::new(&shared.limits.wire);
    let mut out = Outgoing::default();
    let mut pending = Vec::new();
    loop {
        let event = match wire.read(&mut src)? {
            Some(event) => Some(event),
            None => wire.finish(&mut src)?,
        };
        match event {
            None => break,
            Some(ServerEvent::Call { ticket, request, timeout, .. }) => {
                let answer = call(shared, info, request, timeout);
                pending.push(async move { (ticket, answer.await) });
            }
            Some(ServerEvent::Reject { ticket, status }) => {
                wire.write(ticket, Err(status), &mut out);
            }
            Some(_) => {}
        }
    }
    for (ticket, reply) in join_all(pending).await {
        wire.write(ticket, reply, &mut out);
    }
    Ok(out)
}

fn call(
    shared: &Arc<Shared>,
    info: &Arc<ConnectionInfo>,
    mut request: Request,
    timeout: Option<Duration>,
) -> impl Future<Output = Reply> + use<> {
    request.connection = Some(Arc::clone(info));
    request.deadline =
        timeout.and_then(|timeout| Deadline::after(Instant::now().into_std(), timeout));
    let (method, deadline) = (request.method.clone(), request.deadline);
    let shared = Arc::clone(shared);
    // A panic before the first await is one of the future's as well.
    contained(Box::pin(async move { shared.start(request).await }), method, deadline)
}

const JSONRPC_PATHS: [&str; 3] = ["/", "/jsonrpc", "/rpc"];
