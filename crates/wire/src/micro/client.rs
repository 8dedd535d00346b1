//! The client's side: the head of a request, what the reply's head comes to, how messages lie in
//! bodies, and streams.

mod frame;
mod stream;

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use polywire_core::{Code, Encoding, Metadata, MethodName, Status};

use super::content::Content;
use super::error::MicroError;
use super::head::{format_timeout, is_of_wire};
use crate::http::{HeaderError, code_from_http, metadata_from_headers, metadata_to_headers};

pub use self::frame::{disclose, enclose};
pub use self::stream::{StreamEvent, StreamReader, StreamWriter};

/// What the head of a request says.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CallHead<'a> {
    /// What is called: `Type.Method`.
    pub method: &'a MethodName,
    /// The name under which the service is registered; `None` if nobody said, and then it is the
    /// method's service.
    pub service: Option<&'a str>,
    /// How the argument lies in the body.
    pub content: Content,
    /// What no other call under way on the connection has. Servers from v4.10 on lose calls that
    /// follow each other on one connection unless each names a stream of its own.
    pub number: u64,
    /// How long the caller waits.
    pub timeout: Option<std::time::Duration>,
    /// What travels beside the argument.
    pub metadata: &'a Metadata,
}

impl<'a> CallHead<'a> {
    /// The head of a call that is not waited for longer than it takes.
    #[must_use]
    pub const fn new(
        method: &'a MethodName,
        content: Content,
        number: u64,
        metadata: &'a Metadata,
    ) -> Self {
        Self { method, service: None, content, number, timeout: None, metadata }
    }

    /// The headers, but for those of HTTP itself; and what was left out of the metadata.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if the method's name is no value of a header.
    pub fn headers(&self) -> Result<(HeaderMap, Vec<HeaderError>), Status> {
        let mut headers = HeaderMap::with_capacity(EXPECTED_HEADERS);
        let fits = |(name, _): &(&str, &str)| !is_of_wire(&name.to_ascii_lowercase());
        let metadata: Metadata = self.metadata.iter().filter(fits).collect();
        let left_out = metadata_to_headers(&metadata, &mut headers);
        let text = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| {
                let why = format!("`{text}` is no value of a header");
                Status::new(Code::InvalidArgument, why)
            })
        };
        let endpoint = text(&endpoint(self.method))?;
        let service = self.service.unwrap_or_else(|| self.method.service());
        let number = text(&self.number.to_string())?;
        let content_type = HeaderValue::from_static(self.content.as_str());
        headers.insert(ACCEPT, content_type.clone());
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(SERVICE, text(service)?);
        headers.insert(METHOD, endpoint.clone());
        headers.insert(ENDPOINT, endpoint);
        headers.insert(STREAM, number.clone());
        headers.insert(ID, number);
        if let Some(timeout) = self.timeout {
            headers.insert(TIMEOUT, text(&format_timeout(timeout))?);
        }
        Ok((headers, left_out))
    }
}

/// What go-micro calls a method: its type without a package, which would be another dot, of which
/// there is to be one.
pub(super) fn endpoint(method: &MethodName) -> String {
    let service = method.service();
    let type_name = service.rsplit('.').next().unwrap_or(service);
    format!("{type_name}.{}", method.method())
}

/// What the head of a reply to a call of one message each way comes to: its metadata, if the body is
/// the message.
///
/// # Errors
/// The call's own failure, that of a proxy, or [`Code::Internal`] for an answer of another content
/// type, which is how go-micro refuses one it does not know.
pub fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    content: Content,
) -> Result<Metadata, Status> {
    let metadata = || {
        let own = metadata_from_headers(headers);
        own.iter().filter(|(name, _)| !is_of_wire(name)).collect::<Metadata>()
    };
    let text = |name: &HeaderName| headers.get(name).map(|value| value.as_bytes());
    if let Some(error) = text(&ERROR).filter(|error| !error.is_empty()) {
        let error = MicroError::parse(&String::from_utf8_lossy(error));
        return Err(Status::from(error).with_metadata(metadata()));
    }
    let content_type = String::from_utf8_lossy(text(&CONTENT_TYPE).unwrap_or_default());
    if status != StatusCode::OK {
        let text = format!("the answer is HTTP {} of type `{content_type}`", status.as_u16());
        return Err(Status::new(code_from_http(status), text).with_metadata(metadata()));
    }
    let is_same = content_type.is_empty()
        || Content::parse(Some(&content_type))
            .is_ok_and(|found| (found.framing, found.codec) == (content.framing, content.codec));
    if !is_same {
        let text = format!("the reply is of type `{content_type}`, which was not asked for");
        return Err(Status::new(Code::Internal, text).with_metadata(metadata()));
    }
    Ok(metadata())
}

/// Refuses a reply of nothing where nothing is no message.
///
/// # Errors
/// [`Code::Internal`] for an empty body of JSON.
pub fn check_body(content: Content, body: &[u8]) -> Result<(), Status> {
    if body.is_empty() && content.codec == Encoding::ProtoJson {
        return Err(Status::new(Code::Internal, "the reply has no message"));
    }
    Ok(())
}

/// What most heads stay within, so that the map is made once.
const EXPECTED_HEADERS: usize = 12;

const SERVICE: HeaderName = HeaderName::from_static("micro-service");
const METHOD: HeaderName = HeaderName::from_static("micro-method");
const ENDPOINT: HeaderName = HeaderName::from_static("micro-endpoint");
const STREAM: HeaderName = HeaderName::from_static("micro-stream");
const ID: HeaderName = HeaderName::from_static("micro-id");
const ERROR: HeaderName = HeaderName::from_static("micro-error");
const TIMEOUT: HeaderName = HeaderName::from_static("timeout");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn judged(status: u16, headers: &[(&str, &str)]) -> Result<Metadata, Status> {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        });
        judge(StatusCode::from_u16(status).unwrap(), &headers.collect(), Content::JSON)
    }

    #[test]
    fn a_head_says_all_that_a_go_client_says_and_names_a_stream() {
        let method = MethodName::new("HelloWorld", "Hello");
        let metadata = Metadata::from_iter([("Trace-Id", "7"), ("Micro-Error", "EOS")]);
        let mut head = CallHead::new(&method, Content::JSON, 3, &metadata);
        head.timeout = Some(Duration::from_secs(5));
        head.service = Some("helloworld");
        let (headers, left_out) = head.headers().unwrap();
        assert!(left_out.is_empty());
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "accept: application/json",
                "content-type: application/json",
                "micro-endpoint: HelloWorld.Hello",
                "micro-id: 3",
                "micro-method: HelloWorld.Hello",
                "micro-service: helloworld",
                "micro-stream: 3",
                "timeout: 5000000000",
                "trace-id: 7",
            ]
        );
    }

    #[test]
    fn a_head_that_succeeded_gives_its_metadata() {
        let metadata = judged(
            200,
            &[
                ("content-type", "application/json"),
                ("micro-service", "helloworld"),
                ("timeout", "5000000000"),
                ("trace-id", "7"),
            ],
        );
        assert_eq!(metadata.unwrap().iter().collect::<Vec<_>>(), [("trace-id", "7")]);
    }

    #[test]
    fn failures_are_those_of_the_service_of_a_proxy_or_of_the_content_type() {
        let error = r#"{"id":"my.id","code":404,"detail":"no err","status":"Not Found"}"#;
        let status = judged(200, &[("micro-error", error)]).unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no err"));
        assert_eq!(status.cause::<MicroError>().unwrap().id, "my.id");
        let status = judged(200, &[("micro-error", "boom")]).unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unknown, "boom"));
        assert_eq!(judged(503, &[]).unwrap_err().code(), Code::Unavailable);
        let status = judged(200, &[("content-type", "text/plain")]).unwrap_err();
        assert!(status.message().contains("of type `text/plain`"), "{status}");
    }

    #[test]
    fn nothing_is_a_message_of_protocol_buffers_and_not_of_json() {
        assert!(check_body(Content::PROTOBUF, b"").is_ok());
        assert!(check_body(Content::JSON, b"").is_err());
    }
}
