//! The head of a request.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, TE, USER_AGENT};
use http::uri::{Parts, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request as HttpRequest, Uri, Version};
use polywire_codec::compression::Compression;
use polywire_core::{Request, Status};
use polywire_wire::connect::{self, Protocol};
use polywire_wire::grpc;
use polywire_wire::http::metadata_to_headers;
use polywire_wire::micro::format_timeout;
use tokio::time::Instant;

use super::manner::{Dialect, Manner};
use crate::ClientError;
use crate::error::Sent;

/// The head of a call by POST. `compression` is what its messages are in.
pub(super) fn post(
    manner: &Manner,
    request: &Request,
    compression: Compression,
) -> Result<HttpRequest<()>, Status> {
    let content = manner.content(request.hints.kind);
    let mut head = bare(manner, request, None)?;
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content.as_str()));
    let (encoding, accept) = match content.protocol {
        Protocol::ConnectUnary => (CONTENT_ENCODING, ACCEPT_ENCODING),
        Protocol::ConnectStream => (CONNECT_ENCODING, CONNECT_ACCEPT_ENCODING),
        _ => (GRPC_ENCODING, GRPC_ACCEPT_ENCODING),
    };
    match content.protocol {
        Protocol::ConnectUnary | Protocol::ConnectStream => {
            headers.insert(CONNECT_VERSION, HeaderValue::from_static("1"));
        }
        Protocol::GrpcWeb => {
            headers.insert(GRPC_WEB, HeaderValue::from_static("1"));
        }
        // Says that the client takes trailers; gRPC finds proxies by it that do not.
        _ => {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
    }
    headers.insert(accept, HeaderValue::from_static(Compression::NAMES));
    if compression != Compression::Identity {
        headers.insert(encoding, HeaderValue::from_static(compression.as_str()));
    }
    Ok(head)
}

/// The head of a call by GET, which holds all of it; `None` if the call is by POST, or its URL would
/// be longer than what every server takes.
pub(super) fn get_if_meant(
    manner: &Manner,
    request: &Request,
    message: &[u8],
    compression: Compression,
) -> Result<Option<HttpRequest<()>>, Status> {
    if !manner.get || !request.hints.idempotent {
        return Ok(None);
    }
    let query = connect::get::format(manner.codec, message, Some(compression.as_str()));
    if query.len() > MAX_QUERY_BYTES {
        return Ok(None);
    }
    let mut head = bare(manner, request, Some(&query))?;
    *head.method_mut() = Method::GET;
    head.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(Compression::NAMES));
    Ok(Some(head))
}

/// Where the call goes, its metadata and its time.
fn bare(
    manner: &Manner,
    request: &Request,
    query: Option<&str>,
) -> Result<HttpRequest<()>, Status> {
    let mut headers = HeaderMap::with_capacity(EXPECTED_HEADERS);
    for left_out in metadata_to_headers(&request.metadata, &mut headers) {
        tracing::debug!(%left_out, "metadata was left out");
    }
    if !headers.contains_key(USER_AGENT) {
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    }
    if let Some(deadline) = request.deadline {
        let remaining = deadline.remaining(Instant::now().into_std());
        let (name, text) = match manner.content(request.hints.kind).protocol {
            Protocol::ConnectUnary | Protocol::ConnectStream => {
                (CONNECT_TIMEOUT, connect::timeout::format(remaining))
            }
            _ => (GRPC_TIMEOUT, grpc::timeout::format(remaining)),
        };
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
        if manner.dialect == Dialect::MicroGrpc
            && let Ok(value) = HeaderValue::try_from(format_timeout(remaining))
        {
            headers.insert(MICRO_TIMEOUT, value);
        }
    }
    if manner.dialect == Dialect::MicroGrpc {
        let content = manner.content(request.hints.kind);
        headers.insert(MICRO_CONTENT_TYPE, HeaderValue::from_static(content.as_str()));
    }
    let mut head = HttpRequest::new(());
    *head.method_mut() = Method::POST;
    *head.version_mut() = Version::HTTP_2;
    *head.uri_mut() = uri(manner, request, query)?;
    *head.headers_mut() = headers;
    Ok(head)
}

fn uri(manner: &Manner, request: &Request, query: Option<&str>) -> Result<Uri, Status> {
    let (service, method) = (request.method.service(), request.method.method());
    // go-micro has the name there by which the service is found.
    let package = manner.service.as_deref().unwrap_or(request.hints.package);
    let dot = if package.is_empty() { "" } else { "." };
    let parts = ["/", package, dot, service, "/", method];
    let length = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let mut path = String::with_capacity(length);
    for part in parts {
        path.push_str(part);
    }
    if let Some(query) = query {
        path.push('?');
        path.push_str(query);
    }
    let no_path = |_| {
        let why = format!("`{}` is no path of HTTP", request.method);
        ClientError::Encode { why }.into_status(Sent::No)
    };
    let path = PathAndQuery::from_maybe_shared(Bytes::from(path)).map_err(no_path)?;
    let mut parts = Parts::default();
    parts.scheme = Some(manner.scheme.clone());
    parts.authority = Some(manner.authority.clone());
    parts.path_and_query = Some(path);
    Uri::from_parts(parts)
        .map_err(|error| ClientError::Encode { why: error.to_string() }.into_status(Sent::No))
}

/// What most heads stay within, so that the map is made once.
const EXPECTED_HEADERS: usize = 8;

/// Servers and proxies take URLs of 8 KiB, and some no longer ones.
const MAX_QUERY_BYTES: usize = 6 * 1024;

/// What the client calls itself.
pub(super) const AGENT: &str = concat!("polywire/", env!("CARGO_PKG_VERSION"));

const MICRO_TIMEOUT: HeaderName = HeaderName::from_static("timeout");
const MICRO_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-content-type");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_WEB: HeaderName = HeaderName::from_static("x-grpc-web");
const CONNECT_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const CONNECT_TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");
const CONNECT_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const CONNECT_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("connect-accept-encoding");
