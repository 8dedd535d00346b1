//! One message: compressed or not, with its prefix or without.

use bytes::{Bytes, BytesMut};
use polywire_codec::compression::{Compression, DecompressError};
use polywire_core::{Code, Encoding, MessageCompression, Payload, Request, Status};
use polywire_wire::grpc::{COMPRESSED, PREFIX, envelope};

use super::manner::Manner;
use crate::ClientError;
use crate::error::Sent;

/// Turns payloads into messages.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    codec: Encoding,
    compression: Compression,
    choice: Option<MessageCompression>,
    /// Whether messages are compressed where nobody chose.
    by_default: bool,
}

impl Encoder {
    pub(super) fn new(manner: &Manner, request: &Request) -> Self {
        let choice = request.extensions.get::<MessageCompression>().cloned();
        let by_default = manner.compression != Compression::Identity;
        // A caller may choose to compress later on, and the head has to say how.
        let compression =
            if by_default || choice.is_none() { manner.compression } else { Compression::Gzip };
        Self { codec: manner.codec, compression, choice, by_default }
    }

    /// What the head of a stream of messages says.
    pub(super) const fn compression(&self) -> Compression {
        self.compression
    }

    /// The message without a prefix, and how it is compressed.
    pub(super) fn bare(&self, payload: &Payload) -> Result<(Bytes, Compression), Status> {
        if payload.encoding != self.codec {
            let why =
                format!("the argument is in {}, the wire carries {}", payload.encoding, self.codec);
            return Err(ClientError::Encode { why }.into_status(Sent::No));
        }
        let wanted = self.choice.as_ref().and_then(MessageCompression::wanted);
        if !wanted.unwrap_or(self.by_default) || self.compression == Compression::Identity {
            return Ok((payload.bytes.clone(), Compression::Identity));
        }
        Ok((self.compression.compress(&payload.bytes), self.compression))
    }

    /// Appends the message behind its prefix.
    pub(super) fn put(&self, payload: &Payload, out: &mut BytesMut) -> Result<(), Status> {
        let (message, prefix, _) = self.parts(payload)?;
        out.reserve(PREFIX.saturating_add(message.len()));
        out.extend_from_slice(&prefix);
        out.extend_from_slice(&message);
        Ok(())
    }

    /// The message, its prefix, and what the head of a call says that has no other message.
    pub(super) fn parts(
        &self,
        payload: &Payload,
    ) -> Result<(Bytes, [u8; PREFIX], Compression), Status> {
        let (message, compression) = self.bare(payload)?;
        // Nothing does not get smaller; what the head says is asked of the reply, too.
        let leave = compression == Compression::Identity || payload.bytes.is_empty();
        let (message, flags) =
            if leave { (payload.bytes.clone(), 0) } else { (message, COMPRESSED) };
        let prefix = envelope(flags, &message)?;
        Ok((message, prefix, compression))
    }
}

/// Turns messages into payloads.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) codec: Encoding,
    /// What the reply's head says.
    pub(super) compression: Compression,
    pub(super) max_message_bytes: usize,
    pub(super) choice: Option<MessageCompression>,
}

impl Decoder {
    /// The payload of a message.
    pub(super) fn payload(&self, compressed: bool, message: Bytes) -> Result<Payload, Status> {
        if let Some(choice) = &self.choice {
            choice.received(compressed);
        }
        Ok(Payload::new(self.codec, self.bytes(compressed, message)?))
    }

    /// Undoes the compression of a message.
    pub(super) fn bytes(&self, compressed: bool, message: Bytes) -> Result<Bytes, Status> {
        if !compressed {
            return Ok(message);
        }
        if self.compression == Compression::Identity {
            let text = "a message is compressed, and the reply's head does not say how";
            return Err(Status::new(Code::Internal, text));
        }
        if message.is_empty() {
            return Ok(message);
        }
        self.compression.decompress(&message, self.max_message_bytes).map_err(|error| {
            let (code, text) = match error {
                DecompressError::TooLarge { .. } => {
                    (Code::ResourceExhausted, format!("{error} (message_bytes)"))
                }
                _ => (Code::Internal, error.to_string()),
            };
            Status::new(code, text).with_source(error)
        })
    }
}
