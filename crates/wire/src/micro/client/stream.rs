//! Streams, each on a connection of its own: messages up, answers down, not one for one.

use std::fmt;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use polywire_core::{Code, Encoding, Metadata, MethodName, Payload, Status};

use super::{CallHead, disclose, enclose, judge};
use crate::http::HeaderError;
use crate::micro::http1::{AnswerReader, Received};
use crate::micro::{Content, EOS};
use crate::{Limits, WireError};

/// Writes the messages of one stream.
///
/// The first message opens it, and no handler sees what is in it ([`open`](Self::open)). Arguments
/// are messages of their own ([`put`](Self::put)), also where the method takes one; the last message
/// says that there are no more ([`end`](Self::end)).
#[derive(Clone)]
pub struct StreamWriter {
    /// All of the head that is the same for every message.
    head: Bytes,
    content: Content,
    method: MethodName,
    number: u64,
}

/// What has come on a stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamEvent {
    /// A message of the reply.
    Message {
        /// The message.
        message: Payload,
        /// What its head says beside it; of the first message alone, since peers repeat it.
        metadata: Metadata,
    },
    /// The orderly end, and what its head says.
    End(Metadata),
    /// The end by an error.
    Failed(Status),
}

/// Reads the answers of one stream.
#[derive(Debug)]
pub struct StreamReader {
    answers: AnswerReader,
    content: Content,
}

impl StreamWriter {
    /// A stream whose every message has this head; also what was left out of its metadata.
    ///
    /// # Errors
    /// As [`CallHead::headers`], and [`Code::InvalidArgument`] if host or agent are no values of
    /// headers.
    pub fn new(
        head: &CallHead<'_>,
        host: &str,
        agent: &str,
    ) -> Result<(Self, Vec<HeaderError>), Status> {
        let (mut headers, left_out) = head.headers()?;
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| {
                Status::new(Code::InvalidArgument, format!("`{text}` is no value of a header"))
            })
        };
        headers.insert(HOST, value(host)?);
        if !headers.contains_key(USER_AGENT) {
            headers.insert(USER_AGENT, value(agent)?);
        }
        let writer = Self {
            head: written(&headers),
            content: head.content,
            method: head.method.clone(),
            number: head.number,
        };
        Ok((writer, left_out))
    }

    /// How arguments are encoded.
    #[must_use]
    pub const fn codec(&self) -> Encoding {
        self.content.codec
    }

    /// Appends the message that opens the stream.
    ///
    /// # Errors
    /// As [`enclose`].
    pub fn open(&self, out: &mut BytesMut) -> Result<(), Status> {
        let nothing: &[u8] = match self.content.codec {
            Encoding::ProtoJson => b"{}",
            _ => b"",
        };
        self.message(&Bytes::from_static(nothing), out)
    }

    /// Appends an argument.
    ///
    /// # Errors
    /// As [`enclose`], and [`Code::InvalidArgument`] for an argument in another encoding.
    pub fn put(&self, argument: &Payload, out: &mut BytesMut) -> Result<(), Status> {
        if argument.encoding != self.content.codec {
            let (found, carried) = (argument.encoding, self.content.codec);
            let text = format!("the argument is in {found}, the wire carries {carried}");
            return Err(Status::new(Code::InvalidArgument, text));
        }
        self.message(&argument.bytes, out)
    }

    /// Appends the end of the arguments, as Go's clients write it.
    pub fn end(&self, out: &mut BytesMut) {
        out.put_slice(&self.head);
        let lines = ["Micro-Error: ", EOS, "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"];
        lines.iter().for_each(|line| out.put_slice(line.as_bytes()));
    }

    fn message(&self, message: &Bytes, out: &mut BytesMut) -> Result<(), Status> {
        let body = enclose(self.content, &self.method, self.number, message)?;
        out.reserve(self.head.len().saturating_add(body.len()).saturating_add(LENGTH_LINE));
        out.put_slice(&self.head);
        let length = ["Content-Length: ", &body.len().to_string(), "\r\n\r\n"];
        length.iter().for_each(|part| out.put_slice(part.as_bytes()));
        out.put_slice(&body);
        Ok(())
    }
}

impl StreamReader {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(limits: &Limits, content: Content) -> Self {
        Self { answers: AnswerReader::new(limits, content), content }
    }

    /// Takes what has come off `src`; `None` means "read more".
    ///
    /// # Errors
    /// [`WireError::TooLarge`] for a head over [`Limits::head_bytes`] or a body over
    /// [`Limits::message_bytes`], [`WireError::Malformed`] for what is no answer of HTTP.
    pub fn read(&mut self, src: &mut BytesMut) -> Result<Option<StreamEvent>, WireError> {
        let Some(Received { status, headers, body }) = self.answers.next(src)? else {
            return Ok(None);
        };
        Ok(Some(match self.event(status, headers.as_ref(), body) {
            Ok(event) => event,
            Err(status) => StreamEvent::Failed(status),
        }))
    }

    fn event(
        &self,
        status: http::StatusCode,
        headers: Option<&HeaderMap>,
        body: Bytes,
    ) -> Result<StreamEvent, Status> {
        let metadata = match headers {
            None => Metadata::new(),
            Some(headers) => match judge(status, headers, self.content) {
                Err(status) if is_end(headers) => {
                    return Ok(StreamEvent::End(status.metadata().clone()));
                }
                judged => judged?,
            },
        };
        let message = Payload::new(self.content.codec, disclose(self.content, body)?);
        Ok(StreamEvent::Message { message, metadata })
    }
}

fn is_end(headers: &HeaderMap) -> bool {
    headers.get("micro-error").is_some_and(|error| error == EOS)
}

/// The request line and the headers, each with its end.
fn written(headers: &HeaderMap) -> Bytes {
    let mut head = BytesMut::from(&b"POST / HTTP/1.1\r\n"[..]);
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.put_slice(part);
        }
    }
    head.freeze()
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What the line of a body's length takes at most.
const LENGTH_LINE: usize = 40;

#[cfg(test)]
mod tests;
