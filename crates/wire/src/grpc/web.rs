//! What gRPC-Web has of its own: trailers as the last message of the body, and bodies in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use polywire_core::{Code, Status};

use super::envelope;
use crate::http::BASE64;

/// The flag of the message that holds the trailers.
pub const TRAILERS: u8 = 0x80;

/// The last message of a body, with its prefix: the trailers as lines of HTTP/1.
///
/// # Errors
/// As [`envelope`].
pub fn trailer_frame(trailers: &HeaderMap) -> Result<Bytes, Status> {
    let mut lines = BytesMut::new();
    for (name, value) in trailers {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    let mut frame = BytesMut::from(&envelope(TRAILERS, &lines)?[..]);
    frame.unsplit(lines);
    Ok(frame.freeze())
}

/// Reads the message that holds the trailers, without its prefix and decompressed. Names may be in
/// any case, lines may end in LF alone.
///
/// # Errors
/// [`Code::Internal`] if a line is no header, or there are more than a header map holds.
pub fn parse_trailers(message: &[u8]) -> Result<HeaderMap, Status> {
    let mut trailers = HeaderMap::new();
    for line in message.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let (name, value) = parse_line(line).ok_or_else(malformed_trailers)?;
        trailers.try_append(name, value).map_err(|_| malformed_trailers())?;
    }
    Ok(trailers)
}

fn parse_line(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let value = value.get(1..)?.trim_ascii();
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
}

fn malformed_trailers() -> Status {
    Status::new(Code::Internal, "malformed trailers in the body: not lines of `name: value`")
}

/// Encodes a piece of a body for `application/grpc-web-text`: base64 with padding, so that each
/// piece can be decoded as it arrives. Best given whole messages.
#[must_use]
pub fn encode_text(piece: &[u8]) -> Bytes {
    Bytes::from(STANDARD.encode(piece))
}

/// Decodes a body of `application/grpc-web-text`, wherever its chunks are cut; padding may stand
/// anywhere between two groups of four.
#[derive(Debug, Default)]
pub struct TextDecoder {
    /// The beginning of a group of four.
    group: [u8; 4],
    /// How much of it is there: three at most.
    started: usize,
}

impl TextDecoder {
    /// Decodes the next chunk as far as its groups are whole.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if it is no base64. The body cannot be read any further.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Bytes, Status> {
        let mut decoded = Vec::with_capacity(chunk.len());
        let mut rest = chunk;
        if self.started > 0 {
            rest = self.complete(rest, &mut decoded)?;
        }
        let whole = rest.len().saturating_sub(rest.len() % 4);
        let (groups, tail) = rest.split_at_checked(whole).unwrap_or((rest, &[]));
        decode_groups(groups, &mut decoded)?;
        for byte in tail {
            self.start(*byte);
        }
        Ok(Bytes::from(decoded))
    }

    /// Ends the body; what is there of a last group without padding is decoded.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if the last group has one character only.
    pub fn finish(&mut self) -> Result<Bytes, Status> {
        let group = self.group.get(..self.started).unwrap_or_default().to_vec();
        self.started = 0;
        BASE64.decode(group).map(Bytes::from).map_err(|_| malformed_text())
    }

    /// Fills the group that was begun; returns what follows it.
    fn complete<'a>(&mut self, chunk: &'a [u8], decoded: &mut Vec<u8>) -> Result<&'a [u8], Status> {
        let missing = self.group.len().saturating_sub(self.started).min(chunk.len());
        let (filling, rest) = chunk.split_at_checked(missing).unwrap_or((chunk, &[]));
        for byte in filling {
            self.start(*byte);
        }
        if self.started == self.group.len() {
            decode_groups(&self.group, decoded)?;
            self.started = 0;
        }
        Ok(rest)
    }

    fn start(&mut self, byte: u8) {
        if let Some(slot) = self.group.get_mut(self.started) {
            *slot = byte;
            self.started = self.started.saturating_add(1);
        }
    }
}

/// Decodes whole groups of four; one with padding ends a run, and the next begins another.
fn decode_groups(mut groups: &[u8], decoded: &mut Vec<u8>) -> Result<(), Status> {
    while !groups.is_empty() {
        let run = match groups.iter().position(|byte| *byte == b'=') {
            // Up to the end of the group that the padding stands in.
            Some(at) => at.saturating_sub(at % 4).saturating_add(4),
            None => groups.len(),
        };
        let (now, later) = groups.split_at_checked(run).ok_or_else(malformed_text)?;
        STANDARD.decode_vec(now, decoded).map_err(|_| malformed_text())?;
        groups = later;
    }
    Ok(())
}

fn malformed_text() -> Status {
    Status::new(Code::InvalidArgument, "malformed body: not base64")
}

#[cfg(test)]
mod tests;
