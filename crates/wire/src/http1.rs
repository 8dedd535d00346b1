//! The one exchange of HTTP/1 in front of net/rpc, and the page that shows the services.

mod debug;

use std::fmt::Write as _;

use bytes::{Buf, Bytes, BytesMut};

use crate::WireError;

pub use self::debug::{DebugMethod, DebugService, debug_page, go_type};

/// The head of a request, as much of it as is used here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// The method, such as `CONNECT`.
    pub method: String,
    /// The target as it came: a path, with or without a query, or a whole URL.
    pub target: String,
    /// The version: 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub minor: u8,
}

impl Head {
    /// The path of the target, without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        let target = self.target.as_str();
        let path = match target.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => target,
        };
        path.split_once('?').map_or(path, |(path, _)| path)
    }
}

/// Takes a request's head off `src` and leaves what follows it; `None` means "read more". Lines may
/// end in LF alone, as Go's client sends them.
///
/// # Errors
/// [`WireError::TooLarge`] once a head without an end has `max` bytes, and
/// [`WireError::Malformed`] for what is no head; both are best answered with [`bad_request`].
pub fn read_head(src: &mut BytesMut, max: usize) -> Result<Option<Head>, WireError> {
    let Some(end) = end_of_head(src, max)? else { return Ok(None) };
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let parsed =
        request.parse(src.get(..end).unwrap_or_default()).map_err(|error| malformed(&error))?;
    let (true, Some(method), Some(target), Some(minor)) =
        (parsed.is_complete(), request.method, request.path, request.version)
    else {
        return Err(malformed(&"it has no end"));
    };
    let head = Head { method: method.to_owned(), target: target.to_owned(), minor };
    src.advance(end);
    Ok(Some(head))
}

/// Takes the answer to a client's `CONNECT` off `src`; `None` means "read more".
///
/// # Errors
/// [`WireError::UnexpectedHttp`] if its status is not the one net/rpc gives, in Go's words;
/// otherwise as [`read_head`].
pub(crate) fn read_connect_answer(src: &mut BytesMut, max: usize) -> Result<Option<()>, WireError> {
    let Some(end) = end_of_head(src, max)? else { return Ok(None) };
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let head = src.get(..end).unwrap_or_default();
    let parsed = response.parse(head).map_err(|_| malformed_answer(head))?;
    let (true, Some(code)) = (parsed.is_complete(), response.code) else {
        return Err(malformed_answer(head));
    };
    let status = format!("{code:03} {}", response.reason.unwrap_or_default());
    if status != CONNECTED {
        return Err(WireError::UnexpectedHttp { status });
    }
    src.advance(end);
    Ok(Some(()))
}

/// The answer to `CONNECT` on the right path; both sides speak net/rpc from then on. In bytes what
/// Go's server sends, to HTTP/1.1 as well.
#[must_use]
pub fn connected() -> Bytes {
    Bytes::from_static(b"HTTP/1.0 200 Connected to Go RPC\n\n")
}

/// The answer to any method but `CONNECT` on the RPC path; the connection is to be closed.
#[must_use]
pub fn method_not_allowed(head: &Head) -> Bytes {
    answer(head, "405 Method Not Allowed", PLAIN, "405 must CONNECT\n")
}

/// The answer to a path that nothing lives on; the connection is to be closed.
#[must_use]
pub fn not_found(head: &Head) -> Bytes {
    let headers = "text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff";
    answer(head, "404 Not Found", headers, "404 page not found\n")
}

/// An answer with a page; the connection is to be closed.
#[must_use]
pub fn page(head: &Head, html: &str) -> Bytes {
    answer(head, "200 OK", "text/html; charset=utf-8", html)
}

/// The answer to what is no head, or too long a one; the connection is to be closed.
#[must_use]
pub fn bad_request() -> Bytes {
    Bytes::from_static(
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
          Connection: close\r\n\r\n400 Bad Request",
    )
}

fn answer(head: &Head, status: &str, content_type: &str, body: &str) -> Bytes {
    let mut text = format!("HTTP/1.{} {status}\r\nContent-Type: {content_type}\r\n", head.minor);
    // Writing to a String cannot fail.
    let _ = write!(text, "Content-Length: {}\r\n", body.len());
    if head.minor > 0 {
        text.push_str("Connection: close\r\n");
    }
    text.push_str("\r\n");
    if head.method != "HEAD" {
        text.push_str(body);
    }
    Bytes::from(text)
}

/// Where the head ends: behind its first empty line.
pub(crate) fn end_of_head(src: &[u8], max: usize) -> Result<Option<usize>, WireError> {
    let within = src.get(..max).unwrap_or(src);
    let mut line_start = 0_usize;
    for line in within.split_inclusive(|byte| *byte == b'\n') {
        line_start = line_start.saturating_add(line.len());
        if line == b"\n" || line == b"\r\n" {
            return Ok(Some(line_start));
        }
    }
    if src.len() < max {
        return Ok(None);
    }
    let size = u64::try_from(src.len()).unwrap_or(u64::MAX);
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    Err(WireError::TooLarge { what: "bytes of an HTTP head", size, limit, setting: "head_bytes" })
}

fn malformed(why: &dyn std::fmt::Display) -> WireError {
    WireError::Malformed { what: "HTTP head", why: why.to_string() }
}

/// Go's words for an answer that is no HTTP at all.
fn malformed_answer(head: &[u8]) -> WireError {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
    WireError::Malformed { what: "HTTP response", why: format!("{line:?}") }
}

const CONNECTED: &str = "200 Connected to Go RPC";
const PLAIN: &str = "text/plain; charset=utf-8";
const MAX_HEADERS: usize = 100;

#[cfg(test)]
mod tests;
