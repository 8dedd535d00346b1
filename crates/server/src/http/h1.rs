//! One connection of HTTP/1, one request after another.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use ::http::header::{CONNECTION, EXPECT, HOST};
use ::http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use polywire_core::ConnectionInfo;
use polywire_net::ByteStream;

use super::age::its_time_has_come;
use super::body::ReplyBody;
use super::exchange::plain;
use super::linger::{Lingering, Watched};
use super::stall::Stalling;
use crate::connection::Shared;

/// Serves one connection until it ends; when the server drains, the request under way is the last.
pub(crate) async fn serve(
    io: impl ByteStream,
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
) -> io::Result<()> {
    let answer = service_fn(|request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        // Who waits for leave to send has not begun, and is to see the reply first.
        let is_coming = !head.headers.contains_key(EXPECT);
        let (body, rest) = Watched::new(body);
        let request = Request::from_parts(head, body);
        let answer = (!has_two_hosts(&request))
            .then(|| super::answer(Arc::clone(shared), Arc::clone(&info), request));
        async move {
            let response = match answer {
                Some(answer) => answer.await,
                None => two_hosts(),
            };
            let response = response.map(|reply| match is_coming {
                true => Lingering::Replying(reply, rest),
                false => Lingering::without(reply),
            });
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.head_time)
        .max_buf_size(shared.limits.wire.max_head_bytes().max(MIN_BUFFER))
        .serve_connection(TokioIo::new(Stalling::new(io, shared.limits.write_stall)), answer);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = its_time_has_come(shared) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(|error| {
        let broke_a_rule = error.is_parse();
        let kind = if broke_a_rule { io::ErrorKind::InvalidData } else { io::ErrorKind::Other };
        io::Error::new(kind, error)
    })
}

/// Whether it goes to two places, so that a proxy may have understood it in another way.
fn has_two_hosts<B>(request: &Request<B>) -> bool {
    request.headers().get_all(HOST).iter().nth(1).is_some()
}

/// Its refusal (RFC 9112 §3.2).
fn two_hosts() -> Response<ReplyBody> {
    let mut response = plain(StatusCode::BAD_REQUEST, "more than one header `host`\n");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The least buffer the parser works with.
const MIN_BUFFER: usize = 8 * 1024;
