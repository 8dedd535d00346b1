//! The messages of a request's body.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use polywire_codec::compression::{Compression, DecompressError};
use polywire_core::{Code, Encoding, MessageCompression, Payload, Status};
use polywire_wire::grpc::{COMPRESSED, Envelope, Envelopes, web::TextDecoder};

use super::RequestBody;

/// How the messages of a body are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) codec: Encoding,
    pub(super) compression: Compression,
    /// Bytes of one message, as it comes and decompressed.
    pub(super) max_message_bytes: usize,
}

/// The messages of a body in which each has a prefix.
#[derive(Debug)]
pub(super) struct Incoming<B> {
    body: B,
    envelopes: Envelopes,
    reading: Reading,
    /// Takes base64 off, where the body is that.
    text: Option<TextDecoder>,
    ended: bool,
    /// Told of each message whether it came compressed.
    watched: Option<MessageCompression>,
}

impl<B: RequestBody> Incoming<B> {
    pub(super) fn new(body: B, reading: Reading, text: bool) -> Self {
        Self {
            body,
            envelopes: Envelopes::new(reading.max_message_bytes),
            reading,
            text: text.then(TextDecoder::default),
            ended: false,
            watched: None,
        }
    }

    /// What tells from now on which messages came compressed.
    pub(super) fn watched(&mut self) -> MessageCompression {
        self.watched.get_or_insert_default().clone()
    }

    /// The only message; another one, or none, is an error.
    pub(super) async fn only(mut self) -> Result<Payload, Status> {
        let mut next =
            async || std::future::poll_fn(|cx| Pin::new(&mut self).poll_next(cx)).await.transpose();
        let first = next().await?;
        let Some(first) = first else {
            return Err(Status::new(Code::Unimplemented, "the request has no message, of one"));
        };
        match next().await? {
            None => Ok(first),
            Some(_) => {
                let text = "the method takes one message, and more were sent";
                Err(Status::new(Code::Unimplemented, text))
            }
        }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Payload>, Status>> {
        loop {
            if let Some(envelope) = self.envelopes.next()? {
                if let Some(watched) = &self.watched {
                    watched.received(envelope.flags & COMPRESSED != 0);
                }
                return Poll::Ready(self.reading.payload(envelope).map(Some));
            }
            if self.ended {
                self.envelopes.finish()?;
                return Poll::Ready(Ok(None));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        let chunk = match &mut self.text {
                            Some(text) => text.push(&chunk)?,
                            None => chunk,
                        };
                        self.envelopes.push(chunk);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => {
                    self.ended = true;
                    if let Some(text) = &mut self.text {
                        let rest = text.finish()?;
                        self.envelopes.push(rest);
                    }
                }
            }
        }
    }
}

impl<B: RequestBody> Stream for Incoming<B> {
    type Item = Result<Payload, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_message(cx).map(Result::transpose)
    }
}

impl Reading {
    fn payload(self, envelope: Envelope) -> Result<Payload, Status> {
        let Envelope { flags, bytes } = envelope;
        let bytes = match flags {
            0 => bytes,
            COMPRESSED if self.compression == Compression::Identity => {
                let text = "a message is compressed, and the head does not say how";
                return Err(Status::new(Code::Internal, text));
            }
            COMPRESSED => self.decompress(&bytes)?,
            other => {
                let text = format!("message with unknown flags {other:#04x}");
                return Err(Status::new(Code::Internal, text));
            }
        };
        Ok(Payload::new(self.codec, bytes))
    }

    /// Undoes the compression of one message.
    fn decompress(self, bytes: &Bytes) -> Result<Bytes, Status> {
        self.compression.decompress(bytes, self.max_message_bytes).map_err(|error| {
            let code = match error {
                DecompressError::TooLarge { .. } => Code::ResourceExhausted,
                _ => Code::InvalidArgument,
            };
            Status::new(code, format!("{error} (max_message_bytes)")).with_source(error)
        })
    }

    /// The whole of a body that is one message without a prefix.
    pub(super) async fn whole<B: RequestBody>(self, mut body: B) -> Result<Payload, Status> {
        let mut only = Bytes::new();
        let mut gathered = BytesMut::new();
        let mut total = 0_usize;
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            let Ok(chunk) = frame.map_err(broken)?.into_data() else {
                continue;
            };
            total = total.saturating_add(chunk.len());
            self.check_size(total)?;
            if only.is_empty() && gathered.is_empty() {
                only = chunk;
            } else {
                gathered.extend_from_slice(&std::mem::take(&mut only));
                gathered.extend_from_slice(&chunk);
            }
        }
        let bytes = if gathered.is_empty() { only } else { gathered.freeze() };
        self.message(bytes)
    }

    fn check_size(self, size: usize) -> Result<(), Status> {
        let max = self.max_message_bytes;
        if size <= max {
            return Ok(());
        }
        let text = format!("message is over the limit of {max} bytes (max_message_bytes)");
        Err(Status::new(Code::ResourceExhausted, text))
    }

    /// A message that came without a prefix.
    pub(super) fn message(self, bytes: Bytes) -> Result<Payload, Status> {
        self.check_size(bytes.len())?;
        let bytes = match self.compression {
            Compression::Identity => bytes,
            // What is empty was not compressed.
            _ if bytes.is_empty() => bytes,
            _ => self.decompress(&bytes)?,
        };
        Ok(Payload::new(self.codec, bytes))
    }
}

/// The body ended before its time.
fn broken(error: impl Into<Box<dyn Error + Send + Sync>>) -> Status {
    let error = error.into();
    Status::new(Code::Cancelled, format!("the request was broken off: {error}"))
}
