//! Calls from pages that another host served.

use ::http::request::Parts;
use ::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::body::ReplyBody;
use crate::Cors;

/// Whether a browser asks what it may do, rather than doing it.
pub(super) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a browser that asks.
pub(super) fn preflight(cors: &Cors, head: &Parts) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let origin = head.headers.get(header::ORIGIN).filter(|origin| cors.allows(origin));
    let Some(origin) = origin else { return response };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    // Metadata may have any name, and the page's own origin has been let in.
    if let Some(asked) = head.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    response
}

/// Lets a page read a response.
pub(super) fn allow(cors: &Cors, origin: &HeaderValue, response: &mut Response<ReplyBody>) {
    if !cors.allows(origin) {
        return;
    }
    // A browser shows a page only the headers that are named here.
    let exposed = response.headers().keys().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let always = "grpc-status, grpc-message, grpc-status-details-bin";
    let exposed =
        if exposed.is_empty() { always.to_owned() } else { format!("{exposed}, {always}") };
    if let Ok(exposed) = HeaderValue::try_from(exposed) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

const VARY: &str = "origin, access-control-request-method, access-control-request-headers";
