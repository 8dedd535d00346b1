//! go-micro's calls: on connections of HTTP/1.1 of their own, and beside other requests.

use std::io;
use std::sync::Arc;

use ::http::request::Parts;
use ::http::{Method, Response, Version};
use bytes::BytesMut;
use polywire_codec::compression::Compression;
use polywire_core::{
    Body, CallKind, Code, ConnectionInfo, Deadline, MethodName, Reply, Request, Status,
};
use polywire_net::{ByteStream, Prefixed};
use polywire_wire::connect::Protocol;
use polywire_wire::micro::{self, Argument, Echo, Head, MicroServer, is_micro};
use tokio::time::Instant;

use super::body::ReplyBody;
use super::exchange::reading;
use super::{RequestBody, h1};
use crate::connection::Shared;
use crate::drive::{Driver, contained};

/// Serves one connection of HTTP/1 until it ends: as long as its requests are go-micro's, full-duplex
/// and by the loop that other wires have; from the first other one on as any connection of HTTP.
pub(crate) async fn serve(
    mut io: impl ByteStream,
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
) -> io::Result<()> {
    let mut src = BytesMut::new();
    if !calls(&mut io, &mut src, shared, &info).await? {
        return Ok(());
    }
    h1::serve(Prefixed::new(src.freeze(), io), shared, info).await
}

/// Answers calls until there is something else; says whether there is.
async fn calls(
    io: &mut impl ByteStream,
    src: &mut BytesMut,
    shared: &Arc<Shared>,
    info: &ConnectionInfo,
) -> io::Result<bool> {
    let router = shared.router.clone();
    let kind_of = move |method: &MethodName| Some(router.descriptor(method)?.kind);
    let wire = MicroServer::new(&shared.limits.wire, Box::new(kind_of));
    let mut info = info.clone();
    info.wire = "micro";
    let mut driver = Driver::new(wire, shared, Arc::new(info));
    driver.run(io, src).await?;
    Ok(driver.has_left())
}

/// Whether a request is a call of go-micro's. One over HTTP/2 that says it is gRPC is that.
pub(super) fn is_meant(head: &Parts, protocol: Option<Protocol>) -> bool {
    if protocol == Some(Protocol::Grpc) && head.version > Version::HTTP_11 {
        return false;
    }
    is_micro(head.headers.keys().map(::http::HeaderName::as_str)) || is_of_old(head)
}

/// Whether a request has the form that peers send who put everything into the body.
fn is_of_old(head: &Parts) -> bool {
    let content_type = super::exchange::text(&head.headers, "content-type").unwrap_or_default();
    let name = content_type.split(';').next().unwrap_or_default().trim();
    head.method == Method::POST
        && head.uri.path() == "/"
        && ["application/json-rpc", "application/proto-rpc"].contains(&name)
}

/// Answers a call beside other requests, of whichever version of HTTP; streams have no way there.
pub(super) async fn answer<B: RequestBody>(
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
    head: &Parts,
    body: B,
) -> Response<ReplyBody> {
    let headers = || head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let head = Head::read(headers);
    let mut echo = Echo::new(&head);
    let reply = match call(shared, info, head, body, &mut echo).await {
        Ok(reply) => reply,
        Err(status) => Err(status),
    };
    let (headers, body) = echo.answer(reply).into_parts();
    let mut response = Response::new(ReplyBody::data(body));
    *response.headers_mut() = headers;
    response
}

async fn call<B: RequestBody>(
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
    head: Head,
    body: B,
    echo: &mut Echo,
) -> Result<Reply, Status> {
    let content = head.content?;
    let body = reading(shared, content.codec, Compression::Identity).whole(body).await?;
    let argument = Argument::read(content, body.bytes)?;
    *echo = echo.clone().with(&argument);
    let mut request = match &head.topic {
        Some(topic) => micro::event(topic, argument.payload, &shared.limits.wire)?,
        None => {
            let endpoint = head.endpoint.or(argument.endpoint).unwrap_or_default();
            let method = micro::method(&endpoint, &shared.limits.wire)?;
            let known = shared.router.descriptor(&method);
            if known.is_some_and(|method| method.kind != CallKind::Unary) {
                let text =
                    "streams of go-micro need a connection of HTTP/1.1 that has nothing else";
                return Err(Status::new(Code::Unimplemented, text));
            }
            Request::new(method, Body::Unary(argument.payload))
        }
    };
    let method = request.method.clone();
    request.metadata = head.metadata;
    request.connection = Some(info);
    let now = Instant::now().into_std();
    request.deadline = head.timeout.and_then(|timeout| Deadline::after(now, timeout));
    let deadline = request.deadline;
    let shared = Arc::clone(shared);
    // A panic before the first await is one of the future's as well.
    let answer = Box::pin(async move { shared.start(request).await });
    Ok(contained(answer, method, deadline).await)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use polywire_core::Address;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{Limits, Router};

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_be_idle_and_a_message_may_not_stop_on_its_way() {
        let limits = Limits::default();
        let pause = limits.body_stall + Duration::from_secs(1);
        let drain = CancellationToken::new();
        let shared = Arc::new(Shared::for_test(Router::new(), limits, drain));
        let here = || Address::from("memory:test");
        let info = Arc::new(ConnectionInfo::new(here(), here(), "http1", false));
        let (mut peer, io) = duplex(4096);
        let calling = async {
            for _ in 0..2 {
                sleep(pause * 100).await;
                peer.write_all(b"POST / HTTP/1.1\r\nMicro-Endpoint: A.B\r\n\r\n").await.unwrap();
                let mut answer = Vec::new();
                while !answer.ends_with(b"\r\n\r\n") {
                    answer.push(peer.read_u8().await.unwrap());
                }
                assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
            }
            peer.write_all(b"POST / HTTP/1.1\r\n").await.unwrap();
            sleep(pause).await;
            peer.read_to_end(&mut Vec::new()).await
        };
        let (served, ended) = tokio::join!(serve(io, &shared, info), calling);
        assert_eq!(served.unwrap_err().kind(), io::ErrorKind::TimedOut);
        ended.unwrap();
    }
}
