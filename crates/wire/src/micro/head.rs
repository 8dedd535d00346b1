//! The head of a message: what is called, and how.

use std::time::Duration;

use polywire_core::{ByteStr, Code, EventSource, Metadata, MethodName, Payload, Request, Status};

use super::content::Content;
use crate::Limits;
use crate::http::{collect, is_reserved};

/// What the head of a message says.
#[derive(Debug)]
#[non_exhaustive]
pub struct Head {
    /// The name of the service under which the peer found this one; nobody checks it.
    pub service: String,
    /// `Type.Method`; `None` if only the body can say it.
    pub endpoint: Option<String>,
    /// The number that the caller gave the message.
    pub id: Option<String>,
    /// The stream that the message is part of. A call that is no stream may have one as well.
    pub stream: Option<String>,
    /// The topic of an event, which is no call.
    pub topic: Option<String>,
    /// Whether the message ends its stream.
    pub is_end: bool,
    /// How long the caller waits.
    pub timeout: Option<Duration>,
    /// How messages lie in bodies.
    pub content: Result<Content, Status>,
    /// Everything that belongs neither to HTTP nor to the wire.
    pub metadata: Metadata,
}

impl Head {
    /// Reads headers, whose names are in lower case.
    pub fn read<'h, I>(headers: impl Fn() -> I) -> Self
    where
        I: Iterator<Item = (&'h str, &'h [u8])>,
    {
        let mut plain = Names::default();
        let mut alias = Names::default();
        let (mut timeout, mut content_type) = (None, None);
        for (name, value) in headers() {
            let Ok(value) = std::str::from_utf8(value) else { continue };
            if let Some(name) = name.strip_prefix("micro-") {
                plain.note(name, value);
            } else if let Some(name) = name.strip_prefix("x-micro-") {
                alias.note(name, value);
            } else if name == TIMEOUT {
                timeout = parse_timeout(value);
            } else if name == "content-type" {
                content_type = Some(value);
            }
        }
        let names = plain.or(&alias);
        let endpoint = names.endpoint.or(names.method);
        let is_legacy = names.target.is_some()
            || (names.protocol.is_none()
                && endpoint.is_none()
                && names.service.is_none()
                && names.topic.is_none());
        let content = Content::parse(content_type);
        let is_metadata = |name: &str| !is_reserved(name) && !is_of_wire(name);
        let text = |value: Option<&str>| value.map(str::to_owned);
        Self {
            service: names.service.unwrap_or_default().to_owned(),
            endpoint: text(endpoint),
            id: text(names.id),
            stream: text(names.stream),
            topic: text(names.topic),
            is_end: names.error == Some(super::EOS),
            timeout,
            content: if is_legacy { content.map(Content::legacy) } else { content },
            metadata: collect(headers().filter(|(name, _)| is_metadata(name))).metadata,
        }
    }
}

/// The method of that name, which must have exactly one dot.
///
/// # Errors
/// [`Code::InvalidArgument`] if it has not, in go-micro's words, and [`Code::ResourceExhausted`] if
/// it is over [`Limits::name_bytes`].
pub fn method(endpoint: &str, limits: &Limits) -> Result<MethodName, Status> {
    if endpoint.len() > limits.name_bytes {
        let (size, limit) = (endpoint.len(), limits.name_bytes);
        let text = format!("method name bytes of {size} is over the limit of {limit} (name_bytes)");
        return Err(Status::new(Code::ResourceExhausted, text));
    }
    let ill_formed = || {
        let text = format!("rpc: service/endpoint request ill-formed: {endpoint}");
        Status::new(Code::InvalidArgument, text)
    };
    if endpoint.bytes().filter(|byte| *byte == b'.').count() != 1 {
        return Err(ill_formed());
    }
    MethodName::from_dotted(ByteStr::from(endpoint)).map_err(|_| ill_formed())
}

/// The request that an event is which a peer sends.
///
/// # Errors
/// [`Code::ResourceExhausted`] if the topic is over [`Limits::name_bytes`].
pub fn event(topic: &str, payload: Payload, limits: &Limits) -> Result<Request, Status> {
    if topic.len() > limits.name_bytes {
        let (size, limit) = (topic.len(), limits.name_bytes);
        let text = format!("topic bytes of {size} is over the limit of {limit} (name_bytes)");
        return Err(Status::new(Code::ResourceExhausted, text));
    }
    Ok(Request::of_event(topic, payload, EventSource::Peer))
}

/// Whether headers are those of this wire, whose names are in lower case: they say what is called,
/// or what an event is about.
pub fn is_micro<'h>(names: impl Iterator<Item = &'h str>) -> bool {
    let mut own = names.filter_map(own_name);
    own.any(|name| CALLING.contains(&name))
}

/// The value of `Timeout`: nanoseconds, as many as a number of 64 bits with a sign holds.
#[must_use]
pub fn format_timeout(timeout: Duration) -> String {
    i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX).to_string()
}

/// What is no number is no limit, as go-micro has it.
pub(super) fn parse_timeout(value: &str) -> Option<Duration> {
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    value.parse().ok().map(Duration::from_nanos)
}

/// The headers of the wire that mean something here, without what stands in front of their names.
#[derive(Debug, Default)]
struct Names<'h> {
    service: Option<&'h str>,
    endpoint: Option<&'h str>,
    method: Option<&'h str>,
    id: Option<&'h str>,
    stream: Option<&'h str>,
    topic: Option<&'h str>,
    error: Option<&'h str>,
    protocol: Option<&'h str>,
    target: Option<&'h str>,
}

impl<'h> Names<'h> {
    fn note(&mut self, name: &str, value: &'h str) {
        let slot = match name {
            "service" => &mut self.service,
            "endpoint" => &mut self.endpoint,
            "method" => &mut self.method,
            "id" => &mut self.id,
            "stream" => &mut self.stream,
            "topic" => &mut self.topic,
            "error" => &mut self.error,
            "protocol" => &mut self.protocol,
            "target" => &mut self.target,
            _ => return,
        };
        // What is there and empty counts as missing.
        if slot.is_none() && !value.is_empty() {
            *slot = Some(value);
        }
    }

    fn or(self, other: &Self) -> Self {
        Self {
            service: self.service.or(other.service),
            endpoint: self.endpoint.or(other.endpoint),
            method: self.method.or(other.method),
            id: self.id.or(other.id),
            stream: self.stream.or(other.stream),
            topic: self.topic.or(other.topic),
            error: self.error.or(other.error),
            protocol: self.protocol.or(other.protocol),
            target: self.target.or(other.target),
        }
    }
}

/// A name without what tells that it is the wire's own; `None` if it is not.
fn own_name(name: &str) -> Option<&str> {
    name.strip_prefix("x-").unwrap_or(name).strip_prefix("micro-")
}

/// Whether a name, in lower case, is one of the wire's own, and so no metadata.
pub(super) fn is_of_wire(name: &str) -> bool {
    match own_name(name) {
        Some(name) => OWN.contains(&name),
        None => name == TIMEOUT,
    }
}

const TIMEOUT: &str = "timeout";

/// Behind `micro-`: what tells a call, or an event, from any other request.
const CALLING: [&str; 3] = ["endpoint", "method", "topic"];

/// Behind `micro-`: what the wire keeps for itself.
const OWN: [&str; 9] =
    ["service", "endpoint", "method", "id", "stream", "topic", "error", "protocol", "target"];

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> Head {
        let lines: Vec<_> = lines.lines().filter_map(|line| line.trim().split_once(": ")).collect();
        let names: Vec<_> = lines.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let values = || lines.iter().map(|(_, value)| value.as_bytes());
        Head::read(|| names.iter().map(String::as_str).zip(values()))
    }

    /// As go-micro v6.10 sends it.
    const CAPTURED: &str = "Host: 127.0.0.1:18070
        User-Agent: Go-http-client/1.1
        Content-Length: 16
        Accept: application/json
        Content-Type: application/json
        Micro-Endpoint: HelloWorld.Hello
        Micro-Id: 0
        Micro-Method: HelloWorld.Hello
        Micro-Service: helloworld
        Timeout: 5000000000
        Trace-Id: 7";

    #[test]
    fn the_head_of_a_go_client_is_read() {
        let head = head(CAPTURED);
        assert_eq!(head.service, "helloworld");
        assert_eq!(head.endpoint.as_deref(), Some("HelloWorld.Hello"));
        assert_eq!(head.id.as_deref(), Some("0"));
        assert_eq!((head.stream, head.topic, head.is_end), (None, None, false));
        assert_eq!(head.timeout, Some(Duration::from_secs(5)));
        assert_eq!(head.content.unwrap(), Content::JSON);
        let metadata: Vec<_> = head.metadata.iter().collect();
        assert_eq!(metadata, [("user-agent", "Go-http-client/1.1"), ("trace-id", "7")]);
    }

    #[test]
    fn either_name_of_the_method_will_do_and_old_names_where_new_ones_are_missing() {
        assert_eq!(head("Micro-Method: A.B").endpoint.as_deref(), Some("A.B"));
        assert_eq!(head("X-Micro-Endpoint: A.B").endpoint.as_deref(), Some("A.B"));
        let both = head("X-Micro-Service: old\nMicro-Service: new\nMicro-Endpoint: A.B");
        assert_eq!(both.service, "new");
        assert_eq!(head("X-Micro-Stream: 3").stream.as_deref(), Some("3"));
    }

    #[test]
    fn who_says_nothing_of_a_method_means_envelopes() {
        let content = |lines| head(lines).content.unwrap().as_str();
        assert_eq!(content("Content-Type: application/json"), "application/json-rpc");
        let target = "Content-Type: application/protobuf\nMicro-Endpoint: A.B\nMicro-Target: x";
        assert_eq!(content(target), "application/proto-rpc");
        assert_eq!(content("Micro-Endpoint: A.B"), "application/protobuf");
    }

    #[test]
    fn a_timeout_that_is_no_number_is_none() {
        for (text, timeout) in [
            ("0", Some(Duration::ZERO)),
            ("800000000", Some(Duration::from_millis(800))),
            ("-1", None),
            ("+1", None),
            ("5s", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(head(&format!("Timeout: {text}")).timeout, timeout, "{text}");
        }
        assert_eq!(format_timeout(Duration::from_millis(800)), "800000000");
        assert_eq!(format_timeout(Duration::MAX), "9223372036854775807");
    }

    #[test]
    fn a_method_has_one_dot() {
        let limits = Limits::default().name_bytes(10);
        let name = method("Type.Do", &limits).unwrap();
        assert_eq!((name.service(), name.method()), ("Type", "Do"));
        let status = method("a.b.c", &limits).unwrap_err();
        assert_eq!(status.message(), "rpc: service/endpoint request ill-formed: a.b.c");
        assert!(method("Hello", &limits).is_err());
        assert_eq!(method("Type.Method", &limits).unwrap_err().code(), Code::ResourceExhausted);
    }

    #[test]
    fn calls_and_events_are_told_from_other_requests() {
        assert!(is_micro(["host", "micro-method"].into_iter()));
        assert!(is_micro(["x-micro-endpoint"].into_iter()));
        assert!(is_micro(["micro-topic"].into_iter()));
        assert!(!is_micro(["host", "micro-service", "x-micro", "timeout"].into_iter()));
    }

    #[test]
    fn the_end_of_a_stream_is_an_error_by_that_name() {
        assert!(head("Micro-Error: EOS\nMicro-Stream: 1").is_end);
        assert!(!head("Micro-Error: eos").is_end);
    }
}
