//! gRPC and gRPC-Web. Facts: gRPC's PROTOCOL-HTTP2.md and PROTOCOL-WEB.md. Callers of go-micro's, which
//! speak it with errors and deadlines of their own, are served alike: docs/wire/micro.md.

use std::sync::Arc;
use std::time::Duration;

use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Method, Response};
use bytes::{Bytes, BytesMut};
use polywire_codec::compression::Compression;
use polywire_core::{Body, Code, ConnectionInfo, Deadline, Reply, Response as Answer, Status};
use polywire_wire::connect::{ContentType, Protocol};
use polywire_wire::grpc::{self, envelope};
use polywire_wire::http::metadata_to_headers;
use polywire_wire::micro::GrpcCaller;

use super::RequestBody;
use super::body::ReplyBody;
use super::compressing::Compressing;
use super::exchange::{self, Call, only_post, reading, text};
use super::reply::{Audience, Ending, ReplyStream, Writing, trailers};
use crate::connection::Shared;

/// Answers one request; `known` is `None` for an encoding that nobody speaks here.
pub(super) async fn answer<B: RequestBody>(
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
    head: &Parts,
    body: B,
    known: Option<ContentType>,
) -> Response<ReplyBody> {
    if head.method != Method::POST {
        return only_post("POST");
    }
    let Some(content) = known else { return exchange::unsupported() };
    let caller = GrpcCaller::of(&head.headers);
    let audience = audience(head, caller);
    let compression = match exchange::compression(&head.headers, "grpc-encoding") {
        Ok(compression) => compression,
        Err(status) => {
            let mut response = failed(content, &status, &audience);
            let names = HeaderValue::from_static(Compression::NAMES);
            response.headers_mut().insert("grpc-accept-encoding", names);
            return response;
        }
    };
    let accepted = text(&head.headers, "grpc-accept-encoding");
    let call = timeout(&head.headers, caller)
        .and_then(|timeout| Call::in_any_package(shared, info, head, timeout, caller));
    let (reply, deadline) = match call {
        Ok(call) => {
            let deadline = call.deadline();
            let reading = reading(shared, content.codec, compression);
            (call.enveloped(body, reading, content.text).await, deadline)
        }
        Err(status) => (Err(status), None),
    };
    let writing = Writing {
        codec: content.codec,
        compressing: Compressing::new(compression, accepted, &reply),
        ending: match content.protocol {
            Protocol::GrpcWeb => Ending::Web { text: content.text },
            _ => Ending::Trailers,
        },
    };
    respond(reply, content, writing, deadline, &audience)
}

/// How long the caller waits: what gRPC says and what go-micro says, whichever is less.
fn timeout(headers: &HeaderMap, caller: Option<GrpcCaller>) -> Result<Option<Duration>, Status> {
    let own = headers.get("grpc-timeout").map(|value| grpc::timeout::parse(value.as_bytes()));
    let own = own.transpose()?;
    let micro = caller.and_then(|caller| caller.timeout);
    Ok(own.into_iter().chain(micro).min())
}

/// Who is told of failures. What stands before the type in the path is, with go-micro, the name under
/// which the caller found the service.
fn audience(head: &Parts, caller: Option<GrpcCaller>) -> Audience {
    if caller.is_none() {
        return Audience::Grpc;
    }
    let service = head.uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    let name = service.rsplit_once('.').map_or("", |(name, _type)| name);
    Audience::Micro { service: name.into() }
}

fn respond(
    reply: Reply,
    content: ContentType,
    writing: Writing,
    deadline: Option<Deadline>,
    audience: &Audience,
) -> Response<ReplyBody> {
    let answer = match reply {
        Ok(answer) => answer,
        Err(status) => return failed(content, &status, audience),
    };
    let mut response = Response::new(ReplyBody::empty());
    let headers = response.headers_mut();
    headers.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static(content.as_str()));
    if let Some(compression) = writing.compressing.declared() {
        headers.insert("grpc-encoding", compression);
    }
    for left_out in metadata_to_headers(&answer.metadata, headers) {
        tracing::debug!(%left_out, "metadata was left out");
    }
    match body(answer, writing, deadline, audience) {
        Ok(body) => {
            *response.body_mut() = body;
            response
        }
        Err(status) => failed(content, &status, audience),
    }
}

fn body(
    answer: Answer,
    writing: Writing,
    deadline: Option<Deadline>,
    audience: &Audience,
) -> Result<ReplyBody, Status> {
    let payload = match &answer.body {
        Body::Unary(payload) => payload,
        Body::Stream(_) => {
            let stream = ReplyStream::new(answer, writing, deadline, audience.clone());
            let stream = stream.map(Box::new);
            return stream.map(ReplyBody::Stream).ok_or_else(empty);
        }
        _ => return Err(empty()),
    };
    let metadata = answer.trailers.as_ref().map(polywire_core::Trailers::snapshot);
    let metadata = metadata.unwrap_or_default();
    if payload.bytes.len() >= KEEP_WHOLE && writing.ending == Ending::Trailers {
        let (flags, message) = writing.message(payload, answer.compression.as_ref())?;
        let prefix = envelope(flags, &message)?;
        return Ok(ReplyBody::Whole {
            data: Bytes::copy_from_slice(&prefix),
            more: message,
            trailers: Some(trailers(Ok(()), &metadata)),
        });
    }
    let mut out = BytesMut::new();
    writing.put(payload, answer.compression.as_ref(), &mut out)?;
    let (end, trailers) = writing.end(Ok(()), &metadata);
    out.extend_from_slice(&end);
    Ok(ReplyBody::Whole { data: writing.dress(out.freeze()), more: Bytes::new(), trailers })
}

fn empty() -> Status {
    Status::new(Code::Internal, "the reply has no message")
}

/// A reply that is nothing but a status: it stands in the headers.
fn failed(content: ContentType, status: &Status, audience: &Audience) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::empty());
    let headers = response.headers_mut();
    let status = audience.told(status);
    *headers = trailers(Err(&status), &polywire_core::Metadata::new());
    headers.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static(content.as_str()));
    response
}

/// From this size on copying a message behind its prefix costs more than another frame.
const KEEP_WHOLE: usize = 16 * 1024;
