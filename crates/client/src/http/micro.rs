//! go-micro's calls of one message each way, over HTTP/1.1.

use http::header::{HeaderValue, USER_AGENT};
use http::response::Parts;
use http::{Method, Request as HttpRequest};
use polywire_core::{Body, CallKind, Encoding, Payload, Reply, Request, Response, Status};
use polywire_wire::micro::{CallHead, Content, check_body, judge};
use tokio::time::Instant;

use super::body::Arguments;
use super::call::bare;
use super::head::AGENT;
use super::incoming::Incoming;
use super::manner::Manner;
use crate::ClientError;
use crate::error::Sent;

/// The request of a call.
pub(super) fn message(
    manner: &Manner,
    request: &Request,
    number: u64,
) -> Result<HttpRequest<Arguments>, Status> {
    let refuse = |why: &str| ClientError::Encode { why: why.to_owned() }.into_status(Sent::No);
    if request.hints.kind != CallKind::Unary {
        return Err(refuse("go-micro's streams are answered here, and not called"));
    }
    let (argument, _compression) = bare(manner, request)?;
    // Where JSON is asked for, no bytes are no value.
    let argument = match &request.body {
        Body::Empty if manner.codec == Encoding::ProtoJson => bytes::Bytes::from_static(b"{}"),
        _ => argument,
    };
    let mut head = CallHead::new(&request.method, content(manner), number, &request.metadata);
    head.timeout = request.deadline.map(|deadline| deadline.remaining(Instant::now().into_std()));
    let (mut headers, left_out) = head.headers().map_err(|status| refuse(status.message()))?;
    for left_out in left_out {
        tracing::debug!(%left_out, "metadata was left out");
    }
    if !headers.contains_key(USER_AGENT) {
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    }
    let mut message = HttpRequest::new(Arguments::whole(argument));
    *message.method_mut() = Method::POST;
    *message.headers_mut() = headers;
    Ok(message)
}

/// Reads the reply.
pub(super) async fn finish(manner: &Manner, head: &Parts, mut body: Incoming) -> Reply {
    let content = content(manner);
    // What failed has a body of no use; with all of it taken the connection is free again.
    let bytes = body.whole(manner.max_message_bytes).await;
    let metadata = judge(head.status, &head.headers, content)?;
    let bytes = bytes?;
    check_body(content, &bytes)?;
    let mut response = Response::unary(Payload::new(manner.codec, bytes));
    response.metadata = metadata;
    Ok(response)
}

const fn content(manner: &Manner) -> Content {
    match manner.codec {
        Encoding::ProtoJson => Content::JSON,
        _ => Content::PROTOBUF,
    }
}
