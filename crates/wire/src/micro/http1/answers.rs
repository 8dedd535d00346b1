//! Answers of HTTP/1.1, one after another on one connection.

use bytes::{Buf as _, Bytes, BytesMut};
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Chunks, MAX_HEADERS, Rest, Stage, Taken, in_lower_case, number};
use crate::http1::end_of_head;
use crate::micro::Content;
use crate::{Limits, WireError};

/// One answer.
#[derive(Debug)]
pub(in crate::micro) struct Received {
    pub(in crate::micro) status: StatusCode,
    /// The headers; `None` if they say that the body is a message as it was asked for, and nobody
    /// wanted more of them.
    pub(in crate::micro) headers: Option<HeaderMap>,
    pub(in crate::micro) body: Bytes,
}

/// Takes answers off a connection.
#[derive(Debug)]
pub(in crate::micro) struct AnswerReader {
    max_head: usize,
    max_body: usize,
    /// The content type of messages.
    content: Content,
    /// Whether the headers are wanted whatever they are.
    wants_headers: bool,
    begun: Option<Box<Begun>>,
}

/// An answer whose head was read.
#[derive(Debug)]
struct Begun {
    received: Received,
    rest: Rest,
}

impl AnswerReader {
    /// The start of a connection; of the first answer all headers are wanted.
    pub(in crate::micro) fn new(limits: &Limits, content: Content) -> Self {
        Self {
            max_head: limits.head_bytes,
            max_body: limits.message_bytes,
            content,
            wants_headers: true,
            begun: None,
        }
    }

    /// The next answer; `None` means "read more".
    pub(in crate::micro) fn next(
        &mut self,
        src: &mut BytesMut,
    ) -> Result<Option<Received>, WireError> {
        if self.begun.is_none() {
            self.begun = self.head(src)?;
        }
        let Some(begun) = &mut self.begun else { return Ok(None) };
        let body = match &mut begun.rest {
            Rest::Length(length) if src.len() < *length => return Ok(None),
            Rest::Length(length) => src.split_to(*length).freeze(),
            Rest::Chunks(chunks) => match chunks.read(src, self.max_body, self.max_head)? {
                Taken::All => chunks.gathered.split().freeze(),
                Taken::Some => return Ok(None),
                // How large it would have been nobody knows.
                Taken::TooMuch => {
                    return Err(too_large(self.max_body.saturating_add(1), self.max_body));
                }
            },
        };
        let begun = self.begun.take();
        Ok(begun.map(|begun| Received { body, ..begun.received }))
    }

    fn head(&mut self, src: &mut BytesMut) -> Result<Option<Box<Begun>>, WireError> {
        let Some(end) = end_of_head(src, self.max_head)? else { return Ok(None) };
        let head = src.get_mut(..end).unwrap_or_default();
        in_lower_case(head);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(head).map_err(|error| malformed(&error.to_string()))?;
        let status = response.code.filter(|_| parsed.is_complete());
        let status = status.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| malformed("no status"))?;
        let rest = self.rest(response.headers)?;
        let is_plain = status == StatusCode::OK && self.is_message(response.headers);
        let wanted = std::mem::replace(&mut self.wants_headers, false) || !is_plain;
        let headers = wanted.then(|| collected(response.headers)).transpose()?;
        src.advance(end);
        let received = Received { status, headers, body: Bytes::new() };
        Ok(Some(Box::new(Begun { received, rest })))
    }

    /// Whether the head is that of a message as it was asked for.
    fn is_message(&self, headers: &[httparse::Header<'_>]) -> bool {
        headers.iter().all(|httparse::Header { name, value }| match *name {
            "micro-error" => value.is_empty(),
            "content-type" => *value == self.content.as_str().as_bytes(),
            _ => true,
        })
    }

    fn rest(&self, headers: &[httparse::Header<'_>]) -> Result<Rest, WireError> {
        let mut rest = None;
        for httparse::Header { name, value } in headers {
            let found = match *name {
                "content-length" => {
                    let length = number(value, 10).ok_or_else(|| malformed("no length"))?;
                    if length > self.max_body {
                        return Err(too_large(length, self.max_body));
                    }
                    Rest::Length(length)
                }
                "transfer-encoding" if value.eq_ignore_ascii_case(b"chunked") => {
                    Rest::Chunks(Chunks { gathered: BytesMut::new(), stage: Stage::Size })
                }
                "transfer-encoding" => return Err(malformed("an unknown transfer encoding")),
                _ => continue,
            };
            if rest.replace(found).is_some() {
                return Err(malformed("more than one length"));
            }
        }
        rest.ok_or_else(|| malformed("an answer without a length"))
    }
}

/// The headers as a map.
fn collected(headers: &[httparse::Header<'_>]) -> Result<HeaderMap, WireError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for httparse::Header { name, value } in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(malformed("a header that is none"));
        };
        map.append(name, value);
    }
    Ok(map)
}

fn too_large(size: usize, limit: usize) -> WireError {
    WireError::TooLarge {
        what: "message bytes",
        size: u64::try_from(size).unwrap_or(u64::MAX),
        limit: u64::try_from(limit).unwrap_or(u64::MAX),
        setting: "message_bytes",
    }
}

fn malformed(why: &str) -> WireError {
    WireError::Malformed { what: "go-micro answer", why: why.to_owned() }
}
