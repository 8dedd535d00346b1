//! A call by GET: the message is in the query.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use polywire_core::{Code, Encoding, Status};

use crate::grpc::percent::{escape, hex_digit};

/// What the query of a call by GET says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetQuery {
    /// How the message is encoded: [`Encoding::Protobuf`] or [`Encoding::ProtoJson`].
    pub codec: Encoding,
    /// The message, still compressed if [`compression`](Self::compression) says so. What is empty
    /// is never compressed.
    pub message: Bytes,
    /// The name of the message's compression; `None` if it is not compressed.
    pub compression: Option<String>,
    /// Whether the query has `connect=v1`, which a server may insist on.
    pub versioned: bool,
}

/// Why a query is no call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// The encoding is missing or not known; the answer is 415.
    #[error("no known encoding in the query")]
    UnknownEncoding,
    /// Something else is wrong with it; the answer is this status.
    #[error("malformed query")]
    Malformed(#[source] Status),
}

/// Reads the query of a call by GET, without its question mark. Parameters may come in any order,
/// and others among them; of two with one name the first counts.
///
/// # Errors
/// [`GetError::UnknownEncoding`], and [`GetError::Malformed`] with [`Code::InvalidArgument`] if
/// there is no message, its base64 is none, or the version is another than `v1`.
pub fn parse(query: &str) -> Result<GetQuery, GetError> {
    let codec = match parameter(query, "encoding").as_deref() {
        Some(b"proto") => Encoding::Protobuf,
        Some(b"json") => Encoding::ProtoJson,
        _ => return Err(GetError::UnknownEncoding),
    };
    let versioned = match parameter(query, "connect").as_deref() {
        Some(b"v1") => true,
        None => false,
        Some(_) => return Err(malformed("the parameter `connect` is another than `v1`")),
    };
    let Some(message) = parameter(query, "message") else {
        return Err(malformed("the parameter `message` is missing"));
    };
    let message = if parameter(query, "base64").as_deref() == Some(b"1") {
        BASE64_URL.decode(message).map_err(|_| malformed("the message is no base64"))?
    } else {
        message.into_owned()
    };
    let compression = parameter(query, "compression")
        .map(|name| String::from_utf8_lossy(&name).into_owned())
        .filter(|name| !name.is_empty() && name != "identity");
    Ok(GetQuery { codec, message: Bytes::from(message), compression, versioned })
}

/// Writes the query of a call by GET, without its question mark, in the order that the reference
/// asks for so that caches see one call as one. JSON that is not compressed is written as text,
/// everything else in base64.
#[must_use]
pub fn format(codec: Encoding, message: &[u8], compression: Option<&str>) -> String {
    let compression = compression.filter(|name| *name != "identity");
    let text = (codec == Encoding::ProtoJson && compression.is_none())
        .then(|| std::str::from_utf8(message).ok())
        .flatten();
    let mut query = String::from("connect=v1");
    if text.is_none() {
        query.push_str("&base64=1");
    }
    if let Some(name) = compression {
        query.push_str("&compression=");
        push_escaped(&mut query, name.as_bytes());
    }
    query.push_str("&encoding=");
    query.push_str(if codec == Encoding::ProtoJson { "json" } else { "proto" });
    query.push_str("&message=");
    match text {
        Some(text) => push_escaped(&mut query, text.as_bytes()),
        None => BASE64_URL.encode_string(message, &mut query),
    }
    query
}

fn malformed(text: &'static str) -> GetError {
    GetError::Malformed(Status::new(Code::InvalidArgument, text))
}

/// The value of the first parameter with that name, unescaped.
fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, [u8]>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (*unescape(key) == *name.as_bytes()).then(|| unescape(value))
    })
}

/// Undoes the escapes of a query, where a plus sign is a space. An escape that is none stays.
fn unescape(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if let Some((byte, behind)) = escape(rest) {
            bytes.push(byte);
            rest = behind;
        } else {
            bytes.push(if first == b'+' { b' ' } else { first });
            rest = tail;
        }
    }
    Cow::Owned(bytes)
}

/// Escapes all but the unreserved characters of RFC 3986.
fn push_escaped(query: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            query.push(char::from(*byte));
        } else {
            query.push('%');
            query.push(hex_digit(byte >> 4));
            query.push(hex_digit(byte & 0xf));
        }
    }
}

/// The alphabet that needs no escapes in a URL; writes without padding, reads both.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests;
