//! Streams of values over `io::Read` and `io::Write`, as Go's `Encoder` and `Decoder`.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use polywire_schema::Schema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::definitions::{Definitions, Sent};
use crate::error::StreamError;
use crate::frame::Frame;
use crate::limits::Limits;
use crate::split::Splitter;
use crate::value::{Value, decode_value, encode_value};

/// Writes values, each type's definition once.
pub struct Encoder<W> {
    writer: W,
    sent: Sent,
}

impl<W: Write> Encoder<W> {
    /// Starts a stream.
    pub fn new(writer: W) -> Self {
        Self { writer, sent: Sent::new() }
    }

    /// Writes a value.
    ///
    /// # Errors
    /// When the value cannot be encoded, of which nothing is written, and when the writer fails.
    pub fn encode<T: Serialize + Schema + ?Sized>(&mut self, value: &T) -> Result<(), StreamError> {
        let (message, definitions) = crate::encode(value)?;
        self.write(&message, &definitions)
    }

    /// Writes a value whose type is known only at run time.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn encode_value(&mut self, value: &Value) -> Result<(), StreamError> {
        let (message, definitions) = encode_value(value)?;
        self.write(&message, &definitions)
    }

    fn write(
        &mut self,
        message: &Bytes,
        definitions: &Arc<Definitions>,
    ) -> Result<(), StreamError> {
        let mut stream = Vec::new();
        for (_, definition) in self.sent.missing(definitions) {
            stream.extend_from_slice(definition);
        }
        stream.extend_from_slice(message);
        self.writer.write_all(&stream)?;
        self.sent.mark(definitions);
        Ok(())
    }

    /// Gives the writer back.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

impl<W> fmt::Debug for Encoder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// Reads values one after another.
pub struct Decoder<R> {
    reader: R,
    splitter: Splitter,
    buffer: BytesMut,
}

impl<R: Read> Decoder<R> {
    /// Starts at the beginning of a stream, with the default limits.
    pub fn new(reader: R) -> Self {
        Self::with_limits(reader, Limits::default())
    }

    /// Starts at the beginning of a stream.
    pub fn with_limits(reader: R, limits: Limits) -> Self {
        Self { reader, splitter: Splitter::new(limits), buffer: BytesMut::new() }
    }

    /// Reads a value; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the reader fails, the stream is malformed or ends within a value, or the value does not
    /// fit; after the last the next value can be read.
    pub fn decode<T: DeserializeOwned + Schema>(&mut self) -> Result<Option<T>, StreamError> {
        match self.next_frame()? {
            Some(frame) => Ok(Some(crate::decode(&frame)?)),
            None => Ok(None),
        }
    }

    /// Reads a value of any type; `None` at the end of the stream.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn decode_value(&mut self) -> Result<Option<Value>, StreamError> {
        match self.next_frame()? {
            Some(frame) => Ok(Some(decode_value(&frame)?)),
            None => Ok(None),
        }
    }

    /// Reads a value without decoding it; `None` at the end of the stream.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn next_frame(&mut self) -> Result<Option<Frame>, StreamError> {
        loop {
            if let Some(frame) = self.splitter.next(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            let mut chunk = [0; CHUNK];
            let read = self.reader.read(&mut chunk)?;
            if read == 0 {
                if self.splitter.is_between_values(&self.buffer) {
                    return Ok(None);
                }
                return Err(self.splitter.end_of_input(&self.buffer).into());
            }
            self.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
    }
}

impl<R> fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("splitter", &self.splitter)
            .field("buffered_bytes", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

/// Bytes asked of a reader at once.
const CHUNK: usize = 8 << 10;
