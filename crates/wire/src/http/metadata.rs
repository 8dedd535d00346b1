//! Metadata to headers and back.

use bytes::BytesMut;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use polywire_core::{ByteStr, Code, Metadata, Status};

use super::{decode_binary, encode_binary};

/// Why an entry of metadata is not sent. The call goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name has characters other than letters, digits, `_`, `-` and `.`, or none.
    #[error("metadata `{name}` is not sent: the name is no header name of gRPC")]
    Name {
        /// The name.
        name: String,
    },
    /// The name belongs to HTTP or to the protocol.
    #[error("metadata `{name}` is not sent: the name is reserved")]
    Reserved {
        /// The name.
        name: String,
    },
    /// The value has control characters.
    #[error("metadata `{name}` is not sent: the value has control characters")]
    Value {
        /// The name.
        name: String,
    },
    /// The name ends in `-bin` and the value is no base64.
    #[error("metadata `{name}` is not sent: the value is no base64")]
    Binary {
        /// The name.
        name: String,
    },
    /// There are more headers than a header map holds.
    #[error("metadata `{name}` is not sent: there are too many headers")]
    TooMany {
        /// The name.
        name: String,
    },
}

/// Whether a name belongs to HTTP or to the protocols, so that metadata may not use it; the name is
/// in lower case.
///
/// These are the headers that say how a message is framed, encoded and carried, and everything
/// that begins with `grpc-` or `connect-`, but for the four that gRPC leaves to layers and
/// applications: `grpc-trace-bin`, `grpc-tags-bin`, `grpc-previous-rpc-attempts` and
/// `grpc-retry-pushback-ms`.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    match name {
        "accept" | "accept-encoding" | "connection" | "content-encoding" | "content-length"
        | "content-type" | "expect" | "host" | "keep-alive" | "proxy-connection" | "te"
        | "trailer" | "transfer-encoding" | "upgrade" => true,
        "grpc-trace-bin"
        | "grpc-tags-bin"
        | "grpc-previous-rpc-attempts"
        | "grpc-retry-pushback-ms" => false,
        _ => name.starts_with("grpc-") || name.starts_with("connect-") || name.starts_with(':'),
    }
}

/// The metadata in a request's or a reply's headers, or in trailers.
///
/// Reserved names ([`is_reserved`]) and values that are no UTF-8 are left out. Values of names that
/// end in `-bin` stay base64: lists are split at their commas, padding is taken off, and what is no
/// base64 is left out. The text of a few headers shares one allocation.
#[must_use]
pub fn metadata_from_headers(headers: &HeaderMap) -> Metadata {
    collect(unreserved(headers)).metadata
}

/// As [`metadata_from_headers`], for a server that tells its peer of bad values.
///
/// # Errors
/// [`Code::InvalidArgument`] if a name ends in `-bin` and its value is no base64. The call is to be
/// refused; the connection is unharmed.
pub fn try_metadata_from_headers(headers: &HeaderMap) -> Result<Metadata, Status> {
    let Collected { metadata, malformed } = collect(unreserved(headers));
    match malformed {
        None => Ok(metadata),
        Some(name) => {
            let text = format!("metadata `{name}` is no base64, which its suffix -bin asks for");
            Err(Status::new(Code::InvalidArgument, text))
        }
    }
}

/// Appends metadata to headers or trailers; values of names that end in `-bin` go out without
/// padding. Returns what was left out, each with the reason: reserved names, and names and values
/// that HTTP or gRPC cannot carry.
pub fn metadata_to_headers(metadata: &Metadata, headers: &mut HeaderMap) -> Vec<HeaderError> {
    append_all(metadata, headers, "")
}

/// Appends trailing metadata to the headers of a Connect unary reply, each name behind `trailer-`.
/// Returns what was left out, as [`metadata_to_headers`] does.
pub fn trailers_to_headers(metadata: &Metadata, headers: &mut HeaderMap) -> Vec<HeaderError> {
    append_all(metadata, headers, TRAILER_PREFIX)
}

/// The metadata of a Connect unary reply: the leading one, and the trailing one that came behind
/// `trailer-`, without that prefix. Otherwise as [`metadata_from_headers`].
#[must_use]
pub fn split_trailers(headers: &HeaderMap) -> (Metadata, Metadata) {
    let leading = unreserved(headers).filter(|(name, _)| !name.starts_with(TRAILER_PREFIX));
    let trailing = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(TRAILER_PREFIX)?;
        (!is_reserved(name)).then_some((name, value.as_bytes()))
    });
    (collect(leading).metadata, collect(trailing).metadata)
}

/// The entries that are metadata.
fn unreserved(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .filter(|(name, _)| !is_reserved(name))
}

/// What the headers came to.
pub(crate) struct Collected {
    pub(crate) metadata: Metadata,
    /// The first name that ends in `-bin` with a value that is no base64.
    pub(crate) malformed: Option<String>,
}

/// Takes names, in lower case, and values over into one buffer.
pub(crate) fn collect<'a>(entries: impl Iterator<Item = (&'a str, &'a [u8])>) -> Collected {
    // Text that does not fit any more begins another buffer.
    let mut text = BytesMut::with_capacity(TEXT_BYTES);
    let mut found = Collected { metadata: Metadata::new(), malformed: None };
    for (name, value) in entries {
        let value = std::str::from_utf8(value);
        if !name.ends_with(BINARY_SUFFIX) {
            if let Ok(value) = value {
                let name = take(&mut text, name);
                found.metadata.append(name, take(&mut text, value));
            }
            continue;
        }
        let name_text = take(&mut text, name);
        // What is no UTF-8 is no base64 either.
        for item in value.unwrap_or("!").split(',') {
            match normal_binary(item) {
                Some(item) => found.metadata.append(name_text.clone(), take(&mut text, &item)),
                None => found.malformed = found.malformed.or_else(|| Some(name.to_owned())),
            }
        }
    }
    found
}

/// Puts text behind the buffer's and cuts it off as one that shares it.
fn take(buffer: &mut BytesMut, text: &str) -> ByteStr {
    buffer.extend_from_slice(text.as_bytes());
    ByteStr::from_utf8(buffer.split().freeze()).unwrap_or_default()
}

/// Base64 without padding and without bits left over.
pub(crate) fn normal_binary(value: &str) -> Option<String> {
    decode_binary(value.trim()).map(|bytes| encode_binary(&bytes))
}

fn append_all(metadata: &Metadata, headers: &mut HeaderMap, prefix: &str) -> Vec<HeaderError> {
    // More than a map holds comes out entry by entry.
    let _ = headers.try_reserve(metadata.len());
    metadata.iter().filter_map(|(name, value)| append(name, value, headers, prefix).err()).collect()
}

fn append(
    name: &str,
    value: &str,
    headers: &mut HeaderMap,
    prefix: &str,
) -> Result<(), HeaderError> {
    let key = header_name(name, prefix)?;
    let value = header_value(name, value)?;
    match headers.try_append(key, value) {
        Ok(_) => Ok(()),
        Err(_) => Err(HeaderError::TooMany { name: name.to_owned() }),
    }
}

/// The header's name, unless it is reserved or none of gRPC's.
fn header_name(name: &str, prefix: &str) -> Result<HeaderName, HeaderError> {
    let in_grammar = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.is_empty() || !name.bytes().all(in_grammar) {
        return Err(HeaderError::Name { name: name.to_owned() });
    }
    // The header map keeps names in lower case; most are in it already.
    let parsed = if prefix.is_empty() {
        HeaderName::from_bytes(name.as_bytes())
    } else {
        HeaderName::try_from(format!("{prefix}{name}"))
    };
    let parsed = parsed.map_err(|_| HeaderError::Name { name: name.to_owned() })?;
    if is_reserved(parsed.as_str().get(prefix.len()..).unwrap_or_default()) {
        return Err(HeaderError::Reserved { name: name.to_owned() });
    }
    Ok(parsed)
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, HeaderError> {
    if has_binary_suffix(name) {
        let normal = normal_binary(value).and_then(|text| HeaderValue::try_from(text).ok());
        return normal.ok_or_else(|| HeaderError::Binary { name: name.to_owned() });
    }
    HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| HeaderError::Value { name: name.to_owned() })
}

/// Whether values under this name are base64.
pub(crate) fn has_binary_suffix(name: &str) -> bool {
    let start = name.len().saturating_sub(BINARY_SUFFIX.len());
    name.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(BINARY_SUFFIX))
}

/// What the metadata of most calls takes.
const TEXT_BYTES: usize = 256;

const BINARY_SUFFIX: &str = "-bin";

/// Before the name of trailing metadata in the headers of a Connect unary reply.
const TRAILER_PREFIX: &str = "trailer-";

#[cfg(test)]
mod tests;
