//! One connection of HTTP/1, one request after another.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use ::http::Request;
use ::http::header::EXPECT;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use polywire_core::ConnectionInfo;
use polywire_net::ByteStream;

use super::age::its_time_has_come;
use super::linger::{Lingering, Watched};
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
        let answer = super::answer(Arc::clone(shared), Arc::clone(&info), request);
        async move {
            let response = answer.await.map(|reply| match is_coming {
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
        .serve_connection(TokioIo::new(io), answer);
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

/// The least buffer the parser works with.
const MIN_BUFFER: usize = 8 * 1024;
