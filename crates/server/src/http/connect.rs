//! Connect, and plain JSON, which is its unary form. Facts: the Connect protocol reference at
//! connectrpc.com.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use polywire_codec::compression::Compression;
use polywire_core::{
    Body, CallKind, Code, ConnectionInfo, Deadline, Metadata, MethodDescriptor, Reply, Status,
    Trailers,
};
use polywire_wire::connect::{self, ContentType, Protocol, encode_error, http_status};
use polywire_wire::grpc::COMPRESSED;
use polywire_wire::http::{metadata_to_headers, trailers_to_headers};

use super::RequestBody;
use super::body::ReplyBody;
use super::compressing::Compressing;
use super::exchange::{self, Call, only_post, reading, text, unsupported};
use super::reply::{Audience, Ending, ReplyStream, Writing};
use crate::connection::Shared;

/// Whether a POST is a call: to a method that is offered, or, where nothing else is mounted, to
/// what has the form of one.
pub(super) fn is_meant(shared: &Shared, head: &Parts) -> bool {
    exchange::method_of(head).is_ok_and(|method| {
        shared.fallback.is_none() || shared.router.descriptor(&method).is_some()
    })
}

/// Answers a call of one message each way.
pub(super) async fn unary<B: RequestBody>(
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
    head: &Parts,
    body: B,
    content: ContentType,
) -> Response<ReplyBody> {
    let call = prepare(shared, info, head, CONTENT_ENCODING.as_str());
    let (call, compression) = match call {
        Ok(prepared) => prepared,
        Err(status) => return failed(&status),
    };
    if call.kind() != CallKind::Unary {
        return unsupported();
    }
    let is_offered = call.descriptor.is_some();
    let accepted = text(&head.headers, ACCEPT_ENCODING.as_str());
    let reading = reading(shared, content.codec, compression);
    let reply = call.plain(body, reading).await;
    if let (Err(status), false) = (&reply, is_offered) {
        // As of any path that leads nowhere; the method's own refusal is another one.
        let mut response = failed(status);
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let compressing = Compressing::new(compression, accepted, &reply);
    respond(reply, content, compressing)
}

/// Answers a call by GET, which only methods allow that change nothing.
pub(super) async fn get(
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
    head: &Parts,
    method: &MethodDescriptor,
) -> Response<ReplyBody> {
    if method.kind != CallKind::Unary || !method.idempotent {
        return only_post("POST");
    }
    let query = match connect::get::parse(head.uri.query().unwrap_or_default()) {
        Ok(query) => query,
        Err(connect::get::GetError::Malformed(status)) => return failed(&status),
        Err(_unknown) => return unsupported(),
    };
    let named = query.compression.as_deref().unwrap_or(Compression::Identity.as_str());
    let Some(compression) = Compression::from_name(named) else {
        let text =
            format!("compression `{named}` is not known here; there are {}", Compression::NAMES);
        return failed(&Status::new(Code::Unimplemented, text));
    };
    let call = timeout(&head.headers).and_then(|timeout| Call::new(shared, info, head, timeout));
    let argument = reading(shared, query.codec, compression).message(query.message);
    let reply = match (call, argument) {
        (Ok(call), Ok(argument)) => call.with(Body::Unary(argument)).await,
        (Err(status), _) | (_, Err(status)) => Err(status),
    };
    let content = ContentType { protocol: Protocol::ConnectUnary, codec: query.codec, text: false };
    let accepted = text(&head.headers, ACCEPT_ENCODING.as_str());
    let compressing = Compressing::new(compression, accepted, &reply);
    respond(reply, content, compressing)
}

/// Answers a call with streams.
pub(super) async fn stream<B: RequestBody>(
    shared: &Arc<Shared>,
    info: Arc<ConnectionInfo>,
    head: &Parts,
    body: B,
    known: Option<ContentType>,
) -> Response<ReplyBody> {
    if head.method != Method::POST {
        return only_post("POST");
    }
    let Some(content) = known else { return unsupported() };
    let accepted = text(&head.headers, "connect-accept-encoding");
    let prepared = prepare(shared, info, head, "connect-content-encoding");
    let compression = prepared.as_ref().map_or(Compression::Identity, |(_, found)| *found);
    let (reply, deadline) = match prepared {
        Ok((call, _)) if call.descriptor.is_some() && call.kind() == CallKind::Unary => {
            return unsupported();
        }
        Ok((call, _)) => {
            let deadline = call.deadline();
            let reading = reading(shared, content.codec, compression);
            (call.enveloped(body, reading, false).await, deadline)
        }
        Err(status) => (Err(status), None),
    };
    let compressing = Compressing::new(compression, accepted, &reply);
    let writing = Writing { codec: content.codec, compressing, ending: Ending::Connect };
    respond_stream(reply, content, writing, deadline)
}

fn prepare<'a>(
    shared: &'a Shared,
    info: Arc<ConnectionInfo>,
    head: &Parts,
    encoding: &str,
) -> Result<(Call<'a>, Compression), Status> {
    if let Some(version) = head.headers.get("connect-protocol-version")
        && version != "1"
    {
        let text = format!("connect-protocol-version {version:?} is not 1");
        return Err(Status::new(Code::InvalidArgument, text));
    }
    let compression = exchange::compression(&head.headers, encoding)?;
    let call = Call::new(shared, info, head, timeout(&head.headers)?)?;
    Ok((call, compression))
}

fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let value = headers.get("connect-timeout-ms");
    value.map(|value| connect::timeout::parse(value.as_bytes())).transpose()
}

fn respond(reply: Reply, content: ContentType, compressing: Compressing) -> Response<ReplyBody> {
    let answer = match reply {
        Ok(answer) => answer,
        Err(status) => return failed(&status),
    };
    let writing = Writing { codec: content.codec, compressing, ending: Ending::Connect };
    let choice = answer.compression.as_ref();
    let message = match &answer.body {
        Body::Unary(payload) => writing.message(payload, choice),
        _ => Err(Status::new(Code::Internal, "the reply has no message")),
    };
    let (flags, message) = match message {
        Ok(message) => message,
        Err(status) => return failed(&status),
    };
    let mut response = Response::new(ReplyBody::data(message));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content.as_str()));
    // The header speaks of the one message there is.
    if let Some(compression) = compressing.declared().filter(|_| flags == COMPRESSED) {
        headers.insert(CONTENT_ENCODING, compression);
    }
    add(&answer.metadata, headers);
    if let Some(trailers) = &answer.trailers {
        for left_out in trailers_to_headers(&trailers.snapshot(), headers) {
            tracing::debug!(%left_out, "metadata was left out");
        }
    }
    response
}

/// The reply to a call that failed, which is JSON whatever the call was in.
fn failed(status: &Status) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::data(encode_error(status)));
    *response.status_mut() = http_status(status.code());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    add(status.metadata(), headers);
    response
}

fn respond_stream(
    reply: Reply,
    content: ContentType,
    writing: Writing,
    deadline: Option<Deadline>,
) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content.as_str()));
    if let Some(compression) = writing.compressing.declared() {
        headers.insert("connect-content-encoding", compression);
    }
    let status = match reply {
        Ok(answer) => {
            add(&answer.metadata, headers);
            match one_or_stream(answer, writing, deadline) {
                Ok(body) => {
                    *response.body_mut() = body;
                    return response;
                }
                Err(status) => status,
            }
        }
        Err(status) => status,
    };
    *response.body_mut() = ReplyBody::data(writing.end(Err(&status), &Metadata::new()).0);
    response
}

/// The messages of a reply: a stream, or the one of a method that only takes a stream.
fn one_or_stream(
    answer: polywire_core::Response,
    writing: Writing,
    deadline: Option<Deadline>,
) -> Result<ReplyBody, Status> {
    let Body::Unary(payload) = &answer.body else {
        let stream = ReplyStream::new(answer, writing, deadline, Audience::Connect);
        return stream
            .map(|stream| ReplyBody::Stream(Box::new(stream)))
            .ok_or_else(|| Status::new(Code::Internal, "the reply has no message"));
    };
    let mut out = bytes::BytesMut::new();
    writing.put(payload, answer.compression.as_ref(), &mut out)?;
    let trailers = answer.trailers.as_ref().map(Trailers::snapshot).unwrap_or_default();
    out.extend_from_slice(&writing.end(Ok(()), &trailers).0);
    Ok(ReplyBody::data(out.freeze()))
}

fn add(metadata: &Metadata, headers: &mut HeaderMap) {
    for left_out in metadata_to_headers(metadata, headers) {
        tracing::debug!(%left_out, "metadata was left out");
    }
}
