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
            if is_coming && response.body().is_whole() {
                rest.precede().await;
            }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use polywire_core::Address;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::task::JoinSet;
    use tokio::time::{Instant, timeout};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{Limits, Router};

    const HEAD: &[u8] = b"POST /test.v1.Numbers/Nothing HTTP/1.1\r\nhost: a\r\n\
        content-type: application/grpc-web+proto\r\ntransfer-encoding: chunked\r\n\r\n";
    const REST: &[u8] = b"5\r\n\0\0\0\0\0\r\n0\r\n\r\n";

    /// A peer of a server that offers nothing.
    fn peer() -> (DuplexStream, JoinSet<io::Result<()>>) {
        let ((peer, io), mut server) = (duplex(4096), JoinSet::new());
        server.spawn(async {
            let drain = CancellationToken::new();
            let shared = Arc::new(Shared::for_test(Router::new(), Limits::default(), drain));
            let here = || Address::from("memory:test");
            let info = Arc::new(ConnectionInfo::new(here(), here(), "http1", false));
            serve(io, &shared, info).await
        });
        (peer, server)
    }

    async fn head(peer: &mut DuplexStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(peer.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_waits_a_little_for_the_rest_of_a_request_that_nobody_reads() {
        let (mut peer, _server) = peer();
        for _ in 0..2 {
            peer.write_all(HEAD).await.unwrap();
            timeout(Duration::from_millis(900), peer.read_u8()).await.unwrap_err();
            peer.write_all(REST).await.unwrap();
            let head = head(&mut peer).await;
            assert!(head.contains("\r\ngrpc-status: 12\r\n"), "{head}");
            // It is whole at once: no chunk tells its end later.
            assert!(head.contains("\r\ncontent-length: 0\r\n"), "{head}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_waits_no_longer_than_a_second_nor_for_more_than_256_kib() {
        let ((mut peer, _server), begin) = (peer(), Instant::now());
        peer.write_all(HEAD).await.unwrap();
        assert!(head(&mut peer).await.contains("\r\ngrpc-status: 12\r\n"));
        assert_eq!(begin.elapsed().as_secs(), 1);
        peer.write_all(REST).await.unwrap();
        assert_eq!(read_chunks(&mut peer).await, "0\r\n\r\n");

        let begin = Instant::now();
        let large = format!("{:x}\r\n{}", 256 * 1024, "x".repeat(256 * 1024));
        peer.write_all(&[HEAD, large.as_bytes()].concat()).await.unwrap();
        assert!(head(&mut peer).await.contains("\r\ngrpc-status: 12\r\n"));
        assert!(begin.elapsed().is_zero(), "{:?}", begin.elapsed());
    }

    /// The end of a reply that came in chunks, of which none holds anything.
    async fn read_chunks(peer: &mut DuplexStream) -> String {
        let mut chunks = [0; 5];
        peer.read_exact(&mut chunks).await.unwrap();
        String::from_utf8(chunks.to_vec()).unwrap()
    }
}
