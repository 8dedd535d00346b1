//! go-micro's calls over HTTP/1.1: those of one message each way here, the others beneath.

mod stream;

use http::header::{HeaderValue, USER_AGENT};
use http::response::Parts;
use http::{Method, Request as HttpRequest};
use polywire_core::{Body, Encoding, Payload, Reply, Request, Response, Status};
use polywire_wire::micro::{CallHead, Content, disclose, enclose, judge};
use tokio::time::Instant;

pub(super) use self::stream::call as stream;

use super::body::Arguments;
use super::call::bare;
use super::head::AGENT;
use super::incoming::Incoming;
use super::manner::{Dialect, Manner};
use crate::ClientError;
use crate::error::Sent;

/// The request of a call.
pub(super) fn message(
    manner: &Manner,
    request: &Request,
    number: u64,
) -> Result<HttpRequest<Arguments>, Status> {
    let (argument, _compression) = bare(manner, request)?;
    // Where JSON is asked for, no bytes are no value.
    let argument = match &request.body {
        Body::Empty if manner.codec == Encoding::ProtoJson => bytes::Bytes::from_static(b"{}"),
        _ => argument,
    };
    let content = content(manner);
    let argument = enclose(content, &request.method, number, &argument).map_err(refused)?;
    let head = head(manner, request, number);
    let (mut headers, left_out) = head.headers().map_err(refused)?;
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

/// What the head of a call says.
fn head<'a>(manner: &'a Manner, request: &'a Request, number: u64) -> CallHead<'a> {
    let mut head = CallHead::new(&request.method, content(manner), number, &request.metadata);
    head.service = manner.service.as_deref();
    head.timeout = request.deadline.map(|deadline| deadline.remaining(Instant::now().into_std()));
    head
}

/// A call that cannot be written.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn refused(status: Status) -> Status {
    ClientError::Encode { why: status.message().to_owned() }.into_status(Sent::No)
}

/// Reads the reply.
pub(super) async fn finish(manner: &Manner, head: &Parts, mut body: Incoming) -> Reply {
    let content = content(manner);
    // What failed has a body of no use; with all of it taken the connection is free again.
    let bytes = body.whole(manner.max_message_bytes).await;
    let metadata = judge(head.status, &head.headers, content)?;
    let bytes = bytes?;
    let bytes = match disclose(content, bytes) {
        Ok(bytes) => bytes,
        Err(status) => return Err(status.with_metadata(metadata)),
    };
    let mut response = Response::unary(Payload::new(manner.codec, bytes));
    response.metadata = metadata;
    Ok(response)
}

const fn content(manner: &Manner) -> Content {
    match (manner.dialect, manner.codec) {
        (Dialect::MicroRpc, _) => Content::JSON_RPC,
        (_, Encoding::ProtoJson) => Content::JSON,
        _ => Content::PROTOBUF,
    }
}
