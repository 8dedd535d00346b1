//! A reply as an answer of HTTP.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use polywire_core::{Body, ByteStr, Code, Encoding, Metadata, Payload, Reply, Status};

use super::Argument;
use super::argument::Mark;
use super::content::{Content, Framing};
use super::envelope::{self, Envelope};
use super::error::{EOS, MicroError};
use super::head::{Head, is_of_wire};
use crate::grpc::envelope as grpc_prefix;
use crate::http::metadata_to_headers;

/// What an answer repeats of its call.
#[derive(Debug, Clone)]
pub struct Echo {
    content: Content,
    service: ByteStr,
    id: Option<ByteStr>,
    stream: Option<ByteStr>,
    /// Of an event, whose answer is a head alone.
    topic: Option<ByteStr>,
    mark: Mark,
}

/// An answer of HTTP, whose status is 200.
#[derive(Debug)]
pub struct Answer {
    content: Content,
    id: Option<ByteStr>,
    stream: Option<ByteStr>,
    topic: Option<ByteStr>,
    /// The value of `Micro-Error`.
    error: Option<String>,
    metadata: Metadata,
    /// The code and the text of gRPC, where its frames are used.
    grpc: Option<(u8, String)>,
    body: Bytes,
}

impl Echo {
    /// Notes what the answer to a message will repeat. What the head says of the content type was
    /// refused if it is an error; the refusal is without a body then.
    #[must_use]
    pub fn new(head: &Head) -> Self {
        let shared = |text: &Option<String>| text.as_deref().map(ByteStr::from);
        Self {
            content: head.content.as_ref().map_or(Content::JSON, |content| *content),
            service: ByteStr::from(head.service.as_str()),
            id: shared(&head.id),
            stream: shared(&head.stream),
            topic: shared(&head.topic),
            mark: Mark::None,
        }
    }

    /// Adds what the frame around the message said.
    #[must_use]
    pub fn with(mut self, argument: &Argument) -> Self {
        self.mark = argument.mark.clone();
        self
    }

    /// How messages of the answer are encoded.
    #[must_use]
    pub const fn codec(&self) -> Encoding {
        self.content.codec
    }

    /// The answer to a call of one message each way.
    #[must_use]
    pub fn answer(&self, reply: Reply) -> Answer {
        let mut response = match reply {
            Ok(response) => response,
            Err(status) => return self.failure(&status),
        };
        let framed = match &response.body {
            _ if self.topic.is_some() => Ok(Bytes::new()),
            Body::Empty => self.frame(&[]),
            Body::Unary(payload) => self.message(payload),
            _ => {
                let text = "a stream, where the caller takes one message";
                Err(Status::new(Code::Internal, text))
            }
        };
        match framed {
            Ok(body) => {
                let mut metadata = std::mem::take(&mut response.metadata);
                if let Some(trailers) = &response.trailers {
                    metadata.extend(trailers.snapshot());
                }
                self.success(body, metadata)
            }
            Err(status) => self.failure(&status),
        }
    }

    /// One message of a reply that is a stream.
    ///
    /// # Errors
    /// When it is in another encoding than the call's.
    pub(super) fn value(&self, payload: &Payload, metadata: Metadata) -> Result<Answer, Status> {
        self.message(payload).map(|body| self.success(body, metadata))
    }

    /// The orderly end of a stream.
    pub(super) fn end(&self, metadata: Metadata) -> Answer {
        let error = Some(EOS.to_owned());
        Answer { error, ..self.success(Bytes::new(), metadata) }
    }

    /// The answer to a call that failed.
    #[must_use]
    pub fn failure(&self, status: &Status) -> Answer {
        let error = MicroError::of(status, &self.service);
        let body = match &self.mark {
            Mark::Json(id) => json_rpc_error(id, &error.detail),
            Mark::Proto(method, seq) => {
                let text = Bytes::copy_from_slice(error.detail.as_bytes());
                let envelope = Envelope { method: method.clone(), seq: *seq, error: text };
                envelope::write(&envelope, &[]).unwrap_or_default()
            }
            Mark::None => Bytes::new(),
        };
        let mut answer = self.success(body, status.metadata().clone());
        if let Some(grpc) = &mut answer.grpc {
            *grpc = (
                status.code().number(),
                crate::grpc::percent::encode(status.message()).into_owned(),
            );
        }
        answer.error = Some(error.to_header());
        answer
    }

    fn success(&self, body: Bytes, metadata: Metadata) -> Answer {
        Answer {
            content: self.content,
            id: self.id.clone(),
            stream: self.stream.clone(),
            topic: self.topic.clone(),
            error: None,
            metadata,
            grpc: (self.content.framing == Framing::Grpc).then(|| (0, String::new())),
            body,
        }
    }

    fn message(&self, payload: &Payload) -> Result<Bytes, Status> {
        let codec = self.content.codec;
        if payload.encoding != codec {
            let text = format!("a reply in {} where {codec} was asked for", payload.encoding);
            return Err(Status::new(Code::Internal, text));
        }
        if self.content.framing == Framing::Bare && codec != Encoding::ProtoJson {
            return Ok(payload.bytes.clone());
        }
        self.frame(&payload.bytes)
    }

    /// Puts around a message what the call had around its own.
    fn frame(&self, message: &[u8]) -> Result<Bytes, Status> {
        // Go's decoder of JSON takes no bytes at all for a broken connection.
        let message = match self.content.codec {
            Encoding::ProtoJson if message.is_empty() => b"{}",
            _ => message,
        };
        match (self.content.framing, &self.mark) {
            (Framing::Bare, _) if self.content.codec == Encoding::ProtoJson => {
                Ok(joined(&[message, b"\n"]))
            }
            (Framing::Bare, _) => Ok(Bytes::copy_from_slice(message)),
            (Framing::Grpc, _) => Ok(joined(&[&grpc_prefix(0, message)?, message])),
            (Framing::JsonRpc, mark) => {
                let id = if let Mark::Json(id) = mark { id } else { "\"\"" };
                let parts: [&[u8]; 5] =
                    [b"{\"id\":", id.as_bytes(), b",\"result\":", message, b",\"error\":null}\n"];
                Ok(joined(&parts))
            }
            (Framing::ProtoRpc, Mark::Proto(method, seq)) => {
                let (method, seq) = (method.clone(), *seq);
                envelope::write(&Envelope { method, seq, ..Envelope::default() }, message)
            }
            (Framing::ProtoRpc, _) => envelope::write(&Envelope::default(), message),
        }
    }
}

impl Answer {
    /// The answer's headers, but for its length, and its body.
    #[must_use]
    pub fn into_parts(self) -> (HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        put_metadata(&self.metadata, &mut headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content.as_str()));
        self.each(|name, value| {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        });
        (headers, self.body)
    }

    /// Appends the head, and gives the body that follows it.
    pub(super) fn put_head(self, closes: bool, out: &mut BytesMut) -> Bytes {
        out.put_slice(b"HTTP/1.1 200 OK\r\nContent-Length: ");
        out.put_slice(self.body.len().to_string().as_bytes());
        put_line("Content-Type", self.content.as_str(), out);
        self.each(|name, value| {
            // What was read from a head is fit for one; what is not fit is not sent.
            if HeaderValue::from_str(value).is_ok() {
                put_line(name, value, out);
            }
        });
        if closes {
            put_line("Connection", "close", out);
        }
        if !self.metadata.is_empty() {
            let mut headers = HeaderMap::new();
            put_metadata(&self.metadata, &mut headers);
            for (name, value) in &headers {
                out.put_slice(b"\r\n");
                out.put_slice(name.as_str().as_bytes());
                out.put_slice(b": ");
                out.put_slice(value.as_bytes());
            }
        }
        out.put_slice(b"\r\n\r\n");
        self.body
    }

    /// The headers of the wire.
    fn each(&self, mut put: impl FnMut(&'static str, &str)) {
        if let Some(id) = &self.id {
            put("Micro-Id", id);
        }
        if let Some(stream) = &self.stream {
            put("Micro-Stream", stream);
        }
        if let Some(topic) = &self.topic {
            put("Micro-Topic", topic);
        }
        if let Some((code, text)) = &self.grpc {
            put("Grpc-Status", &code.to_string());
            if *code != 0 {
                put("Grpc-Message", text);
            }
        }
        if let Some(error) = &self.error {
            put("Micro-Error", error);
            put("X-Micro-Error", error);
        }
    }
}

fn put_line(name: &str, value: &str, out: &mut BytesMut) {
    for part in ["\r\n", name, ": ", value] {
        out.put_slice(part.as_bytes());
    }
}

/// Appends metadata, but for what would be taken for the wire's own.
fn put_metadata(metadata: &Metadata, headers: &mut HeaderMap) {
    let fits = |(name, _): &(&str, &str)| !is_of_wire(&name.to_ascii_lowercase());
    let kept: Metadata = metadata.iter().filter(fits).collect();
    // What HTTP cannot carry stays out, as with every wire over it.
    drop(metadata_to_headers(&kept, headers));
}

fn json_rpc_error(id: &str, detail: &str) -> Bytes {
    let detail = serde_json::to_string(detail).unwrap_or_default();
    let parts: [&[u8]; 5] =
        [b"{\"id\":", id.as_bytes(), b",\"result\":null,\"error\":", detail.as_bytes(), b"}\n"];
    joined(&parts)
}

fn joined(parts: &[&[u8]]) -> Bytes {
    Bytes::from(parts.concat())
}
